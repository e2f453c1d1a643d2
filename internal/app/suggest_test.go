package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
)

const suggest = `query($team: ID, $skill: String, $from: DateTime!, $to: DateTime!, $d: Duration!) { suggestAssignee(team: $team, skill: $skill, from: $from, to: $to, duration: $d) {
	assignees { user { name } busyMinutes openActivities firstFree { start end } } } }`

// Who has time is suggested, the least loaded first.
func TestSuggestAssignee(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team := e.Make(t, "Team", input.Object{"name": "Sales"})
		below := e.Make(t, "Team", input.Object{"name": "Below", "parent": team.String()})
		boss := shipped(t, e, "sales_manager", input.Object{"team": team.String(), "name": "Boss", "skills": []any{"Contracts"}})
		people := map[string]id.ID{}
		for name, in := range map[string]input.Object{
			"Ann": {"team": team.String(), "skills": []any{"Arabic", "Contracts"}}, "Bob": {"team": below.String(), "skills": []any{"Arabic"}}, "Cid": {"team": team.String()},
			"Dan": {"team": team.String(), "active": false}, "Eve": {"skills": []any{"Arabic"}},
		} {
			in["name"], in["email"] = name, strings.ToLower(name)+"@example.com"
			people[name] = e.Make(t, "User", in)
		}
		// Monday the 23rd, 09:00 to 17:00 UTC for all.
		meeting := func(who, from, to string) {
			t.Helper()
			e.Make(t, "Activity", input.Object{"kind": "MEETING", "subject": "M", "startAt": "2026-11-23T" + from + ":00Z", "endAt": "2026-11-23T" + to + ":00Z", "owner": people[who].String()})
		}
		meeting("Ann", "09:00", "11:00")
		meeting("Ann", "10:00", "12:00")
		meeting("Bob", "09:30", "10:30")
		meeting("Cid", "09:00", "17:00")
		e.Make(t, "Activity", input.Object{"kind": "TASK", "subject": "T", "dueAt": "2026-11-23T12:00:00Z", "owner": people["Ann"].String()})
		vars := func(team, skill any) farleytest.Vars {
			return farleytest.Vars{"team": team, "skill": skill, "from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z", "d": "PT1H"}
		}
		list := func(v farleytest.Vars) []string {
			t.Helper()
			var out []string
			got := boss.Query(t, suggest, v).At("suggestAssignee.assignees")
			for i := range got.Len() {
				a := got.At(fmt.Sprint(i))
				out = append(out, fmt.Sprintf("%s %d %d %s", a.At("user.name").Text(), a.At("busyMinutes").Int(), a.At("openActivities").Int(), strings.TrimPrefix(a.At("firstFree.start").Text(), "2026-11-23T")))
			}
			return out
		}
		if diff := cmp.Diff([]string{"Boss 0 0 09:00:00Z", "Bob 60 1 10:30:00Z", "Ann 180 3 12:00:00Z"}, list(vars(team.String(), nil))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Eve 0 0 09:00:00Z", "Bob 60 1 10:30:00Z", "Ann 180 3 12:00:00Z"}, list(vars(nil, "Arabic"))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Bob 60 1 10:30:00Z"}, list(vars(below.String(), "Arabic"))); diff != "" {
			t.Error(diff)
		}
		v := vars(nil, nil)
		v["d"] = "PT30H"
		r := boss.Do(t, suggest, v).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"duration RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		boss.Do(t, suggest, vars(nil, nil)).Want(t, "INVALID")
		boss.Do(t, suggest, vars(id.New(e.Set.Kind("Team").Code, farleytest.Start).String(), nil)).Want(t, "INVALID")
		// For many by as many statements as for one.
		count := func(v farleytest.Vars) int {
			list(v)
			e.DB.Counter.Reset()
			list(v)
			return len(e.DB.Counter.Asked())
		}
		if one, many := count(vars(below.String(), "Arabic")), count(vars(team.String(), nil)); one != many {
			t.Errorf("%d statements for one, %d for many", one, many)
		}
		shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": e.Make(t, "Account", input.Object{"name": "P"}).String()}).Do(t, suggest, vars(team.String(), nil)).Want(t, "FORBIDDEN")
	})
}

