package importer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
	"farley/internal/text/match"
	"farley/internal/write"
)

// counts are what became of rows.
type counts struct {
	Done, Created, Updated, Unchanged, Skipped, Failed int64
}

func (n *counts) add(more counts) {
	n.Done, n.Created, n.Updated = n.Done+more.Done, n.Created+more.Created, n.Updated+more.Updated
	n.Unchanged, n.Skipped, n.Failed = n.Unchanged+more.Unchanged, n.Skipped+more.Skipped, n.Failed+more.Failed
}

// What was done to a record, in import_rows.
const (
	opCreated = "C" // made of a row
	opMade    = "M" // made because a relation needed it
	opUpdated = "U"
	opGone    = "X" // merged into another one since
)

// line is a line of import_rows.
type line struct {
	row    int64
	record id.ID
	op     string
	fields undoable
}

// undoable is what is kept to take a change back.
type undoable struct {
	Fields []change.FieldChange `json:"f,omitempty"`
	System string               `json:"s,omitempty"` // a key of it was given
	Key    string               `json:"k,omitempty"`
}

// failure is a row that could not be taken.
type failure struct {
	row    int64
	cells  []string
	issues []Issue
}

// Issue is one thing that is wrong with a row.
type Issue struct {
	Path    []any  `json:"path"`
	Column  string `json:"column,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"` // an English format
	Args    []any  `json:"args,omitempty"`
}

// ghosts are the records that a trial would have made in batches that are gone: by key, and by the name that relations know
// them by.
type ghosts struct {
	keys, names map[string]bool
}

// batch is some rows on their way into one transaction.
type batch struct {
	tx     *write.Tx
	plan   *plan
	given  []*converted // as they were read: an attempt works on copies
	rows   []*converted
	ghosts *ghosts // nil outside trials

	counts  counts
	lines   []line
	failed  []failure
	newKeys []string // of ghosts
	names   []string

	targets    map[string]id.ID // by key
	ambiguous  map[string]bool
	duplicates map[*converted][]write.Duplicate
	settled    map[id.ID]id.ID // id meant for a row of this batch → record that it became
	types      map[string]string
}

// run writes the batch, and then does what follows: together, which ends with write.ErrCareful when something goes wrong of
// which it is not known where, or, when careful, row by row. There is no savepoint around the rows that are written together:
// SQLite would copy every page that they touch, for a fault that is rare. The transaction is what undoes them.
func (b *batch) run(ctx context.Context, careful bool, follows func(ctx context.Context) error) error {
	work := func(ctx context.Context) error {
		if err := b.all(ctx, careful); err != nil {
			return err
		}
		return follows(ctx)
	}
	if careful {
		return work(ctx)
	}
	return b.tx.Buffered(ctx, work)
}

func (b *batch) all(ctx context.Context, careful bool) error {
	b.counts, b.lines, b.failed, b.newKeys, b.names = counts{}, nil, nil, nil, nil
	b.settled = map[id.ID]id.ID{}
	b.rows = make([]*converted, len(b.given))
	for i, c := range b.given {
		own := *c
		own.in, own.problems = maps.Clone(c.in), slices.Clone(c.problems)
		b.rows[i] = &own
	}
	if err := b.readTypes(ctx); err != nil {
		return err
	}
	if err := b.relate(ctx, careful); err != nil {
		return err
	}
	if err := b.find(ctx); err != nil {
		return err
	}
	if err := b.compare(ctx); err != nil {
		return err
	}
	for _, c := range b.rows {
		if err := b.row(ctx, c, careful); err != nil {
			return err
		}
	}
	return nil
}

// readTypes reads the types of the custom fields that the mapping fills.
func (b *batch) readTypes(ctx context.Context) error {
	b.types = map[string]string{}
	if !slices.ContainsFunc(b.plan.targets, func(t *target) bool { return t.field.Scalar == "CustomFieldValue" }) {
		return nil
	}
	rows, err := b.tx.QueryContext(ctx, "SELECT `key`, `type` FROM `custom_fields` WHERE `object` = ? AND `deleted_at` IS NULL", b.plan.kind.Const)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key, kind string
		if err := rows.Scan(&key, &kind); err != nil {
			return err
		}
		b.types[key] = kind
	}
	return rows.Err()
}

