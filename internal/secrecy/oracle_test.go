package secrecy_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

var (
	cases = flag.Int("farley.cases", defaultCases, "random cases of each test on each database")
	seed  = flag.Uint64("farley.seed", 1, "what random cases grow from")
)

// casesPerWorld is how many readers look at one world.
const casesPerWorld = 10

// forCases runs fn for random readers of random worlds on both databases.
func forCases(t *testing.T, fn func(t *testing.T, m *maker, c *farleytest.Client)) {
	t.Helper()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rnd := rand.New(rand.NewPCG(*seed, 0)) //nolint:gosec // repeatable on purpose
		m := populate(t, e, rnd)
		for n := range *cases {
			m.rnd = rand.New(rand.NewPCG(*seed, uint64(n+1))) //nolint:gosec // repeatable on purpose
			if n > 0 && n%casesPerWorld == 0 {
				m.stir()
			}
			fn(t, m, m.reader())
			if t.Failed() {
				t.Fatalf("in case %d of seed %d", n, *seed)
			}
		}
	}, func(c *app.Config) { c.Limits.Cost = 1 << 30 }) // random operations are what they are
}

// stir gives accounts and contacts to other owners, and adds some.
func (m *maker) stir() {
	for _, x := range append(m.accounts[2:], m.contacts...) {
		in := input.Object{"owner": m.some(m.users), "team": m.maybe(m.some(m.teams)), "partner": m.maybe(m.some(m.partners)), "branch": m.some(m.branches), "territory": m.some(m.territories)}
		_ = change(m.t.Context(), m.e, x, in) // what is in the bin stays as it is
	}
	m.account()
	m.contact()
	m.link()
	m.note()
	m.share()
	m.takesPart()
}

// reader gives one of the users random roles.
func (m *maker) reader() *farleytest.Client {
	ids := []any{}
	for _, r := range m.roles() {
		ids = append(ids, m.e.Role(m.t, r).String())
	}
	user := m.users[m.rnd.IntN(len(m.users))]
	m.e.Change(m.t, user, input.Object{"roles": ids})
	return m.e.SignIn(m.t, user)
}

// change changes a record past all rights.
func change(ctx context.Context, e *farleytest.Env, x id.ID, in input.Object) error {
	return e.App.Write.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		_, err := tx.Update(ctx, e.Set.Of(x), x, in)
		return err
	})
}

// systemDelete moves a record to the bin past all rights.
func systemDelete(ctx context.Context, e *farleytest.Env, x id.ID) error {
	return e.App.Write.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		return tx.Set(ctx, e.Set.Of(x), x, map[string]any{"deleted_at": tx.Now})
	})
}

// Every answer is what the definitions of the roles say, worked out in memory: which records, which values, which order,
// how many, page by page.
func TestOracle(t *testing.T) {
	t.Parallel()
	forCases(t, func(t *testing.T, m *maker, c *farleytest.Client) {
		r := stored(t, m.e).as(c.User)
		a := &author{r, m.rnd}
		for range 5 {
			op, ok := a.operation()
			if !ok {
				return
			}
			followPages(t, c, r, op)
		}
		byID(t, c, r, a)
	})
}

// followPages compares the first pages of a list.
func followPages(t *testing.T, c *farleytest.Client, r *reader, op operation) {
	t.Helper()
	all := op.all(r)
	after := ""
	op.list.cursors = true
	for page := range 3 {
		document := op.document(after)
		got := c.Query(t, document, nil).At("it")
		want := r.page(op.list, all, page*op.list.first)
		if page > 0 {
			// From a cursor the page on its other side is there without being looked for.
			want["pageInfo"] = got.At("pageInfo").V
		}
		if diff := cmp.Diff(canonical(want), canonical(got.V)); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", document, diff)
			return
		}
		word := "endCursor"
		if op.list.backward {
			word = "startCursor"
		}
		if after = got.At("pageInfo." + word).Text(); after == "" {
			return
		}
	}
}

// byID compares node, nodes and the lists of ids.
func byID(t *testing.T, c *farleytest.Client, r *reader, a *author) {
	t.Helper()
	var ids, want []any
	for _, k := range r.w.set.Kinds {
		if k.Link {
			continue
		}
		for range 2 {
			if records := r.w.byKind[k]; len(records) > 0 {
				x := pick(a, records)
				ids = append(ids, x.id.String())
				if r.visible(x) {
					want = append(want, map[string]any{"id": x.id.String()})
				} else {
					want = append(want, nil)
				}
			}
		}
	}
	got := c.Query(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, farleytest.Vars{"ids": ids}).At("nodes")
	if diff := cmp.Diff(canonical(want), canonical(got.V)); diff != "" {
		t.Errorf("nodes%s (-want +got):\n%s", fmt.Sprint(ids), diff)
	}
}
