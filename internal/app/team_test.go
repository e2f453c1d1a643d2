package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
)

// worksOn is a role that does everything to accounts, notes and account teams within a scope.
func worksOn(scope string) access.Role {
	r := withScope(scope)
	for _, action := range []string{access.Create, access.Read, access.Update, access.Delete} {
		r.Permissions = append(r.Permissions, access.Permission{Object: "ACCOUNT_TEAM_MEMBER", Action: action, Scope: scope})
	}
	r.Permissions = append(r.Permissions, access.Permission{Object: "USER", Action: access.Read, Scope: "ALL"})
	return r
}

// Who takes part in the work on an account has it, and what hangs on it, in the scope OWN; those above him in TEAM.
func TestAccountTeam_sight(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		own, team := e.Role(t, worksOn("OWN")), e.Role(t, worksOn("TEAM"))
		boss := e.User(t, nil, team)
		ann := e.User(t, input.Object{"manager": boss.User.String()}, own)
		bob := e.User(t, nil, own)
		theirs := withNote(t, e, "1 theirs", input.Object{"owner": bob.User.String()})
		other := withNote(t, e, "2 other", input.Object{"owner": bob.User.String()})
		withNote(t, e, "3 mine", input.Object{"owner": ann.User.String()})
		sees(t, ann, "3 mine")

		const appoint = `mutation($in: CreateAccountTeamMemberInput!) { createAccountTeamMember(input: $in) { accountTeamMember { id account { version } } } }`
		in := func(account id.ID, user id.ID, more ...string) farleytest.Vars {
			o := input.Object{"account": account, "user": user, "role": "Technician"}
			for i := 0; i < len(more); i += 2 {
				o[more[i]] = more[i+1]
			}
			return farleytest.Vars{"in": o}
		}
		ann.Do(t, appoint, in(theirs, ann.User)).Want(t, "INVALID")
		m := bob.Query(t, appoint, in(theirs, ann.User)).At("createAccountTeamMember.accountTeamMember.id").ID()
		sees(t, ann, "1 theirs", "3 mine")
		sees(t, boss, "1 theirs", "3 mine")
		sees(t, bob, "1 theirs", "2 other")
		r := bob.Do(t, appoint, in(theirs, ann.User, "role", "TECHNICIAN", "fromDate", "2027-01-01")).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.user TAKEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = bob.Do(t, appoint, in(other, ann.User, "fromDate", "2027-01-01", "toDate", "2026-01-01")).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.toDate RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}

		// He works on the account like its owner, but does not decide who else does, and for how long.
		const update = `mutation($id: ID!) { updateAccount(id: $id, input: {source: "fair"}) { account { source } } }`
		ann.Query(t, update, farleytest.Vars{"id": theirs})
		ann.Do(t, update, farleytest.Vars{"id": other}).Want(t, "NOT_FOUND")
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		ann.Do(t, appoint, in(theirs, boss.User)).Want(t, "FORBIDDEN")
		const until = `mutation($id: ID!, $to: Date) { updateAccountTeamMember(id: $id, input: {toDate: $to}) { accountTeamMember { toDate } } }`
		ann.Do(t, until, farleytest.Vars{"id": m, "to": "2030-01-01"}).Want(t, "FORBIDDEN")
		boss.Do(t, until, farleytest.Vars{"id": m, "to": "2030-01-01"}).Want(t, "FORBIDDEN")
		ann.Do(t, `mutation($id: ID!) { deleteAccountTeamMember(id: $id) { id } }`, farleytest.Vars{"id": m}).Want(t, "FORBIDDEN")
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Errorf("what was refused left %d changes", n-changes)
		}

		// Both days are included, in UTC.
		for _, day := range []struct {
			from, to string
			in       bool
		}{
			{"2026-11-22", "2026-11-22", true}, {"2026-11-23", "", false}, {"2026-11-01", "2026-11-21", false}, {"", "2026-11-22", true}, {"2026-11-22", "", true},
		} {
			fields := input.Object{"fromDate": nil, "toDate": nil}
			if day.from != "" {
				fields["fromDate"] = day.from
			}
			if day.to != "" {
				fields["toDate"] = day.to
			}
			bob.Query(t, `mutation($id: ID!, $in: UpdateAccountTeamMemberInput!) { updateAccountTeamMember(id: $id, input: $in) { accountTeamMember { id } } }`, farleytest.Vars{"id": m, "in": fields})
			want := []string{"3 mine"}
			if day.in {
				want = []string{"1 theirs", "3 mine"}
			}
			sees(t, ann, want...)
		}
		bin(t, bob, "AccountTeamMember", m)
		sees(t, ann, "3 mine")

		const why = `query($u: ID!, $r: ID!) { explainAccess(user: $u, record: $r, action: READ) { allowed because { scope share rule } } }`
		bob.Query(t, appoint, in(other, ann.User))
		if got, want := e.Admin(t).Query(t, why, farleytest.Vars{"u": ann.User, "r": other}).At("explainAccess").JSON(), `{"allowed":true,"because":[{"rule":"GRANTED","scope":"OWN","share":false}]}`; got != want {
			t.Errorf("why: %s", got)
		}
	})
}

