package timeline

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/scalar"
)

func parseInstant(s string) (time.Time, error) { return scalar.ParseDateTime(s) }

// readSources reads the entries that are records of their own: one statement, a branch for each record and source, each no
// longer than the page.
func (r *reading) readSources() error {
	list := r.of[r.kind.Name]
	var branches []string
	var args []any
	for i := range r.subjects {
		for j := range list {
			b := r.branch(&r.subjects[i], &list[j])
			if b.IsFalse() {
				continue
			}
			branches = append(branches, fmt.Sprintf("SELECT * FROM (SELECT %d AS of_subject, %d AS of_source, %s) b%d", i, j, b.SQL, len(branches)))
			args = append(args, b.Args...)
		}
	}
	if branches == nil {
		return nil
	}
	return r.query(strings.Join(branches, " UNION ALL "), args, func(rows *sql.Rows) error {
		var of, from int
		var x, actor id.ID
		var at read.Instant
		var day sql.NullString
		if err := rows.Scan(&of, &from, &x, &at, &day, &actor); err != nil {
			return err
		}
		s := &list[from]
		e := entry{place: place{at.Time, s.rank, x, 0}, source: s, record: x, actor: actor, value: map[string]any{"__typename": s.Type, "kind": s.Kind}}
		if day.Valid {
			var err error
			if e.at, err = time.Parse(time.DateOnly, day.String); err != nil {
				return fmt.Errorf("the day of %s: %w", x, err)
			}
		}
		for name, v := range s.Also {
			e.value[name] = v
		}
		r.subjects[of].entries = append(r.subjects[of].entries, e)
		return nil
	})
}

// never is the branch that has nothing.
var never = access.Cond{SQL: "1=0"}

// branch is what follows SELECT in the branch of a source; false when it has nothing to read.
func (r *reading) branch(s *subject, src *source) access.Cond {
	if !r.in.wants(src.Kind) {
		return never
	}
	if src.By == "" {
		return r.from(s, src, r.kind, "id", access.Cond{})
	}
	if !s.rights.open[src.By] {
		return never
	}
	by := r.kind.Field(src.By)
	k := r.Set.Kind(by.Target)
	back := k.Field(by.Back)
	return r.from(s, src, k, back.Column, r.shown(k, back)) // what leads here has to show on the other side too
}

// shown is the condition under which a field of the row t, in sight, shows to the reader.
func (r *reading) shown(k *model.Kind, f *model.Field) access.Cond {
	c, whole := r.a.FieldCond(r.Set, k, f, "t", r.now)
	if whole {
		return access.Cond{}
	}
	return c
}

func (r *reading) from(s *subject, src *source, k *model.Kind, column string, shown access.Cond) access.Cond {
	if !r.a.Policy.Readable(k) {
		return never
	}
	when := k.Field(src.At)
	at := "t.`" + when.Column + "`"
	where := access.And(
		access.Cond{SQL: "t.`" + column + "` = ? AND t.`deleted_at` IS NULL AND " + at + " IS NOT NULL", Args: []any{s.id}},
		r.span(s, src, when, at), shown, r.shown(k, when), r.a.Sight(r.Set, k, "t", access.Read, r.now),
	)
	if where.IsFalse() {
		return never
	}
	instant, day := at, "NULL"
	if when.Type == model.Date {
		instant, day = "NULL", at
	}
	actor := access.Cond{SQL: "NULL"}
	if src.Actor != "" {
		f := k.Field(src.Actor)
		switch c := r.shown(k, f); {
		case c.IsTrue():
			actor.SQL = "t.`" + f.Column + "`"
		case !c.IsFalse():
			actor = access.Cond{SQL: "CASE WHEN " + c.SQL + " THEN t.`" + f.Column + "` END", Args: c.Args}
		}
	}
	return access.Cond{
		SQL: "t.`id` AS id, " + instant + " AS at, " + day + " AS day, " + actor.SQL + " AS actor FROM `" + k.Table + "` t" + r.hint(k, src, column, when) +
			" WHERE " + where.SQL + " ORDER BY " + at + " DESC, t.`id` DESC LIMIT ?",
		Args: append(append(append([]any{}, actor.Args...), where.Args...), r.in.size+1),
	}
}

// hint names the index of the source: the optimisers do not know how short a page is.
func (r *reading) hint(k *model.Kind, src *source, column string, when *model.Field) string {
	if src.By == "" {
		return ""
	}
	index := "`" + strings.ToLower(k.Name) + "_" + column + "_deleted_at_" + when.Column + "_id`"
	if r.Read.Dialect == db.SQLite {
		return " INDEXED BY " + index
	}
	return " FORCE INDEX (" + index + ")"
}

