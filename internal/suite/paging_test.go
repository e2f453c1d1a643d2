package suite_test

import (
	"fmt"
	"slices"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/scalar"
)

// Every order gives every record once, in order, in pages of any size, forwards and backwards.
func TestPaging_againstListInMemory(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			s := newShelf(t, e, k, admin, 14)
			s.everybody(t)
			for _, f := range public(k) {
				if !f.Order {
					continue
				}
				sizes := []int{1, 2, 3, 4, 5, 6, 7}
				if !*all {
					sizes = sizes[random(k.Name+f.Name).IntN(4)+3:][:1]
				}
				t.Run(k.Name+"/"+f.Name, func(t *testing.T) {
					for _, size := range sizes {
						for _, desc := range []bool{false, true} {
							for _, backward := range []bool{false, true} {
								w := walk{s: s, f: f, size: size, desc: desc, backward: backward}
								w.still(t)
							}
						}
					}
				})
			}
		}
	})
}

// Records that come and go between pages neither hide nor repeat others: each page is what stands behind the last cursor
// at that moment, be its record gone.
func TestPaging_whileTheListChanges(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			var orders []*model.Field
			for _, f := range public(k) {
				if f.Order && f.Name != "deletedAt" && f.Name != "updatedAt" {
					orders = append(orders, f)
				}
			}
			rng := random(k.Name)
			rng.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
			if !*all {
				orders = orders[:min(len(orders), 2)]
			}
			for _, f := range orders {
				t.Run(k.Name+"/"+f.Name, func(t *testing.T) {
					s := newShelf(t, e, k, admin, 10)
					s.everybody(t)
					w := walk{s: s, f: f, size: 2 + rng.IntN(2), desc: rng.IntN(2) == 0, backward: rng.IntN(2) == 0}
					w.moving(t)
				})
			}
		}
	})
}

// walk is a walk through one list.
type walk struct {
	s              *shelf
	f              *model.Field
	size           int
	desc, backward bool

	last   *book  // the one that the cursor stands on
	cursor string // "" before the first page
}

// want is the page that has to come next, and whether there are more behind it.
func (w *walk) want(withBin bool) ([]id.ID, bool) {
	rows := w.s.sorted(w.f, w.desc, withBin)
	if w.backward {
		slices.Reverse(rows)
	}
	if w.last != nil {
		rows = slices.DeleteFunc(rows, func(b *book) bool {
			c := w.s.compare(w.f, b, w.last)
			if w.desc != w.backward {
				c = -c
			}
			return c <= 0
		})
	}
	page := rows[:min(len(rows), w.size)]
	more := len(page) < len(rows)
	ids := make([]id.ID, len(page))
	for i, b := range page {
		ids[i] = b.id
	}
	if w.backward {
		slices.Reverse(ids)
	}
	return ids, more
}

// next reads the next page and compares it. It returns whether there are more.
func (w *walk) next(t *testing.T) bool {
	t.Helper()
	withBin := w.f.Name == "deletedAt"
	where := map[string]any{"createdAt": map[string]any{"gte": w.s.from.Format(scalar.Layout)}}
	if withBin {
		where["deletedAt"] = map[string]any{}
	}
	direction := "ASC"
	if w.desc {
		direction = "DESC"
	}
	args, more := "first: $n, after: $cursor", "hasNextPage"
	if w.backward {
		args, more = "last: $n, before: $cursor", "hasPreviousPage"
	}
	vars := farleytest.Vars{"n": w.size, "where": where, "by": []any{map[string]any{"field": w.f.Const, "direction": direction}}}
	if w.cursor != "" {
		vars["cursor"] = w.cursor
	}
	d := w.s.c.Query(t, fmt.Sprintf(`query($n: Int, $cursor: Cursor, $where: %[1]sWhere, $by: [%[1]sOrder!]) { it: %[2]s(%[3]s, where: $where, orderBy: $by) {
		edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, w.s.k.Name, w.s.k.Plural, args), vars).At("it")
	wantIDs, wantMore := w.want(withBin)
	got := d.At("edges").Texts("node.id")
	if !slices.Equal(got, texts(wantIDs)) {
		t.Fatalf("%s %s, pages of %d, backward %t: the page is %v, want %v", w.f.Name, direction, w.size, w.backward, got, wantIDs)
	}
	if m := d.At("pageInfo." + more).V; m != wantMore {
		t.Fatalf("%s %s, pages of %d, backward %t: %s is %v", w.f.Name, direction, w.size, w.backward, more, m)
	}
	if len(got) == 0 {
		return false
	}
	cursors := d.At("edges").Texts("cursor")
	if a, b := d.At("pageInfo.startCursor").Text(), d.At("pageInfo.endCursor").Text(); a != cursors[0] || b != cursors[len(cursors)-1] {
		t.Fatalf("pageInfo has other cursors than the edges: %s", d.JSON())
	}
	at := len(got) - 1
	if w.backward {
		at = 0
	}
	w.cursor = cursors[at]
	w.last = w.s.book(got[at])
	return wantMore
}

// still walks a list that does not change.
func (w *walk) still(t *testing.T) {
	t.Helper()
	for w.next(t) {
	}
}

// moving walks a list in which records come and go.
func (w *walk) moving(t *testing.T) {
	t.Helper()
	for step := 0; w.next(t) && step < 8; step++ {
		live := slices.DeleteFunc(slices.Clone(w.s.rows), func(b *book) bool { return b.inBin() })
		gone := live[w.s.rng.IntN(len(live))]
		if step == 0 {
			gone = w.last
		}
		bin(t, w.s.e, w.s.k, gone.id)
		w.s.add(t)
		w.s.everybody(t)
	}
}

func (s *shelf) book(x string) *book {
	for _, b := range s.rows {
		if b.id.String() == x {
			return b
		}
	}
	return nil
}

func texts(ids []id.ID) []string {
	out := make([]string, len(ids))
	for i, x := range ids {
		out[i] = x.String()
	}
	return out
}
