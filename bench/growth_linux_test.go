package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkGrowth measures a page of the rep's accounts by name, the first and one from the middle of what is in his sight (a
// twentieth of all), in firms of 10,000, 100,000 and 1,000,000 accounts, and prints a table. With -clients 1 the latency is
// that of one request. The terms of search of a million records are made before, which takes minutes.
func BenchmarkGrowth(b *testing.B) {
	const query = `query Page($after: Cursor, $first: Int) { accounts(first: $first, after: $after, orderBy: {field: NAME, direction: ASC}) { nodes { id name industry city } pageInfo { endCursor } } }`
	body := func(tb testing.TB, first int, after string) []byte {
		tb.Helper()
		vars := map[string]any{"first": first}
		if after != "" {
			vars["after"] = after
		}
		raw, err := json.Marshal(map[string]any{"query": query, "variables": vars})
		if err != nil {
			tb.Fatal(err)
		}
		return raw
	}
	for _, name := range []string{"sqlite", "mariadb"} {
		b.Run(name, func(b *testing.B) {
			var table strings.Builder
			fmt.Fprintf(&table, "| %s | the first page: p50, CPU | one from the middle |\n|---|---|---|\n", name)
			for _, n := range []int{10_000, 100_000, 1_000_000} {
				n = max(400, int(float64(n)**scale))
				b.Run(fmt.Sprint(n), func(b *testing.B) {
					f := newFirm(b, databases()[name](b), sizes{n, 400, 400, 400})
					farley, token := startFarley(b, f)
					client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients, DisableCompression: true}, Timeout: time.Minute}
					page := func(first int, after string) *asker {
						raw := body(b, first, after)
						return &asker{url: farley.base + "/graphql", token: token, body: func(int) []byte { return raw }, n: &atomic.Int64{}, client: client}
					}
					after := ""
					for range n / 20 / 2 / 100 {
						after = endOf(b, page(100, after))
					}
					first, middle := page(20, "").load(b, farley), page(20, after).load(b, farley)
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(first.cpu, "cpu-µs-first")
					b.ReportMetric(middle.cpu, "cpu-µs-middle")
					fmt.Fprintf(&table, "| %d accounts | %.2f ms, %.0f µs | %.2f ms, %.0f µs |\n", n,
						float64(first.p50.Microseconds())/1000, first.cpu, float64(middle.p50.Microseconds())/1000, middle.cpu)
				})
			}
			if _, err := os.Stdout.WriteString("\n" + table.String() + "\n"); err != nil {
				b.Fatal(err)
			}
		})
	}
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
