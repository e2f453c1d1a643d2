package change_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

// node is a log with its sequencer and a hub, all running. The hub's clock stands still.
type node struct {
	*testdb.DB
	log    *change.Log
	hub    *change.Hub
	clock  *clock.Test
	codec  *change.Codec
	broker change.Broker
	stop   func()
}

func newNode(t testing.TB, d *testdb.DB, hints change.Broker) *node {
	t.Helper()
	n := &node{DB: d, log: newLog(d, hints), clock: clock.NewTest(start), codec: newCodec(t, 7), broker: hints}
	background(t, n.log.Run)
	followed := change.NewLog(d.DB, change.Options{Clock: n.clock, Broker: hints, Logger: slog.New(slog.DiscardHandler)})
	n.hub = change.NewHub(followed, newSet(), n.codec)
	n.stop = background(t, n.hub.Run)
	return n
}

func oneNode(t testing.TB) *node { return newNode(t, onSQLite(t), oneProcess()) }

// as returns the actor of a subscriber whose rights do not change.
func as(r change.Reader) func() (change.Reader, error) {
	return func() (change.Reader, error) { return r, nil }
}

func (n *node) subscribe(t testing.TB, spec change.Spec) *change.Subscription {
	t.Helper()
	if spec.Actor == nil {
		spec.Actor = as(everybody)
	}
	s, err := n.hub.Subscribe(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (n *node) write(t testing.TB, rows ...change.Row) {
	t.Helper()
	write(t, n.DB, n.log, rows...)
}

// take receives n events.
func take(t testing.TB, s *change.Subscription, n int) []*change.Event {
	t.Helper()
	ctx := within(t, 20*time.Second)
	var events []*change.Event
	for range n {
		e, ok, came := s.NextWithin(ctx.Done())
		switch {
		case !came:
			t.Fatalf("%d events came; want %d", len(events), n)
		case !ok:
			t.Fatalf("ended after %d events: %v", len(events), s.Err())
		}
		events = append(events, e)
	}
	return events
}

// drain receives all events until the subscription ends, and returns the error it ended with.
func drain(t testing.TB, s *change.Subscription) ([]*change.Event, error) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	var events []*change.Event
	for {
		e, ok, came := s.NextWithin(ctx.Done())
		switch {
		case !came:
			t.Fatal("the subscription does not end")
		case !ok:
			return events, s.Err()
		}
		events = append(events, e)
	}
}

// resume returns the position of the cursor that came with an error.
func (n *node) resume(t testing.TB, err error, epoch string) int64 {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("%v is no fault", err)
	}
	cursor, _ := f.Extensions["cursor"].(string)
	position, err := n.codec.Open(cursor, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return position
}

func TestHub_groupSharesLoadAndRender(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d, oneProcess())
		var loads, renders atomic.Int64
		spec := change.Spec{
			Key: "k", After: change.FromNow, Kinds: []id.Kind{dealCode},
			Load: func(_ context.Context, _ change.Reader, ids []id.ID) (map[id.ID]any, error) {
				loads.Add(1)
				nodes := map[id.ID]any{}
				for _, x := range ids {
					nodes[x] = "node of " + x.String()
				}
				return nodes, nil
			},
			Render: func(e *change.Event) any { renders.Add(1); return fmt.Sprint(e.Op, " ", e.Node) },
		}
		members := []*change.Subscription{n.subscribe(t, spec), n.subscribe(t, spec), n.subscribe(t, spec)}
		record := newDeal()
		n.write(t, row(id.New(noteCode, start), 1, change.Created), row(record, 1, change.Updated), row(record, 2, change.Updated))
		want := []told{
			{Record: record, Op: "UPDATED", Version: 1, Changed: []string{"name"}, Node: "node of " + record.String()},
			{Record: record, Op: "UPDATED", Version: 2, Changed: []string{"name"}, Node: "node of " + record.String()},
		}
		for _, s := range members {
			events := take(t, s, 2)
			got := tellings(events)
			for i := range got {
				got[i].Position = 0 // notes and deals have no order among themselves
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if events[1].Payload != "UPDATED node of "+record.String() {
				t.Errorf("payload is %v", events[1].Payload)
			}
			if p, err := n.codec.Open(s.Cursor(events[1]), "e1"); p != events[1].Position || err != nil {
				t.Errorf("cursor opens as %d, %v; want %d", p, err, events[1].Position)
			}
		}
		if loads.Load() != 1 || renders.Load() != 2 {
			t.Errorf("%d loads and %d renders; want 1 and 2", loads.Load(), renders.Load())
		}
	})
}