// span is the condition that an entry lies in the span of time asked for and behind the cursor.
func (r *reading) span(s *subject, src *source, when *model.Field, at string) access.Cond {
	bound := func(instant time.Time) (any, bool) { return instant, true }
	if when.Type == model.Date {
		// A day stands for its midnight: exact says whether the instant is one.
		bound = func(instant time.Time) (any, bool) {
			return instant.Format(time.DateOnly), instant.Equal(instant.Truncate(24 * time.Hour))
		}
	}
	var conds []access.Cond
	test := func(op string, v any) { conds = append(conds, access.Cond{SQL: at + " " + op + " ?", Args: []any{v}}) }
	if when.Type == model.Date || src.Past {
		v, _ := bound(r.now.UTC())
		test("<=", v)
	}
	if !r.in.from.IsZero() {
		if v, exact := bound(r.in.from); exact {
			test(">=", v)
		} else {
			test(">", v)
		}
	}
	if !r.in.to.IsZero() {
		if v, exact := bound(r.in.to); exact {
			test("<", v)
		} else {
			test("<=", v)
		}
	}
	p := s.behind
	if p == nil {
		return access.And(conds...)
	}
	v, exact := bound(p.at)
	switch {
	case !exact || src.rank > p.rank:
		test("<=", v)
	case src.rank < p.rank:
		test("<", v)
	case r.Read.Dialect == db.SQLite:
		conds = append(conds, access.Cond{SQL: "(" + at + ", t.`id`) < (?, ?)", Args: []any{v, p.id}})
	default: // makes no range of an index of a row value
		conds = append(conds, access.Cond{SQL: at + " <= ? AND (" + at + " < ? OR t.`id` < ?)", Args: []any{v, v, p.id}})
	}
	return access.And(conds...)
}

// complete adds what is selected of the entries of all pages: values, titles, records and actors, each kind read once.
func (r *reading) complete() error {
	if err := r.resolve(); err != nil {
		return err
	}
	var actors []id.ID
	bySource := map[*source][]*entry{}
	var order []*source
	for i := range r.subjects {
		for j := range r.subjects[i].entries {
			e := &r.subjects[i].entries[j]
			actors = append(actors, e.actor)
			if e.source == nil {
				continue
			}
			if bySource[e.source] == nil {
				order = append(order, e.source)
			}
			bySource[e.source] = append(bySource[e.source], e)
		}
	}
	if err := r.name(actors); err != nil {
		return err
	}
	seen := map[string]map[id.ID]read.Result{}
	for _, s := range order {
		if err := r.completeSource(s, bySource[s], bySource, seen); err != nil {
			return err
		}
	}
	return nil
}

// name says who did what, as far as the reader sees him.
func (r *reading) name(actors []id.ID) error {
	selected := slices.ContainsFunc(r.types(), func(typ string) bool { return r.Read.Selects(r.ctx, r.field, "edges.node:"+typ+".actor") })
	if !selected {
		return nil
	}
	known, err := r.Read.Actors(r.ctx, r.q, r.a, actors)
	if err != nil {
		return err
	}
	for i := range r.subjects {
		for j := range r.subjects[i].entries {
			e := &r.subjects[i].entries[j]
			if a := known[e.actor]; a != nil {
				e.value["actor"] = a
			}
		}
	}
	return nil
}

// types are the SDL types of the entries.
func (r *reading) types() []string {
	out := []string{typeField, typeRecord}
	for _, s := range r.of[r.kind.Name] {
		out = append(out, s.Type)
	}
	return out
}

// completeSource adds titles and records of the entries of one source. The records of a type are read once, though it may
// have several sources.
func (r *reading) completeSource(s *source, entries []*entry, all map[*source][]*entry, seen map[string]map[id.ID]read.Result) error {
	k := r.kind
	if s.By != "" {
		k = r.Set.Kind(r.kind.Field(s.By).Target)
	}
	if r.Read.Selects(r.ctx, r.field, "edges.node:"+s.Type+".title") {
		if err := r.titles(k, s, entries); err != nil {
			return err
		}
	}
	found, done := seen[s.Type]
	if !done {
		var ids []id.ID
		for other, list := range all {
			for _, e := range list {
				if other.Type == s.Type {
					ids = append(ids, e.record)
				}
			}
		}
		var err error
		if found, err = r.Read.Inside(r.ctx, r.q, r.a, r.field, "edges.node:"+s.Type+"."+s.Record, unique(ids)); err != nil {
			return err
		}
		seen[s.Type] = found
	}
	for _, e := range entries {
		if res, ok := found[e.record]; ok {
			e.value[s.Record] = res
		}
	}
	return nil
}

// titles adds what the entries are about: the first that shows.
func (r *reading) titles(k *model.Kind, s *source, entries []*entry) error {
	missing := entries
	for _, path := range s.Titles {
		if len(missing) == 0 {
			return nil
		}
		ids := make([]id.ID, len(missing))
		for i, e := range missing {
			ids[i] = e.record
		}
		texts, err := r.Read.Shown(r.ctx, r.q, r.a, k, path, unique(ids))
		if err != nil {
			return err
		}
		var still []*entry
		for _, e := range missing {
			if text, ok := texts[e.record]; ok {
				e.value["title"] = text
			} else {
				still = append(still, e)
			}
		}
		missing = still
	}
	return nil
}

func unique(ids []id.ID) []id.ID {
	seen := map[id.ID]bool{}
	var out []id.ID
	for _, x := range ids {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}
