package importer

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/importer/tabular"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// The kinds of the jobs.
const (
	importJob = "import"
	undoJob   = "import.undo"
)

// The states of an import.
const (
	pending   = "PENDING"
	running   = "RUNNING"
	done      = "DONE"
	failed    = "FAILED"
	cancelled = "CANCELLED"
	undoing   = "UNDOING"
	undone    = "UNDONE"
)

// KeepUndo is how long an import can be undone after it has ended, unless configured.
const KeepUndo = 30 * 24 * time.Hour

// Config is what a Service is made of. All but KeepUndo are needed.
type Config struct {
	Writer *write.Writer
	Files  *file.Files
	Jobs   *job.Runner
	Clock  clock.Clock
	Log    *slog.Logger
	// Actor finds a user with his present rights.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
	// KeepUndo is how long an import can be undone; 0: KeepUndo.
	KeepUndo time.Duration
}

// Service makes imports. It is safe for concurrent use.
type Service struct {
	Config
	kind *model.Kind
}

// attempts is how many runs of an import may begin: as many as nodes may be lost on the way.
const attempts = 1000

// New returns a service, and registers its jobs and what it does when records are purged, merged or erased. It is called
// before the jobs run and before the first write.
func New(c Config) *Service {
	if c.KeepUndo <= 0 {
		c.KeepUndo = KeepUndo
	}
	s := &Service{Config: c, kind: c.Writer.Set.Kind("Import")}
	c.Jobs.Register(importJob, job.Options{MaxAttempts: attempts, Concurrency: 2, Backoff: job.Backoff{Max: time.Minute}}, s.run)
	c.Jobs.Register(undoJob, job.Options{MaxAttempts: attempts, Concurrency: 2, Backoff: job.Backoff{Max: time.Minute}}, s.undo)
	c.Writer.Forget = append(c.Writer.Forget, s.forget)
	c.Writer.Wipe = append(c.Writer.Wipe, s.wipe)
	c.Writer.Move = append(c.Writer.Move, write.Mover{Relation: "importRows", Move: move})
	return s
}

// mapping reads the input of startImport.
func mapping(in input.Object) (Mapping, id.ID, error) {
	var p fault.Violations
	var m Mapping
	raw, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		p.Add([]any{"input"}, "FORMAT", "The input is not valid.")
		return m, id.ID{}, p.Err()
	}
	m.Name, m.File = "", ""
	text, _ := in["file"].(string)
	x, err := id.Parse(text)
	if err != nil {
		p.Add([]any{"input", "file"}, "FORMAT", "This is not an id.")
	}
	return m, x, p.Err()
}

// Start begins an import: the record, and the job that does it. The mapping is checked against the file.
//
// FORBIDDEN without the right to make imports and for fields that the actor may not write, NOT_FOUND for a file that is not
// there or out of sight, Invalid for a mapping that does not fit.
func (s *Service) Start(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, id.ID) error) error {
	m, x, err := mapping(c.Input)
	if err != nil {
		return err
	}
	if err := s.check(ctx, m, x); err != nil {
		return err
	}
	return write.Perform(ctx, s.Writer, c, key, func(ctx context.Context, tx *write.Tx) (id.ID, error) {
		return s.Begin(ctx, tx, m, x)
	}, answer)
}

// check opens the file and tries the mapping on it.
func (s *Service) check(ctx context.Context, m Mapping, x id.ID) error {
	source, err := s.open(ctx, m, x)
	if err != nil {
		return err
	}
	defer func() { _ = source.close() }()
	p, err := compile(m, s.Writer.Set, source.Columns())
	if err != nil {
		return err
	}
	return writable(access.From(ctx), s.Writer.Set, p)
}