func TestHub_filter(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	matching := newDeal()
	touchedAway, otherAway, last := newDeal(), newDeal(), newDeal()
	s := n.subscribe(t, change.Spec{
		Key: "k", After: change.FromNow, FilterFields: []string{"stage"},
		Load: func(context.Context, change.Reader, []id.ID) (map[id.ID]any, error) {
			return map[id.ID]any{matching: 1, last: 1}, nil
		},
	})
	stage := []change.FieldChange{{Field: "stage"}}
	touched := row(touchedAway, 1, change.Updated)
	touched.Fields = stage
	created := row(newDeal(), 1, change.Created)
	created.Before, created.Fields = nil, stage
	for _, r := range []change.Row{row(matching, 1, change.Updated), touched, row(otherAway, 1, change.Updated), created, row(last, 1, change.Updated)} {
		n.write(t, r)
	}
	got := tellings(take(t, s, 3))
	for i := range got {
		got[i].Position = 0
	}
	want := map[id.ID]told{
		matching:    {Op: "UPDATED", Record: matching, Version: 1, Changed: []string{"name"}, Node: 1},
		touchedAway: {Op: "LEFT", Record: touchedAway},
		last:        {Op: "UPDATED", Record: last, Version: 1, Changed: []string{"name"}, Node: 1},
	}
	byRecord := map[id.ID]told{}
	for _, e := range got {
		byRecord[e.Record] = e
	}
	if diff := cmp.Diff(want, byRecord); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestHub_groupsAreToldByTheirOwnRights(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	me, you := newUser(), newUser()
	mine := n.subscribe(t, change.Spec{Key: "me", After: change.FromNow, Actor: as(person{user: me})})
	yours := n.subscribe(t, change.Spec{Key: "you", After: change.FromNow, Actor: as(person{user: you})})
	record := newDeal()
	handed := row(record, 2, change.Updated)
	handed.Before, handed.After = ownedBy(me), ownedBy(you)
	n.write(t, handed)
	if e := take(t, mine, 1)[0]; e.Op != change.Left {
		t.Errorf("I was told %s; want LEFT", e.Op)
	}
	if e := take(t, yours, 1)[0]; e.Op != change.Entered {
		t.Errorf("you were told %s; want ENTERED", e.Op)
	}
}

// Every reconnecting reader hears every event once: 100 connections, some from now behind, writers never resting.
func TestHub_reconnectsHearEverythingOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d, oneProcess())
		const connections = 100
		total := scaled(6000)
		record := newDeal()
		written := make(chan error, 1)
		go func() {
			for v := range int64(total / 3) {
				err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
					return n.log.Append(ctx, tx, row(record, 3*v+1, change.Updated), row(record, 3*v+2, change.Updated), row(record, 3*v+3, change.Updated))
				})
				if err != nil {
					written <- err
					return
				}
			}
			written <- nil
		}()
		var position, version int64
		stays := n.subscribe(t, change.Spec{Key: "k", After: 0}) // keeps the group alive, and slows nobody
		go func() {
			for more := true; more; _, more = stays.Next() {
			}
		}()
		for c := range connections {
			s := n.subscribe(t, change.Spec{Key: "k", After: position})
			count := total / connections
			for _, e := range take(t, s, count) {
				if e.Version != version+1 {
					t.Fatalf("connection %d: version %d after %d", c, e.Version, version)
				}
				version = e.Version
				var err error
				if position, err = n.codec.Open(s.Cursor(e), "e1"); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		if version != int64(total) {
			t.Errorf("heard up to version %d; want %d", version, total)
		}
	})
}

