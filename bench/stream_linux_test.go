package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

var (
	subscribers = flag.Int("subscribers", 200, "how many sockets follow the deals that are changed")
	pace        = flag.Int("writes", 50, "how many deals are changed in a second")
	idle        = flag.Int("idle", 10_000, "how many sockets wait for changes that do not come")
)

const (
	followDeals = `subscription($after: Cursor) { opportunityChanged(after: $after) { op recordId version changedFields node { name nextStep closeDate amount { amount currency } account { name } } } }`
	followFirms = `subscription { accountChanged { op recordId version node { id name city employees } } }`
	changeDeal  = `mutation Change($id: ID!, $next: String!) { updateOpportunity(id: $id, input: {nextStep: $next}) { opportunity { version } } }`
	someDeals   = `{ opportunities(first: 100) { nodes { id } } }`
	cursorNow   = `{ changesCursor }`
)

// ended bounds how long anything may take to come.
const ended = time.Minute

// post asks one thing.
func (p *process) post(tb testing.TB, token, document string, variables map[string]any) map[string]any {
	tb.Helper()
	b, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		tb.Fatal(err)
	}
	a := &asker{url: p.base + "/graphql", token: token, body: func(int) []byte { return b }, n: &atomic.Int64{}, client: http.DefaultClient}
	got, err := a.ask()
	if err != nil {
		tb.Fatal(err)
	}
	return data(tb, got)
}

// socket is one subscription over a connection of its own, by the protocol graphql-transport-ws.
type socket struct{ *websocket.Conn }

type message struct {
	Type    string
	ID      string          `json:",omitempty"`
	Payload json.RawMessage `json:",omitempty"`
}

// follow opens a socket and subscribes. It returns when the server has taken the subscription.
func (p *process) follow(ctx context.Context, token, document string, variables map[string]any) (*socket, error) {
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.base, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}) //nolint:bodyclose // there is none
	if err != nil {
		return nil, err
	}
	s := &socket{conn}
	for _, v := range []any{
		map[string]any{"type": "connection_init", "payload": map[string]any{"token": token}},
		map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": document, "variables": variables}},
		map[string]any{"type": "ping"},
	} {
		if err := s.send(ctx, v); err != nil {
			return nil, err
		}
	}
	for _, want := range []string{"connection_ack", "pong"} {
		m, err := s.next(ctx)
		if err != nil {
			return nil, err
		}
		if m.Type != want {
			return nil, fmt.Errorf("want %s, got %s %s", want, m.Type, m.Payload)
		}
	}
	return s, nil
}

func (s *socket) send(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.Write(ctx, websocket.MessageText, b)
}

// next returns the next message; pings are answered by the way.
func (s *socket) next(ctx context.Context) (m message, err error) {
	for {
		_, b, err := s.Read(ctx)
		if err != nil {
			return m, err
		}
		if m = (message{}); json.Unmarshal(b, &m) != nil {
			return m, fmt.Errorf("no message: %s", b)
		}
		if m.Type != "ping" {
			return m, nil
		}
		if err := s.send(ctx, map[string]any{"type": "pong"}); err != nil {
			return m, err
		}
	}
}

// version is one version of one deal.
func version(id string, n float64) string { return fmt.Sprintf("%s %.0f", id, n) }

// heard is when one subscriber heard of each change.
func (s *socket) heard(ctx context.Context, n int) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for len(out) < n {
		m, err := s.next(ctx)
		if err != nil {
			return nil, fmt.Errorf("after %d of %d events: %w", len(out), n, err)
		}
		var event struct {
			Data struct {
				Changed struct {
					Op       string
					RecordID string
					Version  float64
					Node     map[string]any
				} `json:"opportunityChanged"`
			}
		}
		if m.Type != "next" || json.Unmarshal(m.Payload, &event) != nil || bytes.Contains(m.Payload, []byte(`"errors"`)) {
			return nil, fmt.Errorf("no event: %s %s", m.Type, m.Payload)
		}
		if event.Data.Changed.Op == "CHECKPOINT" {
			continue
		}
		if event.Data.Changed.Node["name"] == nil {
			return nil, fmt.Errorf("the event tells of nothing: %s", m.Payload)
		}
		out[version(event.Data.Changed.RecordID, event.Data.Changed.Version)] = time.Now()
	}
	return out, nil
}

