// Package timeline is what happened around a record, newest first: one feed over records of many kinds and over the
// history of the record itself, paged by key.
//
// What a timeline is made of is a table, sources.go: each source is a to-many relation of the record, with the field that
// says when, and with what an entry shows. An area that wants its records in it adds a line there and a type to the SDL. The
// history of the record itself comes from the change log and, where that was pruned, from the audit trail (history.go).
//
// A page is read with one statement over all sources, each a branch that goes down an index of its own no further than the
// page, with one over the change log and one over the trail, and with one for each kind of record and text that is selected.
// They serve many records at once, 20 each. Everything is decided by the rights that the reader has now.
package timeline

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// How many records' timelines one statement reads, and for how many a timeline may be asked for at once.
const (
	perStatement = 20
	maxRecords   = 500
)

// Timeline reads timelines. Read is set before the first one is read.
type Timeline struct {
	Set   *model.Set
	Clock clock.Clock
	Read  *read.Engine

	of map[string][]source
}

// New returns the timelines of all kinds that have one.
func New(set *model.Set, c clock.Clock) *Timeline {
	return &Timeline{Set: set, Clock: c, of: sources()}
}

// Fields returns the computed fields of the kinds that have a timeline.
func (t *Timeline) Fields() map[string]read.Computed {
	out := map[string]read.Computed{}
	for kind := range t.of {
		k := t.Set.Kind(kind)
		out[kind+".timeline"] = func(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
			return t.pages(ctx, q, a, k, f, ids)
		}
	}
	return out
}

// asked are the arguments of a timeline.
type asked struct {
	size     int
	kinds    []string // nil: all
	from, to time.Time
	after    string
}

func (t *Timeline) arguments(ctx context.Context, f graphql.CollectedField) (asked, error) {
	args, err := t.Read.Arguments(ctx, f)
	if err != nil {
		return asked{}, err
	}
	var in asked
	var problems fault.Violations
	if in.size, err = read.PageSize(args); err != nil {
		problems.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", 100)
	}
	if list, given := args["kinds"].([]any); given {
		in.kinds = []string{}
		for _, v := range list {
			if s, ok := v.(string); ok {
				in.kinds = append(in.kinds, s)
			}
		}
	} else if one, given := args["kinds"].(string); given {
		in.kinds = []string{one}
	}
	for name, into := range map[string]*time.Time{"from": &in.from, "to": &in.to} {
		s, given := args[name].(string)
		if !given {
			continue
		}
		if *into, err = parseInstant(s); err != nil {
			problems.Add([]any{name}, "FORMAT", "This is not an instant.")
		}
	}
	in.after, _ = args["after"].(string)
	return in, problems.Err()
}

// wants reports whether entries of a kind are asked for.
func (in *asked) wants(kind string) bool { return in.kinds == nil || slices.Contains(in.kinds, kind) }

// bound are the words to which cursors are bound: the record, the filter and the viewer.
func (in *asked) bound(x, viewer id.ID) []string {
	kinds := "all"
	if in.kinds != nil {
		kinds = "of " + strings.Join(in.kinds, ",")
	}
	return []string{"timeline", x.String(), kinds, instantText(in.from), instantText(in.to), viewer.String()}
}

func instantText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// place is the place of an entry in a timeline: newest first, among those of one instant by rank, newest id first, and by
// the number within a write. The zero place is before all.
type place struct {
	at   time.Time
	rank int // of the source
	id   id.ID
	sub  int
}

func (p place) compare(o place) int {
	switch {
	case !p.at.Equal(o.at):
		return o.at.Compare(p.at)
	case p.rank != o.rank:
		return p.rank - o.rank
	case p.id != o.id:
		return o.id.Compare(p.id)
	}
	return p.sub - o.sub
}

func (p place) keys() []any { return []any{p.at, int64(p.rank), p.id[:], int64(p.sub)} }

func placeOf(keys []any) (place, error) {
	if len(keys) == 4 {
		at, a := keys[0].(time.Time)
		rank, b := keys[1].(int64)
		x, c := keys[2].([]byte)
		sub, d := keys[3].(int64)
		if a && b && c && d && len(x) == len(id.ID{}) {
			return place{at, int(rank), id.ID(x), int(sub)}, nil
		}
	}
	return place{}, fault.New(fault.Internal, "a cursor of a timeline holds something else")
}

// entry is one entry on its way into an answer.
type entry struct {
	place
	source *source // nil: of the record's own history
	record id.ID   // of a source
	actor  id.ID
	value  map[string]any
}

// subject is a record whose timeline is read.
type subject struct {
	id      id.ID
	rights  *rights
	behind  *place // the cursor
	read    *place // of the history, in later rounds: the last place read
	entries []entry
}

// pages answers the field for many records.
func (t *Timeline) pages(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	if len(ids) > maxRecords {
		return nil, fault.New(fault.Limited, "Timelines are read of at most %d records at once.", maxRecords)
	}
	in, err := t.arguments(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]any, len(ids))
	for part := range slices.Chunk(ids, perStatement) {
		r := &reading{Timeline: t, ctx: ctx, q: q, a: a, kind: k, field: f, in: in, now: t.Clock.Now()}
		if err := r.run(part); err != nil {
			return nil, err
		}
		for i := range r.subjects {
			out[r.subjects[i].id] = r.connection(&r.subjects[i])
		}
	}
	return out, nil
}

// reading is the work on the timelines of some records.
type reading struct {
	*Timeline
	ctx      context.Context
	q        db.Querier
	a        *access.Actor
	kind     *model.Kind
	field    graphql.CollectedField
	in       asked
	now      time.Time
	subjects []subject
	more     map[id.ID]bool
	merged   map[id.ID][]id.ID // into the subjects
}

func (r *reading) run(ids []id.ID) error {
	for _, x := range ids {
		s := subject{id: x}
		if r.in.after != "" {
			keys, err := r.Read.OpenCursor(r.in.after, r.in.bound(x, r.a.User), "after")
			if err != nil {
				return err
			}
			p, err := placeOf(keys)
			if err != nil {
				return err
			}
			s.behind = &p
		}
		r.subjects = append(r.subjects, s)
	}
	if err := r.readRights(); err != nil {
		return err
	}
	if err := r.readSources(); err != nil {
		return err
	}
	if err := r.readHistory(); err != nil {
		return err
	}
	r.more = map[id.ID]bool{}
	for i := range r.subjects {
		s := &r.subjects[i]
		slices.SortFunc(s.entries, func(a, b entry) int { return a.compare(b.place) })
		r.more[s.id] = len(s.entries) > r.in.size
		s.entries = s.entries[:min(len(s.entries), r.in.size)]
	}
	return r.complete()
}

// connection writes a page.
func (r *reading) connection(s *subject) map[string]any {
	bound := r.in.bound(s.id, r.a.User)
	edges := []any{}
	info := map[string]any{"hasNextPage": r.more[s.id], "hasPreviousPage": s.behind != nil}
	for i := range s.entries {
		e := &s.entries[i]
		cursor := r.Read.SealCursor(bound, e.keys()...)
		if i == 0 {
			info["startCursor"] = cursor
		}
		info["endCursor"] = cursor
		// The id tells neither where the entry lies nor how much else was written.
		e.value["id"] = r.Read.SealCursor([]string{"entry of a timeline", s.id.String()}, e.keys()...)
		e.value["at"] = e.at
		edges = append(edges, map[string]any{"cursor": cursor, "node": e.value})
	}
	return map[string]any{"edges": edges, "pageInfo": info}
}
