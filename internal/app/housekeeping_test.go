package app_test

import (
	"context"
	"testing"
	"time"

	"farley/internal/app"
	"farley/internal/db"
	"farley/internal/farleytest"
)

// Once an hour of the application's clock, what is out of date is forgotten, and nothing else.
func TestHousekeeping_forgetsWhatIsOutOfDate(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		old := after(t, e, admin)
		const make = `mutation($n: String!) { createTag(input: {name: $n}, idempotencyKey: $n) { tag { id } } }`
		admin.Query(t, make, farleytest.Vars{"n": "old"})
		e.Settle(t)
		count := func(table string) (n int) {
			tx, err := e.DB.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Close() }()
			if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table, nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO write_claims (id, n) VALUES (?, 1)", admin.User)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		planned(t, e)
		e.Clock.Advance(farleytest.Start.Add(25 * time.Hour))
		again := e.SignIn(t, admin.User)
		again.Query(t, make, farleytest.Vars{"n": "new"})
		e.Settle(t)

		kept := func() int { return count("idempotency_keys") }
		e.Clock.Advance(e.Clock.Now().Add(time.Hour))
		for end := time.Now().Add(farleytest.Deadline); kept() != 1; {
			if time.Now().After(end) {
				t.Fatalf("%d idempotency keys are kept", kept())
			}
		}
		if n := count("write_claims"); n != 0 {
			t.Errorf("%d claims are kept", n)
		}
		again = e.SignIn(t, admin.User)
		for end := time.Now().Add(farleytest.Deadline); ; {
			r := again.Do(t, `query($c: Cursor!) { changes(after: $c) { edges { cursor } } }`, farleytest.Vars{"c": old})
			if codes := r.Codes(); len(codes) == 1 && codes[0] == "CURSOR_EXPIRED" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("an old cursor is answered by %s", r.Raw)
			}
		}
	}, func(c *app.Config) { c.Jobs, c.RetainChanges = true, 12*time.Hour })
}

// planned waits until the hourly work stands in the table of jobs: what the clock passes before is planned for later.
func planned(t *testing.T, e *farleytest.Env) {
	t.Helper()
	eventually(t, func() bool {
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		var n int
		if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM jobs WHERE kind = 'housekeeping'", nil, &n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
}
