package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
)

var (
	scale   = flag.Float64("scale", 1, "share of the records: 1 is 50,000 accounts, 150,000 contacts, 100,000 opportunities, 200,000 activities")
	seconds = flag.Float64("seconds", 5, "how long each is asked each time")
	rounds  = flag.Int("rounds", 3, "how often each is asked")
	clients = flag.Int("clients", 16, "how many connections ask")
)

// asker sends one request again and again.
type asker struct {
	url, token string
	body       func(i int) []byte
	n          *atomic.Int64 // of requests, over all rounds
	want       []byte        // every answer; nil when they differ
	client     *http.Client
}

func (a *asker) ask() ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, a.url, bytes.NewReader(a.body(int(a.n.Add(1))))) //nolint:noctx // it ends with the process
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || bytes.Contains(got, []byte(`"errors"`)) || a.want != nil && !bytes.Equal(got, a.want) {
		return nil, fmt.Errorf("status %d: %.500s", res.StatusCode, got)
	}
	return got, nil
}

// data is the part of an answer that both have.
func data(tb testing.TB, answer []byte) map[string]any {
	tb.Helper()
	var out struct{ Data map[string]any }
	if err := json.Unmarshal(answer, &out); err != nil {
		tb.Fatal(err)
	}
	return out.Data
}

// figures are what one got out of one round.
type figures struct {
	perSecond, cpu float64 // requests a second; microseconds of processor time a request
	p50, p99       time.Duration
}

// load asks for a while, with as many connections at once as was said.
func (a *asker) load(tb testing.TB, p *process) figures {
	tb.Helper()
	return a.loadBy(tb, p, *clients)
}

