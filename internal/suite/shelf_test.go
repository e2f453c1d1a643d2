package suite_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/text"
)

// shelf is the records of one kind, in memory and in the database.
type shelf struct {
	e    *farleytest.Env
	k    *model.Kind
	c    *farleytest.Client // sees everything
	rows []*book
	rng  *rand.Rand
	refs map[string][]string // some records of other kinds, by field
	from time.Time           // when the first record was made
}

// book is one record with the values that the API shows.
type book struct {
	id     id.ID
	values map[string]any
}

// newShelf makes n records of a kind, with nulls and equal values, and two of them in the bin.
func newShelf(t *testing.T, e *farleytest.Env, k *model.Kind, c *farleytest.Client, n int) *shelf {
	t.Helper()
	s := &shelf{e: e, k: k, c: c, rng: random(k.Name), refs: map[string][]string{}}
	e.Clock.Advance(e.Clock.Now().Add(time.Second))
	s.from = e.Clock.Now()
	for i := range n {
		if i%3 == 0 {
			e.Clock.Advance(e.Clock.Now().Add(1500 * time.Microsecond))
		}
		s.add(t)
	}
	for _, b := range s.rows[:2] {
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		bin(t, e, k, b.id)
	}
	s.load(t)
	return s
}

// add puts one more record on the shelf; load has to follow.
func (s *shelf) add(t *testing.T) *book {
	t.Helper()
	in := s.e.Valid(t, s.k.Name)
	date := s.rng.IntN(4)
	for _, f := range s.k.Fields {
		_, given := in[f.Name]
		switch {
		case f.Write == model.Never || f.Internal || f.Type == model.Objects && s.rng.IntN(2) == 0,
			!f.Required && !given && s.rng.IntN(10) < 3, f.Required && (f.Type == model.Ref || f.Type == model.ID):
			continue
		case f.Type == model.Ref || f.Type == model.Many:
			if v := s.ref(t, f); v != nil && !given {
				in[f.Name] = v
			}
		case f.Type == model.Date:
			in[f.Name] = s.e.Value(t, s.k, f, date)
		default:
			in[f.Name] = s.e.Value(t, s.k, f, s.rng.IntN(6))
		}
	}
	b := &book{id: s.e.Make(t, s.k.Name, in)}
	for _, f := range s.k.Fields {
		if f.Write == model.Never && !f.System && f.Type == model.DateTime && f.Name != "deletedAt" && s.rng.IntN(3) > 0 {
			execute(t, s.e, "UPDATE `"+s.k.Table+"` SET `"+f.Column+"` = ? WHERE id = ?", farleytest.Start.Add(time.Duration(s.rng.IntN(3))*time.Minute), b.id)
		}
	}
	s.rows = append(s.rows, b)
	return b
}

// ref returns one of a few records that a relation can lead to; nil for relations that exclude another one.
func (s *shelf) ref(t *testing.T, f *model.Field) any {
	if len(s.e.ValidWith(t, s.k.Name, f.Name, 0)) <= len(s.e.Valid(t, s.k.Name)) {
		return nil
	}
	if f.Type == model.Many && f.Target == s.k.Name {
		return nil // the other one may be in the bin by then
	}
	known := s.refs[f.Name]
	if len(known) < 2 {
		v := s.e.Make(t, f.Target, s.e.Valid(t, f.Target)).String()
		known = append(known, v)
		s.refs[f.Name] = known
	}
	v := known[s.rng.IntN(len(known))]
	if f.Type == model.Many {
		return []any{v}
	}
	return v
}

// load reads what the API shows of the records.
func (s *shelf) load(t *testing.T) {
	t.Helper()
	var fields, ids []string
	for _, f := range public(s.k) {
		fields = append(fields, selection(f))
	}
	for _, b := range s.rows {
		ids = append(ids, b.id.String())
	}
	d := s.c.Query(t, fmt.Sprintf(`query($ids: [ID!]) { it: %s(first: 100, where: {id: {in: $ids}, deletedAt: {}}) { nodes { %s } } }`, s.k.Plural, strings.Join(fields, " ")), farleytest.Vars{"ids": ids})
	found := map[string]map[string]any{}
	nodes, _ := d.At("it.nodes").V.([]any)
	for _, n := range nodes {
		m := n.(map[string]any)
		found[m["id"].(string)] = m
	}
	for _, b := range s.rows {
		b.values = found[b.id.String()]
		if b.values == nil {
			t.Fatalf("%s is not in the list", b.id)
		}
	}
}

// everybody loads all records of the kind that were made since the first one, also those made on the way for others.
func (s *shelf) everybody(t *testing.T) {
	t.Helper()
	s.rows = nil
	reading(t, s.e, func(rows *sql.Rows) error {
		b := &book{}
		s.rows = append(s.rows, b)
		return rows.Scan(&b.id)
	}, "SELECT id FROM `"+s.k.Table+"` WHERE created_at >= ? ORDER BY id", s.from)
	s.load(t)
}

func (b *book) inBin() bool { return b.values["deletedAt"] != nil }

// key is what an order by the field compares: nil, or a value of a type that is compared as it is.
func (s *shelf) key(f *model.Field, b *book) any {
	v := b.values[f.Name]
	if v == nil {
		return nil
	}
	switch {
	case f.Type == model.ID:
		x, _ := id.Parse(v.(string))
		return x
	case f.Type == model.Money:
		return s.reporting(v)
	case f.Type == model.DateTime:
		at, _ := scalar.ParseDateTime(v.(string))
		return at
	case f.Sort != "":
		return text.SortKey(v.(string))
	}
	return v
}

func (s *shelf) reporting(v any) int64 {
	m := v.(map[string]any)
	n, err := s.e.Money.ToReporting(m["amount"].(string), m["currency"].(string))
	if err != nil {
		panic(err)
	}
	return n
}

// order compares two keys: null is least.
func order(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case id.ID:
		return a.Compare(b.(id.ID))
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	case time.Time:
		return a.Compare(b.(time.Time))
	case []byte:
		return bytes.Compare(a, b.([]byte))
	case bool:
		if a == b.(bool) {
			return 0
		}
		if a {
			return 1
		}
		return -1
	}
	return strings.Compare(a.(string), b.(string))
}

// sorted returns the records that are not in the bin (or all), by the field and the id.
func (s *shelf) sorted(f *model.Field, desc, withBin bool) []*book {
	rows := slices.DeleteFunc(slices.Clone(s.rows), func(b *book) bool { return b.inBin() && !withBin })
	slices.SortFunc(rows, func(a, b *book) int {
		c := s.compare(f, a, b)
		if desc {
			return -c
		}
		return c
	})
	return rows
}

func (s *shelf) compare(f *model.Field, a, b *book) int {
	return cmp.Or(order(s.key(f, a), s.key(f, b)), a.id.Compare(b.id))
}
