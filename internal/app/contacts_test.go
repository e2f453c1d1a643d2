package app_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
)

const neglected = `query($d: Int!) { neglectedCustomers(days: $d) { count customers { account { name } since } } }`

// Customers are neglected as far as one sees them, the longest first, by as many statements for many as for one.
func TestNeglectedCustomers(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, _ := salesTeam(t, e)
		customer := func(name string, in input.Object) id.ID {
			t.Helper()
			in["name"], in["kinds"] = name, []any{"CUSTOMER"}
			x := e.Make(t, "Account", in)
			advanceBy(e, time.Hour)
			return x
		}
		customer("Elm", input.Object{"team": team.String()})
		customer("Oak", input.Object{"team": team.String()})
		customer("Hidden", input.Object{})
		e.Make(t, "Account", input.Object{"name": "Prospect", "kinds": []any{"PROSPECT"}, "team": team.String()})
		dealt := customer("Dealt with", input.Object{"team": team.String()})
		advanceBy(e, 29*24*time.Hour)
		ann.Token = e.SignIn(t, ann.User).Token
		ann.Query(t, `mutation($a: ID!) { createNote(input: {account: $a, body: "Called"}) { note { id } } }`, farleytest.Vars{"a": dealt})
		advanceBy(e, 24*time.Hour)
		ann.Token = e.SignIn(t, ann.User).Token
		got := ann.Query(t, neglected, farleytest.Vars{"d": 30}).At("neglectedCustomers")
		if diff := cmp.Diff([]string{"Elm", "Oak"}, got.At("customers").Texts("account.name")); diff != "" || got.At("count").Int() != 2 || got.At("customers.0.since").Text() != hours(0) {
			t.Errorf("neglected: %s %s", got.JSON(), diff)
		}
		if n := ann.Query(t, neglected, farleytest.Vars{"d": 31}).At("neglectedCustomers.count").Int(); n != 0 {
			t.Errorf("%d are neglected for 31 days", n)
		}
		e.DB.Counter.Reset()
		ann.Query(t, neglected, farleytest.Vars{"d": 30})
		few := len(e.DB.Counter.Asked())
		for i := range 20 {
			customer(fmt.Sprint("More ", i), input.Object{"team": team.String()})
		}
		advanceBy(e, 40*24*time.Hour)
		ann.Token = e.SignIn(t, ann.User).Token
		ann.Query(t, neglected, farleytest.Vars{"d": 30})
		e.DB.Counter.Reset()
		if n := ann.Query(t, neglected, farleytest.Vars{"d": 30}).At("neglectedCustomers.count").Int(); n != 23 {
			t.Errorf("%d are neglected", n)
		}
		if many := len(e.DB.Counter.Asked()); many > few {
			t.Errorf("%d statements for few, %d for many", few, many)
		}
		ann.Do(t, neglected, farleytest.Vars{"d": 0}).Want(t, "INVALID")
		shipped(t, e, "portal_customer", input.Object{"kind": "PORTAL", "contact": e.Make(t, "Contact", input.Object{"familyName": "F"}).String()}).Do(t, neglected, farleytest.Vars{"d": 30}).Want(t, "FORBIDDEN")
	})
}

const tasksOf = `{ activities(where: {kind: {eq: TASK}}, orderBy: [{field: ID}]) { nodes { subject dueAt account { name } contactPlan { name } owner { id } } } }`

