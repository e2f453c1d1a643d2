package expiry_test

import (
	"context"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/scalar"
	"farley/internal/write"
)

// lastMoment is short enough for a socket to be silent.
const lastMoment = 10 * time.Second

// advance moves the clock, runs what becomes due, and lets everybody hear of it.
func advance(t *testing.T, e *farleytest.Env, d time.Duration) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() { e.Clock.Advance(e.Clock.Now().Add(d)) }); err != nil {
		t.Fatal(err)
	}
	e.Settle(t)
}

func in(e *farleytest.Env, d time.Duration) string { return e.Clock.Now().Add(d).Format(scalar.Layout) }

func binned(t *testing.T, e *farleytest.Env, x id.ID) bool {
	t.Helper()
	var n int
	query := "SELECT COUNT(*) FROM `" + e.Set.Of(x).Table + "` WHERE id = ? AND deleted_at IS NOT NULL"
	if err := e.DB.Pool().QueryRowContext(t.Context(), query, x).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// A grant ends at its instant, by a change that Farley made; the user's open streams are told that the rights are others.
func TestGrant_ends(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, ann := e.Admin(t), e.User(t, nil)
		role := e.Role(t, farleytest.Everything(e, access.Own))
		// The grant as an administrator makes it.
		d := admin.Query(t, `mutation($u: ID!, $r: ID!, $until: DateTime!) { createRoleGrant(input: {user: $u, role: $r, validUntil: $until}) { roleGrant { id } } }`,
			farleytest.Vars{"u": ann.User.String(), "r": role.String(), "until": in(e, 10*time.Minute)})
		grant := d.At("createRoleGrant.roleGrant.id").ID()
		ann.Query(t, `{ accounts { nodes { id } } }`, nil)
		e.Settle(t)
		cursor := admin.Cursor(t)
		advance(t, e, 10*time.Minute-lastMoment)
		if binned(t, e, grant) {
			t.Error("it ended too early")
		}
		from := ann.Cursor(t)
		s := ann.Subscribe(t, `subscription($c: Cursor) { accountChanged(after: $c) { op } }`, farleytest.Vars{"c": from})
		e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		e.Settle(t)
		s.Event(t) // the stream is open
		advance(t, e, lastMoment)
		if !binned(t, e, grant) {
			t.Fatal("it did not end")
		}
		if got := s.Refused(t).Extensions.Code; got != "RESYNC" {
			t.Errorf("the stream ended by %s", got)
		}
		ann.Do(t, `{ accounts { nodes { id } } }`, nil).Want(t, "FORBIDDEN")
		edges := admin.Query(t, `query($c: Cursor!) { changes(after: $c, objects: [ROLE_GRANT]) { edges { node { op recordId actor { id } } } } }`, farleytest.Vars{"c": cursor}).At("changes.edges").JSON()
		if want := `[{"node":{"actor":null,"op":"DELETED","recordId":"` + grant.String() + `"}}]`; edges != want {
			t.Errorf("the change log says %s", edges)
		}
	})
}

// A grant that is prolonged in time does not end at the old instant, one that is shortened does not wait for it.
func TestGrant_moves(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, ann := e.Admin(t), e.User(t, nil)
		make := func(until time.Duration) id.ID {
			return e.Make(t, "RoleGrant", input.Object{"user": ann.User.String(), "role": e.Role(t, access.Role{}).String(), "validUntil": in(e, until)})
		}
		longer, shorter, forGood := make(5*time.Minute), make(5*time.Hour), make(5*time.Minute)
		const update = `mutation($id: ID!, $until: DateTime) { updateRoleGrant(id: $id, input: {validUntil: $until}) { roleGrant { id } } }`
		admin.Query(t, update, farleytest.Vars{"id": longer.String(), "until": in(e, 20*time.Minute)})
		admin.Query(t, update, farleytest.Vars{"id": shorter.String(), "until": in(e, 2*time.Minute)})
		admin.Query(t, update, farleytest.Vars{"id": forGood.String(), "until": nil})
		advance(t, e, 10*time.Minute)
		if binned(t, e, longer) || !binned(t, e, shorter) || binned(t, e, forGood) {
			t.Errorf("after ten minutes: longer %t, shorter %t, for good %t", binned(t, e, longer), binned(t, e, shorter), binned(t, e, forGood))
		}
		advance(t, e, 10*time.Minute)
		if !binned(t, e, longer) {
			t.Error("the longer one did not end")
		}
	})
}