// crowd makes people with activities around a window of four weeks: each has some in it, and many long before.
func crowd(tb testing.TB, e *farleytest.Env, people, within, before int) (users []id.ID) {
	tb.Helper()
	for i := range people {
		users = append(users, e.Make(tb, "User", input.Object{"name": fmt.Sprint("P", i), "email": fmt.Sprintf("p%d@example.com", i)}))
	}
	k := e.Set.Kind("Activity")
	err := e.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		for _, user := range users {
			for start := 0; start < within+before; start += 50 {
				var rows []string
				var args []any
				for i := start; i < min(start+50, within+before); i++ {
					at := farleytest.Start.Add(time.Duration(i*28*24*60/max(within, 1)) * time.Minute)
					if i >= within {
						at = farleytest.Start.Add(-time.Duration(100*24+i) * time.Hour)
					}
					rows = append(rows, "(?, 1, ?, ?, ?, 'MEETING', 'M', 'PLANNED', 'NORMAL', ?, ?, ?)")
					args = append(args, id.New(k.Code, farleytest.Start), farleytest.Start, farleytest.Start, user, at, at.Add(time.Hour), at)
				}
				if _, err := tx.ExecContext(ctx, "INSERT INTO activities (id, version, created_at, updated_at, owner_id, kind, subject, status, priority, start_at, end_at, at) VALUES "+strings.Join(rows, ", "), args...); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return users
}

func slotsOf(users []id.ID) farleytest.Vars {
	return farleytest.Vars{"u": users, "from": farleytest.Start.Format(time.RFC3339), "to": farleytest.Start.Add(28 * 24 * time.Hour).Format(time.RFC3339), "d": "PT15M"}
}

const freeSlots = `query($u: [ID!]!, $from: DateTime!, $to: DateTime!, $d: Duration!) { availability(users: $u, from: $from, to: $to, duration: $d) { freeSlots { start end } } }`

// Free slots of 20 people take as many statements as those of one, and look at no more activities than there are in the window.
func TestAvailability_crowd(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		boss := shipped(t, e, "administrator", nil)
		users := crowd(t, e, 20, 10, 100)
		count := func(v farleytest.Vars) (int, []string) {
			boss.Query(t, freeSlots, v)
			e.DB.Counter.Reset()
			boss.Query(t, freeSlots, v)
			return len(e.DB.Counter.Asked()), e.DB.Counter.Asked()
		}
		one, _ := count(slotsOf(users[:1]))
		all, statements := count(slotsOf(users))
		if one != all || all > 10 {
			t.Errorf("%d statements for one, %d for 20: %q", one, all, statements)
		}
		if e.DB.Dialect != db.SQLite {
			return
		}
		// The owner's times are gone down by an index that ends at the window.
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		for _, s := range statements {
			if !strings.Contains(s, "shows_as_free") || !strings.Contains(s, "u.who, t.`id`, t.`start_at`") {
				continue
			}
			plan := ""
			rows, err := tx.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+s, make([]any, strings.Count(s, "?"))...)
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var a, b, c int
				var line string
				if err := rows.Scan(&a, &b, &c, &line); err != nil {
					t.Fatal(err)
				}
				plan += line + "\n"
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(plan, "(owner_id=? AND deleted_at=? AND start_at>? AND start_at<?)") {
				t.Errorf("the plan is\n%s", plan)
			}
			return
		}
		t.Error("no statement reads who is busy")
	})
}

// BenchmarkAvailability finds the free slots of 20 people over four weeks through the API: 40 activities of each lie in them, and
// 1,000 before.
func BenchmarkAvailability(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *testdb.DB{"sqlite": testdb.SQLite, "mariadb": testdb.MariaDB} {
		b.Run(name, func(b *testing.B) {
			e := farleytest.On(b, open(b))
			users := crowd(b, e, 20, 40, 1000)
			boss := e.Admin(b)
			boss.Query(b, freeSlots, slotsOf(users))
			e.DB.Counter.Reset()
			boss.Query(b, freeSlots, slotsOf(users))
			n := len(e.DB.Counter.Asked())
			for b.Loop() {
				boss.Query(b, freeSlots, slotsOf(users))
			}
			b.ReportMetric(float64(n), "statements/op")
		})
	}
}
