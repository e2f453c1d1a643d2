package change_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// told is what tests compare of an event.
type told struct {
	Position int64
	Op       change.Op
	Record   id.ID
	Version  int64
	Actor    id.ID
	Changed  []string
	Node     any
}

func tellings(events []*change.Event) []told {
	var all []told
	for _, e := range events {
		all = append(all, told{e.Position, e.Op, e.Record, e.Version, e.Actor, e.Changed, e.Node})
	}
	return all
}

// feedOf writes rows into a fresh log and returns what the reader is told of them.
func feedOf(t testing.TB, r change.Reader, load change.Load, rows ...change.Row) []told {
	t.Helper()
	d := onSQLite(t)
	l := newLog(d, nil)
	for _, x := range rows { // one by one, so that positions follow this order
		write(t, d, l, x)
		sequence(t, l)
	}
	page, err := l.Feed(t.Context(), nil, r, change.Query{Set: newSet(), First: 1000, Load: load})
	if err != nil {
		t.Fatal(err)
	}
	return tellings(page.Events)
}

func TestRules(t *testing.T) {
	t.Parallel()
	me, you := newUser(), newUser()
	record := newDeal()
	mine, yours := ownedBy(me), ownedBy(you)
	name := []change.FieldChange{{Field: "name"}}
	margin := []change.FieldChange{{Field: "margin"}, {Field: "version"}, {Field: "unheardOf"}}
	both := slices.Concat(margin, name)

	tests := []struct {
		name          string
		op            change.Op
		before, after *access.Keys
		fields        []change.FieldChange
		want          []told
	}{
		{"created in sight", change.Created, nil, mine, both, []told{{Op: "CREATED", Version: 4, Actor: you, Changed: []string{"name"}}}},
		{"created out of sight", change.Created, nil, yours, name, nil},
		{"updated in sight", change.Updated, mine, mine, both, []told{{Op: "UPDATED", Version: 4, Actor: you, Changed: []string{"name"}}}},
		{"updated out of sight", change.Updated, yours, yours, name, nil},
		{"hidden field only", change.Updated, mine, mine, margin, nil},
		{"nothing changed", change.Updated, mine, mine, nil, nil},
		{"comes into sight", change.Updated, yours, mine, name, []told{{Op: "ENTERED", Version: 4, Actor: you}}},
		{"goes out of sight", change.Updated, mine, yours, name, []told{{Op: "LEFT"}}},
		{"deleted in sight", change.Deleted, mine, mine, name, []told{{Op: "DELETED"}}},
		{"deleted for good", change.Deleted, mine, nil, nil, []told{{Op: "DELETED"}}},
		{"deleted out of sight", change.Deleted, yours, nil, nil, nil},
		{"deleted into sight", change.Deleted, yours, mine, nil, nil},
		{"restored in sight", change.Restored, mine, mine, nil, []told{{Op: "RESTORED", Version: 4, Actor: you}}},
		{"restored into sight", change.Restored, nil, mine, nil, []told{{Op: "RESTORED", Version: 4, Actor: you}}},
		{"restored out of sight", change.Restored, yours, yours, nil, nil},
		{"merged away", change.Merged, mine, nil, nil, []told{{Op: "MERGED"}}},
		{"merged away out of sight", change.Merged, yours, nil, nil, nil},
		{"survives a merge", change.Merged, mine, mine, name, []told{{Op: "MERGED", Version: 4, Actor: you, Changed: []string{"name"}}}},
		{"a merge gives it away", change.Merged, mine, yours, name, []told{{Op: "LEFT"}}},
		{"erased", change.Erased, mine, nil, nil, []told{{Op: "ERASED"}}},
		{"erased in part", change.Erased, mine, mine, name, []told{{Op: "ERASED", Version: 4, Actor: you, Changed: []string{"name"}}}},
		{"never existed", change.Updated, nil, nil, name, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i := range tt.want {
				tt.want[i].Position, tt.want[i].Record = 1, record
			}
			got := feedOf(t, person{user: me}, nil, change.Row{
				Kind: dealCode, Record: record, Op: tt.op, Version: 4, Actor: you, At: start, Fields: tt.fields, Before: tt.before, After: tt.after,
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// sharer reads the margin of records that are shared with him, and sees all.
type sharer struct{ person }

func (s sharer) Sees(_ *model.Kind, keys *access.Keys, now time.Time) bool {
	return keys.Owner == s.user || s.shared(keys, now)
}

func (sharer) Named(k *model.Kind, name string) *model.Field { return k.Field(name) }

func (sharer) Custom(*model.Kind) []*model.Field { return nil }

func (s sharer) ReadsField(_ *model.Kind, f *model.Field, keys *access.Keys, now time.Time) bool {
	return !f.Sensitive || s.shared(keys, now)
}

func (s sharer) shared(keys *access.Keys, now time.Time) bool {
	return slices.ContainsFunc(keys.Shares, func(k access.ShareKey) bool {
		return k.Grantee == s.user && (k.Until.IsZero() || k.Until.After(now))
	})
}

func TestRules_shareOpensAField(t *testing.T) {
	t.Parallel()
	me := newUser()
	record := newDeal()
	closed := ownedBy(me)
	open := &access.Keys{Owner: me, Shares: []access.ShareKey{{Grantee: me}}}
	shared := change.Row{Kind: dealCode, Record: record, Op: change.Updated, Version: 1, At: start, Before: closed, After: open}
	got := feedOf(t, sharer{person{user: me}}, nil, shared)
	if diff := cmp.Diff([]told{{Position: 1, Op: "UPDATED", Record: record, Version: 1, Changed: []string{"margin"}}}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestRules_shareThatHasRunOut(t *testing.T) {
	t.Parallel()
	me := newUser()
	record := newDeal()
	keys := &access.Keys{Owner: newUser(), Shares: []access.ShareKey{{Grantee: me, Until: start.Add(time.Hour)}}} // long ago by now
	changed := row(record, 1, change.Updated)
	changed.Before, changed.After = keys, keys
	got := feedOf(t, sharer{person{user: me}}, nil, changed)
	if diff := cmp.Diff([]told{{Position: 1, Op: "LEFT", Record: record}}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestRules_withActor(t *testing.T) {
	t.Parallel()
	me := newUser()
	set := newSet()
	rep := &access.Actor{Policy: access.Compile(set, []access.Role{{
		ID: "rep", Name: "rep", Permissions: []access.Permission{{Object: "DEAL", Action: "READ", Scope: "OWN"}},
	}})}
	rep.User, rep.Viewer.Epoch = me, "e7"
	reader := change.As(set, rep)
	if reader.Epoch() != "e7" {
		t.Errorf("epoch is %q; want e7", reader.Epoch())
	}
	record := newDeal()
	in := row(record, 1, change.Updated)
	in.Before, in.After = ownedBy(newUser()), ownedBy(me)
	change2 := row(record, 2, change.Updated)
	change2.Before, change2.After = ownedBy(me), ownedBy(me)
	change2.Fields = []change.FieldChange{{Field: "margin"}, {Field: "stage"}}
	hidden := change2
	hidden.Version, hidden.Fields = 3, []change.FieldChange{{Field: "margin"}}
	note := row(id.New(noteCode, start), 1, change.Created)
	note.After = ownedBy(me)
	out := row(record, 4, change.Updated)
	out.Before, out.After = ownedBy(me), ownedBy(newUser())

	got := feedOf(t, reader, nil, in, change2, hidden, note, out)
	want := []told{
		{Position: 1, Op: "ENTERED", Record: record, Version: 1},
		{Position: 2, Op: "UPDATED", Record: record, Version: 2, Changed: []string{"stage"}},
		{Position: 5, Op: "LEFT", Record: record},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// A reader who applies the feed to an empty list must end with exactly what he would read by asking, and must never be
// told the id of a record that was not in his sight. The model is written from the reader's side, not from the rules.
func TestRules_feedConverges(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	l := newLog(d, nil)
	position := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		me, you := newUser(), newUser()
		reader := person{user: me, margin: rapid.Bool().Draw(rt, "margin")}
		w := newWorld(rapid.IntRange(1, 4).Draw(rt, "records"))
		seen := map[id.ID]bool{} // ids that were ever in sight
		var rows []change.Row
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			x := rapid.SampledFrom(w.ids).Draw(rt, "record")
			r, ok := w.step(rt, x, me, you)
			if !ok {
				continue
			}
			rows = append(rows, r)
			if w.owner[x] == me {
				seen[x] = true
			}
		}
		write(t, d, l, rows...)
		sequence(t, l)
		page, err := l.Feed(t.Context(), nil, reader, change.Query{Set: newSet(), After: position, First: 1000})
		if err != nil {
			rt.Fatal(err)
		}
		position += int64(len(rows))
		if page.End != position || page.More {
			rt.Fatalf("page ends at %d, more %t; want %d, false", page.End, page.More, position)
		}

		list := map[id.ID]bool{}
		for _, e := range page.Events {
			if !seen[e.Record] {
				rt.Fatalf("%s %s was never in sight", e.Op, e.Record)
			}
			if slices.Contains(e.Changed, "margin") && !reader.margin {
				rt.Fatal("a hidden field is named")
			}
			switch e.Op {
			case change.Created, change.Restored, change.Entered:
				if list[e.Record] {
					rt.Fatalf("%s of a record in the list", e.Op)
				}
				list[e.Record] = true
			case change.Updated:
				if !list[e.Record] {
					rt.Fatal("UPDATED of a record that is not in the list")
				}
			case change.Deleted, change.Left:
				if !list[e.Record] {
					rt.Fatalf("%s of a record that is not in the list", e.Op)
				}
				if e.Version != 0 || !e.Actor.IsZero() || e.Changed != nil || e.Node != nil {
					rt.Fatalf("%s tells more than the id", e.Op)
				}
				delete(list, e.Record)
			}
		}
		want := map[id.ID]bool{}
		for _, x := range w.ids {
			if w.owner[x] == me {
				want[x] = true
			}
		}
		if diff := cmp.Diff(want, list); diff != "" {
			rt.Fatalf("list after the feed (-want +got):\n%s", diff)
		}
	})
}

// world is the naive model: who owns the live records.
type world struct {
	ids     []id.ID
	owner   map[id.ID]id.ID // of live records
	former  map[id.ID]id.ID // of those in the bin
	version map[id.ID]int64
}

func newWorld(n int) *world {
	w := &world{owner: map[id.ID]id.ID{}, former: map[id.ID]id.ID{}, version: map[id.ID]int64{}}
	for range n {
		w.ids = append(w.ids, newDeal())
	}
	return w
}

// step does something to a record and returns its change row.
func (w *world) step(t *rapid.T, x, me, you id.ID) (change.Row, bool) {
	owner := rapid.SampledFrom([]id.ID{me, you}).Draw(t, "owner")
	field := rapid.SampledFrom([]string{"name", "margin"}).Draw(t, "field")
	r := change.Row{Kind: dealCode, Record: x, At: start, Actor: you, Fields: []change.FieldChange{{Field: field}}}
	if o, live := w.owner[x]; live {
		r.Before = ownedBy(o)
	}
	op := rapid.SampledFrom([]change.Op{change.Created, change.Updated, change.Updated, change.Deleted, change.Restored}).Draw(t, "op")
	_, live := w.owner[x]
	former, binned := w.former[x]
	switch {
	case op == change.Created && !live && !binned:
		w.owner[x] = owner
	case op == change.Updated && live:
		w.owner[x] = owner
	case op == change.Deleted && live:
		w.former[x] = w.owner[x]
		delete(w.owner, x)
	case op == change.Restored && binned:
		w.owner[x] = former
		delete(w.former, x)
	default:
		return r, false
	}
	if o, live := w.owner[x]; live {
		r.After = ownedBy(o)
	}
	w.version[x]++
	r.Op, r.Version = op, w.version[x]
	return r, true
}

func TestFeed_pages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		l := newLog(d, nil)
		me := newUser()
		record, hidden := newDeal(), newDeal()
		var rows []change.Row
		for v := range int64(2300) { // one in ten is mine
			r := row(record, v+1, change.Updated)
			r.Before, r.After = ownedBy(me), ownedBy(me)
			if v%10 != 0 {
				r = row(hidden, v+1, change.Updated)
			}
			rows = append(rows, r)
		}
		for _, r := range rows[:11] {
			write(t, d, l, r)
			sequence(t, l)
		}
		write(t, d, l, rows[11:]...)
		sequence(t, l)

		query := change.Query{Set: newSet(), First: 100}
		var got []int64
		pages := 0
		for more := true; more; pages++ {
			page, err := l.Feed(t.Context(), nil, person{user: me}, query)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				got = append(got, e.Version)
			}
			query.After, more = page.End, page.More
		}
		var want []int64
		for v := range int64(230) {
			want = append(want, v*10+1)
		}
		if diff := cmp.Diff(want, got); diff != "" || pages != 3 || query.After != 2300 {
			t.Errorf("%d pages to %d; want 3 to 2300; versions (-want +got):\n%s", pages, query.After, diff)
		}
	})
}

func TestFeed_bounds(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	l := newLog(d, nil)
	record := newDeal()
	var rows []change.Row
	for v := range int64(10) {
		rows = append(rows, row(record, v+1, change.Updated))
	}
	write(t, d, l, rows...)
	sequence(t, l)
	// As if many more had followed.
	if _, err := d.Pool().ExecContext(t.Context(), "UPDATE change_counter SET position = 10050"); err != nil {
		t.Fatal(err)
	}
	feed := func(after int64, first int, kinds ...id.Kind) (change.Page, error) {
		return l.Feed(t.Context(), nil, person{user: newUser()}, change.Query{Set: newSet(), After: after, First: first, Kinds: kinds})
	}
	for _, kinds := range [][]id.Kind{nil, {noteCode}} {
		page, err := feed(0, 10, kinds...)
		if diff := cmp.Diff(change.Page{End: 10_000, More: true}, page); err != nil || diff != "" {
			t.Errorf("who sees nothing, %v: %v (-want +got):\n%s", kinds, err, diff)
		}
		page, err = feed(10_000, 10, kinds...)
		if diff := cmp.Diff(change.Page{End: 10_050}, page); err != nil || diff != "" {
			t.Errorf("the rest, %v: %v (-want +got):\n%s", kinds, err, diff)
		}
	}
	_, err := feed(0, 0)
	wantCode(t, err, fault.Invalid)
	_, err = feed(0, 1001)
	wantCode(t, err, fault.Invalid)
	_, err = feed(10_051, 1)
	wantCode(t, err, fault.CursorExpired)
	if _, err := l.Prune(t.Context(), start.Add(6*time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = feed(4, 1)
	wantCode(t, err, fault.CursorExpired)
	_, err = feed(5, 1)
	wantCode(t, err, "")
}

func TestFeed_loadsOnce(t *testing.T) {
	t.Parallel()
	a, b, gone := newDeal(), newDeal(), newDeal()
	calls := 0
	load := func(_ context.Context, _ change.Reader, ids []id.ID) (map[id.ID]any, error) {
		calls++
		if diff := cmp.Diff([]id.ID{a, gone, b}, ids); diff != "" {
			t.Errorf("loaded (-want +got):\n%s", diff)
		}
		return map[id.ID]any{a: "A", b: "B"}, nil
	}
	got := feedOf(t, everybody, load, row(a, 1, change.Updated), row(gone, 1, change.Updated), row(b, 1, change.Updated), row(a, 2, change.Updated))
	want := []told{
		{Position: 1, Op: "UPDATED", Record: a, Version: 1, Changed: []string{"name"}, Node: "A"},
		{Position: 3, Op: "UPDATED", Record: b, Version: 1, Changed: []string{"name"}, Node: "B"},
		{Position: 4, Op: "UPDATED", Record: a, Version: 2, Changed: []string{"name"}, Node: "A"},
	}
	if diff := cmp.Diff(want, got); diff != "" || calls != 1 {
		t.Errorf("%d loads; want 1; told (-want +got):\n%s", calls, diff)
	}
}
