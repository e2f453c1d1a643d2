package read_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/viewer"
)

// A plan that is kept answers what one made anew would: for other records, other values, another time, other rights, and after
// a record that is not there.
func TestKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		e.counting = true
		e.insert(t, "shares", row{"id": ident(codeLink, 9500), "record_id": ident(codeAccount, 2), "grantee_id": ident(codeUser, 1), "level": "READ", "expires_at": now.Add(time.Hour)})
		one := `query One($id: ID!, $more: Boolean!) { account(id: $id) { name employees @include(if: $more) } }`
		list := `query All($n: Int, $name: String!) { accounts(first: $n, where: {name: {eq: $name}}) { nodes { name people(first: $n) { nodes { name } } } totalCount { value } } }`
		shared := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "SHARED", "CONTACT": "ALL"}))
		own := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "OWN", "CONTACT": "ALL"}))
		ask := func(a *access.Actor, query string, vars map[string]any) string {
			got, err := e.run(t, a, query, vars)
			if err != nil {
				return string(fault.CodeOf(err))
			}
			return got
		}
		noor, beta := `{"account":{"name":"Al \"Noor\"\n"}}`, `{"account":{"name":"Beta"}}`
		for round := range 4 {
			for i, c := range []struct {
				actor *access.Actor
				query string
				vars  map[string]any
				want  string
			}{
				{shared, one, map[string]any{"id": a(1), "more": false}, noor},
				{shared, one, map[string]any{"id": a(2), "more": false}, beta},
				{shared, one, map[string]any{"id": a(1), "more": true}, `{"account":{"name":"Al \"Noor\"\n","employees":12}}`},
				{shared, one, map[string]any{"id": a(7), "more": false}, "NOT_FOUND"},
				{own, one, map[string]any{"id": a(1), "more": false}, noor},
				{own, one, map[string]any{"id": a(2), "more": false}, "NOT_FOUND"},
				{shared, list, map[string]any{"n": 1, "name": "Beta"}, `{"accounts":{"nodes":[{"name":"Beta","people":{"nodes":[{"name":"D"}]}}],"totalCount":{"value":1}}}`},
				{shared, list, map[string]any{"n": 2, "name": "Beta"}, `{"accounts":{"nodes":[{"name":"Beta","people":{"nodes":[{"name":"D"},{"name":"E"}]}}],"totalCount":{"value":1}}}`},
				{shared, list, map[string]any{"name": "Nobody"}, `{"accounts":{"nodes":[],"totalCount":{"value":0}}}`},
				{own, list, map[string]any{"n": 1, "name": "Beta"}, `{"accounts":{"nodes":[],"totalCount":{"value":0}}}`},
			} {
				if diff := cmp.Diff(c.want, ask(c.actor, c.query, c.vars)); diff != "" {
					t.Errorf("round %d, %d: %s", round, i, diff)
				}
			}
		}
		if hits, misses := e.engine.Plans(); hits != 26 || misses != 14 {
			t.Errorf("%d hits and %d misses, want 26 and 14: of seven plans the first is not kept, the second is", hits, misses)
		}
		ids := []string{a(1), a(2), a(3), a(1), a(9), a(2)}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 20 {
					x := ids[(g+i)%len(ids)]
					want := map[string]string{a(1): noor, a(2): beta}[x]
					if want == "" {
						want = "NOT_FOUND"
					}
					if got := ask(shared, one, map[string]any{"id": x, "more": false}); got != want {
						t.Errorf("at once with others: %s is %s", x, got)
					}
				}
			})
		}
		wg.Wait()

		e.clock.Advance(now.Add(2 * time.Hour)) // the share has ended
		if got := ask(shared, one, map[string]any{"id": a(2), "more": false}); got != "NOT_FOUND" {
			t.Errorf("a share that has ended: %s", got)
		}
		more := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "ALL", "CONTACT": "ALL"}))
		if got := ask(more, one, map[string]any{"id": a(2), "more": false}); got != beta {
			t.Errorf("with another role: %s", got)
		}
		moved := *shared
		moved.Teams, moved.Epoch = []id.ID{ident(codeTeam, 1)}, "moved"
		e.exec(t, "UPDATE accounts SET team_id = ? WHERE id = ?", ident(codeTeam, 1), ident(codeAccount, 2))
		if got := ask(&moved, one, map[string]any{"id": a(2), "more": false}); got != beta {
			t.Errorf("in another team: %s", got)
		}
	})
}

// Few plans are kept, and none for long values.
func TestKept_bounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		e.counting = true
		query := `query All($name: String!) { accounts(where: {name: {eq: $name}}) { nodes { name } } }`
		admin := e.admin()
		for range 3 {
			e.must(t, admin, query, map[string]any{"name": strings.Repeat("x", 3000)})
		}
		if hits, _ := e.engine.Plans(); hits != 0 {
			t.Errorf("%d plans of long values were kept", hits)
		}
		for i := range 1500 {
			e.must(t, admin, query, map[string]any{"name": fmt.Sprint(i / 2)})
		}
		before, _ := e.engine.Plans()
		for i := range 300 {
			e.must(t, admin, query, map[string]any{"name": fmt.Sprint(i + 10_000)}) // asked for once
		}
		e.must(t, admin, query, map[string]any{"name": "749"})
		if after, _ := e.engine.Plans(); after != before+1 {
			t.Errorf("%d hits, want %d", after, before+1)
		}
		for i := range 1100 {
			e.must(t, admin, query, map[string]any{"name": fmt.Sprint(i + 20_000)})
		}
		e.must(t, admin, query, map[string]any{"name": "749"})
		if after, _ := e.engine.Plans(); after != before+1 {
			t.Errorf("a plan is kept behind 1,100 others")
		}
	})
}
