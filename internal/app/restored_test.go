package app_test

import (
	"context"
	"testing"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// A database goes back to a backup while clients hold cursors from after it; then it grows past those. Were they accepted,
// the clients would miss what took the place of the lost changes.
func TestRestored_cursorsAndSessions(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		keys := auth.NewKeyring(farleytest.Start)
		same := func(c *app.Config) { c.Keys = keys }
		e := farleytest.On(t, d, same)
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		e.Make(t, "Account", input.Object{"name": "In the backup", "owner": ann.User.String()})
		inBackup := after(t, e, ann)
		lost := e.Make(t, "Account", input.Object{"name": "After the backup", "owner": ann.User.String()})
		fromFuture := after(t, e, ann)
		expired := func(c *farleytest.Client, cursor string) {
			t.Helper()
			c.Do(t, `query($after: Cursor!) { changes(after: $after) { edges { cursor } } }`, farleytest.Vars{"after": cursor}).Want(t, "CURSOR_EXPIRED")
			if err := c.Subscribe(t, follow, farleytest.Vars{"after": cursor}).Refused(t); err.Extensions.Code != "CURSOR_EXPIRED" {
				t.Errorf("the stream is refused by %s", err.Extensions.Code)
			}
		}
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		goBack(t, d, lost[:])

		// The operator has not said that this is a backup, and the log has not grown yet.
		e = farleytest.On(t, d.Reopen(t), same)
		expired(e.WithToken(ann.Token), fromFuture)
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}

		ended, err := app.Restored(context.Background(), d.DB, farleytest.Start, false)
		if err != nil || ended != 1 {
			t.Fatalf("restored: %d sessions ended, %v", ended, err)
		}
		e = farleytest.On(t, d.Reopen(t), same)
		e.WithToken(ann.Token).Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		ann = e.SignIn(t, ann.User)
		for range 5 {
			e.Make(t, "Account", input.Object{"name": "After the restoration", "owner": ann.User.String()})
		}
		e.Settle(t)
		expired(ann, fromFuture)
		expired(ann, inBackup)

		cursor := after(t, e, ann)
		made := e.Make(t, "Account", input.Object{"name": "Followed", "owner": ann.User.String()})
		if got := ann.Subscribe(t, follow, farleytest.Vars{"after": cursor}).Event(t).At("accountChanged.recordId").Text(); got != made.String() {
			t.Errorf("behind the new cursor is %s", got)
		}
	})
}

// goBack removes the last record and its change, as a backup made before would.
func goBack(t *testing.T, d *testdb.DB, record []byte) {
	t.Helper()
	for _, statement := range []string{"DELETE FROM accounts WHERE id = ?", "DELETE FROM changes WHERE record_id = ?"} {
		if _, err := d.Pool().ExecContext(t.Context(), statement, record); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Pool().ExecContext(t.Context(), "UPDATE change_counter SET position = (SELECT MAX(position) FROM changes)"); err != nil {
		t.Fatal(err)
	}
}