// BenchmarkFanOut has many sockets follow deals while these are changed: every one hears of every change.
func BenchmarkFanOut(b *testing.B) {
	for _, name := range []string{"sqlite", "mariadb"} {
		b.Run(name, func(b *testing.B) {
			f := newFirm(b, databases()[name](b), sizes{4000, 12_000, 8000, 40})
			p, token := startFarley(b, f)
			ctx, stop := context.WithTimeout(b.Context(), time.Duration(*seconds*float64(*rounds))*time.Second+ended)
			defer stop()
			first := p.post(b, token, someDeals, nil)
			var deals []string
			for _, n := range first["opportunities"].(map[string]any)["nodes"].([]any) { //nolint:forcetypeassert // it is asked for so
				deals = append(deals, n.(map[string]any)["id"].(string)) //nolint:forcetypeassert // as above
			}
			var sockets []*socket
			for i := range *subscribers {
				of := p.token(b, fmt.Sprintf("rep0.%d@bench.example", i%perTeam))
				s, err := p.follow(ctx, of, followDeals, map[string]any{"after": p.post(b, of, cursorNow, nil)["changesCursor"]})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = s.CloseNow() }()
				sockets = append(sockets, s)
			}
			n := int(float64(*pace) * *seconds * float64(*rounds))
			hearing := make([]map[string]time.Time, len(sockets))
			var listeners, writers sync.WaitGroup
			failed := make(chan error, len(sockets))
			for i, s := range sockets {
				listeners.Go(func() {
					var err error
					if hearing[i], err = s.heard(ctx, n); err != nil {
						failed <- fmt.Errorf("subscriber %d: %w", i, err)
					}
				})
			}
			asked := map[string]time.Time{}
			var mu sync.Mutex
			queues := make([]chan int, 5) // each with deals of its own, so that the changes of one stay in order
			for k := range queues {
				queues[k] = make(chan int, n)
				writers.Go(func() {
					for i := range queues[k] {
						deal, from := deals[i%len(deals)], time.Now()
						out := p.post(b, token, changeDeal, map[string]any{"id": deal, "next": fmt.Sprintf("Step %d", i)})
						changed := out["updateOpportunity"].(map[string]any)["opportunity"].(map[string]any) //nolint:forcetypeassert // it is asked for so
						mu.Lock()
						asked[version(deal, changed["version"].(float64))] = from //nolint:forcetypeassert // as above
						mu.Unlock()
					}
				})
			}
			before, began := p.processor(b), time.Now()
			ticker := time.NewTicker(time.Second / time.Duration(*pace))
			defer ticker.Stop()
			for i := range n {
				<-ticker.C
				queues[i%len(deals)%len(queues)] <- i
			}
			for _, q := range queues {
				close(q)
			}
			writers.Wait()
			took := time.Since(began)
			listeners.Wait()
			cpu := p.processor(b) - before
			close(failed)
			for err := range failed {
				b.Error(err)
			}
			var delays []time.Duration
			for _, h := range hearing {
				for of, at := range h {
					delays = append(delays, at.Sub(asked[of]))
				}
			}
			if len(delays) != n*len(sockets) {
				b.Fatalf("%d deliveries, want %d", len(delays), n*len(sockets))
			}
			slices.Sort(delays)
			p50, p99 := delays[len(delays)/2], delays[len(delays)*99/100]
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/change")
			fmt.Fprintf(os.Stdout, "\n| %s | %d sockets, %.0f changes a second | %d deliveries, p50 %.1f ms, p99 %.1f ms, last %.1f ms, %d µs of processor a change |\n", name, len(sockets),
				float64(n)/took.Seconds(), len(delays), ms(p50), ms(p99), ms(delays[len(delays)-1]), cpu.Microseconds()/int64(n))
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkIdle measures what sockets cost that wait.
func BenchmarkIdle(b *testing.B) {
	f := newFirm(b, databases()["sqlite"](b), sizes{1000, 40, 40, 40})
	p, _ := startFarley(b, f)
	ctx, stop := context.WithTimeout(b.Context(), 10*time.Minute)
	defer stop()
	before := p.resident(b)
	var waiting, opening sync.WaitGroup
	var lost atomic.Int64
	todo := make(chan string, *idle)
	for i := range *idle {
		todo <- p.token(b, fmt.Sprintf("rep0.%d@bench.example", i%perTeam))
	}
	close(todo)
	failed := make(chan error, *clients)
	for range *clients {
		opening.Go(func() {
			for token := range todo {
				s, err := p.follow(ctx, token, followFirms, nil)
				if err != nil {
					failed <- err
					return
				}
				waiting.Go(func() {
					defer func() { _ = s.CloseNow() }()
					if m, err := s.next(ctx); !errors.Is(err, context.Canceled) {
						lost.Add(1)
						b.Errorf("want silence, got %s %s, %v", m.Type, m.Payload, err)
					}
				})
			}
		})
	}
	opening.Wait()
	close(failed)
	for err := range failed {
		b.Error(err)
	}
	after := p.resident(b)
	stop()
	waiting.Wait()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(after), "MiB")
	fmt.Fprintf(os.Stdout, "\n| %d sockets that wait | %d MiB of memory, %d MiB without them, %.1f KiB each |\n", *idle, after, before, float64(after-before)*1024/float64(*idle))
}
