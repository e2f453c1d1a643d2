package bench

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
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
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/seed"
	"farley/internal/text"
)

// sizes say how many records there are.
type sizes struct{ accounts, contacts, deals, activities int }

// whole is the firm that figures are of.
var whole = sizes{50_000, 150_000, 100_000, 200_000}

const (
	teams   = 20
	perTeam = 10
)

// firm is a database with a firm of 200 people in 20 teams, and the sales rep who asks.
type firm struct {
	*testdb.DB
	rep, team, role id.ID
	repEmail        string
	account         id.ID // one of the rep's
	pipeline, stage id.ID
}

// random makes what is the same in every run.
type random struct{ *rand.Rand }

func newRandom() random {
	return random{rand.New(rand.NewPCG(1, 2))} //nolint:gosec // it has to be the same every time
}

func (r random) id(kind id.Kind, at time.Time) id.ID {
	var x id.ID
	binary.BigEndian.PutUint64(x[:8], uint64(at.UnixMilli())<<16|0x8000|uint64(kind)) //nolint:gosec // instants after 1970
	binary.BigEndian.PutUint64(x[8:], r.Uint64()&^(1<<62)|1<<63)
	return x
}

func (r random) of(list []string) string { return list[r.IntN(len(list))] }

var (
	first      = strings.Fields("Al Noor Cedar Palm Desert Atlas Nile Orient Gulf Summit Harbour Falcon Olive Crescent Dune Horizon")
	second     = strings.Fields("Trading Foods Logistics Systems Textiles Energy Motors Pharma Media Partners Steel Works")
	given      = strings.Fields("Huda Omar Emma James Mariam Faisal Olivia Thomas Reem Daniel Salma Graham")
	family     = strings.Fields("Haddad Bennett Okafor Nasser Fernandes Adeyemi Karim Whitfield Hughes Barakat")
	cities     = strings.Fields("Riyadh Jeddah Dubai Leeds London Cairo Manama")
	industries = strings.Fields("Retail Energy Media Finance Medical")
	titles     = strings.Fields("Buyer Director Engineer Accountant Manager")
)