// writable refuses a mapping that fills fields which the actor may write nowhere.
func writable(a *access.Actor, set *model.Set, p *plan) error {
	var denied fault.Violations
	for _, t := range p.targets {
		levels := a.Policy.Field(p.kind, t.field)
		if levels.Create == access.None && levels.Write == access.None {
			denied.Add([]any{"input", "columns", t.at, "to"}, "FORBIDDEN", "You may not write this field.")
		}
	}
	if len(denied) > 0 {
		return &fault.Error{Code: fault.Forbidden, Message: "The input is not allowed.", Violations: denied}
	}
	return nil
}

// Begin makes the record of an import and its job, in a transaction of the caller's.
func (s *Service) Begin(ctx context.Context, tx *write.Tx, m Mapping, x id.ID) (id.ID, error) {
	info, err := s.readable(ctx, tx, x)
	if err != nil {
		return id.ID{}, err
	}
	keys := &access.Keys{Owner: tx.Actor.User, Team: tx.Actor.Team, Partner: tx.Actor.PartnerAccount}
	if !tx.System() && !tx.Actor.May(tx.Kinds(), s.kind, keys, access.Create, tx.Now) {
		return id.ID{}, fault.New(fault.Forbidden, "You may not make such a %s.", s.kind.Name)
	}
	p, err := compile(m, tx.Kinds(), nil)
	if err != nil {
		return id.ID{}, err
	}
	request, err := json.Marshal(p.Mapping)
	if err != nil {
		return id.ID{}, err
	}
	var made id.ID
	err = tx.AsSystem(func() error {
		made, err = tx.Make(ctx, s.kind, map[string]any{
			"name": info.Name, "object": p.kind.Const, "mode": p.Mode, "on_duplicate": p.OnDuplicate, "trial": m.Trial, "status": pending,
			"file_id": x, "request": string(request), "done": int64(0), "created": int64(0), "updated": int64(0), "unchanged": int64(0),
			"skipped": int64(0), "failed": int64(0), "owner_id": tx.Actor.User, "team_id": tx.Actor.Team, "partner_id": tx.Actor.PartnerAccount,
		})
		if err != nil {
			return err
		}
		return s.enqueue(ctx, tx, made, importJob, map[string]any{})
	})
	return made, err
}

// enqueue has a job work on an import, and notes which.
func (s *Service) enqueue(ctx context.Context, tx *write.Tx, x id.ID, kind string, columns map[string]any) error {
	j, err := s.Jobs.Enqueue(ctx, tx.Tx, job.Job{Kind: kind, Payload: x.String(), CreatedBy: tx.Actor.User})
	if err != nil {
		return err
	}
	columns["job_id"] = j
	return tx.Set(ctx, s.kind, x, columns)
}

// readable returns a file that the actor may read in full: his own, or an upload in his sight.
func (s *Service) readable(ctx context.Context, tx *write.Tx, x id.ID) (file.Info, error) {
	k := tx.Kinds().Kind(file.Kind)
	if tx.Kinds().Of(x) != k {
		return file.Info{}, write.NotFound(k)
	}
	info, err := s.Files.Look(ctx, tx, x)
	if err != nil {
		return info, err
	}
	if info.Maker != tx.Actor.User && !tx.System() {
		seen, err := tx.Visible(ctx, k, []id.ID{x})
		if err != nil {
			return info, err
		}
		if !seen[x] || info.Purpose != file.Upload {
			return info, write.NotFound(k)
		}
	}
	if info.Deleted || info.Status != file.Ready {
		return info, fault.New(fault.Conflict, "The file has no content, or no longer.").At("input", "file")
	}
	return info, nil
}

// opened is a file that is read.
type opened struct {
	tabular.Source
	content interface{ Close() error }
	info    file.Info
}

func (o *opened) close() error {
	err := o.Source.Close()
	if other := o.content.Close(); err == nil {
		err = other
	}
	return err
}

