package galera_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	writers = 6
	// pace is the time from one write to the next: it leaves the machine room to do what is watched.
	pace = 5 * time.Millisecond
	// contested is how many records all writers change again and again.
	contested = 2
)

const (
	createDocument = `mutation ($name: String!, $token: String!, $key: String!) {
		done: createAccount(input: {name: $name, description: $token}, onDuplicate: ALLOW, idempotencyKey: $key) { account { id version } }
	}`
	updateDocument = `mutation ($id: ID!, $version: Int, $token: String!, $key: String!) {
		done: updateAccount(id: $id, input: {description: $token}, expectedVersion: $version, idempotencyKey: $key) { account { id version } }
	}`
	upsertDocument = `mutation ($ref: ExternalRefInput!, $name: String!, $token: String!, $key: String!) {
		done: upsertAccount(external: $ref, input: {name: $name, description: $token}, onDuplicate: ALLOW, idempotencyKey: $key) { account { id version } }
	}`
)

// ack is a write that was acknowledged.
type ack struct {
	token   string // its description, which no other write has
	id      string
	version int64
	first   bool // acknowledged at the first try, so version is that of this write
	at      time.Time
	ref     string // the outside system's key, of an upsert
}

// load is what many clients do at once, and what they were told.
type load struct {
	nodes []*node
	token string
	pace  *time.Ticker
	stop  chan struct{}
	work  sync.WaitGroup

	serial atomic.Int64 // numbers writes

	mu       sync.Mutex
	acks     []ack
	refused  []string         // tokens of writes that were refused for good
	answers  map[string]int   // other answers, by code
	byNode   [size]int        // acks
	moved    chan struct{}    // closed and replaced at every ack
	hot      []string         // ids of contested records
	versions map[string]int64 // of these, as last heard
	slowest  time.Duration    // from the first try to the ack
}

// newLoad makes the contested records; run begins the work.
func newLoad(ctx context.Context, t *testing.T, nodes []*node, token string) *load {
	t.Helper()
	l := &load{nodes: nodes, token: token, stop: make(chan struct{}), answers: map[string]int{}, moved: make(chan struct{}), versions: map[string]int64{}}
	for range contested {
		w := l.write(0, "hot", createDocument, map[string]any{"name": "Contested"})
		a, err := l.insist(ctx, w)
		if err != nil {
			t.Fatal(err)
		}
		l.hot = append(l.hot, a.id)
	}
	return l
}

// run begins the work. A writer who is told what he must not be told ends everything.
func (l *load) run(ctx context.Context, t *testing.T, failed context.CancelCauseFunc) {
	l.pace = time.NewTicker(pace)
	for w := range writers {
		l.work.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-l.pace.C:
				}
				if err := l.step(ctx, w); err != nil {
					t.Errorf("writer %d: %v", w, err)
					failed(err)
					return
				}
			}
		})
	}
}

// end has the writers finish what they have begun.
func (l *load) end() {
	close(l.stop)
	l.work.Wait()
	l.pace.Stop()
}

// write is one write, which may be sent several times.
type write struct {
	node     int // the first to be asked
	token    string
	ref      string
	document string
	vars     map[string]any
}

func (l *load) write(node int, what, document string, vars map[string]any) write {
	token := fmt.Sprintf("%s %d", what, l.serial.Add(1))
	vars["token"], vars["key"] = token, token
	return write{node: node, token: token, document: document, vars: vars}
}

