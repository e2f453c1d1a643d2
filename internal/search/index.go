package search

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// generation is the number of the way in which texts become terms. It rises when that way, the weights or the fields change:
// an index of another number is rebuilt.
const generation = 1

const (
	batch      = 200 // changes, or records, of one transaction
	insertRows = 400 // postings of one INSERT
	pollEvery  = 250 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// Config is what an index works with. Hints and Logger may be nil.
type Config struct {
	DB     *db.DB
	Set    *model.Set
	Log    *change.Log
	Read   *read.Engine
	Clock  clock.Clock
	Hints  change.Broker // tells that the change log has grown
	Logger *slog.Logger
}

// Index is the search index of one database. It is safe for concurrent use.
type Index struct {
	Config
	fields map[*model.Kind][]indexed
	byCode map[int64]*indexed
}

// New returns the index over the kinds of c.Set. It fails when two fields have the same number.
func New(c Config) (*Index, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	x := &Index{Config: c, fields: map[*model.Kind][]indexed{}, byCode: map[int64]*indexed{}}
	for _, k := range c.Set.Kinds {
		x.fields[k] = indexedFields(k)
		for i := range x.fields[k] {
			f := &x.fields[k][i]
			if x.byCode[f.code] != nil {
				return nil, fmt.Errorf("search: two fields have the number %d; the later is one of %s", f.code, k.Name)
			}
			x.byCode[f.code] = f
		}
	}
	return x, nil
}

// state is the row of search_state.
type state struct {
	position, analysis int64
	kind               int64 // that is being rebuilt, 0 for none
	after              []byte
}

// rebuilding reports whether a rebuild is under way.
func (s *state) rebuilding() bool { return s.kind != 0 }

// errMoved says that another node was faster. Nothing was written.
var errMoved = errors.New("search: the index has moved on")

func readState(ctx context.Context, tx *db.Tx, lock string) (s state, err error) {
	err = tx.QueryRow(ctx, "SELECT position, analysis, rebuild_kind, rebuild_after FROM search_state WHERE id = 1"+lock, nil, &s.position, &s.analysis, &s.kind, &s.after)
	if err != nil {
		return s, fmt.Errorf("read the state of the search index: %w", err)
	}
	return s, nil
}

func (s *state) store(ctx context.Context, tx *db.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE search_state SET position = ?, analysis = ?, rebuild_kind = ?, rebuild_after = ? WHERE id = 1", s.position, s.analysis, s.kind, append([]byte{}, s.after...))
	if err != nil {
		return fmt.Errorf("store the state of the search index: %w", err)
	}
	return nil
}

// Run keeps the index up to date until ctx ends. Any number of nodes may run it: the row of the state is compared and set
// in the transaction that writes the terms, so it is lease and fence, and a node that is killed leaves either all of a
// batch or nothing.
func (x *Index) Run(ctx context.Context) {
	wake := make(chan struct{}, 1)
	if x.Hints != nil {
		defer x.Hints.Subscribe(func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})()
	}
	var pause time.Duration
	for {
		err := x.CatchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := pollEvery
		if err == nil {
			pause = 0
		} else {
			pause = min(max(2*pause, pollEvery), maxBackoff)
			wait = pause
			x.Logger.ErrorContext(ctx, "the search index could not be brought up to date; will try again", "error", err, "in", pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-x.Clock.After(wait):
		case <-wakeIf(err == nil, wake):
		}
	}
}

// wakeIf keeps hints from cutting the pause after a failure short.
func wakeIf(ok bool, wake chan struct{}) chan struct{} {
	if ok {
		return wake
	}
	return nil
}

// CatchUp returns when everything that has a position in the change log is in the index, a rebuild that is due included.
func (x *Index) CatchUp(ctx context.Context) error { return x.rebuild(ctx, false, nil) }

// step does one transaction's work: changes first, then what hangs on them, then a rebuild.
func (x *Index) step(ctx context.Context) (more bool, err error) {
	p, err := x.plan(ctx)
	if err != nil || p.idle {
		return false, err
	}
	err = x.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		s, err := readState(ctx, tx, tx.Dialect.ForUpdate())
		if err != nil {
			return err
		}
		if s.position != p.state.position || s.analysis != p.state.analysis {
			return errMoved
		}
		return p.write(ctx, tx, x, &s)
	})
	return true, err
}