// open opens a file that the actor of ctx may read.
func (s *Service) open(ctx context.Context, m Mapping, x id.ID) (*opened, error) {
	err := s.Writer.DB.Find(ctx, func(dtx *db.Tx) error {
		return s.Writer.Reading(ctx, dtx, func(tx *write.Tx) error {
			_, err := s.readable(ctx, tx, x)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	content, info, err := s.Files.Open(ctx, x)
	if err != nil {
		return nil, err
	}
	source, err := tabular.Open(content, info.Name, m.options())
	if err != nil {
		_ = content.Close()
		return nil, unreadable(err)
	}
	return &opened{source, content, info}, nil
}

// unreadable makes an error of the API of one of package tabular.
func unreadable(err error) error {
	var f *tabular.FileError
	if !asError(err, &f) {
		return err
	}
	var p fault.Violations
	p.Add([]any{"input", "file"}, "FORMAT", f.Message, f.Args...)
	return p.Err()
}

// Cancel stops an import.
func (s *Service) Cancel(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, id.ID) error) error {
	return s.control(ctx, c, key, false, answer, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if st := r.Values["status"]; st != pending && st != running {
			return fault.New(fault.Conflict, "The import has ended already.")
		}
		if j, ok := r.Values["job_id"].(id.ID); ok {
			if err := s.Jobs.Cancel(ctx, tx.Tx, j); err != nil && fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.Conflict {
				return err
			}
		}
		return tx.Set(ctx, s.kind, r.ID, map[string]any{"status": cancelled, "ended_at": tx.Now, "undo_until": s.undoUntil(r, tx.Now)})
	})
}

// undoUntil is when an import that ends now can no longer be undone; nil for a trial.
func (s *Service) undoUntil(r *write.Record, now time.Time) any {
	if r.Values["trial"] == true {
		return nil
	}
	return now.Add(s.KeepUndo)
}

// Resume goes on with an import that failed or was cancelled.
func (s *Service) Resume(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, id.ID) error) error {
	return s.control(ctx, c, key, true, answer, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if st := r.Values["status"]; st != failed && st != cancelled {
			return fault.New(fault.Conflict, "The import goes on already, or has ended well.")
		}
		return s.enqueue(ctx, tx, r.ID, importJob, map[string]any{"status": pending, "ended_at": nil, "undo_until": nil, "message": nil, "message_fold": nil})
	})
}

// Undo takes back what an import did.
func (s *Service) Undo(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, id.ID) error) error {
	return s.control(ctx, c, key, true, answer, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if st := r.Values["status"]; st != done && st != failed && st != cancelled {
			return fault.New(fault.Conflict, "The import cannot be undone: it goes on, or has been.")
		}
		until, ok := r.Values["undo_until"].(time.Time)
		if !ok || !until.After(tx.Now) {
			return fault.New(fault.Conflict, "The import can no longer be undone.")
		}
		return s.enqueue(ctx, tx, r.ID, undoJob, map[string]any{"status": undoing, "undone": int64(0), "kept": int64(0)})
	})
}

// control runs a verb on one import. NOT_FOUND when it is out of sight, FORBIDDEN when the actor may not change it, or did
// not start it where that is needed.
func (s *Service) control(ctx context.Context, c write.Command, key string, own bool, answer func(context.Context, *write.Tx, id.ID) error, do func(context.Context, *write.Tx, *write.Record) error) error {
	return write.Perform(ctx, s.Writer, c, key, func(ctx context.Context, tx *write.Tx) (id.ID, error) {
		text, _ := c.Input["import"].(string)
		x, err := id.Parse(text)
		if err != nil || x.Kind() != s.kind.Code {
			return x, write.NotFound(s.kind)
		}
		r, err := tx.InSight(ctx, s.kind, x)
		if err != nil {
			return x, err
		}
		if r.InBin() {
			return x, write.NotFound(s.kind)
		}
		if !tx.May(r, access.Update) || own && r.Values["created_by_id"] != tx.Actor.User {
			return x, fault.New(fault.Forbidden, "You may not do this to this %s.", s.kind.Name)
		}
		if err := write.ExpectVersion(r, c.ExpectedVersion); err != nil {
			return x, err
		}
		return x, tx.AsSystem(func() error { return do(ctx, tx, r) })
	}, answer)
}

