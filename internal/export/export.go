// Package export writes lists of records into files: by a durable job into the blob store, or straight to whoever asks on
// the command line. What stands in them is read by the API itself, page by page, with the rights that the starter has at
// that moment: fields, rows and masks are those of his lists.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/write"
)

// Keep is how long the file of an export stays.
const Keep = 7 * 24 * time.Hour

// maxOpen is how many exports of one user may run or wait.
const maxOpen = 5

// pageSize is how many records are read at once.
const pageSize = 100

// Config is what a Service works with.
type Config struct {
	Writer *write.Writer
	Files  *file.Files
	Jobs   *job.Runner
	Read   *read.Engine
	Audit  *audit.Log
	Schema *ast.Schema
	// Actor finds a user with his present rights; UNAUTHENTICATED when he may not come in.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
	// Query runs an operation of the API as who acts in the context, and returns its data. It checks rights and records
	// what the audit trail asks for, and has no budgets.
	Query func(ctx context.Context, query string, variables map[string]any) (json.RawMessage, error)
}

// Service writes exports. It is safe for concurrent use.
type Service struct {
	Config
	kind *model.Kind
}

// New returns a service, and registers its jobs and what is done when a person is erased. It is called before the jobs run.
func New(c Config) *Service {
	s := &Service{Config: c, kind: c.Writer.Set.Kind("Export")}
	s.register()
	c.Writer.Wipe = append(c.Writer.Wipe, s.wipe)
	return s
}

// Started is the outcome of the verbs below.
type Started struct {
	Export id.ID `json:"export"`
}

// Start has a list written into a file. FORBIDDEN without the right EXPORT on the object, and for fields that the actor may
// not read; INVALID for names that there are not, and for a filter or an order that the object's list does not take.
func (s *Service) Start(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Started) error) error {
	r, problems := parse(c.Input)
	if err := problems.Err(); err != nil {
		return err
	}
	a := access.From(ctx)
	p, err := s.plan(ctx, a, r)
	if err != nil {
		return err
	}
	if _, _, _, err := s.page(ctx, p, 1, nil); err != nil { // whether filter, order and fields will do
		return placed(err)
	}
	asked, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return write.Perform(ctx, s.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Started, error) {
		x, err := s.begin(ctx, tx, p, string(asked))
		return Started{x}, err
	}, answer)
}

// begin makes the records of an export, and its job.
func (s *Service) begin(ctx context.Context, tx *write.Tx, p *plan, asked string) (x id.ID, err error) {
	var open int
	err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM `exports` WHERE `owner_id` = ? AND `deleted_at` IS NULL AND `status` IN ('WAITING', 'RUNNING')", []any{tx.Actor.User}, &open)
	if err != nil {
		return x, err
	}
	if open >= maxOpen {
		return x, fault.New(fault.Limited, "%d of your exports run or wait. Wait for one to end, or cancel it.", open).With("limit", "openExports").With("max", maxOpen)
	}
	err = tx.AsSystem(func() error {
		f, err := s.Files.Make(ctx, tx, file.Record{Name: p.fileName(p.kind, tx.Now), Purpose: file.Export, Type: mediaType[p.Format], Expires: tx.Now.Add(Keep)}, nil)
		if err != nil {
			return err
		}
		columns := map[string]any{"object": p.kind.Const, "format": string(p.Format), "status": waiting, "file_id": f, "request": asked}
		if p.Format != VCard {
			names, err := json.Marshal(p.names())
			if err != nil {
				return err
			}
			columns["columns"] = string(names)
		}
		x, err = tx.Make(ctx, s.kind, columns)
		return err
	})
	if err != nil {
		return x, err
	}
	work, err := s.Jobs.Enqueue(ctx, tx.Tx, job.Job{Kind: jobKind, Key: x.String(), Payload: x, CreatedBy: tx.Actor.User})
	if err != nil {
		return x, err
	}
	_, err = tx.ExecContext(ctx, "UPDATE `exports` SET `job_id` = ? WHERE `id` = ?", work, x)
	return x, err
}

// placed says of the input of startExport what the list says of its arguments.
func placed(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	out := *f
	out.Path = under(f.Path)
	out.Violations = append([]fault.Violation(nil), f.Violations...)
	for i := range out.Violations {
		out.Violations[i].Path = under(out.Violations[i].Path)
	}
	return &out
}

// under turns the path of an argument of the list, or of the variable for it, into that of the input.
func under(path []any) []any {
	for i, one := range path {
		switch one {
		case "where", "orderBy":
			return append([]any{"input"}, path[i:]...)
		case "nodes":
			return append([]any{"input", "fields"}, joined(path[i+1:])...)
		}
	}
	return path
}