// loadBy is load with so many connections.
func (a *asker) loadBy(tb testing.TB, p *process, clients int) figures {
	tb.Helper()
	var all []time.Duration
	var mu sync.Mutex
	var wg sync.WaitGroup
	before, began := p.processor(tb), time.Now()
	until := began.Add(time.Duration(*seconds * float64(time.Second)))
	for range clients {
		wg.Go(func() {
			var took []time.Duration
			for time.Now().Before(until) {
				from := time.Now()
				if _, err := a.ask(); err != nil {
					tb.Error(err)
					break
				}
				took = append(took, time.Since(from))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	wg.Wait()
	if len(all) == 0 {
		tb.FailNow()
	}
	lasted, cpu := time.Since(began), p.processor(tb)-before
	slices.Sort(all)
	n := float64(len(all))
	return figures{n / lasted.Seconds(), float64(cpu.Microseconds()) / n, all[len(all)/2], all[len(all)*99/100]}
}

// median takes the round in the middle by processor time.
func median(rounds []figures) figures {
	rounds = slices.Clone(rounds)
	slices.SortFunc(rounds, func(a, b figures) int { return int(a.cpu*100) - int(b.cpu*100) })
	return rounds[len(rounds)/2]
}

func scaled() sizes {
	of := func(n int) int { return max(40, int(float64(n)**scale)) }
	return sizes{of(whole.accounts), of(whole.contacts), of(whole.deals), of(whole.activities)}
}

// databases are what is measured.
func databases() map[string]func(testing.TB) *testdb.DB {
	return map[string]func(testing.TB) *testdb.DB{"sqlite": testdb.SQLite, "mariadb": testdb.MariaDB}
}

// BenchmarkRequests measures the five requests and prints a table of medians.
func BenchmarkRequests(b *testing.B) {
	for _, name := range []string{"sqlite", "mariadb"} {
		b.Run(name, func(b *testing.B) {
			d := databases()[name](b)
			var f *firm
			began := time.Now()
			b.Run("fill", func(b *testing.B) { f = newFirm(b, d, scaled()) }) // what fills it ends with it
			b.Logf("filled in %s", time.Since(began).Round(time.Second))
			handler := startHandler(b, f)
			farley, token := startFarley(b, f)
			var table strings.Builder
			fmt.Fprintf(&table, "| %s | Farley: requests/s, p50, p99, CPU | by hand | CPU ratio |\n|---|---|---|---|\n", name)
			for _, r := range f.requests() {
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients, DisableCompression: true}, Timeout: time.Minute}
				ours := &asker{url: farley.base + "/graphql", token: token, body: func(i int) []byte { return r.body(b, i) }, n: &atomic.Int64{}, client: client}
				theirs := &asker{url: handler.base + "/" + r.name, body: func(i int) []byte { return r.plain(b, 1_000_000+i) }, n: &atomic.Int64{}, client: client}
				b.Run(r.name, func(b *testing.B) {
					same(b, r, ours, theirs)
					var a, h []figures
					for range *rounds {
						a, h = append(a, ours.load(b, farley)), append(h, theirs.load(b, handler))
					}
					mine, other := median(a), median(h)
					b.ReportMetric(0, "ns/op") // it would be that of all rounds of both
					b.ReportMetric(mine.cpu, "cpu-µs/request")
					b.ReportMetric(other.cpu, "cpu-µs-by-hand")
					b.ReportMetric(mine.cpu/other.cpu, "ratio")
					fmt.Fprintf(&table, "| %s: %s | %s | %s | %.2f |\n", r.name, r.what, mine, other, mine.cpu/other.cpu)
				})
			}
			fmt.Fprintf(&table, "| most memory | %d MiB | %d MiB | |\n", farley.peak(b), handler.peak(b))
			if _, err := os.Stdout.WriteString("\n" + table.String() + "\n"); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// String writes the figures as in the table.
func (f figures) String() string {
	return fmt.Sprintf("%.0f, %.1f ms, %.1f ms, %.0f µs", f.perSecond, float64(f.p50.Microseconds())/1000, float64(f.p99.Microseconds())/1000, f.cpu)
}

// same compares the answers of the two, and has reads want them from then on.
func same(tb testing.TB, r request, ours, theirs *asker) {
	tb.Helper()
	a, err := ours.ask()
	if err != nil {
		tb.Fatalf("%s: Farley: %v", r.name, err)
	}
	h, err := theirs.ask()
	if err != nil {
		tb.Fatalf("%s: by hand: %v", r.name, err)
	}
	if r.writes {
		return
	}
	if diff := cmp.Diff(data(tb, h), data(tb, a)); diff != "" {
		tb.Fatalf("%s: the answers differ (-by hand +Farley):\n%s", r.name, diff)
	}
	ours.want, theirs.want = a, h
}

// The two give the same answers: what is measured is the same work.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, open := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFirm(t, open(t), sizes{400, 1200, 3000, 40})
			h, err := newHandler(t.Context(), f.URL, f.rep, f.team)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = h.pool.Close() })
			byHand := httptest.NewServer(&h.mux)
			t.Cleanup(byHand.Close)
			e := farleytest.On(t, f.DB)
			rep := e.SignIn(t, f.rep)
			for _, r := range f.requests() {
				ours := &asker{url: e.URL, token: rep.Token, body: func(i int) []byte { return r.body(t, i) }, n: &atomic.Int64{}, client: http.DefaultClient}
				theirs := &asker{url: byHand.URL + "/" + r.name, body: func(i int) []byte { return r.plain(t, i) }, n: &atomic.Int64{}, client: http.DefaultClient}
				same(t, r, ours, theirs)
				if !r.writes {
					continue
				}
				// Both leave the same rows behind.
				start := rows(t, f)
				if _, err := ours.ask(); err != nil {
					t.Fatal(err)
				}
				middle := rows(t, f)
				if _, err := theirs.ask(); err != nil {
					t.Fatal(err)
				}
				end := rows(t, f)
				for i := range start {
					if middle[i]-start[i] != end[i]-middle[i] {
						t.Errorf("%s: Farley writes %d rows, by hand it is %d", writtenTo[i], middle[i]-start[i], end[i]-middle[i])
					}
				}
			}
		})
	}
}

// writtenTo are the tables that a new contact has rows in.
var writtenTo = []string{"contacts", "changes", "match_keys", "account_contacts", "external_refs"}

func rows(tb testing.TB, f *firm) []int {
	tb.Helper()
	out := make([]int, len(writtenTo))
	for i, table := range writtenTo {
		if err := f.Pool().QueryRowContext(tb.Context(), "SELECT COUNT(*) FROM "+table).Scan(&out[i]); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}