// relate finds the related records of all rows, column by column.
func (b *batch) relate(ctx context.Context, careful bool) error {
	for _, t := range b.plan.targets {
		if t.field.Type != model.Ref && t.field.Type != model.Many {
			continue
		}
		texts := map[string]bool{}
		var list []string
		for _, c := range b.rows {
			for _, r := range c.refs {
				if r.target == t && !texts[r.text] {
					texts[r.text] = true
					list = append(list, r.text)
				}
			}
		}
		if len(list) == 0 {
			continue
		}
		k := b.tx.Kinds().Kind(t.field.Target)
		found, err := b.related(ctx, k, t.match, list)
		if err != nil {
			return err
		}
		var ids []id.ID
		for _, xs := range found {
			ids = append(ids, xs...)
		}
		if err := b.tx.Foresee(ctx, k, ids); err != nil {
			return err
		}
		for _, c := range b.rows {
			if err := b.fill(ctx, c, t, k, found, careful); err != nil {
				return err
			}
		}
	}
	return nil
}

// related finds records by texts. What is found is in the actor's sight, but for plain ids, on which package write decides.
func (b *batch) related(ctx context.Context, k *model.Kind, m Match, texts []string) (map[string][]id.ID, error) {
	out := map[string][]id.ID{}
	switch m.By {
	case "id":
		for _, s := range texts {
			if x, ok := asID(k, s); ok {
				out[s] = []id.ID{x}
			}
		}
		return out, nil
	case "external", byRow:
		system := m.System
		if m.By == byRow {
			system = rowSystem
		}
		found, err := b.tx.Externals(ctx, k, system, texts)
		if err != nil {
			return nil, err
		}
		var ids []id.ID
		for _, x := range found {
			ids = append(ids, x)
		}
		for part := range slices.Chunk(ids, 500) {
			seen, err := b.tx.Visible(ctx, k, part)
			if err != nil {
				return nil, err
			}
			for key, x := range found {
				if seen[x] {
					out[key] = []id.ID{x}
				}
			}
		}
		return out, nil
	}
	f := k.Field(m.By)
	found, err := b.tx.Find(ctx, k, f, texts)
	if err != nil {
		return nil, err
	}
	for _, s := range texts {
		out[s] = found[write.FindKey(f, s)]
	}
	return out, nil
}

// fill puts the records that were found into the input of a row.
func (b *batch) fill(ctx context.Context, c *converted, t *target, k *model.Kind, found map[string][]id.ID, careful bool) error {
	var many []any
	given := false
	for _, r := range c.refs {
		if r.target != t {
			continue
		}
		given = true
		path := []any{"input", t.field.Name}
		if t.field.Type == model.Many {
			path = append(path, r.index)
		}
		xs := found[r.text]
		if len(xs) == 0 && t.match.Make {
			x, err := b.make(ctx, c, k, r.text, careful)
			if err != nil {
				return err
			}
			if x.IsZero() {
				continue // it is a problem of the row
			}
			xs = []id.ID{x}
			found[r.text] = xs
		}
		switch {
		case len(xs) > 1:
			c.problems.Add(path, "AMBIGUOUS", "More than one %s in your sight has this value.", k.Name)
		case len(xs) == 1:
			many = append(many, xs[0].String())
		case b.ghosts != nil && k == b.plan.kind && b.ghosts.names[text.Fold(r.text)]:
			// In earnest it would be there.
		default:
			c.problems.Add(path, "NOT_FOUND", "No %s in your sight has this value.", k.Name)
		}
	}
	switch {
	case !given:
	case t.field.Type == model.Many:
		before, _ := c.in[t.field.Name].([]any)
		c.in[t.field.Name] = append(slices.Clone(before), many...)
	case len(many) > 0:
		c.in[t.field.Name] = many[0]
	}
	return nil
}

// make makes a related record of its name. A refusal is a problem of the row.
func (b *batch) make(ctx context.Context, c *converted, k *model.Kind, name string, careful bool) (id.ID, error) {
	var x id.ID
	err := b.one(ctx, careful, func(ctx context.Context) error {
		o, err := b.tx.Create(ctx, k, map[string]any{k.Title: name}, "ALLOW")
		x = o.ID
		return err
	})
	if err == nil {
		b.lines = append(b.lines, line{row: c.number, record: x, op: opMade})
		return x, nil
	}
	if !write.Refused(err) || errors.Is(err, write.ErrCareful) {
		return x, err
	}
	c.problems.Add([]any{"input"}, string(fault.CodeOf(err)), "The %s %s cannot be made.", k.Name, name)
	return id.ID{}, nil
}