// plan is what a step will write: worked out before the transaction, so that others can write meanwhile. What changes
// after it was read has a later position, and comes again.
type plan struct {
	state   state
	idle    bool
	begin   bool // a rebuild
	upTo    int64
	ids     []id.ID
	terms   map[id.ID][]posting
	tags    []id.ID // whose records are to be looked at
	pending bool
}

func (x *Index) plan(ctx context.Context) (*plan, error) {
	tx, err := x.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	p := &plan{}
	if p.state, err = readState(ctx, tx, ""); err != nil {
		return nil, err
	}
	p.upTo = p.state.position
	if p.state.analysis > generation {
		p.idle = true // newer nodes look after it
		return p, nil
	}
	if p.state.analysis < generation {
		return p, x.planBegin(ctx, tx, p)
	}
	rows, err := x.Log.After(ctx, tx, p.state.position, batch)
	if fault.CodeOf(err) == fault.CursorExpired {
		return p, x.planBegin(ctx, tx, p)
	}
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		p.upTo = rows[len(rows)-1].Position
		p.ids, p.tags = x.concerned(rows)
		p.terms, err = x.terms(ctx, tx, p.ids)
		return p, err
	}
	var waiting int
	if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM search_pending LIMIT 1) p", nil, &waiting); err != nil {
		return nil, fmt.Errorf("look for records to be indexed: %w", err)
	}
	p.pending = waiting > 0
	p.idle = !p.pending && !p.state.rebuilding()
	return p, nil
}

// planBegin plans the beginning of a rebuild: the log is followed from its end as it is now.
func (x *Index) planBegin(ctx context.Context, tx *db.Tx, p *plan) (err error) {
	p.begin = true
	p.upTo, err = x.Log.Last(ctx, tx)
	return err
}

// concerned returns the records whose terms may have changed, and the tags whose records' terms may have.
func (x *Index) concerned(rows []*change.Row) (ids, tags []id.ID) {
	seen := map[id.ID]bool{}
	for _, r := range rows {
		k := x.Set.Coded(r.Kind)
		if k == nil || seen[r.Record] || !x.changesTerms(k, r) {
			continue
		}
		seen[r.Record] = true
		ids = append(ids, r.Record)
		if k.Name == "Tag" && r.Op != change.Created {
			tags = append(tags, r.Record)
		}
	}
	return ids, tags
}

func (x *Index) changesTerms(k *model.Kind, r *change.Row) bool {
	if len(x.fields[k]) == 0 {
		return false
	}
	if r.Op != change.Updated {
		return true
	}
	for _, c := range r.Fields {
		if c.Field == "deletedAt" {
			return true
		}
		for _, f := range x.fields[k] {
			if f.field != nil && f.field.Name == c.Field {
				return true
			}
		}
	}
	return false
}

func (p *plan) write(ctx context.Context, tx *db.Tx, x *Index, s *state) error {
	switch {
	case p.begin:
		s.position, s.analysis, s.kind, s.after = p.upTo, generation, x.kindAfter(0), nil
		return s.store(ctx, tx)
	case p.upTo > s.position:
		if err := x.replace(ctx, tx, p.ids, p.terms); err != nil {
			return err
		}
		if err := addTagged(ctx, tx, p.tags); err != nil {
			return err
		}
		s.position = p.upTo
		return s.store(ctx, tx)
	case p.pending:
		return x.writePending(ctx, tx)
	case s.rebuilding():
		return x.rebuildPart(ctx, tx, s)
	}
	return nil
}

// addTagged puts the records of tags on the list of those to be indexed.
func addTagged(ctx context.Context, tx *db.Tx, tags []id.ID) error {
	verb := "INSERT IGNORE"
	if tx.Dialect == db.SQLite {
		verb = "INSERT OR IGNORE"
	}
	for _, t := range tags {
		if _, err := tx.ExecContext(ctx, verb+" INTO search_pending (record_id) SELECT record_id FROM taggings WHERE tag_id = ?", t); err != nil {
			return fmt.Errorf("list the records of a tag: %w", err)
		}
	}
	return nil
}