// Many subscribers catch up from all over the history while the log grows.
func TestHub_catchingUpLeavesNoGap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d, oneProcess())
		history, live := int64(scaled(6000)), int64(scaled(1500))
		record := newDeal()
		var rows []change.Row
		for v := range history {
			rows = append(rows, row(record, v+1, change.Updated))
		}
		n.write(t, rows...)
		var all sync.WaitGroup
		for c := range 12 {
			after := int64(c) * history / 12
			all.Go(func() {
				var s *change.Subscription
				var err error
				for { // the sequencer may not be so far yet
					s, err = n.hub.Subscribe(t.Context(), change.Spec{Key: fmt.Sprint("k", c%2), Actor: as(everybody), After: after})
					if fault.CodeOf(err) != fault.CursorExpired {
						break
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				for want := after + 1; want <= history+live; want++ {
					e, ok := s.Next()
					if !ok || e.Position != want || e.Version != want {
						t.Errorf("subscriber behind %d: got %+v, %v; want position %d", after, e, s.Err(), want)
						return
					}
				}
			})
		}
		for v := history; v < history+live; v += 5 {
			rows := make([]change.Row, 5)
			for i := range rows {
				rows[i] = row(record, v+int64(i)+1, change.Updated)
			}
			n.write(t, rows...)
		}
		all.Wait()
	})
}

func TestHub_slowConsumerEndsAlone(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	slow := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
	quick := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
	record := newDeal()
	for v := int64(0); v < 300; v += 10 {
		var rows []change.Row
		for i := range int64(10) {
			rows = append(rows, row(record, v+i+1, change.Updated))
		}
		n.write(t, rows...)
		take(t, quick, 10)
	}
	n.stall(t, slow)
	events, err := drain(t, slow)
	wantCode(t, err, fault.SlowConsumer)
	if len(events) != 256 || n.resume(t, err, "e1") != 256 {
		t.Fatalf("%d events, resume at %d; want 256 and 256", len(events), n.resume(t, err, "e1"))
	}
	again := n.subscribe(t, change.Spec{Key: "k", After: 256})
	if rest := take(t, again, 44); rest[0].Version != 257 || rest[43].Version != 300 {
		t.Errorf("resumed with versions %d to %d; want 257 to 300", rest[0].Version, rest[43].Version)
	}
	if err := quick.Err(); err != nil {
		t.Errorf("the quick one has ended too: %v", err)
	}
}

// Nobody listens, so that nothing of what others write has to be read.
func TestHub_unheard(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	l := newLog(d, oneProcess())
	h := change.NewHub(l, newSet(), newCodec(t, 7))
	rows := make([]change.Row, 5000)
	for i := range rows {
		rows[i] = row(newDeal(), 1, change.Created)
	}
	write(t, d, l, rows...)
	d.Counter.Reset()
	tail, err := h.Follow(t.Context())
	if err != nil || tail != int64(len(rows)) {
		t.Errorf("followed up to %d (%v), want %d", tail, err, len(rows))
	}
	if n := d.Counter.N(); n != 1 { // where the log ends
		t.Errorf("it takes %d statements: %q", n, d.Counter.Statements())
	}
}

// A reader who takes what comes in a burst, only later than it comes, loses nothing and goes on.
func TestHub_burst(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	quick := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
	late := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
	record := newDeal()
	const bursts, size = 8, 100
	for b := range int64(bursts) {
		var rows []change.Row
		for v := range int64(size) {
			rows = append(rows, row(record, b*size+v+1, change.Updated))
		}
		n.write(t, rows...)
		take(t, quick, size)
	}
	for i, e := range take(t, late, bursts*size) {
		if e.Version != int64(i+1) {
			t.Fatalf("event %d has version %d", i+1, e.Version)
		}
	}
	n.write(t, row(record, bursts*size+1, change.Updated))
	if e := take(t, late, 1)[0]; e.Version != bursts*size+1 {
		t.Errorf("then version %d; want %d", e.Version, bursts*size+1)
	}
}