// Open streams are told when somebody begins and ceases to take part, be it only because the day has come.
func TestAccountTeam_streams(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, worksOn("OWN")))
		x := e.Make(t, "Account", input.Object{"name": "Elm"})
		e.Settle(t)
		cursor := ann.Cursor(t)
		stream := ann.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after) { op recordId } }`, farleytest.Vars{"after": cursor})
		event := func(want string) {
			t.Helper()
			e.Settle(t)
			if got := stream.Event(t).At("accountChanged").JSON(); got != fmt.Sprintf(`{"op":%q,"recordId":%q}`, want, x) {
				t.Errorf("she hears %s, want %s", got, want)
			}
		}
		m := e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": ann.User.String()})
		event("ENTERED")
		e.Change(t, x, input.Object{"industry": "food"})
		event("UPDATED")
		e.Change(t, m, input.Object{"toDate": "2026-11-21"})
		event("LEFT")
		e.Change(t, x, input.Object{"industry": "feed"})
		e.Change(t, m, input.Object{"toDate": nil})
		event("ENTERED")
		bin(t, e.Admin(t), "AccountTeamMember", m)
		event("LEFT")

		// The delta feed leaves out what has come and gone.
		d := ann.Query(t, `query($after: Cursor!) { changes(after: $after, objects: [ACCOUNT]) { edges { node { op } } } }`, farleytest.Vars{"after": cursor})
		if diff := cmp.Diff([]string{"LEFT", "LEFT"}, d.At("changes.edges").Texts("node.op")); diff != "" {
			t.Error(diff)
		}
	})
}

// A membership that begins and ends by its days is told by jobs on these days.
func TestAccountTeam_days(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, worksOn("OWN")))
		x := e.Make(t, "Account", input.Object{"name": "Elm"})
		m := e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": ann.User.String(), "fromDate": "2026-11-23", "toDate": "2026-11-23"})
		e.Change(t, m, input.Object{"toDate": "2026-11-24"}) // the job for the 24th finds nothing to tell
		e.Settle(t)
		cursor := e.SignIn(t, ann.User).Cursor(t)
		told := func(day time.Time, done int, want ...string) {
			t.Helper()
			e.Clock.Advance(day)
			until := time.Now().Add(farleytest.Deadline)
			for count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind = 'account-team-turn' AND state = ?", string(job.Done)) < done {
				if time.Now().After(until) {
					t.Fatal("the jobs are not done in time")
				}
				e.Jobs.Wake()
			}
			e.Settle(t)
			d := e.SignIn(t, ann.User).Query(t, `query($after: Cursor!) { changes(after: $after, objects: [ACCOUNT]) { edges { node { op } } } }`, farleytest.Vars{"after": cursor})
			if diff := cmp.Diff(append([]string{}, want...), d.At("changes.edges").Texts("node.op")); diff != "" {
				t.Error(day, diff)
			}
		}
		midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		told(midnight, 1, "ENTERED")
		told(midnight.AddDate(0, 0, 1), 2, "ENTERED")
		told(midnight.AddDate(0, 0, 2), 3, "LEFT")
	}, func(c *app.Config) { c.Jobs = true })
}
