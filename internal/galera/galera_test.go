// Package galera_test runs three real servers on a real Galera cluster, each on a database node of its own, kills every
// part of it in turn while clients write and listen, and looks at what is left.
package galera_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
)

var only = flag.String("farley.incidents", "", "only incidents with this in their names: nothing, database, server, stopped, NATS")

const (
	deadline = 5 * time.Minute
	// some is how many writes have to be acknowledged until the load is taken to get on.
	some = 15
	// stopped is how long a database node does not move: about the time after which the others go on without it.
	stopped = 5 * time.Second
	// role is whose rights the clients have.
	role = "sales manager"
)

// incident is something that happens to the cluster.
type incident struct {
	name string
	do   func(ctx context.Context)
}

// What was acknowledged is there, once; history and feed have neither gap nor repeat, on every node alike; and whoever
// listens, with his cursor and at whatever node, hears of every change once: whichever part is killed.
func TestGalera_losesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	file := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	ctx, failed := context.WithCancelCause(ctx)
	defer failed(nil)

	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens.json")
	messages := farleytest.NATS(t, -1)
	port := messages.Addr().(*net.TCPAddr).Port
	nodes := make([]*node, size)
	for i := range nodes {
		nodes[i] = newNode(t, file, fmt.Sprintf("farley%d", i), "--data", dir, "--database", c.url(i),
			"--nats", fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	nodes[0].start(ctx, "--demo", "--tokens-file", tokens)
	nodes[1].start(ctx)
	nodes[2].start(ctx)
	token := roleToken(t, tokens)
	db := c.open(t, 0)
	fit(ctx, t, db)

	before := sequenced(ctx, t, db)
	data, err := nodes[0].ask(ctx, token, `{ changesCursor }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := data["changesCursor"].(string)
	l := newLoad(ctx, t, nodes, token)
	listeners := make([]*listener, 2*size)
	wants := make([]chan map[string]int, len(listeners))
	var listening sync.WaitGroup
	for i := range listeners {
		wants[i] = make(chan map[string]int, 1)
		listeners[i] = &listener{
			nodes: nodes, at: i % size, token: token, cursor: begin,
			heard: map[string]int{}, version: map[string]int64{}, codes: map[string]int{},
		}
		listening.Go(func() { listeners[i].listen(ctx, t, wants[i]) })
	}
	l.run(ctx, t, failed)
	all := []int{0, 1, 2}
	l.progress(ctx, t, some, all...)

	conflicts, retried := 0, 0
	retries := func(ctx context.Context, n *node) {
		count, err := n.retried(ctx)
		if err != nil {
			t.Error(err)
		}
		retried += count
	}
	incidents := []incident{{"nothing happens", func(ctx context.Context) { l.progress(ctx, t, 10*some, all...) }}}
	for n := range size {
		others := []int{(n + 1) % size, (n + 2) % size}
		incidents = append(incidents,
			incident{fmt.Sprintf("database node %d killed", n), func(ctx context.Context) {
				conflicts += c.conflicts(ctx, t, n) // the count dies with the node
				c.do(t, "kill", n)
				l.progress(ctx, t, some, all...) // its server goes on with another one
				c.do(t, "start", n)
			}},
			incident{fmt.Sprintf("server %d killed", n), func(ctx context.Context) {
				retries(ctx, nodes[n]) // the count dies with the server
				nodes[n].kill()
				l.progress(ctx, t, some, others...)
				nodes[n].start(ctx)
			}})
	}
	incidents = append(incidents, incident{"database node 1 stopped", func(ctx context.Context) {
		c.do(t, "stop", 1)
		select {
		case <-time.After(stopped): // this is what happens, not a wait for something
		case <-ctx.Done():
		}
		c.do(t, "cont", 1)
	}})
	incidents = append(incidents, incident{"NATS stopped", func(ctx context.Context) {
		messages.Shutdown()
		messages.WaitForShutdown()
		l.progress(ctx, t, some, all...)
		messages = farleytest.NATS(t, port)
	}})
	var table strings.Builder
	for _, it := range incidents {
		if !strings.Contains(it.name, *only) {
			continue
		}
		from, acked := time.Now(), len(l.told())
		it.do(ctx)
		l.progress(ctx, t, some, all...)
		fmt.Fprintf(&table, "%-26s %6.1f s %6d writes, longest stall %5.2f s\n", it.name, time.Since(from).Seconds(), len(l.told())-acked,
			l.longestStall(from, time.Now()).Seconds())
	}
	l.end()
	t.Logf("what happened:\n%s", &table)

	c.whole(ctx, t)
	last := sequenced(ctx, t, db)
	log := changes(ctx, t, db, before)
	if n := len(log); n == 0 || log[n-1].position.Int64 > last {
		t.Fatalf("%d changes, the last position is %d", n, last)
	}
	l.verify(t, log)
	current(ctx, t, db, log)
	sameFeed(ctx, t, nodes, token, begin, log)

	want := map[string]int{}
	for _, row := range log {
		want[change(row.record, row.version)]++
	}
	for _, w := range wants {
		w <- want
	}
	listening.Wait()
	moves := 0
	for n := range size {
		conflicts += c.conflicts(ctx, t, n)
		retries(ctx, nodes[n])
	}
	for i, each := range listeners {
		if !maps.Equal(each.heard, want) {
			t.Errorf("subscriber %d (-log +heard):\n%.4000s", i, cmp.Diff(want, each.heard))
		}
		moves += each.moves
	}

	t.Logf("%d writes acknowledged, %d refused for good, other answers %v, slowest %.1f s; %d conflicts between database nodes, %d transactions run again; %d subscribers went on elsewhere %d times",
		len(l.acks), len(l.refused), l.answers, l.slowest.Seconds(), conflicts, retried, len(listeners), moves)
	if conflicts == 0 {
		t.Error("the writers have not met")
	}
	together(ctx, t, nodes, token)
	for _, n := range nodes {
		n.kill() // what they do by themselves would change the checksums
	}
	sums := checksums(ctx, t, db)
	for n := 1; n < size; n++ {
		if diff := cmp.Diff(sums, checksums(ctx, t, c.open(t, n))); diff != "" {
			t.Errorf("database node %d differs (-0 +%d):\n%s", n, n, diff)
		}
	}
	c.abandon(ctx, t)
}

// told returns what has been acknowledged so far.
func (l *load) told() []ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.acks)
}

// url is the database as server n knows it: a node of its own first, the others for when that one is away.
func (c *cluster) url(n int) string {
	var hosts []string
	for i := range size {
		hosts = append(hosts, c.address((n+i)%size))
	}
	return fmt.Sprintf("mysql://root@%s/farley", strings.Join(hosts, ","))
}

// roleToken reads the access token of the role.
func roleToken(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	if err := json.Unmarshal(b, &tokens); err != nil {
		t.Fatal(err)
	}
	if tokens[role] == "" {
		t.Fatalf("no token for the %s", role)
	}
	return tokens[role]
}