// What is not committed leaves no job behind.
func TestGrant_dryRunPlansNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, ann := e.Admin(t), e.User(t, nil)
		admin.Query(t, `mutation($u: ID!, $r: ID!, $until: DateTime!) { createRoleGrant(input: {user: $u, role: $r, validUntil: $until}, dryRun: true) { roleGrant { id } } }`,
			farleytest.Vars{"u": ann.User.String(), "r": e.Role(t, access.Role{}).String(), "until": in(e, time.Minute)})
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		found, err := e.Jobs.List(t.Context(), tx, job.Filter{Kinds: []string{"expiry"}})
		if err != nil || len(found) != 0 {
			t.Errorf("%d jobs, %v", len(found), err)
		}
	})
}

// More than one look finds ends too, and what nobody planned (data from before) is found within the hour.
func TestSweep_findsWhatWasMissed(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil)
		var grants []id.ID
		for range 230 {
			grants = append(grants, e.Make(t, "RoleGrant", input.Object{"user": ann.User.String(), "role": e.Role(t, access.Role{}).String(), "validUntil": in(e, time.Minute)}))
		}
		if _, err := e.DB.Pool().ExecContext(t.Context(), "DELETE FROM jobs"); err != nil {
			t.Fatal(err)
		}
		advance(t, e, time.Hour)
		for _, x := range grants {
			if !binned(t, e, x) {
				t.Fatalf("%s did not end", x)
			}
		}
	})
}

// The end of a share is told to those who saw by it, as that the record has left; to others nothing is told.
func TestShare_ends(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		shared := e.Role(t, farleytest.Everything(e, access.Shared))
		owner, ann, stranger := e.User(t, nil, shared), e.User(t, nil, shared), e.User(t, nil, shared)
		account := e.Make(t, "Account", input.Object{"name": "Oak", "owner": owner.User.String()})
		share := e.Make(t, "Share", input.Object{"record": account.String(), "grantee": ann.User.String(), "expiresAt": in(e, 10*time.Minute), "owner": owner.User.String()})
		// Ended before it was made: it never showed anything.
		e.Make(t, "Share", input.Object{"record": account.String(), "grantee": stranger.User.String(), "expiresAt": in(e, -time.Hour), "owner": owner.User.String()})
		advance(t, e, 10*time.Minute-lastMoment)
		const document = `subscription($c: Cursor) { accountChanged(after: $c) { op recordId } }`
		streams := map[*farleytest.Client]*farleytest.Stream{}
		cursors := map[*farleytest.Client]string{}
		for _, c := range []*farleytest.Client{ann, stranger} {
			cursors[c] = c.Cursor(t)
			streams[c] = c.Subscribe(t, document, farleytest.Vars{"c": cursors[c]})
		}
		advance(t, e, lastMoment)
		if !binned(t, e, share) {
			t.Fatal("it did not end")
		}
		want := `{"op":"LEFT","recordId":"` + account.String() + `"}`
		if got := streams[ann].Event(t).At("accountChanged").JSON(); got != want {
			t.Errorf("who saw by the share is told %s", got)
		}
		const feed = `query($c: Cursor!) { changes(after: $c, objects: [ACCOUNT]) { edges { node { op recordId } } } }`
		if got := ann.Query(t, feed, farleytest.Vars{"c": cursors[ann]}).At("changes.edges").JSON(); got != `[{"node":`+want+`}]` {
			t.Errorf("the delta feed says %s", got)
		}
		if got := stranger.Query(t, feed, farleytest.Vars{"c": cursors[stranger]}).At("changes.edges").Len(); got != 0 {
			t.Errorf("a stranger is told %d changes", got)
		}
	})
}

// Expire does nothing for what has not ended, whoever calls it.
func TestExpire_notYet(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	grant := e.Make(t, "RoleGrant", input.Object{"user": e.User(t, nil).User.String(), "role": e.Role(t, access.Role{}).String(), "validUntil": in(e, time.Minute)})
	err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
		if ended, err := tx.Expire(ctx, e.Set.Kind("RoleGrant"), "validUntil", grant); ended || err != nil {
			t.Errorf("%t, %v", ended, err)
		}
		return nil
	})
	if err != nil || binned(t, e, grant) {
		t.Error("it ended", err)
	}
}