func (x *Index) writePending(ctx context.Context, tx *db.Tx) error {
	ids, err := queryIDs(ctx, tx, "SELECT record_id FROM search_pending ORDER BY record_id LIMIT ?", batch)
	if err != nil || len(ids) == 0 {
		return err
	}
	terms, err := x.terms(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := x.replace(ctx, tx, ids, terms); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM search_pending WHERE record_id <= ?", ids[len(ids)-1])
	if err != nil {
		return fmt.Errorf("take records off the list: %w", err)
	}
	return nil
}

// kindAfter returns the number of the kind that a rebuild goes on with, 0 behind the last.
func (x *Index) kindAfter(code int64) int64 {
	next := int64(0)
	for _, k := range x.Set.Kinds {
		if c := int64(k.Code); len(x.fields[k]) > 0 && c > code && (next == 0 || c < next) {
			next = c
		}
	}
	return next
}

// rebuildPart indexes the next records of a kind. It reads what is committed now, under the lock that the follower needs
// to write: what it writes is never older than what it replaces.
func (x *Index) rebuildPart(ctx context.Context, tx *db.Tx, s *state) error {
	k := x.Set.Coded(id.Kind(s.kind))
	if k == nil {
		s.kind, s.after = x.kindAfter(s.kind), nil
		return s.store(ctx, tx)
	}
	ids, err := queryIDs(ctx, tx, "SELECT id FROM `"+k.Table+"` WHERE id > ? ORDER BY id LIMIT ?", append([]byte{}, s.after...), batch)
	if err != nil {
		return err
	}
	terms, err := x.terms(ctx, tx, ids)
	if err != nil {
		return err
	}
	end := bytes.Repeat([]byte{0xff}, 16)
	if len(ids) == batch {
		end = bytes.Clone(ids[batch-1][:])
	}
	// All between, so that terms of records that are no more go as well. (kind + 0: not by the index that begins with it.)
	if _, err := tx.ExecContext(ctx, "DELETE FROM search_terms WHERE record_id > ? AND record_id <= ? AND kind + 0 = ?", append([]byte{}, s.after...), end, s.kind); err != nil {
		return fmt.Errorf("delete terms: %w", err)
	}
	if err := insert(ctx, tx, ids, terms); err != nil {
		return err
	}
	s.after = end
	if len(ids) < batch {
		s.kind, s.after = x.kindAfter(s.kind), nil
	}
	return s.store(ctx, tx)
}

// Rebuild makes the whole index anew and returns when that is done, by this node or another one. Meanwhile searches find
// what was there before. It can be stopped at any moment: whoever runs next goes on where it ended. progress, which may be
// nil, is called now and then.
func (x *Index) Rebuild(ctx context.Context, progress func(ctx context.Context) error) error {
	return x.rebuild(ctx, true, progress)
}

// rebuild is Rebuild, or goes on with one that was begun.
func (x *Index) rebuild(ctx context.Context, begin bool, progress func(ctx context.Context) error) error {
	if begin {
		if err := x.beginRebuild(ctx); err != nil {
			return err
		}
	}
	for {
		more, err := x.step(ctx)
		if errors.Is(err, errMoved) {
			more, err = true, nil
		}
		if err != nil || !more {
			return err
		}
		if progress != nil {
			if err := progress(ctx); err != nil {
				return err
			}
		}
	}
}

func (x *Index) beginRebuild(ctx context.Context) error {
	return x.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		s, err := readState(ctx, tx, tx.Dialect.ForUpdate())
		if err != nil || s.analysis != generation {
			return err // it is due in any case
		}
		s.kind, s.after = x.kindAfter(0), nil
		return s.store(ctx, tx)
	})
}

// Lag returns how many changes are in the log that are not in the index.
func (x *Index) Lag(ctx context.Context) (int64, error) {
	tx, err := x.DB.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Close() }()
	s, err := readState(ctx, tx, "")
	if err != nil {
		return 0, err
	}
	last, err := x.Log.Last(ctx, tx)
	return last - s.position, err
}

