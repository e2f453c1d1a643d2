package read_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type nestedPage struct {
	Edges []struct {
		Cursor string
		Node   struct{ ID string }
	}
	PageInfo   struct{ HasNextPage, HasPreviousPage bool }
	TotalCount struct{ Value int }
}

func TestList_pagesOfManyParentsLikeTheModel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := e.world(t, 60)
		actors := e.actors()
		rapid.Check(t, func(rt *rapid.T) {
			w := rapid.SampledFrom(actors).Draw(rt, "actor")
			field := rapid.SampledFrom([]string{"people", "contacts"}).Draw(rt, "field")
			desc, backward := rapid.Bool().Draw(rt, "desc"), rapid.Bool().Draw(rt, "backward")
			size := rapid.IntRange(1, 4).Draw(rt, "size")
			rank := rapid.IntRange(0, ranks).Draw(rt, "rank")
			args := fmt.Sprintf("%s: %d, orderBy: {field: RANK, direction: %s}, where: {not: {rank: {eq: %d}}}",
				map[bool]string{true: "last", false: "first"}[backward], size, map[bool]string{true: "DESC", false: "ASC"}[desc], rank)
			query := fmt.Sprintf(`{ accounts(first: 100) { nodes { list: %s(%s) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } totalCount { value } } } } }`, field, args)

			var got struct {
				Accounts struct{ Nodes []struct{ List nestedPage } }
			}
			e.Counter.Reset()
			if err := json.Unmarshal([]byte(e.must(t, w.actor, query, nil)), &got); err != nil {
				rt.Fatal(err)
			}
			if n := e.Counter.N(); n > 3*3 { // it is asked three times
				rt.Fatalf("%s: %d statements for %d parents", query, n, len(got.Accounts.Nodes))
			}
			i := 0
			for _, a := range all {
				if a.binned || !w.sees(a) {
					continue
				}
				people := a.people
				if field == "contacts" {
					people = a.links
				}
				people = slices.DeleteFunc(slices.Clone(people), func(p *person) bool {
					return p.account.binned || !w.sees(p.account) || p.rank != nil && *p.rank == rank
				})
				slices.SortFunc(people, func(p, q *person) int {
					if c := nullable(p.rank, q.rank); c != 0 {
						return signed(c, desc)
					}
					return signed(p.id.Compare(q.id), desc)
				})
				want := []string{}
				for _, p := range people {
					want = append(want, p.id.String())
				}
				page := want[:min(size, len(want))]
				if backward {
					page = want[max(0, len(want)-size):]
				}
				l := got.Accounts.Nodes[i].List
				i++
				ids := []string{}
				for _, edge := range l.Edges {
					ids = append(ids, edge.Node.ID)
				}
				if diff := gocmp.Diff(page, ids); diff != "" {
					rt.Fatalf("%s as %s: %s", query, w.name, diff)
				}
				more := l.PageInfo.HasNextPage
				if backward {
					more = l.PageInfo.HasPreviousPage
				}
				if more != (len(want) > size) || l.TotalCount.Value != len(want) {
					rt.Fatalf("%s as %s: more %v, total %d of %d", query, w.name, more, l.TotalCount.Value, len(want))
				}
			}
			if i != len(got.Accounts.Nodes) {
				rt.Fatalf("%d accounts, want %d", len(got.Accounts.Nodes), i)
			}
		})
	})
}
