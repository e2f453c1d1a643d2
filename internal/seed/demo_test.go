package seed_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/seed"
	"farley/internal/write"
)

func hash(password string) (string, error) { return "hash of " + password, nil }

// demo fills in the demo firm.
func demo(t *testing.T, d *testdb.DB) (*write.Writer, *seed.People) {
	t.Helper()
	w := writer(t, d)
	start := time.Now()
	people, err := seed.Demo(t.Context(), w, hash, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: demo in %v", d.Dialect, time.Since(start))
	return w, people
}

// TestDemo looks at one demo from all sides, since making one is slow under the race detector.
func TestDemo(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		// A first attempt is cut short; what it leaves behind is not in the way.
		w := writer(t, d)
		w.Rules = write.Rules{"Account": {func(context.Context, *write.Change) error { return errCut }}}
		if _, err := seed.Demo(t.Context(), w, hash, noon); !errors.Is(err, errCut) {
			t.Fatalf("got %v", err)
		}

		w, people := demo(t, d)
		demoCounts(t, d, w, people)
		demoNumbers(t, d)
		demoSight(t, d, w, people)
		demoRegion(t, d, w)
		demoWrites(t, d, w, people) // changes it, so it comes last
	})
}

var errCut = errors.New("cut short")

func TestDemo_isTheSameEveryTime(t *testing.T) {
	t.Parallel()
	one, err := seed.PlanDemo(model.Kinds(), noon)
	if err != nil {
		t.Fatal(err)
	}
	other, err := seed.PlanDemo(model.Kinds(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Error(diff)
	}
}

// demoCounts compares how much there is, before and after a second run.
func demoCounts(t *testing.T, d *testdb.DB, w *write.Writer, people *seed.People) {
	t.Helper()
	counts := func() map[string]int {
		got := map[string]int{}
		for name, query := range map[string]string{
			"users": "FROM users WHERE active = 1", "passwords": "FROM users WHERE password_hash = 'hash of farley-demo-2026'",
			"teams": "FROM teams WHERE lead_id IS NOT NULL", "grants": "FROM role_grants", "roles": "FROM roles",
			"accounts": "FROM accounts", "domains": "FROM (SELECT DISTINCT domain FROM accounts) d", "names": "FROM (SELECT DISTINCT name FROM accounts) d",
			"revenues": "FROM accounts WHERE annual_revenue_reporting > 0", "partner's accounts": "FROM accounts WHERE partner_id IS NOT NULL",
			"contacts": "FROM contacts WHERE primary_email IS NOT NULL AND primary_phone IS NOT NULL", "partner's contacts": "FROM contacts WHERE partner_id IS NOT NULL",
			"native names": "FROM contacts WHERE native_name IS NOT NULL", "emails": "FROM (SELECT DISTINCT primary_email FROM contacts) d",
			"links": "FROM account_contacts", "primary links": "FROM account_contacts WHERE is_primary = 1",
			"notes": "FROM notes WHERE created_by_id IS NOT NULL", "tags": "FROM tags", "taggings": "FROM taggings", "shares": "FROM shares",
			"branches": "FROM branches WHERE manager_id IS NOT NULL", "territories": "FROM territories", "members": "FROM territory_members",
			"wrong branches":   "FROM accounts a JOIN users u ON u.id = a.owner_id WHERE u.branch_id <> a.branch_id OR a.branch_id IS NULL",
			"accounts nowhere": "FROM accounts WHERE territory_id IS NULL", "contacts nowhere": "FROM contacts WHERE territory_id IS NULL",
			"wrong teams": "FROM accounts a JOIN users u ON u.id = a.owner_id WHERE u.team_id <> a.team_id",
			"stages":      "FROM lifecycle_stages", "steps": "FROM lifecycle_steps", "accounts in stages": "FROM accounts WHERE lifecycle_id IS NOT NULL",
			"times in stages": "FROM stage_histories WHERE left_at IS NULL", "leads": "FROM leads", "queued": "FROM leads WHERE queued = 1 AND owner_id IS NULL",
			"account teams": "FROM account_team_members", "consents": "FROM consents", "withdrawn": "FROM consents WHERE status = 'WITHDRAWN'",
			"products": "FROM products", "pipelines": "FROM pipelines", "stages of deals": "FROM stages", "deals": "FROM opportunities", "won": "FROM opportunities WHERE status = 'WON' AND closed_amount > 0",
			"lost": "FROM opportunities WHERE status = 'LOST'", "lines": "FROM opportunity_lines", "parts in deals": "FROM opportunity_contacts",
			"wrong amounts": "FROM opportunities o WHERE EXISTS (SELECT 1 FROM opportunity_lines l WHERE l.opportunity_id = o.id) AND o.amount <> (SELECT SUM(l.total) FROM opportunity_lines l WHERE l.opportunity_id = o.id)",
			"preferences":   "FROM preferences", "needs": "FROM needs", "activities": "FROM activities", "done activities": "FROM activities WHERE status = 'DONE'", "reminders": "FROM reminders WHERE due_at IS NOT NULL",
			"outsiders": "FROM users WHERE partner_account_id IS NOT NULL OR contact_id IS NOT NULL",
		} {
			got[name] = count(t, d, "SELECT COUNT(*) "+query)
		}
		return got
	}
	first := counts()
	want := map[string]int{
		"users": 25, "passwords": 24, "teams": 4, "grants": 25, "roles": 17,
		"branches": 3, "territories": 9, "members": 5, "wrong branches": 0, "accounts nowhere": 0, "contacts nowhere": 0,
		"accounts": 200, "domains": 200, "names": 200, "revenues": 200, "partner's accounts": 6,
		"contacts": 600, "partner's contacts": 18, "native names": 360, "emails": 600,
		"links": 900, "primary links": 600, "notes": 152, "tags": 20, "taggings": 332, "shares": 12,
		"wrong teams": 0, "outsiders": 3,
		"products": 6, "pipelines": 1, "stages of deals": 6, "deals": 12, "won": 2, "lost": 1, "lines": 7, "parts in deals": 12, "wrong amounts": 0,
		"stages": 6, "steps": 13, "accounts in stages": 139, "times in stages": 139, "leads": 9, "queued": 2, "account teams": 4,
		"consents": 150, "withdrawn": 50, "preferences": 100, "needs": 40, "activities": 12, "done activities": 5, "reminders": 4,
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	for key := range seed.Roles(w.Set) {
		query := "SELECT COUNT(*) FROM users u JOIN role_grants g ON g.user_id = u.id WHERE u.id = ? AND u.email = ? AND g.role_id = ?"
		if count(t, d, query, people.ByRole[key], seed.DemoEmail(key), seed.RoleID(w.Set, key)) != 1 {
			t.Errorf("no demo user with the role %s", key)
		}
	}

	rows := count(t, d, "SELECT COUNT(*) FROM changes")
	again, err := seed.Demo(t.Context(), w, hash, noon)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(people, again); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(first, counts()); diff != "" {
		t.Error(diff)
	}
	if n := count(t, d, "SELECT COUNT(*) FROM changes"); n != rows {
		t.Errorf("the second run wrote %d change rows", n-rows)
	}
}

func demoNumbers(t *testing.T, d *testdb.DB) {
	t.Helper()
	var numbers []string
	for _, row := range texts(t, d, "SELECT phones FROM accounts", 1) {
		var list []string
		if err := json.Unmarshal([]byte(row[0]), &list); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, list...)
	}
	for _, row := range texts(t, d, "SELECT phones FROM contacts", 1) {
		var list []struct{ Number string }
		if err := json.Unmarshal([]byte(row[0]), &list); err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			numbers = append(numbers, p.Number)
		}
	}
	if len(numbers) != 1599 {
		t.Errorf("%d numbers, want 1599", len(numbers))
	}
	for _, s := range numbers {
		n, err := phonenumbers.Parse(s, "")
		if err != nil || !phonenumbers.IsValidNumber(n) || phonenumbers.Format(n, phonenumbers.E164) != s {
			t.Errorf("%s is not a valid number", s)
		}
	}
}

