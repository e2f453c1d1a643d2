package app_test

import (
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// A stream on which nothing happens gets checkpoints, and with the last of them it can be resumed although the log has
// been shortened up to near it; the cursor it began with is too old by then. The job says how much it deleted.
func TestRetention_checkpointsKeepQuietStreamsInside(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		boss := e.User(t, nil, e.Role(t, manages("ALL")))
		first := after(t, e, ann)
		const document = `subscription($c: Cursor) { accountChanged(after: $c) { op cursor node { name } } }`
		s := ann.Subscribe(t, document, farleytest.Vars{"c": first})
		// What others do is not told, but moves the log on.
		for range 10 {
			e.Make(t, "Account", input.Object{"name": "Elm", "owner": boss.User.String()})
		}
		e.Settle(t)
		checkpoint := ""
		for checkpoint == "" {
			moved := make(chan struct{})
			stop := make(chan struct{})
			go func() { // the stream may be set up only after a first move
				defer close(moved)
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						e.Clock.Advance(e.Clock.Now().Add(5 * time.Second))
					}
				}
			}()
			event := s.Event(t).At("accountChanged")
			close(stop)
			<-moved
			if event.At("op").Text() != "CHECKPOINT" || event.At("node").V != nil {
				t.Fatalf("told %s", event.JSON())
			}
			if c := event.At("cursor").Text(); c != first {
				checkpoint = c
			}
		}
		s.Close()

		if _, err := e.Jobs.CatchUp(t.Context(), 100, func() { e.Clock.Advance(e.Clock.Now().Add(14 * time.Hour)) }); err != nil {
			t.Fatal(err)
		}
		ann, boss = e.SignIn(t, ann.User), e.SignIn(t, boss.User)
		if got := ann.Subscribe(t, document, farleytest.Vars{"c": first}).Refused(t).Extensions.Code; got != "CURSOR_EXPIRED" {
			t.Errorf("the first cursor is answered by %s", got)
		}
		resumed := ann.Subscribe(t, document, farleytest.Vars{"c": checkpoint})
		e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		e.Settle(t)
		if got := resumed.Event(t).At("accountChanged.node.name").Text(); got != "Oak" {
			t.Errorf("resumed at the checkpoint, the stream tells of %q", got)
		}
		d := boss.Query(t, `{ jobs(where: {kind: "retention"}) { nodes { state every progress { done total } } } }`, nil).At("jobs.nodes.0")
		if done := d.At("progress.done").Int(); done < 10 || d.At("progress.total").Int() != done || d.At("every").Text() != "PT1H" {
			t.Errorf("the job: %s", d.JSON())
		}
	}, func(c *app.Config) { c.RetainChanges = 12 * time.Hour })
}
