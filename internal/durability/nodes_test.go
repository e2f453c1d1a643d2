package durability_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
)

// drainDelay is how long a node serves after SIGTERM, while it says that it is leaving.
const drainDelay = 300 * time.Millisecond

// fleet is two real servers on one MariaDB, with NATS between them, as a load balancer sees them.
type fleet struct {
	nodes []*node
	turn  atomic.Int64
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	d := testdb.MariaDB(t)
	if err := d.Close(); err != nil { // the nodes have it now
		t.Fatal(err)
	}
	a := newNode(t, d.URL)
	b := a.beside("--nats", farleytest.NATS(t, -1).ClientURL(), "--drain-delay", drainDelay.String())
	f := &fleet{nodes: []*node{a, b}}
	var starting sync.WaitGroup
	for _, n := range f.nodes {
		starting.Go(n.start)
	}
	starting.Wait()
	return f
}

// next returns the nodes in turn.
func (f *fleet) next() *node { return f.nodes[int(f.turn.Add(1))%len(f.nodes)] }

// insist repeats a document, which must be safe to repeat, on one node after the other, until it is answered. It counts
// the tries that found nobody.
func (f *fleet) insist(ctx context.Context, document string, vars map[string]any, failed *atomic.Int64) (map[string]any, error) {
	for {
		n := f.next()
		if n.address() == "" { // out of the load balancer's list
			n = f.next()
		}
		data, err := n.ask(ctx, document, vars)
		if !errors.Is(err, errAway) {
			return data, err
		}
		failed.Add(1)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond): // a node needs a moment to come back
		}
	}
}

// write has writers make tags until stop is called, which returns what was acknowledged: name → id.
func (f *fleet) write(ctx context.Context, t *testing.T, failed *atomic.Int64) (acks <-chan struct{}, stop func() map[string]string) {
	var mu sync.Mutex
	acknowledged := map[string]string{}
	stopping, told := make(chan struct{}), make(chan struct{}, 1024)
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stopping:
					return
				default:
				}
				name := fmt.Sprintf("tag %d of writer %d", i, w)
				data, err := f.insist(ctx, create, map[string]any{"name": name, "key": name}, failed)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				mu.Lock()
				acknowledged[name] = data["createTag"].(map[string]any)["tag"].(map[string]any)["id"].(string)
				mu.Unlock()
				select {
				case told <- struct{}{}:
				default:
				}
			}
		})
	}
	return told, func() map[string]string {
		close(stopping)
		work.Wait()
		return acknowledged
	}
}

func wait(ctx context.Context, t *testing.T, acks <-chan struct{}, n int) {
	t.Helper()
	for range n {
		select {
		case <-acks:
		case <-ctx.Done():
			t.Fatal("the writers do not get on")
		}
	}
}

// Of two nodes one is killed, again and again in turn, under load: the other one goes on giving positions to what both
// have committed, and nothing acknowledged is lost or told twice.
func TestKill_oneOfTwoNodes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	var failed atomic.Int64
	data, err := f.insist(ctx, `{ changesCursor }`, nil, &failed)
	if err != nil {
		t.Fatal(err)
	}
	begin := data["changesCursor"].(string)
	acks, stop := f.write(ctx, t, &failed)
	for i := range 6 {
		wait(ctx, t, acks, 40)
		f.nodes[i%2].kill()
		wait(ctx, t, acks, 40)
		f.nodes[i%2].start()
	}
	acknowledged := stop()
	f.wantFeed(ctx, t, begin, acknowledged)
	t.Logf("%d writes acknowledged, %d tries repeated", len(acknowledged), failed.Load())
}

// wantFeed fails the test unless both nodes tell of every write once, and of nothing else.
func (f *fleet) wantFeed(ctx context.Context, t *testing.T, begin string, acknowledged map[string]string) {
	t.Helper()
	for i, n := range f.nodes {
		var feed map[string]int
		for feed = n.feed(ctx, t, begin); len(feed) < len(acknowledged) && ctx.Err() == nil; { // the last have no position yet
			feed = n.feed(ctx, t, begin)
		}
		for name, id := range acknowledged {
			if feed[id] != 1 {
				t.Errorf("%s: in the feed of node %d %d times", name, i, feed[id])
			}
		}
		if len(feed) != len(acknowledged) {
			t.Errorf("%d acknowledged, %d in the feed of node %d", len(acknowledged), len(feed), i)
		}
	}
}

// follower hears of tags over a socket, and goes to the other node with its cursor when the socket ends.
type follower struct {
	heard  map[string]int
	closes []int    // codes
	codes  []string // of the errors before
}