// Whoever is due has a task, once until somebody deals with the customer: over days, and over two nodes.
func TestContactPlan(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		c := farleytest.Nodes(t, d, 2)
		e, two := c.Nodes[0], c.Nodes[1]
		team, ann, _ := salesTeam(t, e)
		boss := shipped(t, e, "sales_manager", input.Object{"team": team.String()})
		gold := e.Make(t, "Tag", input.Object{"name": "Gold"})
		account := func(name string, in input.Object) id.ID {
			t.Helper()
			in["name"] = name
			return e.Make(t, "Account", in)
		}
		elm := account("Elm", input.Object{"owner": ann.User.String(), "team": team.String(), "tags": []any{gold.String()}})
		account("Plain", input.Object{"owner": ann.User.String(), "team": team.String()})
		account("Hidden from the manager", input.Object{"tags": []any{gold.String()}, "owner": shipped(t, e, "sales_rep", nil).User.String()})
		const plan = `mutation($in: CreateContactPlanInput!) { createContactPlan(input: $in) { contactPlan { id } } }`
		x := boss.Query(t, plan, farleytest.Vars{"in": input.Object{"name": "Call gold customers", "everyDays": 10, "tag": gold.String()}}).At("createContactPlan.contactPlan.id").ID()
		r := boss.Do(t, plan, farleytest.Vars{"in": input.Object{"name": "Bad", "everyDays": 0}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.everyDays RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, plan, farleytest.Vars{"in": input.Object{"name": "Mine", "everyDays": 5}}).Want(t, "FORBIDDEN")

		passOn := func(days int) {
			t.Helper()
			c.Clock.Advance(c.Clock.Now().Add(time.Duration(days) * 24 * time.Hour))
			var done sync.WaitGroup
			for _, node := range []*farleytest.Env{e, two} {
				done.Go(func() {
					if _, err := node.Jobs.CatchUp(context.Background(), 1000, func() {}); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			ann.Token, boss.Token = e.SignIn(t, ann.User).Token, e.SignIn(t, boss.User).Token
		}
		tasks := func() int {
			t.Helper()
			return ann.Query(t, tasksOf, nil).At("activities.nodes").Len()
		}
		passOn(9)
		if n := tasks(); n != 0 {
			t.Fatalf("%d tasks too early", n)
		}
		passOn(2)
		got := ann.Query(t, tasksOf, nil).At("activities.nodes")
		if got.Len() != 1 || got.At("0.account.name").Text() != "Elm" || got.At("0.subject").Text() != "Call gold customers" || got.At("0.contactPlan.name").Text() != "Call gold customers" || got.At("0.owner.id").ID() != ann.User {
			t.Fatalf("tasks: %s", got.JSON())
		}
		if told := toldTo(t, ann); len(told) != 1 || !strings.HasPrefix(told[0], "CONTACT_DUE It is time: Call gold customers.") {
			t.Errorf("Ann was told %q", told)
		}
		last := boss.Query(t, `query($x: ID!) { contactPlan(id: $x) { lastCount lastRunAt } }`, farleytest.Vars{"x": x}).At("contactPlan")
		if last.At("lastCount").Int() != 1 {
			t.Errorf("the plan says %s", last.JSON())
		}
		passOn(3)
		if n := tasks(); n != 1 {
			t.Fatalf("%d tasks for one lapse", n)
		}
		// Dealt with, the account is due anew after as many days.
		ann.Query(t, `mutation($a: ID!) { createNote(input: {account: $a, body: "Called"}) { note { id } } }`, farleytest.Vars{"a": elm})
		passOn(9)
		if n := tasks(); n != 1 {
			t.Fatalf("%d tasks too early", n)
		}
		passOn(2)
		if n := tasks(); n != 2 {
			t.Fatalf("%d tasks", n)
		}
		// A plan that rests, or whose owner is gone, gives none.
		boss.Query(t, `mutation($x: ID!) { updateContactPlan(id: $x, input: {active: false}) { contactPlan { id } } }`, farleytest.Vars{"x": x})
		ann.Query(t, `mutation($a: ID!) { createNote(input: {account: $a, body: "Called"}) { note { id } } }`, farleytest.Vars{"a": elm})
		passOn(20)
		if n := tasks(); n != 2 {
			t.Fatalf("%d tasks of a plan that rests", n)
		}
	})
}

// Whoever plans something with a customer hears what colleagues did with it lately, as far as he may read it.
func TestActivity_recentContacts(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		e.Change(t, bob.User, input.Object{"name": "Bob"})
		x := e.Make(t, "Account", input.Object{"name": "Elm", "team": team.String()})
		on := input.Object{"account": x.String()}
		with := func(extra input.Object) input.Object {
			for k, v := range on {
				extra[k] = v
			}
			return extra
		}
		called := newActivity(t, bob, with(input.Object{"kind": "CALL", "subject": "Called", "startAt": hours(-20)}))
		bob.Query(t, `mutation($x: ID!) { completeActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": called})
		newActivity(t, bob, with(input.Object{"kind": "CALL", "subject": "Will call", "startAt": hours(50)}))
		newActivity(t, bob, with(input.Object{"kind": "CALL", "subject": "Long ago", "startAt": hours(-24 * 30)}))
		newActivity(t, ann, with(input.Object{"kind": "CALL", "subject": "My own", "startAt": hours(1)}))
		newActivity(t, bob, input.Object{"kind": "CALL", "subject": "Somebody else", "startAt": hours(1)})
		e.Make(t, "Activity", with(input.Object{"kind": "CALL", "subject": "Hidden", "startAt": hours(2), "owner": shipped(t, e, "service_agent", nil).User.String()}))
		const plan = `mutation($in: CreateActivityInput!) { createActivity(input: $in) { activity { id recentContacts { user { name } at done activity { subject } } } } }`
		got := ann.Query(t, plan, farleytest.Vars{"in": with(input.Object{"kind": "CALL", "subject": "New", "startAt": hours(0)})}).At("createActivity.activity")
		want := `[{"activity":{"subject":"Called"},"at":"` + hours(-20) + `","done":true,"user":{"name":"Bob"}},{"activity":{"subject":"Will call"},"at":"` + hours(50) + `","done":false,"user":{"name":"Bob"}}]`
		if diff := cmp.Diff(want, got.At("recentContacts").JSON()); diff != "" {
			t.Error(diff)
		}
		const near = `query($x: ID!, $d: Int) { activity(id: $x) { recentContacts(days: $d) { activity { subject } } } }`
		for days, want := range map[int]int{1: 1, 7: 2, 60: 3} {
			if n := ann.Query(t, near, farleytest.Vars{"x": got.At("id").ID(), "d": days}).At("activity.recentContacts").Len(); n != want {
				t.Errorf("%d within %d days, want %d", n, days, want)
			}
		}
		ann.Do(t, near, farleytest.Vars{"x": got.At("id").ID(), "d": 91}).Want(t, "INVALID")
		count := func(where farleytest.Vars) int {
			const query = `query($w: ActivityWhere) { activities(where: $w) { nodes { recentContacts { user { name } activity { subject } } } } }`
			ann.Query(t, query, farleytest.Vars{"w": where})
			e.DB.Counter.Reset()
			ann.Query(t, query, farleytest.Vars{"w": where})
			return len(e.DB.Counter.Asked())
		}
		if one, many := count(farleytest.Vars{"id": farleytest.Vars{"eq": got.At("id").ID()}}), count(farleytest.Vars{}); one != many {
			t.Errorf("%d statements for one, %d for many", one, many)
		}
	})
}