// terms returns the terms of records as they are; none for those in the bin, or that are no more.
func (x *Index) terms(ctx context.Context, tx *db.Tx, ids []id.ID) (map[id.ID][]posting, error) {
	out := make(map[id.ID][]posting, len(ids))
	byKind := map[*model.Kind][]id.ID{}
	for _, record := range ids {
		if k := x.Set.Of(record); k != nil {
			byKind[k] = append(byKind[k], record)
		}
	}
	for _, k := range x.Set.Kinds {
		if len(byKind[k]) == 0 {
			continue
		}
		values, err := x.Read.Values(ctx, tx, k, byKind[k])
		if err != nil {
			return nil, err
		}
		tags, err := x.tagNames(ctx, tx, k, byKind[k])
		if err != nil {
			return nil, err
		}
		outer, err := x.outerKeys(ctx, tx, k, byKind[k])
		if err != nil {
			return nil, err
		}
		for _, record := range byKind[k] {
			v := values[record]
			if v == nil || v["deleted_at"] != nil {
				continue
			}
			for i := range x.fields[k] {
				f := &x.fields[k][i]
				texts, err := f.texts(v, tags[record], outer[record])
				if err != nil {
					return nil, err
				}
				out[record] = append(out[record], postings(f, texts)...)
			}
		}
	}
	return out, nil
}

// texts returns the texts of a field of a record.
func (x *indexed) texts(values map[string]any, tags, outerKeys []string) ([]piece, error) {
	from := func(list []string) []piece {
		var out []piece
		for _, s := range list {
			out = append(out, piece{s, x.elements[0].how})
		}
		return out
	}
	switch x.elements[0].how {
	case tagged:
		return from(tags), nil
	case outer:
		return from(outerKeys), nil
	}
	return x.pieces(values[x.field.Column])
}

func (x *Index) tagNames(ctx context.Context, q db.Querier, k *model.Kind, ids []id.ID) (map[id.ID][]string, error) {
	if f := k.Field("tags"); f == nil || f.Type != model.Many {
		return nil, nil
	}
	return queryTexts(ctx, q, "SELECT g.record_id, t.name FROM taggings g JOIN tags t ON t.id = g.tag_id WHERE g.deleted_at IS NULL AND t.deleted_at IS NULL AND g.record_id IN "+marks(len(ids))+" ORDER BY g.id", ids)
}

func (x *Index) outerKeys(ctx context.Context, q db.Querier, k *model.Kind, ids []id.ID) (map[id.ID][]string, error) {
	if !k.Upsert {
		return nil, nil
	}
	return queryTexts(ctx, q, "SELECT record_id, external_id FROM external_refs WHERE record_id IN "+marks(len(ids))+" ORDER BY system_name, external_id", ids)
}

// replace writes the terms of records in place of what there is.
func (x *Index) replace(ctx context.Context, tx *db.Tx, ids []id.ID, terms map[id.ID][]posting) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM search_terms WHERE record_id IN "+marks(len(ids)), anys(ids)...); err != nil {
		return fmt.Errorf("delete terms: %w", err)
	}
	return insert(ctx, tx, ids, terms)
}

func insert(ctx context.Context, tx *db.Tx, ids []id.ID, terms map[id.ID][]posting) error {
	const row = "(?,?,?,?,?,?,?)"
	var args []any
	rows := 0
	flush := func() error {
		if rows == 0 {
			return nil
		}
		query := "INSERT INTO search_terms (record_id, term, field, kind, place, words, strength) VALUES " + row + strings.Repeat(","+row, rows-1)
		_, err := tx.ExecContext(ctx, query, args...)
		args, rows = args[:0], 0
		if err != nil {
			return fmt.Errorf("insert terms: %w", err)
		}
		return nil
	}
	for _, record := range ids {
		for _, p := range terms[record] {
			args = append(args, record, p.term, p.field, int64(record.Kind()), min(p.place, maxWords), min(p.words, maxWords), p.strength)
			if rows++; rows == insertRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

func queryIDs(ctx context.Context, q db.Querier, query string, args ...any) ([]id.ID, error) {
	var out []id.ID
	err := each(ctx, q, query, args, func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		out = append(out, x)
		return err
	})
	return out, err
}

func queryTexts(ctx context.Context, q db.Querier, query string, ids []id.ID) (map[id.ID][]string, error) {
	out := map[id.ID][]string{}
	err := each(ctx, q, query, anys(ids), func(rows *sql.Rows) error {
		var x id.ID
		var text string
		err := rows.Scan(&x, &text)
		out[x] = append(out[x], text)
		return err
	})
	return out, err
}

// each runs a query and calls fn for every row.
func each(ctx context.Context, q db.Querier, query string, args []any, fn func(rows *sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return fmt.Errorf("search: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	return nil
}