// texts reads columns as text.
func texts(t *testing.T, d *testdb.DB, query string, columns int) [][]string {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out [][]string
	for rows.Next() {
		row, dest := make([]string, columns), make([]any, columns)
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// demoSight tells what the people of the demo see, since that is what it is there to show.
func demoSight(t *testing.T, d *testdb.DB, w *write.Writer, people *seed.People) {
	t.Helper()
	table := []struct {
		role               string
		accounts, contacts int
	}{
		{"administrator", 200, 600},
		{"auditor", 200, 600},
		{"partner", 1 + 6 + 3, 18 + 2},
		{"portal_customer", 2, 1},
		{"sales_manager", 60 + 2 + 1, 180}, // the team's, what is shared with it, and what one of it takes part in
		{"sales_rep", 60 + 3 + 1, 180},
		{"customer_success", 80 + 1 + 1, 240},
		{"service_agent", 200, 600},
		{"marketing", 200, 600},
		{"finance", 200, 600},
	}
	for _, c := range table {
		a := actor(t, w, people.ByRole[c.role])
		for kind, want := range map[string]int{"Account": c.accounts, "Contact": c.contacts} {
			k := w.Set.Kind(kind)
			sight := a.Sight(w.Set, k, "t", access.Read, noon)
			query, args := "SELECT COUNT(*) FROM "+k.Table+" t", sight.Args
			if !sight.IsTrue() {
				query += " WHERE " + sight.SQL
			}
			if n := count(t, d, query, args...); n != want {
				t.Errorf("%s sees %d %s, want %d", c.role, n, k.Plural, want)
			}
		}
	}
}

// demoRegion tells what the firm's own role sees: the territory of its holder, whichever team sells there.
func demoRegion(t *testing.T, d *testdb.DB, w *write.Writer) {
	t.Helper()
	a := actor(t, w, oneID(t, d, "SELECT id FROM users WHERE email = 'regional.manager@demo.example'"))
	for kind, want := range map[string]int{"Account": 57, "Contact": 172} {
		k := w.Set.Kind(kind)
		sight := a.Sight(w.Set, k, "t", access.Read, noon)
		got := count(t, d, "SELECT COUNT(*) FROM "+k.Table+" t WHERE "+sight.SQL, sight.Args...)
		saudi := count(t, d, "SELECT COUNT(*) FROM "+k.Table+` t JOIN territories x ON x.id = t.territory_id
			WHERE x.name IN ('Saudi Arabia', 'Riyadh and the centre', 'Western region', 'Eastern Province')`)
		if got != want || saudi != want {
			t.Errorf("the regional manager sees %d %s, %d are in the region, want %d", got, k.Plural, saudi, want)
		}
	}
	if got := a.Policy.Roles()[0].Screens; len(got) != 2 {
		t.Errorf("the regional manager's screens are %v", got)
	}
}

// actor loads a demo user as a signed-in one is.
func actor(t *testing.T, w *write.Writer, user id.ID) *access.Actor {
	t.Helper()
	a, err := identity.New(w.DB, w.Set, w.Clock).Actor(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		w := writer(t, d)
		if _, err := seed.EnsureRoles(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		wantEmpty(t, d.DB, true)
		err := w.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			_, err := tx.Create(ctx, w.Set.Kind("User"), input.Object{"email": "a@b.example", "name": "A"}, "ALLOW")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEmpty(t, d.DB, false)
	})
}

func wantEmpty(t *testing.T, d *db.DB, want bool) {
	t.Helper()
	if got, err := seed.EmptyDatabase(t.Context(), d); err != nil || got != want {
		t.Errorf("empty: %v, %v, want %v", got, err, want)
	}
}