// step does one write of a random sort, and sometimes repeats it somewhere else, as a client does whose answer was lost.
func (l *load) step(ctx context.Context, writer int) error {
	node := rand.N(size)
	var w write
	switch rand.N(5) {
	case 0:
		w = l.write(node, "create", createDocument, map[string]any{"name": fmt.Sprintf("Firm of writer %d", writer)})
	case 1, 2:
		w = l.write(node, "update", updateDocument, map[string]any{"id": l.hot[rand.N(len(l.hot))]})
	case 3:
		x := l.hot[rand.N(len(l.hot))]
		l.mu.Lock()
		version := l.versions[x]
		l.mu.Unlock()
		w = l.write(node, "expect", updateDocument, map[string]any{"id": x, "version": version})
	case 4:
		// Neighbours in time have the same key of the outside system.
		ref := fmt.Sprintf("firm-%d", l.serial.Load()/int64(5*writers))
		w = l.write(node, "upsert", upsertDocument, map[string]any{"name": "Upserted", "ref": map[string]any{"system": "erp", "id": ref}})
		w.ref = ref
	}
	a, err := l.insist(ctx, w)
	if err != nil || a == nil {
		return err
	}
	if rand.N(4) == 0 {
		w.node = rand.N(size)
		again, err := l.ask(ctx, w)
		if err != nil {
			return err
		}
		if again == nil || again.id != a.id {
			return fmt.Errorf("%s: repeating gives %+v instead of %+v", w.token, again, a)
		}
	}
	return nil
}

// insist sends a write until it is acknowledged or refused for good, and keeps what was said. The ack is nil when it was
// refused, as it may be.
func (l *load) insist(ctx context.Context, w write) (*ack, error) {
	begin := time.Now()
	a, err := l.ask(ctx, w)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a == nil {
		l.refused = append(l.refused, w.token)
		return nil, nil //nolint:nilnil // said above
	}
	l.acks = append(l.acks, *a)
	l.slowest = max(l.slowest, a.at.Sub(begin))
	if v, ok := l.versions[a.id]; ok || w.token[:3] == "hot" {
		l.versions[a.id] = max(v, a.version)
	}
	return a, nil
}

// ask sends a write to one node after the other until one knows what became of it.
func (l *load) ask(ctx context.Context, w write) (*ack, error) {
	for try := 0; ; try++ {
		at := (w.node + try) % size
		data, err := l.nodes[at].ask(ctx, l.token, w.document, w.vars)
		var r *refusal
		switch {
		case err == nil:
			account := data["done"].(map[string]any)["account"].(map[string]any)
			a := &ack{
				token: w.token, ref: w.ref, id: account["id"].(string), version: int64(account["version"].(float64)),
				first: try == 0, at: time.Now(),
			}
			l.answered(at)
			return a, nil
		case errors.As(err, &r) && r.code == "CONFLICT":
			l.count("CONFLICT")
			return nil, nil //nolint:nilnil // refused, as it may be
		case errors.As(err, &r) && r.code == "UNAVAILABLE":
			l.count(r.code)
		case errors.Is(err, errAway):
			l.count("no answer")
		default:
			return nil, fmt.Errorf("%s: node %d: %w", w.token, at, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w after %d tries, the last: %w", w.token, ctx.Err(), try+1, err)
		case <-time.After(time.Duration(5+rand.N(20)) * time.Millisecond): // the next try elsewhere
		}
	}
}

func (l *load) count(answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[answer]++
}

// others returns how often there was no acknowledgement, by what there was instead.
func (l *load) others() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.answers)
}

func (l *load) answered(node int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byNode[node]++
	close(l.moved)
	l.moved = make(chan struct{})
}

// progress waits until each of the nodes has acknowledged so many more writes.
func (l *load) progress(ctx context.Context, t *testing.T, more int, nodes ...int) {
	t.Helper()
	l.mu.Lock()
	want := l.byNode
	l.mu.Unlock()
	for _, n := range nodes {
		want[n] += more
	}
	for {
		l.mu.Lock()
		moved, now := l.moved, l.byNode
		l.mu.Unlock()
		reached := true
		for _, n := range nodes {
			reached = reached && now[n] >= want[n]
		}
		if reached {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			t.Fatalf("nodes %v do not get on (%v): acknowledged %v, want %v; other answers %v", nodes, context.Cause(ctx), now, want, l.others())
		}
	}
}

// longestStall returns the longest time between two acknowledged writes that ended within a span.
func (l *load) longestStall(from, to time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, longest := from, time.Duration(0)
	for _, a := range l.acks { // in the order of at, nearly
		if a.at.Before(last) {
			continue
		}
		if a.at.After(to) {
			break
		}
		longest, last = max(longest, a.at.Sub(last)), a.at
	}
	return longest
}