// A reader who stands still while he catches up is ended too.
func TestHub_stallingCatchUpEnds(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	watch := n.subscribe(t, change.Spec{Key: "other", After: change.FromNow})
	record := newDeal()
	var rows []change.Row
	for v := range int64(300) {
		rows = append(rows, row(record, v+1, change.Updated))
	}
	n.write(t, rows[:150]...)
	take(t, watch, 150)
	n.write(t, rows[150:]...)
	take(t, watch, 150)
	slow := n.subscribe(t, change.Spec{Key: "k", After: 0})
	n.stall(t, slow)
	events, err := drain(t, slow)
	wantCode(t, err, fault.SlowConsumer)
	if len(events) != 256 || n.resume(t, err, "e1") != 256 {
		t.Errorf("%d events, resume at %d; want 256 and 256", len(events), n.resume(t, err, "e1"))
	}
}

// stall lets time pass until a subscriber who takes nothing is ended.
func (n *node) stall(t testing.TB, s *change.Subscription) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	for s.Err() == nil && ctx.Err() == nil {
		n.clock.Advance(n.clock.Now().Add(time.Second))
		runtime.Gosched()
	}
}

// rights are a subscriber's, and change during a test.
type rights struct {
	mu     sync.Mutex
	reader change.Reader
	err    error
}

func (r *rights) now() (change.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reader, r.err
}

func (r *rights) set(reader change.Reader, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reader, r.err = reader, err
}

func TestHub_rightsChange(t *testing.T) {
	t.Parallel()
	promoted := everybody
	promoted.ofEpoch = "e2"
	noticed := map[string]func(t *testing.T, n *node){
		"by Recheck":        func(_ *testing.T, n *node) { n.hub.Recheck() },
		"within a second":   func(_ *testing.T, n *node) { n.clock.Advance(n.clock.Now().Add(time.Second)) },
		"before a delivery": func(t *testing.T, n *node) { n.write(t, row(newDeal(), 1, change.Updated)) },
	}
	changes := map[string]struct {
		reader change.Reader
		err    error
		want   fault.Code
	}{
		"other roles":   {promoted, nil, fault.Resync},
		"signed out":    {nil, nil, fault.Unauthenticated},
		"token expired": {nil, fault.New(fault.Unauthenticated, "expired"), fault.Unauthenticated},
		"cannot tell":   {nil, errors.New("database away"), fault.Unavailable},
	}
	for how, notice := range noticed {
		for what, c := range changes {
			t.Run(what+" "+how, func(t *testing.T) {
				t.Parallel()
				n := oneNode(t)
				r := &rights{reader: everybody}
				s := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow, Actor: r.now})
				colleague := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
				n.write(t, row(newDeal(), 1, change.Updated))
				take(t, s, 1)
				take(t, colleague, 1)
				r.set(c.reader, c.err)
				notice(t, n)
				events, err := drain(t, s)
				wantCode(t, err, c.want)
				if len(events) != 0 {
					t.Errorf("%d events were told after the rights had changed", len(events))
				}
				if got := n.resume(t, err, "e1"); got != 1 {
					t.Errorf("resume at %d; want 1", got)
				}
				n.write(t, row(newDeal(), 1, change.Updated))
				take(t, colleague, 1)
			})
		}
	}
}

