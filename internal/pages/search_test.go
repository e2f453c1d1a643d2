package pages_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
)

var searched = flag.Int("farley.searched", 10_000, "how many records are searched")

// A search reads a bounded number of rows, however many records have its words: for who sees all records, and for who sees
// his own; and the index is made in time.
func TestSearch_isBounded(t *testing.T) { //nolint:paralleltest // it reads counters of the whole server
	t.Run("sqlite", func(t *testing.T) { searchAmongMany(t, testdb.SQLite(t)) })   //nolint:paralleltest // as above
	t.Run("mariadb", func(t *testing.T) { searchAmongMany(t, testdb.MariaDB(t)) }) //nolint:paralleltest // as above
}

var (
	given  = strings.Fields("Mohammed Ahmed Ali Omar Khalid Youssef Hassan Hussein Ibrahim Saleh محمد أحمد علي عمر خالد يوسف حسن حسين إبراهيم صالح")
	family = strings.Fields("Alqahtani Alharbi Alotaibi Alzahrani Alghamdi Aljaber القحطاني الحربي العتيبي الزهراني")
	trades = strings.Fields("Trading Contracting Logistics Foods Medical Systems Energy Textiles للتجارة للمقاولات")
)

func searchAmongMany(t *testing.T, d *testdb.DB) {
	e := farleytest.On(t, d)
	all := e.Admin(t)
	few := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	makeMany(t, e, few.User)
	began := time.Now()
	exec(t, d, "UPDATE search_state SET analysis = 0")
	e.Index(t)
	t.Logf("%d records indexed in %s: %d terms", *searched, time.Since(began).Round(time.Millisecond), number(t, d, "SELECT COUNT(*) FROM search_terms"))
	if d.Dialect == db.SQLite {
		t.Logf("the database has %d MiB", number(t, d, "SELECT page_count * page_size / 1048576 FROM pragma_page_count(), pragma_page_size()"))
	}

	for _, viewer := range []struct {
		name string
		c    *farleytest.Client
	}{{"ALL", all}, {"OWN, every 200th", few}} {
		for _, q := range []string{"company ", "comp", "co", "mohammed ", "محمد", "company trading", "mohammed alqahtani", "company 004710", "nr4710x", "compayn trading", "0500004711", "4711"} {
			document := fmt.Sprintf(`{ search(query: %q) { edges { cursor score highlight node { id __typename } } } }`, q)
			viewer.c.Query(t, document, nil)
			before := rowsRead(t, d)
			var took []time.Duration
			found := 0
			const times = 3
			for range times {
				began := time.Now()
				found = viewer.c.Query(t, document, nil).At("search.edges").Len()
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			cost := (rowsRead(t, d) - before) / times
			t.Logf("%s, %q: %d hits on the page, %d rows read, %s", viewer.name, q, found, cost, took[1].Round(100*time.Microsecond))
			if viewer.name == "ALL" && cost > maxSearchRows {
				t.Errorf("%q reads %d rows, at most %d are all right", q, cost, maxSearchRows)
			}
			if viewer.name == "ALL" && found == 0 {
				t.Errorf("%q finds nothing", q)
			}
		}
	}
}

// maxSearchRows is what a search may read for who sees all records: it grows only where several words are all common, by
// what an index without the records has of them.
const maxSearchRows = 150_000

// rowsRead returns 0 on SQLite, which does not count.
func rowsRead(t *testing.T, d *testdb.DB) int {
	t.Helper()
	if d.Dialect == db.SQLite {
		return 0
	}
	return examined(t, d)
}

func number(t *testing.T, d *testdb.DB, query string) (n int) {
	t.Helper()
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

// makeMany makes accounts and contacts, half each, past everything. Every 200th belongs to the owner.
func makeMany(t *testing.T, e *farleytest.Env, owner id.ID) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	accounts, contacts := e.Set.Kind("Account"), e.Set.Kind("Contact")
	const size = 500
	for start := 0; start < *searched; start += size {
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			var a, c strings.Builder
			var aa, ca []any
			for i := start; i < min(start+size, *searched); i++ {
				at := farleytest.Start.Add(time.Duration(i) * time.Millisecond)
				var who any
				if i%400 < 2 {
					who = owner
				}
				if i%2 == 0 {
					name := fmt.Sprintf("%s %s Company Nr%dx %06d", pick(family), pick(trades), i, i)
					a.WriteString(",(?,1,?,?,?,?,?,?,?)")
					aa = append(aa, id.New(accounts.Code, at), at, at, who, name, strings.ToLower(name), name, fmt.Sprintf(`["+9661%08d"]`, i))
					continue
				}
				name := pick(given) + " " + pick(family)
				c.WriteString(",(?,1,?,?,?,?,?,?,?)")
				ca = append(ca, id.New(contacts.Code, at), at, at, who, name, strings.ToLower(name), name, fmt.Sprintf(`[{"number":"+96650%07d","primary":true}]`, i))
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO accounts (id, version, created_at, updated_at, owner_id, name, name_fold, name_sort, phones) VALUES "+a.String()[1:], aa...); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO contacts (id, version, created_at, updated_at, owner_id, display_name, display_name_fold, display_name_sort, phones) VALUES "+c.String()[1:], ca...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
