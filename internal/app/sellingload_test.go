package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/money"
	"farley/internal/seed"
)

// long reports whether the long tests are wanted.
func long() bool { return os.Getenv("FARLEY_LONG") == "1" }

// largeForecast asks for what a sales manager looks at.
const largeForecast = `query($p: PeriodInput!, $by: ForecastBy!, $n: Int) { forecast(period: $p, by: $by, first: $n) { total { closed { amount } commit { amount } bestCase { amount } pipeline { amount } weighted { amount } target { amount } wonDeals openDeals }
	rows { user { name } closed { amount } commit { amount } bestCase { amount } weighted { amount } target { amount } attainment rolledUp { closed { amount } } } } }`

// A forecast of 100,000 deals of 200 people comes in one request, whose sums are those of the deals; it says with how many
// statements and examined rows.
func TestForecast_large(t *testing.T) { //nolint:paralleltest // it measures
	if !long() {
		t.Skip("slow: set FARLEY_LONG=1 to forecast 100,000 deals")
	}
	const deals, people = 100_000, 200
	var totals []string
	for _, d := range []*testdb.DB{testdb.SQLite(t), testdb.MariaDB(t)} {
		e := farleytest.On(t, d)
		s := newSelling(t, e)
		boss := shipped(t, e, "sales_manager", input.Object{"name": "Boss"})
		owners := make([]id.ID, people)
		for i := range owners {
			owners[i] = e.Make(t, "User", input.Object{"name": fmt.Sprintf("Rep %03d", i), "email": fmt.Sprintf("rep%d@example.com", i), "manager": boss.User.String()})
			e.Make(t, "SalesTarget", input.Object{"user": owners[i].String(), "startsOn": "2026-10-01", "length": "QUARTER", "amount": amount("1000.00", "USD")})
		}
		e.Identity.Invalidate()
		want := fill(t, e, s, deals, owners)
		if d.Dialect == "mysql" {
			for _, table := range []string{"opportunities", "users", "sales_targets"} {
				if _, err := d.Pool().ExecContext(t.Context(), "ANALYZE TABLE `"+table+"`"); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, by := range []string{"USER", "TEAM", "PRODUCT", "ACCOUNT", "PIPELINE"} {
			before, start := examined(t, d), time.Now()
			d.Counter.Reset()
			r := boss.Query(t, largeForecast, farleytest.Vars{"p": quarter4, "by": by, "n": 250})
			took := time.Since(start)
			statements := len(slices.DeleteFunc(d.Counter.Asked(), func(q string) bool { return !strings.Contains(q, "`") || strings.Contains(q, "sessions") }))
			total := figureLine(r.At("forecast.total"))
			t.Logf("%s by %s: %d rows in %s, %d statements, %d examined rows: %s", d.Dialect, by, r.At("forecast.rows").Len(), took.Round(time.Millisecond), statements, examined(t, d)-before, total)
			if !strings.HasPrefix(total, want) {
				t.Errorf("by %s the total is %s, want %s", by, total, want)
			}
			if by == "USER" && r.At("forecast.rows").Len() != people+1 {
				t.Errorf("%d rows", r.At("forecast.rows").Len())
			}
			totals = append(totals, total)
		}
	}
	if half := len(totals) / 2; !slices.Equal(totals[:half], totals[half:]) {
		t.Errorf("the databases differ: %v", totals)
	}
}

// fill writes deals past the rules, and returns the sums of those of the last quarter of 2026.
func fill(t *testing.T, e *farleytest.Env, s *selling, n int, owners []id.ID) string {
	t.Helper()
	ctx := context.Background()
	pipeline := seed.PipelineID(e.Set)
	accounts := make([]id.ID, 50)
	for i := range accounts {
		accounts[i] = s.account(t, fmt.Sprintf("Firm %d", i), nil)
	}
	var sums [5]int64
	columns := "`id`, `version`, `created_at`, `updated_at`, `owner_id`, `name`, `account_id`, `pipeline_id`, `stage_id`, `stage_entered_at`, `status`, `amount`, `amount_currency`, `amount_reporting`, `expected_revenue`, `expected_revenue_currency`, `expected_revenue_reporting`, `probability`, `forecast_category`, `close_date`, `closed_at`, `closed_amount`, `closed_amount_currency`, `closing_rate`"
	marks := "(?" + strings.Repeat(", ?", 23) + ")"
	const batch = 500
	for from := 0; from < n; from += batch {
		var args []any
		for i := from; i < from+batch; i++ {
			amount := int64(100_000 + i*7)
			day := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, i%1000)
			in := day.Year() == 2026 && day.Month() >= time.October
			row := []any{
				id.New(e.Set.Kind("Opportunity").Code, farleytest.Start), 1, farleytest.Start, farleytest.Start, owners[i%len(owners)], fmt.Sprintf("Deal %d", i), accounts[i%len(accounts)], pipeline,
				seed.PipelineStageID(e.Set, "qualification"), farleytest.Start, "OPEN", amount, "USD", amount, amount / 2, "USD", amount / 2, 50, "", day.Format(time.DateOnly), nil, nil, nil, nil,
			}
			switch i % 4 {
			case 0, 1:
				row[10], row[8], row[18], row[20], row[21], row[22], row[23] = "WON", seed.PipelineStageID(e.Set, "won"), "CLOSED", day, amount, "USD", "1"
			case 2:
				row[18] = "COMMIT"
			case 3:
				row[18] = "BEST_CASE"
			}
			if in {
				switch i % 4 {
				case 0, 1:
					sums[0] += amount
				case 2:
					sums[1] += amount
				case 3:
					sums[2] += amount
				}
				if i%4 > 1 {
					sums[4] += amount / 2
				}
			}
			args = append(args, row...)
		}
		query := "INSERT INTO `opportunities` (" + columns + ") VALUES " + marks + strings.Repeat(", "+marks, batch-1)
		if _, err := e.DB.Pool().ExecContext(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	book, err := money.NewBook("USD", nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, sum := range sums {
		out = append(out, book.Format(sum, "USD"))
	}
	return strings.Join(out, " ")
}

// examined returns how many rows the server has read so far; SQLite does not say.
func examined(t *testing.T, d *testdb.DB) (n int64) {
	t.Helper()
	if d.Dialect != "mysql" {
		return 0
	}
	rows, err := d.Pool().QueryContext(context.Background(), "SHOW GLOBAL STATUS LIKE 'Handler_read%'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var of int64
		if err := rows.Scan(&name, &of); err != nil {
			t.Fatal(err)
		}
		n += of
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// watcher is somebody who looks at a board and hears of its changes.
type watcher struct {
	client *farleytest.Client
	stream *farleytest.Stream
	stages map[string]string    // by deal
	heard  map[string]time.Time // by deal and version
}

// Many look at one board while its deals move fast: everybody ends with the board that a fresh query gives.
func TestPipelineBoard_manyWatchers(t *testing.T) { //nolint:paralleltest // it measures when it is long
	subscribers, people, n, pace, cards := 20, 4, 20, time.Duration(0), 20
	if long() {
		subscribers, people, n, pace, cards = 200, 20, 1000, 20*time.Millisecond, 60
	} else {
		t.Parallel()
	}
	watched := func(t *testing.T, e *farleytest.Env) {
		t.Helper()
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		deals := make([]id.ID, cards)
		for i := range deals {
			deals[i] = s.deal(t, firm, nil)
		}
		role := e.Role(t, farleytest.Everything(e, access.All))
		e.Settle(t)
		watchers := make([]*watcher, subscribers)
		clients := make([]*farleytest.Client, people)
		for i := range clients {
			clients[i] = e.User(t, nil, role)
		}
		pipeline := seed.PipelineID(e.Set)
		const live = `subscription($p: ID!, $after: Cursor) { pipelineBoard(pipeline: $p, after: $after) { op recordId version node { id stage { id } } } }`
		for i := range watchers {
			w := &watcher{client: clients[i%people], heard: map[string]time.Time{}}
			cursor := w.client.Cursor(t)
			w.stages = stagesOf(t, w.client, pipeline)
			w.stream = w.client.Subscribe(t, live, farleytest.Vars{"p": pipeline, "after": cursor})
			watchers[i] = w
		}
		moved := map[string]time.Time{} // when moves were answered, by deal and version
		// Those of one person began at cursors of their own, and are told the same: one group, for which a change is read once.
		deadline := time.After(farleytest.Deadline)
		for e.Hub.Stats().Members < subscribers {
			select {
			case <-time.After(time.Millisecond):
			case <-deadline:
				t.Fatalf("the watchers are %+v", e.Hub.Stats())
			}
		}
		if got := e.Hub.Stats(); got.Groups != people {
			t.Errorf("the watchers are %+v, want %d groups", got, people)
		}
		var wg sync.WaitGroup
		failed := make(chan error, subscribers)
		for _, w := range watchers {
			wg.Go(func() {
				if err := w.follow(t, n); err != nil {
					failed <- err
				}
			})
		}
		stages := []string{s.stage("qualification"), s.stage("analysis"), s.stage("proposal")}
		var movers sync.WaitGroup
		var mu sync.Mutex
		queues := make([]chan int, 5) // each with deals of its own, so that the moves of a deal stay in order
		for k := range queues {
			queues[k] = make(chan int, n)
			movers.Go(func() {
				for i := range queues[k] {
					x := deals[i%cards]
					in := input.Object{"opportunity": x, "stage": stages[(i/cards+1)%3], "changes": input.Object{"amount": amount("1.00", "USD"), "closeDate": "2026-12-01", "nextStep": "n"}}
					version := s.ann.Query(t, moveDeal, farleytest.Vars{"in": in}).At("moveOpportunity.opportunity.version").Int()
					mu.Lock()
					moved[fmt.Sprintf("%s %d", x, version)] = time.Now()
					mu.Unlock()
				}
			})
		}
		ticker := time.NewTicker(max(pace, time.Microsecond))
		defer ticker.Stop()
		begun := time.Now()
		for i := range n {
			<-ticker.C
			queues[i%cards%len(queues)] <- i
		}
		for _, q := range queues {
			close(q)
		}
		movers.Wait()
		moving := time.Since(begun)
		wg.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		var delays []time.Duration
		for i, w := range watchers {
			if diff := cmp.Diff(stagesOf(t, w.client, pipeline), w.stages); diff != "" {
				t.Fatalf("the board of watcher %d is another one (-want +got):\n%s", i, diff)
			}
			for of, at := range w.heard {
				if from, known := moved[of]; known {
					delays = append(delays, max(0, at.Sub(from)))
				}
			}
		}
		slices.Sort(delays)
		t.Logf("%d watchers, %d moves in %s: %d deliveries, delays p50 %s, p99 %s, max %s", subscribers, n, moving.Round(time.Millisecond), len(delays),
			delays[len(delays)/2], delays[len(delays)*99/100], delays[len(delays)-1])
	}
	if !long() {
		farleytest.Each(t, watched)
		return
	}
	t.Run("sqlite", func(t *testing.T) { watched(t, farleytest.New(t)) }) // one after the other, to measure
	t.Run("mariadb", func(t *testing.T) { watched(t, farleytest.On(t, testdb.MariaDB(t))) })
}

// stagesOf reads a board: the stage of each deal.
func stagesOf(t *testing.T, c *farleytest.Client, pipeline id.ID) map[string]string {
	t.Helper()
	d := c.Query(t, `query($p: ID!) { pipelineBoard(pipeline: $p, first: 100) { stages { stage { id } cards { id } } } }`, farleytest.Vars{"p": pipeline})
	out := map[string]string{}
	for i := range d.At("pipelineBoard.stages").Len() {
		stage := d.At(fmt.Sprintf("pipelineBoard.stages.%d", i))
		for _, x := range stage.At("cards").Texts("id") {
			out[x] = stage.At("stage.id").Text()
		}
	}
	return maps.Clone(out)
}

// follow hears of so many moves. An event may stand for several changes of a deal that came quickly, with the last of them.
func (w *watcher) follow(t *testing.T, n int) error {
	seen := map[string]int64{}
	left := n
	for left > 0 {
		m := w.stream.Next(t)
		now := time.Now()
		var payload struct {
			Data struct {
				PipelineBoard struct {
					Op, RecordID string
					Version      int64
					Node         *struct{ Stage struct{ ID string } }
				}
			}
		}
		if m.Type != "next" {
			return fmt.Errorf("heard %s %s", m.Type, m.Payload)
		}
		if err := json.Unmarshal(m.Payload, &payload); err != nil {
			return err
		}
		e := payload.Data.PipelineBoard
		if e.Op == "CHECKPOINT" {
			continue
		}
		if e.Node == nil {
			return fmt.Errorf("an event without the deal: %s", m.Payload)
		}
		w.stages[e.RecordID] = e.Node.Stage.ID
		last := seen[e.RecordID]
		if last == 0 {
			last = 1 // the first version was there before
		}
		left -= int(max(0, e.Version-last))
		seen[e.RecordID] = max(last, e.Version)
		w.heard[fmt.Sprintf("%s %d", e.RecordID, e.Version)] = now
	}
	return nil
}