func TestHub_checkpoints(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	watch := n.subscribe(t, change.Spec{Key: "watch", After: change.FromNow})
	quiet := n.subscribe(t, change.Spec{Key: "quiet", After: change.FromNow, Kinds: []id.Kind{noteCode}, Render: func(e *change.Event) any { return e.Op }})
	n.write(t, row(newDeal(), 1, change.Updated))
	take(t, watch, 1)

	n.clock.Advance(start.Add(31 * time.Second))
	e := take(t, quiet, 1)[0]
	if diff := cmp.Diff(&change.Event{Position: 1, Op: "CHECKPOINT", At: start.Add(31 * time.Second), Payload: change.Checkpoint}, e); diff != "" {
		t.Errorf("checkpoint (-want +got):\n%s", diff)
	}
	note := row(id.New(noteCode, start), 1, change.Created)
	n.write(t, note)
	if e := take(t, quiet, 1)[0]; e.Op != change.Created || e.Position != 2 {
		t.Errorf("after the checkpoint came %s at %d; want CREATED at 2", e.Op, e.Position)
	}
}

func TestHub_wherePositionsAreNot(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	watch := n.subscribe(t, change.Spec{Key: "watch", After: change.FromNow})
	for v := range int64(5) {
		n.write(t, row(newDeal(), v+1, change.Updated))
		take(t, watch, 1)
	}
	if _, err := n.log.Prune(t.Context(), start.Add(4*time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := n.hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), After: 2})
	wantCode(t, err, fault.CursorExpired)
	_, err = n.hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), After: 6})
	wantCode(t, err, fault.CursorExpired)
	_, err = n.hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(nil), After: 3})
	wantCode(t, err, fault.Unauthenticated)
	_, err = n.hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), Epoch: "e0", After: 3})
	wantCode(t, err, fault.Resync)
	if got := take(t, n.subscribe(t, change.Spec{Key: "k", Epoch: "e1", After: 3}), 2); got[0].Position != 4 {
		t.Errorf("first position is %d; want 4", got[0].Position)
	}
}

func TestHub_failingLoadEndsTheGroup(t *testing.T) {
	t.Parallel()
	for name, load := range map[string]change.Load{
		"error": func(context.Context, change.Reader, []id.ID) (map[id.ID]any, error) { return nil, errors.New("away") },
		"panic": func(context.Context, change.Reader, []id.ID) (map[id.ID]any, error) { panic("bug") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := oneNode(t)
			fails := n.subscribe(t, change.Spec{Key: "fails", After: change.FromNow, Load: load})
			works := n.subscribe(t, change.Spec{Key: "works", After: change.FromNow})
			n.write(t, row(newDeal(), 1, change.Updated))
			take(t, works, 1)
			_, err := drain(t, fails)
			wantCode(t, err, fault.Unavailable)
			if got := n.resume(t, err, "e1"); got != 0 {
				t.Errorf("resume at %d; want 0", got)
			}
			behind := n.subscribe(t, change.Spec{Key: "fails", After: 0, Load: load})
			_, err = drain(t, behind)
			wantCode(t, err, fault.Unavailable)
		})
	}
}

func TestHub_endsWithContextAndWithHub(t *testing.T) {
	t.Parallel()
	n := oneNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := n.hub.Subscribe(ctx, change.Spec{Key: "k", Actor: as(everybody), After: change.FromNow})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := drain(t, s); err != nil {
		t.Errorf("ended by its reader with %v; want no error", err)
	}
	s.Close() // waits for the lock under which it is forgotten
	if groups, private := n.hub.Groups(); groups != 0 || private != 0 {
		t.Errorf("the hub holds %d groups and %d others; want none", groups, private)
	}

	open := n.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
	behind := n.subscribe(t, change.Spec{Key: "k", After: 0})
	n.stop()
	for _, s := range []*change.Subscription{open, behind} {
		_, err = drain(t, s)
		wantCode(t, err, fault.Unavailable)
	}
	_, err = n.hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), After: change.FromNow})
	wantCode(t, err, fault.Unavailable)
}