// one does something for one row so that an error leaves nothing behind.
func (b *batch) one(ctx context.Context, careful bool, fn func(ctx context.Context) error) error {
	if careful {
		return b.tx.Alone(ctx, fn)
	}
	before := b.tx.Effects()
	err := fn(ctx)
	if err != nil && write.Refused(err) && b.tx.Effects() != before {
		return errors.Join(write.ErrCareful, err)
	}
	return err
}

// find looks for the records that the rows' keys stand for, and locks them.
func (b *batch) find(ctx context.Context) error {
	b.targets, b.ambiguous = map[string]id.ID{}, map[string]bool{}
	var keys []string
	for _, c := range b.rows {
		if c.key != "" && !c.skipped {
			keys = append(keys, c.key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	k := b.plan.kind
	if b.plan.keyed != nil {
		f := b.plan.keyed.field
		found, err := b.tx.Find(ctx, k, f, keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			switch xs := found[write.FindKey(f, key)]; len(xs) {
			case 0:
			case 1:
				b.targets[key] = xs[0]
			default:
				b.ambiguous[key] = true
			}
		}
	} else {
		found, err := b.tx.Externals(ctx, k, b.system(), keys)
		if err != nil {
			return err
		}
		b.targets = found
	}
	var ids []id.ID
	for _, x := range b.targets {
		ids = append(ids, x)
	}
	return b.tx.LockAll(ctx, k, ids)
}

// system is that of the keys of rows, "" when they are fields.
func (b *batch) system() string {
	switch {
	case b.plan.rows:
		return rowSystem
	case b.plan.key != nil:
		return b.plan.Key.External.System
	}
	return ""
}

// compare finds, for the rows that would make records, those that seem to be there already.
func (b *batch) compare(ctx context.Context) error {
	b.duplicates = map[*converted][]write.Duplicate{}
	var fresh []*converted
	var candidates []write.Candidate
	for _, c := range b.rows {
		if _, there := b.targets[c.key]; c.skipped || len(c.problems) > 0 || c.key != "" && there || b.plan.Mode == ModeUpdate {
			continue
		}
		x, given := id.ID{}, false
		if s, ok := c.in["id"].(string); ok {
			x, given = asID(b.plan.kind, s)
		}
		if !given {
			x = id.New(b.plan.kind.Code, b.tx.Now)
			c.in["id"] = x.String()
		}
		fresh = append(fresh, c)
		candidate := c.tells
		candidate.ID = x
		candidates = append(candidates, candidate)
	}
	if b.plan.OnDuplicate == DuplicateCreate || len(fresh) == 0 {
		return nil
	}
	found, err := b.tx.Likely(ctx, b.plan.kind, candidates)
	if err != nil {
		return err
	}
	var ids []id.ID
	for i, ds := range found {
		for _, d := range ds {
			if d.Score >= match.Refuses {
				b.duplicates[fresh[i]] = append(b.duplicates[fresh[i]], d)
				ids = append(ids, d.ID)
			}
		}
	}
	if b.plan.OnDuplicate == DuplicateUpdate {
		return b.tx.LockAll(ctx, b.plan.kind, ids)
	}
	return nil
}

// row does what is to be done with one row.
func (b *batch) row(ctx context.Context, c *converted, careful bool) error {
	b.counts.Done++
	if c.skipped {
		b.counts.Skipped++
		return nil
	}
	if b.ambiguous[c.key] {
		c.problems.Add([]any{"input", b.plan.keyed.field.Name}, "AMBIGUOUS", "More than one %s in your sight has this value.", b.plan.kind.Name)
	}
	if len(c.problems) > 0 {
		b.fail(c, c.problems.Err())
		return nil
	}
	if x, there := b.targets[c.key]; there && c.key != "" {
		if b.plan.Mode == ModeCreate {
			b.counts.Skipped++
			return nil
		}
		return b.update(ctx, c, x, false, careful)
	}
	if b.plan.Mode == ModeUpdate {
		if b.ghostly(c) {
			b.counts.Updated++
			return nil
		}
		b.fail(c, fault.New(fault.NotFound, "No %s in your sight has the key of the row.", b.plan.kind.Name))
		return nil
	}
	if b.ghostly(c) {
		if b.plan.Mode == ModeCreate {
			b.counts.Skipped++
		} else {
			b.counts.Updated++
		}
		return nil
	}
	for _, d := range b.duplicates[c] {
		x := d.ID
		if to, known := b.settled[x]; known {
			x = to
		}
		if x.IsZero() {
			continue // the row that it was meant for was not taken
		}
		switch b.plan.OnDuplicate {
		case DuplicateSkip:
			b.counts.Skipped++
			b.settle(c, x)
			return nil
		case DuplicateUpdate:
			b.settle(c, x)
			return b.update(ctx, c, x, true, careful)
		}
		b.settle(c, id.ID{})
		b.fail(c, fault.New(fault.Duplicate, "A %s that seems to be the same exists already.", b.plan.kind.Name))
		return nil
	}
	return b.create(ctx, c, careful)
}

// ghostly reports whether a trial has made the record of the row before.
func (b *batch) ghostly(c *converted) bool {
	return b.ghosts != nil && c.key != "" && b.ghosts.keys[c.key]
}

// settle notes which record the one has become that a row was to make; zero: none.
func (b *batch) settle(c *converted, x id.ID) {
	if s, ok := c.in["id"].(string); ok {
		if meant, ok := asID(b.plan.kind, s); ok {
			b.settled[meant] = x
		}
	}
}

func (b *batch) create(ctx context.Context, c *converted, careful bool) error {
	k := b.plan.kind
	in := c.in
	if len(c.custom) > 0 {
		in["customFields"] = b.custom(c, nil)
		if len(c.problems) > 0 {
			b.settle(c, id.ID{})
			b.fail(c, c.problems.Err())
			return nil
		}
	}
	l := line{row: c.number, op: opCreated}
	err := b.one(ctx, careful, func(ctx context.Context) error {
		o, err := b.tx.Create(ctx, k, in, "ALLOW")
		if err != nil {
			return err
		}
		l.record = o.ID
		if system := b.system(); system != "" {
			l.fields = undoable{System: system, Key: c.key}
			return b.tx.AddExternal(ctx, k, system, c.key, o.ID)
		}
		return nil
	})
	if err != nil {
		b.settle(c, id.ID{})
		return b.refused(c, err)
	}
	b.lines = append(b.lines, l)
	b.counts.Created++
	b.settle(c, l.record)
	if c.key != "" {
		b.targets[c.key] = l.record
		b.newKeys = append(b.newKeys, c.key)
	}
	if name, ok := in[k.Title].(string); ok {
		b.names = append(b.names, text.Fold(name))
	}
	return nil
}

// update changes a record by a row. likely says that it was found by what tells, and gets the key of the row.
func (b *batch) update(ctx context.Context, c *converted, x id.ID, likely, careful bool) error {
	k := b.plan.kind
	l := line{row: c.number, op: opUpdated, record: x}
	changed := false
	err := b.one(ctx, careful, func(ctx context.Context) error {
		old, err := b.tx.Lock(ctx, k, x)
		if err != nil {
			return err
		}
		if old == nil || !b.tx.May(old, access.Read) {
			return fault.New(fault.Conflict, "This key of the outside system is taken.")
		}
		if !b.tx.May(old, access.Update) {
			return fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		}
		in := make(map[string]any, len(c.in))
		for name, v := range c.in {
			if name != "id" {
				in[name] = v
			}
		}
		if len(c.custom) > 0 {
			in["customFields"] = b.custom(c, old)
			if len(c.problems) > 0 {
				return c.problems.Err()
			}
		}
		before := b.tx.Changes()
		if _, err := b.tx.Update(write.Outside(ctx), k, x, in); err != nil {
			return err
		}
		l.fields.Fields, changed = b.tx.ChangedSince(before, x)
		if system := b.system(); likely && system != "" {
			l.fields.System, l.fields.Key = system, c.key
			return b.tx.AddExternal(ctx, k, system, c.key, x)
		}
		return nil
	})
	if err != nil {
		return b.refused(c, err)
	}
	if c.key != "" {
		b.targets[c.key] = x
	}
	switch {
	case changed:
		b.counts.Updated++
	default:
		b.counts.Unchanged++
	}
	if changed || l.fields.System != "" {
		b.lines = append(b.lines, l)
	}
	return nil
}

// custom returns the custom fields of a record with those that the row has.
func (b *batch) custom(c *converted, old *write.Record) []any {
	var list []any
	if old != nil {
		if v, err := b.tx.Shows(old, "customFields"); err == nil {
			list, _ = v.([]any)
			list = slices.Clone(list)
		}
	}
	for _, v := range c.custom {
		value, ok := c.customValueOf(v.target, b.types[v.target.member], v.text)
		if !ok {
			continue
		}
		list = slices.DeleteFunc(list, func(o any) bool {
			m, _ := o.(map[string]any)
			return m["key"] == v.target.member
		})
		list = append(list, map[string]any{"key": v.target.member, "value": value})
	}
	return list
}

// refused makes a refusal a failure of the row; what is no refusal ends the batch.
func (b *batch) refused(c *converted, err error) error {
	if errors.Is(err, write.ErrCareful) || !write.Refused(err) {
		return err
	}
	b.fail(c, err)
	return nil
}

func (b *batch) fail(c *converted, err error) {
	b.counts.Failed++
	b.failed = append(b.failed, failure{c.number, c.cells, b.plan.issues(err)})
}

// withoutInput is the path of a problem within the record.
func withoutInput(path []any) []any {
	if len(path) > 0 && path[0] == "input" {
		return path[1:]
	}
	return path
}

// issues takes an error apart.
func (p *plan) issues(err error) []Issue {
	var f *fault.Error
	if !errors.As(err, &f) {
		return nil
	}
	if len(f.Violations) == 0 {
		path := withoutInput(f.Path)
		return []Issue{{Path: orEmpty(path), Column: p.columnOf(path), Code: string(f.Code), Message: f.Message, Args: f.Args}}
	}
	out := make([]Issue, 0, len(f.Violations))
	for _, v := range f.Violations {
		path := withoutInput(v.Path)
		out = append(out, Issue{Path: orEmpty(path), Column: p.columnOf(path), Code: v.Code, Message: v.Message, Args: v.Args})
	}
	return out
}

func orEmpty(path []any) []any {
	if path == nil {
		return []any{}
	}
	return path
}

// columnOf names the column that fills a field, "" when none does.
func (p *plan) columnOf(path []any) string {
	if len(path) == 0 {
		return ""
	}
	name, _ := path[0].(string)
	column := ""
	for _, t := range p.targets {
		if t.field.Name != name || t.Column.Column == "" {
			continue
		}
		if len(path) > 2 && path[2] == t.member {
			return t.Column.Column
		}
		if column == "" {
			column = t.Column.Column
		}
	}
	return column
}

// keep writes what the batch did, and what it could not do.
func (b *batch) keep(ctx context.Context, run id.ID) error {
	n := map[int64]int64{}
	return b.tx.Buffered(ctx, func(ctx context.Context) error {
		for _, l := range b.lines {
			var fields sql.NullString
			if l.fields.Fields != nil || l.fields.System != "" {
				text, err := json.Marshal(l.fields)
				if err != nil {
					return err
				}
				fields = sql.NullString{String: string(text), Valid: true}
			}
			if err := b.tx.Insert(ctx, "import_rows", []string{"import_id", "row_no", "n", "record_id", "op", "fields"}, run, l.row, n[l.row], l.record, l.op, fields); err != nil {
				return err
			}
			n[l.row]++
		}
		return keepFailures(ctx, b.tx, run, b.failed)
	})
}

func keepFailures(ctx context.Context, tx *write.Tx, run id.ID, failed []failure) error {
	for _, f := range failed {
		cells, err := json.Marshal(f.cells)
		if err != nil {
			return err
		}
		issues, err := json.Marshal(f.issues)
		if err != nil {
			return err
		}
		if err := tx.Insert(ctx, "import_errors", []string{"import_id", "row_no", "cells", "issues"}, run, f.row, string(cells), string(issues)); err != nil {
			return err
		}
	}
	return nil
}