// Problem is a row that could not be taken, as it is told.
type Problem struct {
	Row    int64
	Cells  []string // nil for those who did not start the import
	Issues []Issue
}

// Problems returns rows that an import could not take, after a row. NOT_FOUND for an import out of sight.
func (s *Service) Problems(ctx context.Context, dtx *db.Tx, x id.ID, after int64, first int) (out []Problem, more bool, err error) {
	err = s.Writer.Reading(ctx, dtx, func(tx *write.Tx) error {
		if x.Kind() != s.kind.Code {
			return write.NotFound(s.kind)
		}
		seen, err := tx.Visible(ctx, s.kind, []id.ID{x})
		if err != nil {
			return err
		}
		if !seen[x] {
			return write.NotFound(s.kind)
		}
		var starter id.ID
		if err := tx.QueryRow(ctx, "SELECT `created_by_id` FROM `"+s.kind.Table+"` WHERE `id` = ?", []any{x}, &starter); err != nil {
			return err
		}
		out, more, err = problems(ctx, tx, x, after, first)
		if starter != tx.Actor.User {
			for i := range out {
				out[i].Cells = nil
			}
		}
		return err
	})
	return out, more, err
}

func problems(ctx context.Context, q db.Querier, x id.ID, after int64, first int) (out []Problem, more bool, err error) {
	rows, err := q.QueryContext(ctx, "SELECT row_no, COALESCE(cells, 'null'), issues FROM import_errors WHERE import_id = ? AND row_no > ? ORDER BY row_no LIMIT ?", x, after, first+1)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if len(out) == first {
			return out, true, nil
		}
		var p Problem
		var cells, issues string
		if err := rows.Scan(&p.Row, &cells, &issues); err != nil {
			return nil, false, err
		}
		if err := json.Unmarshal([]byte(cells), &p.Cells); err != nil {
			return nil, false, err
		}
		if err := json.Unmarshal([]byte(issues), &p.Issues); err != nil {
			return nil, false, err
		}
		for i := range p.Issues {
			for j, a := range p.Issues[i].Args {
				if n, ok := a.(float64); ok {
					p.Issues[i].Args[j] = int64(n) // it was a whole number before it was JSON
				}
			}
		}
		out = append(out, p)
	}
	return out, false, rows.Err()
}

// PathTexts writes a path as texts.
func (i Issue) PathTexts() []string {
	out := []string{}
	for _, p := range i.Path {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case float64:
			out = append(out, strconv.Itoa(int(p)))
		case int:
			out = append(out, strconv.Itoa(p))
		}
	}
	return out
}

// Status is how far an import is.
type Status struct {
	Status                                                    string
	Message                                                   string
	Total, Done, Created, Updated, Unchanged, Skipped, Failed int64
	Undone, Kept                                              int64
	Ended                                                     bool
}

// Status returns how far an import is, past all rights.
func (s *Service) Status(ctx context.Context, x id.ID) (Status, error) {
	st, err := s.load(ctx, x)
	if err != nil {
		return Status{}, err
	}
	number := func(column string) int64 { n, _ := st.values[column].(int64); return n }
	message, _ := st.values["message"].(string)
	return Status{
		Status: st.status, Message: message, Total: st.total, Done: st.at.Done, Created: st.at.Created, Updated: st.at.Updated, Unchanged: st.at.Unchanged,
		Skipped: st.at.Skipped, Failed: st.at.Failed, Undone: number("undone"), Kept: number("kept"),
		Ended: st.status != pending && st.status != running && st.status != undoing,
	}, nil
}

// Input returns the mapping as the input of startImport.
func (m Mapping) Input(upload id.ID) (input.Object, error) {
	m.Name = ""
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	in := input.Object{}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	in["file"] = upload.String()
	return in, nil
}

// Explain writes an error of the API for people, "" for any other.
func Explain(err error) string {
	var f *fault.Error
	if !asError(err, &f) {
		return ""
	}
	p := &plan{}
	return reasons(p.issues(f))
}