func TestHub_twoNodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		broker := oneProcess()
		a, b := newNode(t, d, broker), newNode(t, d.Reopen(t), broker)
		onA, onB := a.subscribe(t, change.Spec{Key: "k", After: change.FromNow}), b.subscribe(t, change.Spec{Key: "k", After: change.FromNow})
		record := newDeal()
		for v := range int64(200) {
			[]*node{a, b}[v%2].write(t, row(record, v+1, change.Updated))
			if v%100 == 99 {
				left, right := tellings(take(t, onA, 100)), tellings(take(t, onB, 100))
				if diff := cmp.Diff(left, right); diff != "" || left[99].Version != v+1 {
					t.Fatalf("nodes tell different things, up to version %d:\n%s", left[99].Version, diff)
				}
			}
		}
	})
}

// The hub polls when hints are lost.
func TestHub_lostHints(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	l := newLog(d, deaf{})
	hub := change.NewHub(l, newSet(), newCodec(t, 7))
	background(t, hub.Run)
	s, err := hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), After: change.FromNow})
	if err != nil {
		t.Fatal(err)
	}
	background(t, newLog(d, deaf{}).Run) // another one, so commits do not wake it either
	write(t, d, l, row(newDeal(), 1, change.Created))
	take(t, s, 1)
}

// A hub that was held up for longer than the log is kept ends its subscriptions, and goes on.
func TestHub_logPrunedFasterThanFollowed(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	still := clock.NewTest(start)
	l := change.NewLog(d.DB, change.Options{Clock: still, Broker: deaf{}, Logger: slog.New(slog.DiscardHandler)})
	hub := change.NewHub(l, newSet(), newCodec(t, 7))
	background(t, hub.Run)
	subscribe := func() *change.Subscription {
		s, err := hub.Subscribe(t.Context(), change.Spec{Key: "k", Actor: as(everybody), After: change.FromNow})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	s := subscribe()
	record := newDeal()
	write(t, d, l, row(record, 1, change.Created), row(record, 2, change.Updated))
	sequence(t, l)
	if _, err := l.Prune(t.Context(), start.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	still.Advance(start.Add(250 * time.Millisecond))
	_, err := drain(t, s)
	wantCode(t, err, fault.CursorExpired)

	s = subscribe()
	write(t, d, l, row(record, 3, change.Updated))
	sequence(t, l)
	ctx := within(t, 20*time.Second)
	for s.Waiting() == 0 && ctx.Err() == nil { // the hub asks for the time anew after each look
		still.Advance(still.Now().Add(250 * time.Millisecond))
		runtime.Gosched()
	}
	if e := take(t, s, 1)[0]; e.Version != 3 {
		t.Errorf("went on with version %d; want 3", e.Version)
	}
}

// deaf is a broker that loses everything.
type deaf struct{}

func (deaf) Publish(context.Context)     {}
func (deaf) Subscribe(func()) (c func()) { return func() {} }

func BenchmarkHub_idleSubscription(b *testing.B) {
	n := oneNode(b)
	b.ReportAllocs()
	for range b.N {
		if _, err := n.hub.Subscribe(b.Context(), change.Spec{Key: "k", Actor: as(everybody), After: change.FromNow}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHub_deliver(b *testing.B) {
	n := oneNode(b)
	const members = 1000
	var all sync.WaitGroup
	for range members {
		s := n.subscribe(b, change.Spec{Key: "k", After: change.FromNow})
		all.Go(func() {
			for range b.N {
				if _, ok := s.Next(); !ok {
					b.Error(s.Err())
					return
				}
			}
		})
	}
	watch := n.subscribe(b, change.Spec{Key: "k", After: change.FromNow})
	record := newDeal()
	keys := &access.Keys{ID: record}
	b.ResetTimer()
	for v := range b.N {
		r := row(record, int64(v+1), change.Updated)
		r.Before, r.After = keys, keys
		n.write(b, r)
		take(b, watch, 1)
	}
	all.Wait()
	b.ReportMetric(float64(b.N*members)/b.Elapsed().Seconds(), "deliveries/s")
}
