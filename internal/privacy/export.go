package privacy

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Format names the format of the documents, with its version.
const Format = "farley.personal-data/1"

const (
	partSize    = 4 << 20 // of a document, in bytes: what would come behind waits for the next part
	recordPage  = 100     // records that are read at once
	historyPage = 500     // change rows, or entries of the trail, that are read at once
)

// Beside tells what a table or file beside the records holds about a person or a user: rows as they go into the document.
type Beside func(ctx context.Context, tx *db.Tx, k *model.Kind, x id.ID) ([]map[string]any, error)

// Export is one part of all that is held about somebody.
type Export struct {
	MadeAt   time.Time
	Document json.RawMessage
	Next     string // cursor of the next part, "" when this is the last one
}

// Export returns what is held about somebody, as far as it fits into one document, and puts an entry into the audit trail
// before it does. The right to it is the action on the record: levels of fields do not narrow it, because what a person is
// owed does not depend on who hands it over.
func (s *Service) Export(ctx context.Context, tx *db.Tx, in input.Object, after *string) (Export, error) {
	k, x, err := subject(s.Writer.Set, in)
	if err != nil {
		return Export{}, err
	}
	a := access.From(ctx)
	keys, err := s.Writer.KeysIn(ctx, tx, k, x)
	if err != nil {
		return Export{}, err
	}
	now := s.Writer.Clock.Now()
	if !a.May(s.Writer.Set, k, keys, access.Read, now) {
		return Export{}, write.NotFound(k)
	}
	if !a.May(s.Writer.Set, k, keys, exportAction, now) {
		return Export{}, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
	}
	values, err := s.Read.Values(ctx, tx, k, []id.ID{x})
	if err != nil {
		return Export{}, err
	}
	if err := notPerson(k, values[x]); err != nil {
		return Export{}, err
	}
	bound := []string{"exportPersonalData", a.User.String(), x.String()}
	from, err := s.place(bound, after)
	if err != nil {
		return Export{}, err
	}
	w := &writer{s: s, tx: tx, from: from, first: after == nil}
	if err := w.all(ctx, k, x); err != nil {
		return Export{}, err
	}
	out := Export{MadeAt: now}
	if w.full {
		out.Next = s.Read.SealCursor(bound, w.at.step, w.at.record[:], w.at.row[:])
	}
	if out.Document, err = w.document(k, x, now); err != nil {
		return Export{}, err
	}
	return out, s.Audit.Exported(ctx, audit.Entry{Object: k.Code, Record: x, Count: int64(w.count), Detail: "personal data"})
}

// place is a place in the order in which a document is written: the step, the last record that is in it, and of its history
// or of the trail the last row.
type place struct {
	step   int64
	record id.ID
	row    id.ID
}

func (s *Service) place(bound []string, after *string) (place, error) {
	if after == nil {
		return place{}, nil
	}
	values, err := s.Read.OpenCursor(*after, bound, "after")
	if err != nil {
		return place{}, err
	}
	if len(values) == 3 {
		step, ok := values[0].(int64)
		record, isRecord := values[1].([]byte)
		row, isRow := values[2].([]byte)
		if ok && isRecord && isRow && len(record) == len(id.ID{}) && len(row) == len(id.ID{}) {
			return place{step, id.ID(record), id.ID(row)}, nil
		}
	}
	return place{}, fault.New(fault.Internal, "a cursor of an export holds something else")
}

// entry is a record in the document.
type entry struct {
	Kind         string                     `json:"kind"`
	ID           id.ID                      `json:"id"`
	Fields       map[string]json.RawMessage `json:"fields,omitempty"`
	ExternalKeys []externalKey              `json:"externalKeys,omitempty"`
	Names        map[string]string          `json:"names,omitempty"`
	History      []past                     `json:"history,omitempty"`
}

type externalKey struct {
	System string `json:"system"`
	ID     string `json:"id"`
}

// past is a row of a record's history.
type past struct {
	Op      string    `json:"op"`
	Version int64     `json:"version"`
	At      string    `json:"at"`
	By      id.ID     `json:"by,omitzero"`
	Fields  []changed `json:"fields,omitempty"`
}

type changed struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old"`
	New   json.RawMessage `json:"new"`
}

