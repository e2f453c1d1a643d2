package read_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/text"
)

// orders compare two accounts by an enum value; NULL is lowest.
var orders = map[string]func(w who, a, b *account) int{
	"NAME":      func(_ who, a, b *account) int { return bytes.Compare(text.SortKey(a.name), text.SortKey(b.name)) },
	"EMPLOYEES": func(_ who, a, b *account) int { return nullable(a.employees, b.employees) },
	"RATING":    func(_ who, a, b *account) int { return nullable(a.rating, b.rating) },
	"FOUNDED":   func(_ who, a, b *account) int { return nullable(a.founded, b.founded) },
	"REVENUE":   func(_ who, a, b *account) int { return nullable(a.revenue, b.revenue) },
	"LAST_AT": func(_ who, a, b *account) int {
		x, y := new(int64), new(int64)
		if a.lastAt != nil {
			*x = a.lastAt.UnixMicro()
		}
		if b.lastAt != nil {
			*y = b.lastAt.UnixMicro()
		}
		return cmp.Compare(*x, *y)
	},
	"CREATED_AT": func(_ who, a, b *account) int { return cmp.Compare(number(a)/3, number(b)/3) },
	"TAX_NUMBER": func(w who, a, b *account) int {
		x, y := a.tax, b.tax
		if !w.tax(a) {
			x = nil
		}
		if !w.tax(b) {
			y = nil
		}
		return nullable(x, y)
	},
	"ID": func(_ who, a, b *account) int { return a.id.Compare(b.id) },
}

func number(a *account) int { return int(a.id[14])<<8 | int(a.id[15]) }

func nullable[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

type orderTerm struct {
	field string
	desc  bool
}

func compareBy(w who, terms []orderTerm) func(a, b *account) int {
	return func(a, b *account) int {
		desc := false
		for _, t := range terms {
			desc = t.desc
			if c := orders[t.field](w, a, b); c != 0 {
				return signed(c, desc)
			}
		}
		return signed(a.id.Compare(b.id), desc)
	}
}

func signed(c int, desc bool) int {
	if desc {
		return -c
	}
	return c
}

type connection struct {
	Accounts struct {
		Edges []struct {
			Cursor string
			Node   struct{ ID string }
		}
		PageInfo   struct{ HasNextPage, HasPreviousPage bool }
		TotalCount struct{ Value int }
	}
}

func (c connection) ids() []string {
	out := []string{}
	for _, e := range c.Accounts.Edges {
		out = append(out, e.Node.ID)
	}
	return out
}

func TestList_pagesLikeTheModel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := e.world(t, 40)
		e.learn(t)
		actors := e.actors()
		rapid.Check(t, func(rt *rapid.T) {
			w := rapid.SampledFrom(actors).Draw(rt, "actor")
			fields := rapid.SliceOfN(rapid.SampledFrom([]string{"NAME", "EMPLOYEES", "RATING", "FOUNDED", "REVENUE", "LAST_AT", "CREATED_AT", "TAX_NUMBER", "ID"}), 0, 3).Draw(rt, "fields")
			var terms []orderTerm
			var by []string
			for i, f := range fields {
				desc := rapid.Bool().Draw(rt, fmt.Sprint("desc", i))
				terms = append(terms, orderTerm{f, desc})
				by = append(by, fmt.Sprintf("{field: %s, direction: %s}", f, map[bool]string{true: "DESC", false: "ASC"}[desc]))
			}
			size := rapid.IntRange(3, 25).Draw(rt, "size")
			backward := rapid.Bool().Draw(rt, "backward")
			compare := compareBy(w, terms)
			var left []*account // still to come
			for _, a := range all {
				if !a.binned && w.sees(a) {
					left = append(left, a)
				}
			}
			slices.SortFunc(left, compare)

			first, position, cursor := "first", "after", ""
			if backward {
				first, position = "last", "before"
				slices.Reverse(left)
			}
			var gone []*account
			defer func() {
				for _, a := range gone {
					e.exec(t, "UPDATE accounts SET deleted_at = NULL WHERE id = ?", a.id)
				}
			}()
			for {
				query := fmt.Sprintf("query($c: Cursor) { accounts(%s: %d, %s: $c, orderBy: [%s]) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } } }",
					first, size, position, strings.Join(by, ","))
				vars := map[string]any{}
				if cursor != "" {
					vars["c"] = cursor
				}
				var got connection
				if err := json.Unmarshal([]byte(e.must(t, w.actor, query, vars)), &struct{ *connection }{&got}); err != nil {
					rt.Fatal(err)
				}
				page := left[:min(size, len(left))]
				left = left[len(page):]
				want := []string{}
				for _, a := range page {
					want = append(want, a.id.String())
				}
				if backward {
					slices.Reverse(want)
				}
				if diff := gocmp.Diff(want, got.ids()); diff != "" {
					rt.Fatalf("%s as %s: %s", query, w.name, diff)
				}
				more, behind := got.Accounts.PageInfo.HasNextPage, got.Accounts.PageInfo.HasPreviousPage
				if backward {
					more, behind = behind, more
				}
				if more != (len(left) > 0) || behind != (cursor != "") {
					rt.Fatalf("%s as %s: more %v, behind %v, with %d left", query, w.name, more, behind, len(left))
				}
				if len(left) == 0 {
					return
				}
				cursor = got.Accounts.Edges[len(got.Accounts.Edges)-1].Cursor
				if backward {
					cursor = got.Accounts.Edges[0].Cursor
				}
				// the record of the cursor, or one to come, goes meanwhile
				if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
					victim := page[len(page)-1]
					if i := rapid.IntRange(-1, len(left)-1).Draw(rt, "victim"); i >= 0 {
						victim = left[i]
						left = slices.Delete(slices.Clone(left), i, i+1)
					}
					gone = append(gone, victim)
					e.exec(t, "UPDATE accounts SET deleted_at = ? WHERE id = ?", now, victim.id)
				}
				if len(left) == 0 {
					return
				}
			}
		})
	})
}