// newFirm fills a migrated database. Users, roles and the pipeline are made as ever; the many records are written straight into
// their tables, with what Farley keeps beside the values.
func newFirm(tb testing.TB, d *testdb.DB, n sizes) *firm {
	tb.Helper()
	f := &firm{DB: d}
	var owners [teams][]id.ID
	var teamIDs [teams]id.ID
	var open []id.ID
	f.people(tb, &owners, &teamIDs, &open)
	r := newRandom()
	at := farleytest.Start.AddDate(0, -10, 0)
	moment := func(i, of int) time.Time {
		return at.Add(10 * 30 * 24 * time.Hour / time.Duration(of+1) * time.Duration(i)).Truncate(time.Microsecond)
	}
	set := kinds()
	sorter := text.NewSorter()
	who := func() (owner, team id.ID) {
		t := r.IntN(teams)
		return owners[t][r.IntN(perTeam)], teamIDs[t]
	}
	accounts := make([]id.ID, n.accounts)
	ownerOf, teamOf := make([]id.ID, n.accounts), make([]id.ID, n.accounts)

	indexed := unindexed(tb, d, "accounts")
	b := newBulk(tb, d, "accounts", "id", "version", "created_at", "updated_at", "owner_id", "team_id", "name", "name_fold", "name_sort", "kinds", "industry", "industry_fold",
		"website", "domain", "city", "city_fold", "country", "employees", "annual_revenue", "annual_revenue_currency", "annual_revenue_reporting")
	for i := range accounts {
		accounts[i] = r.id(set["Account"], moment(i, n.accounts))
		ownerOf[i], teamOf[i] = who()
		if i == n.accounts/2 {
			ownerOf[i], teamOf[i], f.account = f.rep, f.team, accounts[i]
		}
		name := fmt.Sprintf("%s %s %d", r.of(first), r.of(second), r.IntN(n.accounts))
		industry, city, worth := r.of(industries), r.of(cities), r.Int64N(1_000_000_000)
		domain := fmt.Sprintf("firm%d.example", i)
		b.add(accounts[i], 1, moment(i, n.accounts), moment(i, n.accounts), ownerOf[i], teamOf[i], name, text.Fold(name), sorter.Key(name), "|CUSTOMER|", industry, text.Fold(industry),
			"https://www."+domain, domain, city, text.Fold(city), "SA", r.IntN(5000), worth, "USD", worth)
	}
	b.flush()
	indexed()

	contacts := make([]id.ID, n.contacts)
	b = newBulk(tb, d, "contacts", "id", "version", "created_at", "updated_at", "owner_id", "team_id", "given_name", "given_name_fold", "given_name_sort", "family_name", "family_name_fold",
		"family_name_sort", "display_name", "display_name_fold", "display_name_sort", "title", "title_fold", "do_not_contact")
	for i := range contacts {
		a := i % n.accounts
		contacts[i] = r.id(set["Contact"], moment(i, n.contacts))
		g, fam, title := r.of(given), r.of(family), r.of(titles)
		both := g + " " + fam
		b.add(contacts[i], 1, moment(i, n.contacts), moment(i, n.contacts), ownerOf[a], teamOf[a], g, text.Fold(g), sorter.Key(g), fam, text.Fold(fam), sorter.Key(fam),
			both, text.Fold(both), sorter.Key(both), title, text.Fold(title), false)
	}
	b.flush()
	b = newBulk(tb, d, "account_contacts", "id", "version", "created_at", "updated_at", "is_primary", "account_id", "contact_id")
	for i, c := range contacts {
		b.add(r.id(set["AccountContact"], moment(i, n.contacts)), 1, moment(i, n.contacts), moment(i, n.contacts), false, accounts[i%n.accounts], c)
	}
	b.flush()

	b = newBulk(tb, d, "opportunities", "id", "version", "created_at", "updated_at", "owner_id", "team_id", "name", "name_fold", "name_sort", "account_id", "pipeline_id", "stage_id", "status",
		"amount", "amount_currency", "amount_reporting", "probability", "forecast_category", "close_date", "opened_at", "stage_entered_at")
	for i := range n.deals {
		a := r.IntN(n.accounts)
		name := fmt.Sprintf("%s %d", r.of(second), i)
		worth := r.Int64N(10_000_000)
		b.add(r.id(set["Opportunity"], moment(i, n.deals)), 1, moment(i, n.deals), moment(i, n.deals), ownerOf[a], teamOf[a], name, text.Fold(name), sorter.Key(name), accounts[a], f.pipeline,
			open[r.IntN(len(open))], "OPEN", worth, "USD", worth, 10*r.IntN(10), "PIPELINE", farleytest.Start.AddDate(0, 0, r.IntN(365)).Format(time.DateOnly), moment(i, n.deals), moment(i, n.deals))
	}
	b.flush()
	b = newBulk(tb, d, "activities", "id", "version", "created_at", "updated_at", "owner_id", "team_id", "kind", "subject", "subject_fold", "subject_sort", "status", "priority", "due_at", "at",
		"all_day", "shows_as_free", "account_id")
	for i := range n.activities {
		a := r.IntN(n.accounts)
		subject := "Call " + r.of(given)
		due := moment(i, n.activities).AddDate(0, 1, 0)
		b.add(r.id(set["Activity"], moment(i, n.activities)), 1, moment(i, n.activities), moment(i, n.activities), ownerOf[a], teamOf[a], "TASK", subject, text.Fold(subject), sorter.Key(subject),
			"PLANNED", "NORMAL", due, due, false, false, accounts[a])
	}
	b.flush()
	f.settle(tb)
	return f
}

