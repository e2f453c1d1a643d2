package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/scalar"
)

// What was begun and closed before Farley heard of it has the history of those days; nothing goes backwards.
func TestOpportunity_toldLater(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		now := e.Clock.Now()
		day := func(days int) string { return now.AddDate(0, 0, days).UTC().Format(scalar.Layout) }
		open := func(in input.Object) *farleytest.Response {
			in["name"], in["account"], in["amount"] = "Deal", firm.String(), amount("5.00", "USD")
			return s.ann.Do(t, createDeal, farleytest.Vars{"in": in})
		}
		made := func(r *farleytest.Response) string {
			t.Helper()
			return farleytest.Data{V: r.Want(t, "").Data}.At("createOpportunity.opportunity.id").Text()
		}
		move := func(x, stage string, changes input.Object) *farleytest.Response {
			in := input.Object{"opportunity": x, "stage": s.stage(stage), "changes": changes}
			return s.ann.Do(t, moveDeal, farleytest.Vars{"in": in})
		}
		wrong := func(r *farleytest.Response, want ...string) {
			t.Helper()
			got := r.Want(t, "INVALID").Violations()
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		instant := func(text string) time.Time {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		type step struct {
			At      time.Time
			Stage   string
			Seconds int
		}
		history := func(x string) (opened time.Time, steps []step) {
			t.Helper()
			d := s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { openedAt steps(orderBy: {field: AT, direction: ASC}) { nodes { at stage { name } secondsInStage } } } }`, farleytest.Vars{"x": x}).At("opportunity")
			for i := range d.At("steps.nodes").Len() {
				one := d.At(fmt.Sprintf("steps.nodes.%d", i))
				steps = append(steps, step{instant(one.At("at").Text()), one.At("stage.name").Text(), one.At("secondsInStage").Int()})
			}
			return instant(d.At("openedAt").Text()), steps
		}
		const days = 24 * 60 * 60

		wrong(open(input.Object{"openedAt": day(1)}), "input.openedAt RANGE")
		wrong(open(input.Object{"openedAt": day(-1), "closedAt": day(-2), "stage": s.stage("won")}), "input.closedAt RANGE")
		x := made(open(input.Object{"openedAt": day(-40)}))
		s.ann.Do(t, `mutation($id: ID!, $in: UpdateOpportunityInput!) { updateOpportunity(id: $id, input: $in) { opportunity { id } } }`, farleytest.Vars{"id": x, "in": input.Object{"openedAt": day(-50)}}).Want(t, "BAD_REQUEST")
		wrong(move(x, "won", input.Object{"closedAt": day(1)}), "input.changes.closedAt RANGE")
		move(x, "won", input.Object{"closedAt": day(-10)}).Want(t, "")
		opened, steps := history(x)
		if diff := cmp.Diff([]step{{now.AddDate(0, 0, -40), "Qualification", 0}, {now.AddDate(0, 0, -10), "Won", 30 * days}}, steps); diff != "" || !opened.Equal(now.AddDate(0, 0, -40)) {
			t.Errorf("begun at %v, %s", opened, diff)
		}

		// A stage is not entered before the one that was left.
		x = made(open(input.Object{}))
		e.Clock.Advance(now.Add(2 * time.Minute))
		move(x, "analysis", nil).Want(t, "")
		e.Clock.Advance(now.Add(3 * time.Minute))
		move(x, "won", input.Object{"closedAt": now.Add(time.Minute).UTC().Format(scalar.Layout)}).Want(t, "")
		if _, steps = history(x); len(steps) != 3 || steps[2] != (step{now.Add(2 * time.Minute), "Won", 0}) || steps[1].Seconds != 120 {
			t.Errorf("the history is %v", steps)
		}

		// What was closed before it was made was begun then at the latest.
		x = made(open(input.Object{}))
		move(x, "won", input.Object{"closedAt": day(-7)}).Want(t, "")
		if opened, steps = history(x); !opened.Equal(now.AddDate(0, 0, -7)) || len(steps) != 2 || !steps[1].At.Equal(now.Add(3*time.Minute)) {
			t.Errorf("begun at %v, history %v", opened, steps)
		}

		// What comes closed was begun when it was closed, unless something else is said.
		x = made(open(input.Object{"stage": s.stage("won"), "closedAt": day(-3)}))
		if opened, steps = history(x); !opened.Equal(now.AddDate(0, 0, -3)) || len(steps) != 1 || !steps[0].At.Equal(opened) {
			t.Errorf("begun at %v, history %v", opened, steps)
		}
	})
}
