package durability_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// The server is killed twice in the middle of a long erasure. Started again it goes on by itself, until nothing is left of the
// person: in the record, in a thousand notes, in their histories and in its own.
func TestErasure_endsWholeWhenKilled(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		const notes, secret = 1000, "xyzzysecret"
		e := farleytest.On(t, d)
		contact := e.Make(t, "Contact", input.Object{"familyName": secret})
		for range notes {
			e.Make(t, "Note", input.Object{"contact": contact.String(), "title": secret, "body": secret})
		}
		for i := range 50 {
			e.Change(t, contact, input.Object{"description": fmt.Sprint(secret, i)})
		}
		count := func(query string) (n int) {
			tx, err := d.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Close() }()
			if err := tx.QueryRow(t.Context(), query, nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*deadline)
		defer cancel()
		until := func(what string, done func() bool) {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for !done() {
				select {
				case <-tick.C:
				case <-ctx.Done():
					t.Fatal("in time there is no " + what)
				}
			}
		}
		left := func() int { return count("SELECT COUNT(*) FROM notes WHERE body <> 'Erased'") }

		n := newNode(t, d.URL)
		n.start()
		if _, err := n.insist(ctx, `mutation($c: ID!) { erasePersonalData(input: {contact: $c, reason: REQUEST}, idempotencyKey: "once") { job { id } } }`, map[string]any{"c": contact.String()}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			had := left()
			until("further note without its text", func() bool { return left() < had || had == 0 })
			n.kill()
			t.Logf("killed with %d of %d notes left", left(), notes)
			n.start()
		}
		until("end of the job", func() bool { return count("SELECT COUNT(*) FROM jobs WHERE kind = 'erasure' AND state = 'DONE'") == 1 })
		for _, query := range []string{
			"SELECT COUNT(*) FROM changes WHERE fields LIKE '%" + secret + "%'",
			"SELECT COUNT(*) FROM notes WHERE body LIKE '%" + secret + "%' OR title LIKE '%" + secret + "%'",
			"SELECT COUNT(*) FROM contacts WHERE family_name LIKE '%" + secret + "%' OR description LIKE '%" + secret + "%'",
			"SELECT COUNT(*) FROM search_terms WHERE term LIKE '%" + secret + "%'",
		} {
			if n := count(query); n != 0 {
				t.Errorf("%s: %d", query, n)
			}
		}
		if n := count("SELECT COUNT(*) FROM notes"); n != notes {
			t.Errorf("%d notes, want %d", n, notes)
		}
		if n := count("SELECT COUNT(*) FROM changes WHERE op = 'ERASED'"); n != notes+1 {
			t.Errorf("%d changes ERASED, want one a record, %d", n, notes+1)
		}
	})
}
