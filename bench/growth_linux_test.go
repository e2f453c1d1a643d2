package bench

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

var (
	largest = flag.Int("largest", 1_000_000, "how many accounts the largest firm has whose pages BenchmarkGrowth measures")
	visits  = flag.Int("visits", 200, "how many accounts of other teams the rep takes part in, and how many are shared with him, in firms of any size")
)

// BenchmarkGrowth measures pages of the rep's accounts by name, in firms of 10,000, 100,000 and 1,000,000 accounts, and prints a
// table: the first page, one from the middle, and the last one, which is read backwards; by one client and by several (-clients).
// In the rep's sight are the accounts of the ten people of his team (a twentieth of all), 200 in which he takes part, and 200 that
// are shared with him or his team (-visits). The firms are asked in turn, so that what else the machine does disturbs all alike.
//
// The accounts are put in past the change log, so the search index, which follows it, knows nothing of them and has nothing to do
// beside what is measured. Lists do not use it.
func BenchmarkGrowth(b *testing.B) {
	for _, name := range []string{"sqlite", "mariadb"} {
		b.Run(name, func(b *testing.B) {
			var grown []*growth
			for _, n := range []int{10_000, 100_000, 1_000_000} {
				if n = max(400, int(float64(n)**scale)); n <= *largest {
					grown = append(grown, grow(b, name, n))
				}
			}
			for _, g := range grown {
				g.start(b) // only now: a token is good for fifteen minutes
			}
			for _, by := range []int{1, *clients} {
				for range *rounds {
					for _, g := range grown {
						for i, p := range g.pages {
							p.loadBy(b, g.farley, by) // so that all is in memory that will be
							g.took[i] = append(g.took[i], p.loadBy(b, g.farley, by))
						}
					}
				}
				var table strings.Builder
				fmt.Fprintf(&table, "\n| %s, %d at once | first page: p50, CPU | middle | last, backwards |\n|---|---|---|---|\n", name, by)
				for _, g := range grown {
					fmt.Fprintf(&table, "| %d accounts |", g.accounts)
					for i := range g.pages {
						m := median(g.took[i])
						fmt.Fprintf(&table, " %.2f ms, %.0f µs |", float64(m.p50.Microseconds())/1000, m.cpu)
						g.took[i] = nil
					}
					table.WriteString("\n")
				}
				if _, err := os.Stdout.WriteString(table.String() + "\n"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// growth is a firm of some size, with its own server, and what is asked of it: the first page, one from the middle, the last.
type growth struct {
	accounts int
	firm     *firm
	farley   *process
	pages    [3]*asker
	took     [3][]figures
}

func grow(b *testing.B, database string, accounts int) *growth {
	b.Helper()
	began := time.Now()
	f := newFirm(b, databases()[database](b), sizes{accounts, 400, 400, 400})
	f.visit(b)
	b.Logf("%s: %d accounts were put in in %s", database, accounts, time.Since(began).Round(time.Second))
	return &growth{accounts: accounts, firm: f}
}

// start runs the firm's server, and looks for the page in the middle.
func (g *growth) start(b *testing.B) {
	b.Helper()
	farley, token := startFarleyAfter(b, g.firm)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients, DisableCompression: true}, Timeout: time.Minute}
	page := func(variables map[string]any) *asker {
		raw := pageOf(b, variables)
		return &asker{url: farley.base + "/graphql", token: token, body: func(int) []byte { return raw }, n: &atomic.Int64{}, client: client}
	}
	middle := map[string]any{"first": 20}
	for range max(1, g.accounts/teams/2/100) {
		middle["after"] = endOf(b, page(map[string]any{"first": 100, "after": middle["after"]}))
	}
	g.farley, g.pages = farley, [3]*asker{page(map[string]any{"first": 20}), page(middle), page(map[string]any{"last": 20})}
}

// pageOf is the request for a page of accounts by name.
func pageOf(tb testing.TB, variables map[string]any) []byte {
	tb.Helper()
	const query = `query Page($after: Cursor, $first: Int, $last: Int) {
	accounts(first: $first, last: $last, after: $after, orderBy: {field: NAME, direction: ASC}) { nodes { id name industry city } pageInfo { endCursor } } }`
	raw, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// visit has the rep take part in accounts of other teams, and others shared with him or his team, spread over all accounts.
func (f *firm) visit(tb testing.TB) {
	tb.Helper()
	e := farleytest.On(tb, f.DB)
	shared := e.Role(tb, access.Role{Name: "Reads what is shared", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "SHARED"}}})
	e.Change(tb, f.rep, input.Object{"roles": []any{f.role.String(), shared.String()}})
	var others []id.ID
	err := db.Each(tb.Context(), f.Pool(), "SELECT id FROM accounts WHERE team_id <> ? ORDER BY id", []any{f.team}, func(rows *sql.Rows) error {
		var x id.ID
		defer func() { others = append(others, x) }()
		return rows.Scan(&x)
	})
	if err != nil {
		tb.Fatal(err)
	}
	r, set, at := newRandom(), kinds(), farleytest.Start.AddDate(0, -1, 0)
	parts := newBulk(tb, f.DB, "account_team_members", "id", "version", "created_at", "updated_at", "account_id", "user_id")
	shares := newBulk(tb, f.DB, "shares", "id", "version", "created_at", "updated_at", "record_id", "grantee_id", "level")
	for i := range *visits {
		place := func(half int) id.ID { return others[len(others)*(2*i+half)/(2**visits)] }
		parts.add(r.id(set["AccountTeamMember"], at), 1, at, at, place(0), f.rep)
		grantee := f.rep
		if i%2 == 1 {
			grantee = f.team
		}
		shares.add(r.id(set["Share"], at), 1, at, at, place(1), grantee, "READ")
	}
	parts.flush()
	shares.flush()
	f.settle(tb)
}

// endOf asks for a page and returns the cursor of its end.
func endOf(tb testing.TB, a *asker) string {
	tb.Helper()
	raw, err := a.ask()
	if err != nil {
		tb.Fatal(err)
	}
	var answer struct {
		Data struct {
			Accounts struct{ PageInfo struct{ EndCursor string } }
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Data.Accounts.PageInfo.EndCursor == "" {
		tb.Fatalf("%v: %.300s", err, raw)
	}
	return answer.Data.Accounts.PageInfo.EndCursor
}