// people makes the teams, the users, the role of the rep and the pipeline.
func (f *firm) people(tb testing.TB, owners *[teams][]id.ID, teamIDs *[teams]id.ID, open *[]id.ID) {
	tb.Helper()
	e := farleytest.On(tb, f.DB)
	for _, ensure := range []func(context.Context) error{
		func(ctx context.Context) error { return seed.EnsureStages(ctx, e.Write) },
		func(ctx context.Context) error { return seed.EnsurePipeline(ctx, e.Write) },
	} {
		if err := ensure(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	f.pipeline = seed.PipelineID(e.Set)
	for _, key := range []string{"qualification", "analysis", "proposal", "negotiation"} {
		*open = append(*open, seed.PipelineStageID(e.Set, key))
	}
	f.stage = (*open)[1]
	role := access.Role{Name: "Sales rep of a team", Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "DESCRIPTION", Level: access.LevelNone}}}
	for _, p := range strings.Fields("ACCOUNT CONTACT ACCOUNT_CONTACT OPPORTUNITY") {
		for _, action := range []string{"READ", "CREATE", "UPDATE"} {
			role.Permissions = append(role.Permissions, access.Permission{Object: p, Action: action, Scope: "TEAM"})
		}
	}
	for _, p := range strings.Fields("PIPELINE STAGE USER TEAM") {
		role.Permissions = append(role.Permissions, access.Permission{Object: p, Action: "READ", Scope: "ALL"})
	}
	f.role = e.Role(tb, role)
	for t := range teams {
		teamIDs[t] = e.Make(tb, "Team", input.Object{"name": fmt.Sprintf("Team %d", t)})
		for u := range perTeam {
			email := fmt.Sprintf("rep%d.%d@bench.example", t, u)
			x := e.Make(tb, "User", input.Object{"email": email, "name": email, "team": teamIDs[t].String(), "roles": []any{f.role.String()}})
			owners[t] = append(owners[t], x)
			if t == 0 && u == 0 {
				f.rep, f.team, f.repEmail = x, teamIDs[t], email
			}
		}
	}
	// The search index is made of what there is so far; what comes past the change log it does not see, unless it is made anew.
	if err := e.App.Index.CatchUp(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// settle has MariaDB look at what it has got, as it does by itself in time.
func (f *firm) settle(tb testing.TB) {
	tb.Helper()
	if f.Dialect != db.MySQL {
		return
	}
	rows, err := f.Pool().QueryContext(tb.Context(), "ANALYZE TABLE accounts, account_team_members, shares, contacts, account_contacts, opportunities, activities")
	if err == nil {
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// unindexed takes away the indexes of orders and owners, which cost a row the most while it is written, and returns what makes them
// again, sorted, with the statistics that SQLite is told.
func unindexed(tb testing.TB, d *testdb.DB, table string) (indexed func()) {
	tb.Helper()
	run := func(statements ...string) {
		tb.Helper()
		for _, s := range statements {
			if _, err := d.Pool().ExecContext(tb.Context(), s); err != nil {
				tb.Fatalf("%v: %s", err, s)
			}
		}
	}
	read := func(query string) (out [][2]string) {
		tb.Helper()
		err := db.Each(tb.Context(), d.Pool(), query, nil, func(rows *sql.Rows) error {
			var x [2]string
			defer func() { out = append(out, x) }()
			return rows.Scan(&x[0], &x[1])
		})
		if err != nil {
			tb.Fatalf("%v: %s", err, query)
		}
		return out
	}
	leads := func(columns string) bool {
		first, _, _ := strings.Cut(columns, ",")
		return slices.Contains([]string{"deleted_at", "owner_id", "team_id", "partner_id"}, strings.Trim(first, "` )"))
	}
	var drop, create []string
	if d.Dialect == db.SQLite {
		for _, x := range read("SELECT i.name, i.sql FROM sqlite_schema i WHERE i.type = 'index' AND i.sql IS NOT NULL AND i.tbl_name = '" + table + "'") {
			if _, columns, _ := strings.Cut(x[1], "("); leads(columns) {
				drop, create = append(drop, "DROP INDEX `"+x[0]+"`"), append(create, x[1])
			}
		}
		for _, x := range read("SELECT idx, stat FROM sqlite_stat1 WHERE tbl = '" + table + "'") {
			create = append(create, "DELETE FROM sqlite_stat1 WHERE idx = '"+x[0]+"'", "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('"+table+"', '"+x[0]+"', '"+x[1]+"')")
		}
		create = append(create, "ANALYZE sqlite_schema")
	} else {
		var gone, made []string
		for _, x := range read("SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics " +
			"WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' AND table_name = '" + table + "' GROUP BY index_name HAVING MAX(non_unique) = 1") {
			if leads(x[1]) {
				gone, made = append(gone, "DROP INDEX `"+x[0]+"`"), append(made, "ADD INDEX `"+x[0]+"` (`"+strings.ReplaceAll(x[1], ",", "`, `")+"`)")
			}
		}
		drop, create = []string{"ALTER TABLE `" + table + "` " + strings.Join(gone, ", ")}, []string{"ALTER TABLE `" + table + "` " + strings.Join(made, ", ")}
	}
	run(drop...)
	return func() { run(create...) }
}

// kinds are the numbers in ids, by the names of kinds.
func kinds() map[string]id.Kind {
	out := map[string]id.Kind{}
	for _, k := range model.Kinds().Kinds {
		out[k.Name] = k.Code
	}
	return out
}

// bulk writes rows into a table, many with one statement.
type bulk struct {
	tb      testing.TB
	d       *testdb.DB
	table   string
	columns []string
	values  []any
}

const bulkRows = 200

func newBulk(tb testing.TB, d *testdb.DB, table string, columns ...string) *bulk {
	tb.Helper()
	return &bulk{tb: tb, d: d, table: table, columns: columns}
}

func (b *bulk) add(values ...any) {
	if b.values = append(b.values, values...); len(b.values) >= 20*bulkRows*len(b.columns) {
		b.flush()
	}
}

func (b *bulk) flush() {
	b.tb.Helper()
	one := "(?" + strings.Repeat(", ?", len(b.columns)-1) + ")"
	err := b.d.Write(b.tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		for part := range slices.Chunk(b.values, bulkRows*len(b.columns)) {
			query := "INSERT INTO `" + b.table + "` (`" + strings.Join(b.columns, "`, `") + "`) VALUES " + one + strings.Repeat(", "+one, len(part)/len(b.columns)-1)
			if _, err := tx.ExecContext(ctx, query, part...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.tb.Fatalf("%s: %v", b.table, err)
	}
	b.values = b.values[:0]
}