// Nodes are restarted one after the other, under load. Each first says that it is leaving and goes on serving; sockets end
// with UNAVAILABLE and 1001 and go on elsewhere; every request is answered, no event is lost or doubled.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	var failed atomic.Int64
	data, err := f.insist(ctx, `{ changesCursor }`, nil, &failed)
	if err != nil {
		t.Fatal(err)
	}
	begin := data["changesCursor"].(string)
	acks, stop := f.write(ctx, t, &failed)

	const followers = 4
	all := make(chan *follower, followers)
	done := make(chan struct{})
	var want atomic.Pointer[map[string]string]
	for range followers {
		go func() { all <- f.follow(ctx, t, begin, done, &want) }()
	}
	for _, n := range f.nodes {
		wait(ctx, t, acks, 60)
		asked := time.Now()
		address, ended := n.stop()
		leaving(ctx, t, address)
		if err := ended(); err != nil {
			t.Errorf("a node ends with %v", err)
		}
		t.Logf("a node ended %v after it was asked to", time.Since(asked).Round(time.Millisecond))
		wait(ctx, t, acks, 60) // the other one serves
		n.start()
	}
	wait(ctx, t, acks, 60)
	acknowledged := stop()
	if got := failed.Load(); got != 0 {
		t.Errorf("%d requests were not answered", got)
	}
	want.Store(&acknowledged)
	close(done)
	moved := 0
	for range followers {
		r := <-all
		for name, id := range acknowledged {
			if r.heard[id] != 1 {
				t.Errorf("%s was heard of %d times", name, r.heard[id])
			}
		}
		moved += len(r.closes)
		for i, code := range r.closes {
			if code != int(websocket.StatusGoingAway) || r.codes[i] != "UNAVAILABLE" {
				t.Errorf("a socket ended with %d after %q", code, r.codes[i])
			}
		}
	}
	if moved < followers {
		t.Errorf("%d sockets were ended; want at least one for each of %d followers", moved, followers)
	}
	f.wantFeed(ctx, t, begin, acknowledged)
	t.Logf("%d writes, %d moves of sockets", len(acknowledged), moved)
}

// leaving makes sure that a node that was asked to end says so first, and serves meanwhile.
func leaving(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	base := strings.TrimSuffix(address, "/graphql")
	for {
		res, err := get(ctx, base+"/readyz")
		if err != nil {
			t.Errorf("the node is gone before it said that it is leaving: %v", err)
			return
		}
		if res.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	if res, err := get(ctx, base+"/healthz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a node that is leaving does not answer: %v", err)
	}
}

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, errors.Join(err, res.Body.Close())
}

func (f *fleet) follow(ctx context.Context, t *testing.T, cursor string, done <-chan struct{}, want *atomic.Pointer[map[string]string]) *follower {
	r := &follower{heard: map[string]int{}}
	for ctx.Err() == nil {
		n := f.next()
		url := n.address()
		if url == "" {
			continue
		}
		var code int
		var last string
		cursor, code, last = r.listen(ctx, n.token, url, cursor, done, want)
		if code == 0 {
			return r
		}
		r.closes, r.codes = append(r.closes, code), append(r.codes, last)
	}
	t.Errorf("a follower heard of %d in time", len(r.heard))
	return r
}

// listen reads one socket until it ends, or until everything wanted has been heard: then the code is 0.
func (r *follower) listen(ctx context.Context, token, url, cursor string, done <-chan struct{}, want *atomic.Pointer[map[string]string]) (next string, code int, last string) {
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return cursor, int(websocket.StatusGoingAway), "UNAVAILABLE" // refused by a node that had just been asked to end
	}
	defer func() { _ = conn.CloseNow() }()
	for _, m := range []map[string]any{
		{"type": "connection_init", "payload": map[string]any{"token": token}},
		{"type": "subscribe", "id": "1", "payload": map[string]any{
			"query": `subscription($after: Cursor) { tagChanged(after: $after) { cursor op recordId } }`, "variables": map[string]any{"after": cursor}}},
	} {
		b, err := json.Marshal(m)
		if err == nil {
			err = conn.Write(ctx, websocket.MessageText, b)
		}
		if err != nil {
			return cursor, int(websocket.StatusGoingAway), "UNAVAILABLE" // as above
		}
	}
	messages, failed := make(chan []byte), make(chan error, 1)
	go func() {
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				failed <- err
				return
			}
			select {
			case messages <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		if all := want.Load(); all != nil && len(r.heard) >= len(*all) {
			return cursor, 0, ""
		}
		select {
		case <-done:
			done = nil // look at want once more, then only after messages
		case err := <-failed:
			return cursor, int(websocket.CloseStatus(err)), last
		case b := <-messages:
			var m struct {
				Type    string
				Payload json.RawMessage
			}
			var event struct {
				Data struct {
					TagChanged struct{ Cursor, Op, RecordID string }
				}
			}
			var faults []struct{ Extensions struct{ Code, Cursor string } }
			_ = json.Unmarshal(b, &m)
			switch m.Type {
			case "next":
				_ = json.Unmarshal(m.Payload, &event)
				e := event.Data.TagChanged
				cursor = e.Cursor
				if e.Op == "CREATED" {
					r.heard[e.RecordID]++
				}
			case "error":
				_ = json.Unmarshal(m.Payload, &faults)
				last = faults[0].Extensions.Code
			case "ping":
				_ = conn.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`))
			}
		}
	}
}