// event is an entry of the audit trail.
type event struct {
	At     string   `json:"at"`
	Action string   `json:"action"`
	By     id.ID    `json:"by,omitzero"`
	Record id.ID    `json:"record,omitzero"`
	Fields []string `json:"fields,omitempty"`
	From   string   `json:"address,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// writer writes one part.
type writer struct {
	s     *Service
	tx    *db.Tx
	from  place
	first bool

	at      place // of the last thing written
	size    int
	full    bool
	count   int
	records []*entry
	events  []event
	beside  map[string][]map[string]any
}

// add counts what is written against the size of a document.
func (w *writer) add(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if w.size += len(b); w.size >= partSize {
		w.full = true
	}
	return nil
}

func (w *writer) document(k *model.Kind, x id.ID, now time.Time) (json.RawMessage, error) {
	doc := map[string]any{
		"format": Format, "subject": map[string]any{"kind": k.Const, "id": x}, "madeAt": now.UTC().Format(scalar.Layout),
		"records": notNil(w.records), "trail": notNil(w.events), "complete": !w.full,
	}
	if w.first {
		doc["beside"] = w.beside
	}
	return json.Marshal(doc)
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// all goes through everything that is held, from the place on: the records of the person and about the person by the ways
// that lead to them, then the trail.
func (w *writer) all(ctx context.Context, k *model.Kind, x id.ID) error {
	people, err := w.s.same(ctx, w.tx, k, x)
	if err != nil {
		return err
	}
	if w.first {
		if err := w.tables(ctx, people); err != nil {
			return err
		}
	}
	step := int64(0)
	next := func(walk func() error) error {
		step++
		if w.full || step < w.from.step {
			return nil
		}
		if step > w.from.step {
			w.from = place{step: step}
		}
		return walk()
	}
	for _, m := range people {
		if err := next(func() error {
			return w.walk(ctx, step, m.kind, " FROM `"+m.kind.Table+"` WHERE `id` = ?", []any{m.id})
		}); err != nil {
			return err
		}
		for _, way := range about(w.s.Writer.Set, m.kind) {
			if way.kind.Person || way.kind.Sight == model.ByUser {
				continue // among the people
			}
			if err := next(func() error {
				from, args := way.from(m.id)
				return w.walk(ctx, step, way.kind, from, args)
			}); err != nil {
				return err
			}
		}
	}
	for _, m := range people {
		if err := next(func() error { return w.trail(ctx, step, m.id) }); err != nil {
			return err
		}
	}
	return nil
}

// tables writes what lies beside the records.
func (w *writer) tables(ctx context.Context, people []member) error {
	w.beside = map[string][]map[string]any{}
	for name, read := range w.s.Beside {
		for _, m := range people {
			rows, err := read(ctx, w.tx, m.kind, m.id)
			if err != nil {
				return err
			}
			w.beside[name] = append(w.beside[name], rows...)
		}
	}
	return w.add(w.beside)
}

// walk writes the records of a kind that a statement finds, each with its history.
func (w *writer) walk(ctx context.Context, step int64, k *model.Kind, from string, args []any) error {
	last := w.from.record
	if !w.from.row.IsZero() { // in the middle of a history
		e := &entry{Kind: k.Const, ID: last}
		if err := w.history(ctx, step, e, w.from.row); err != nil {
			return err
		}
	}
	for !w.full {
		ids, err := queryIDs(ctx, w.tx, "SELECT `id`"+from+" AND `id` > ? ORDER BY `id` LIMIT ?", append(append([]any{}, args...), last[:], recordPage)...)
		if err != nil || len(ids) == 0 {
			return err
		}
		entries, err := w.entries(ctx, k, ids)
		if err != nil {
			return err
		}
		for _, e := range entries {
			w.count++
			if err := w.history(ctx, step, e, id.ID{}); err != nil || w.full {
				return err
			}
		}
		last = ids[len(ids)-1]
	}
	return nil
}

// entries reads records with all their fields, each kind of thing by one statement.
func (w *writer) entries(ctx context.Context, k *model.Kind, ids []id.ID) ([]*entry, error) {
	values, err := w.s.Read.Values(ctx, w.tx, k, ids)
	if err != nil {
		return nil, err
	}
	outer, err := w.externalKeys(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	names, err := w.names(ctx, k, values)
	if err != nil {
		return nil, err
	}
	var out []*entry
	for _, x := range ids {
		stored := values[x]
		if stored == nil {
			continue
		}
		e := &entry{Kind: k.Const, ID: x, Fields: map[string]json.RawMessage{}, ExternalKeys: outer[x], Names: names[x]}
		for _, f := range k.Fields {
			if f.Type != model.Many && !f.Internal && f.Name != "id" {
				e.Fields[f.Name] = w.s.Writer.JSON(f, func(column string) any { return stored[column] })
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (w *writer) externalKeys(ctx context.Context, k *model.Kind, ids []id.ID) (map[id.ID][]externalKey, error) {
	if !k.Upsert {
		return nil, nil
	}
	out := map[id.ID][]externalKey{}
	err := w.each(ctx, "SELECT record_id, system_name, external_id FROM external_refs WHERE record_id IN "+marks(len(ids))+" ORDER BY system_name, external_id", anys(ids), func(rows *sql.Rows) error {
		var x id.ID
		var key externalKey
		if err := rows.Scan(&x, &key.System, &key.ID); err != nil {
			return err
		}
		out[x] = append(out[x], key)
		return nil
	})
	return out, err
}

// named are the relations whose names are data of the person: the tags, and the firms the person belongs to.
var named = map[string]string{"Tagging": "tag", "AccountContact": "account"}

// names reads the names of what the person's links lead to.
func (w *writer) names(ctx context.Context, k *model.Kind, values map[id.ID]map[string]any) (map[id.ID]map[string]string, error) {
	f := k.Field(named[k.Name])
	if f == nil || len(values) == 0 {
		return nil, nil
	}
	target := w.s.Writer.Set.Kind(f.Target)
	var others []id.ID
	for _, v := range values {
		if x, ok := v[f.Column].(id.ID); ok {
			others = append(others, x)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	title := map[id.ID]string{}
	err := w.each(ctx, "SELECT `id`, `"+target.Field(target.Title).Column+"` FROM `"+target.Table+"` WHERE `id` IN "+marks(len(others)), anys(others), func(rows *sql.Rows) error {
		var x id.ID
		var name string
		if err := rows.Scan(&x, &name); err != nil {
			return err
		}
		title[x] = name
		return nil
	})
	out := map[id.ID]map[string]string{}
	for x, v := range values {
		if other, ok := v[f.Column].(id.ID); ok {
			out[x] = map[string]string{f.Name: title[other]}
		}
	}
	return out, err
}

// history writes a record, or the rest of one, with its change rows behind a row.
func (w *writer) history(ctx context.Context, step int64, e *entry, after id.ID) error {
	w.records = append(w.records, e)
	w.at = place{step: step, record: e.ID}
	if err := w.add(e); err != nil {
		return err
	}
	seq := seqOf(after)
	for {
		n := 0
		err := w.each(ctx, "SELECT seq, op, version, actor_id, at, fields FROM changes WHERE record_id = ? AND seq > ? ORDER BY seq LIMIT ?", []any{e.ID, seq, historyPage}, func(rows *sql.Rows) error {
			n++
			if w.full && w.at.row != (id.ID{}) {
				return nil // the rest of the page waits for the next part
			}
			p, next, err := scanPast(rows)
			if err != nil {
				return err
			}
			e.History = append(e.History, p)
			seq, w.at.row = next, rowID(next)
			return w.add(p)
		})
		if err != nil || w.full {
			return err
		}
		if n < historyPage {
			w.at.row = id.ID{}
			return nil
		}
	}
}

func scanPast(rows *sql.Rows) (past, int64, error) {
	var p past
	var seq int64
	var at time.Time
	var stored []byte
	if err := rows.Scan(&seq, &p.Op, &p.Version, &p.By, &at, &stored); err != nil {
		return p, 0, err
	}
	p.At = at.UTC().Format(scalar.Layout)
	var fields []struct {
		F    string
		O, N json.RawMessage
	}
	if err := json.Unmarshal(stored, &fields); err != nil {
		return p, 0, err
	}
	for _, f := range fields {
		p.Fields = append(p.Fields, changed{f.F, f.O, f.N})
	}
	return p, seq, nil
}

// rowID keeps the number of a change row in the place of an id.
func rowID(seq int64) (x id.ID) {
	for i := range 8 {
		x[15-i] = byte(seq >> (8 * i))
	}
	return x
}

func seqOf(x id.ID) (seq int64) {
	for _, b := range x[8:] {
		seq = seq<<8 | int64(b)
	}
	return seq
}

// trail writes what the audit trail says of a record: who read, exported or was refused what, and of a user when he signed
// in. Writes are in the histories.
func (w *writer) trail(ctx context.Context, step int64, x id.ID) error {
	last := w.from.row
	for !w.full {
		page, err := audit.About(ctx, w.tx, x, last, historyPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			e := &page[i]
			last = e.ID
			v := event{At: e.At.UTC().Format(scalar.Layout), Action: string(e.Action), By: e.User, Record: e.Record, Fields: e.Fields, Detail: e.Detail}
			if e.User == x {
				v.From = e.Address
			}
			w.events = append(w.events, v)
			w.at = place{step: step, row: last}
			if err := w.add(v); err != nil || w.full {
				return err
			}
		}
	}
	return nil
}

func (w *writer) each(ctx context.Context, query string, args []any, fn func(rows *sql.Rows) error) error {
	rows, err := w.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func marks(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }

func anys(ids []id.ID) []any {
	out := make([]any, len(ids))
	for i, x := range ids {
		out[i] = x
	}
	return out
}