func joined(path []any) []any {
	var names []string
	for _, one := range path {
		if name, ok := one.(string); ok && name != "nodes" {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	return []any{strings.Join(names, ".")}
}

// plan plans a request with the rights of an actor.
func (s *Service) plan(ctx context.Context, a *access.Actor, r Request) (*plan, error) {
	custom, err := s.customKeys(access.With(ctx, a), a, r.Object)
	if err != nil {
		return nil, err
	}
	return prepare(s.Schema, s.Writer.Set, a, r, custom)
}

// customKeys returns the keys of the custom fields of an object that the actor may know, in their order.
func (s *Service) customKeys(ctx context.Context, a *access.Actor, object string) ([]string, error) {
	set := s.Writer.Set
	k, fields := set.Kind(object), set.Kind("CustomField")
	if k == nil || k.Field(customFields) == nil || !a.Policy.Readable(fields) {
		return nil, nil
	}
	for _, name := range []string{"object", "key", "position"} {
		if !a.Policy.Field(fields, fields.Field(name)).Shows() {
			return nil, nil
		}
	}
	var keys []string
	var after *string
	for {
		data, err := s.Query(ctx, "query Export($object: CustomisedObject!, $after: Cursor) { list: customFields(first: 100, after: $after, where: {object: {eq: $object}}, orderBy: [{field: POSITION}]) { nodes { key } pageInfo { hasNextPage endCursor } } }",
			map[string]any{"object": k.Const, "after": optional(after)})
		if err != nil {
			return nil, err
		}
		var page struct {
			List struct {
				Nodes    []struct{ Key string }
				PageInfo pageInfo
			}
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, err
		}
		for _, n := range page.List.Nodes {
			keys = append(keys, n.Key)
		}
		if !page.List.PageInfo.HasNextPage {
			return keys, nil
		}
		after = page.List.PageInfo.EndCursor
	}
}

// optional is a text as the value of a variable.
func optional(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   *string
}

// page reads one page: its records, and where the next one begins, nil for the last one. found is how many records there
// were before those were left out that the scope of EXPORT does not cover.
func (s *Service) page(ctx context.Context, p *plan, first int, after *string) (out []record, found int, next *string, err error) {
	vars := map[string]any{"first": json.Number(fmt.Sprint(first)), "after": optional(after), "where": p.vars["where"], "orderBy": p.vars["orderBy"]}
	data, err := s.Query(ctx, p.query, vars)
	if err != nil {
		return nil, 0, nil, err
	}
	var page struct {
		List *struct {
			Nodes    []json.RawMessage
			PageInfo pageInfo
		}
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, 0, nil, err
	}
	if page.List == nil {
		return nil, 0, nil, errors.New("export: the list is null")
	}
	if out, err = decode(page.List.Nodes); err != nil {
		return nil, 0, nil, err
	}
	found = len(out)
	if p.narrow || len(p.systems) > 0 {
		if out, err = s.beside(ctx, p, out); err != nil {
			return nil, 0, nil, err
		}
	}
	if page.List.PageInfo.HasNextPage {
		next = page.List.PageInfo.EndCursor
	}
	return out, found, next, nil
}

// beside reads what the list does not tell: which records the scope of EXPORT covers, and their keys in outside systems.
func (s *Service) beside(ctx context.Context, p *plan, records []record) ([]record, error) {
	if len(records) == 0 {
		return nil, nil
	}
	tx, err := s.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	ids := make([]id.ID, len(records))
	for i, r := range records {
		text, _ := r.values["id"].(string)
		if ids[i], err = id.Parse(text); err != nil {
			return nil, err
		}
	}
	covered, err := s.Read.Visible(ctx, tx, access.From(ctx), p.kind, Action, ids)
	if err != nil {
		return nil, err
	}
	keep := make(map[id.ID]bool, len(covered))
	for _, x := range covered {
		keep[x] = true
	}
	var refs map[id.ID]map[string]string
	if len(p.systems) > 0 {
		if refs, err = outsideKeys(ctx, tx, covered, p.systems); err != nil {
			return nil, err
		}
	}
	out := records[:0]
	for i, x := range ids {
		if keep[x] {
			records[i].refs = refs[x]
			out = append(out, records[i])
		}
	}
	return out, nil
}

// outsideKeys returns the keys of records in systems.
func outsideKeys(ctx context.Context, tx *db.Tx, ids []id.ID, systems []string) (map[id.ID]map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var args []any
	for _, x := range ids {
		args = append(args, x)
	}
	for _, name := range systems {
		args = append(args, name)
	}
	rows, err := tx.QueryContext(ctx, "SELECT record_id, system_name, external_id FROM external_refs WHERE record_id IN (?"+strings.Repeat(",?", len(ids)-1)+
		") AND system_name IN (?"+strings.Repeat(",?", len(systems)-1)+") ORDER BY record_id, system_name, external_id DESC", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[id.ID]map[string]string{}
	for rows.Next() {
		var x id.ID
		var system, key string
		if err := rows.Scan(&x, &system, &key); err != nil {
			return nil, err
		}
		if out[x] == nil {
			out[x] = map[string]string{}
		}
		out[x][system] = key
	}
	return out, rows.Err()
}

// errRights ends an export whose starter's rights have changed: what was written before may be what he may not see now.
var errRights = fault.New(fault.Forbidden, "Your rights have changed while the export was written. Start it anew.")

// Stream writes a list to w with the rights of a user, until it ends or ctx does; progress is told after each page how many
// records have been written. It returns how many that were, also when it fails.
func (s *Service) Stream(ctx context.Context, user id.ID, r Request, w io.Writer, progress func(ctx context.Context, written int64) error) (written int64, err error) {
	a, err := s.Actor(ctx, user)
	if err != nil {
		return 0, err
	}
	ctx = access.With(ctx, a)
	p, err := s.plan(ctx, a, r)
	if err != nil {
		return 0, err
	}
	out, err := newSink(p, w)
	if err != nil {
		return 0, err
	}
	var next *string
	for {
		now, err := s.Actor(ctx, user)
		if err != nil {
			return written, err
		}
		if now.Epoch != a.Epoch {
			return written, errRights
		}
		records, _, following, err := s.page(ctx, p, pageSize, next)
		if err != nil {
			return written, placed(err)
		}
		for _, one := range records {
			if err := out.write(one); err != nil {
				return written, err
			}
			written++
		}
		if err := progress(ctx, written); err != nil {
			return written, err
		}
		if next = following; next == nil {
			break
		}
	}
	return written, out.end()
}

// exported is what the audit trail tells of records that a user took.
func (s *Service) exported(r Request, user, x id.ID, written int64) audit.Entry {
	k := s.Writer.Set.Kind(r.Object)
	e := audit.Entry{User: user, Object: k.Code, Record: x, Count: written, Detail: "export as " + string(r.Format)}
	for _, name := range r.Fields {
		name, _, _ = strings.Cut(name, ".")
		name, _, _ = strings.Cut(name, "[")
		if k.Field(name) != nil && !slices.Contains(e.Fields, name) {
			e.Fields = append(e.Fields, name)
		}
	}
	return e
}

// To writes a list to w as Stream does, and has the audit trail say what was taken, be it not all of it.
func (s *Service) To(ctx context.Context, user id.ID, r Request, w io.Writer, progress func(ctx context.Context, written int64) error) (int64, error) {
	written, err := s.Stream(ctx, user, r, w, progress)
	if written == 0 {
		return 0, err
	}
	return written, errors.Join(err, s.Audit.Exported(context.WithoutCancel(ctx), s.exported(r, user, id.ID{}, written)))
}

// MayFetch refuses the file of an export to who may not export such records any more.
func (s *Service) MayFetch(ctx context.Context, tx *db.Tx, x id.ID) error {
	rows, err := tx.QueryContext(ctx, "SELECT `object` FROM `exports` WHERE `file_id` = ?", x)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	a := access.From(ctx)
	for rows.Next() {
		var object string
		if err := rows.Scan(&object); err != nil {
			return err
		}
		if k := s.Writer.Set.Kind(object); k == nil || a.Policy.Scopes(k, Action) == access.None || !a.Policy.Readable(k) {
			return fault.New(fault.Forbidden, "You may not export %s.", object)
		}
	}
	return rows.Err()
}

// count returns how many records a list has, 0 when that is not known: more than 10,000, or fewer covered by EXPORT.
func (s *Service) count(ctx context.Context, user id.ID, r Request) (int64, error) {
	a, err := s.Actor(ctx, user)
	if err != nil {
		return 0, err
	}
	ctx = access.With(ctx, a)
	p, err := s.plan(ctx, a, r)
	if err != nil || p.narrow {
		return 0, err
	}
	tx, err := s.Writer.DB.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Close() }()
	n, exact, err := s.Read.Count(ctx, tx, a, p.kind, p.vars["where"])
	if err != nil || !exact {
		return 0, err
	}
	return int64(n), nil
}
