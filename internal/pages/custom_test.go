package pages_test

import (
	"fmt"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// A page by a custom field costs what it shows, near and far, and a search for a value what it finds: both go by the index of
// values. Every second record has a value, all of them different.
func TestCustomPage_costsTheSameEverywhere(t *testing.T) { //nolint:paralleltest // it reads counters of the whole server
	d := testdb.MariaDB(t)
	e := farleytest.On(t, d)
	all := e.Admin(t)
	field := e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "plot", "label": "Plot", "type": "DATE"})
	exec(t, d, fmt.Sprintf(`INSERT INTO accounts (id, version, created_at, updated_at, name, name_fold, name_sort)
		SELECT UNHEX(CONCAT('019500000000', '8010', LPAD(HEX(seq * 2654435761 MOD 4294967296), 16, '8'))), 1, '2025-01-01', '2026-01-01',
			CONCAT('Account ', seq), CONCAT('account ', seq), CONCAT('account ', seq) FROM seq_1_to_%d`, *rows))
	exec(t, d, `INSERT INTO custom_values (field_id, record_id, item, sort, exact)
		SELECT ?, id, 0, CONCAT(DATE_ADD('1000-01-01', INTERVAL n DAY)), UNHEX(MD5(n)) FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY name) AS n FROM accounts) a WHERE n MOD 2 = 0`, field)
	exec(t, d, "ANALYZE TABLE accounts, custom_values")

	for _, direction := range []string{"ASC", "DESC"} {
		order := fmt.Sprintf(`orderBy: [{customField: {key: "plot"}, direction: %s}]`, direction)
		page := func(args string) (cost int, first, last string) {
			before := examined(t, d)
			p := all.Query(t, fmt.Sprintf(`{ accounts(%s, %s) { edges { node { id name customField(key: "plot") { value } } } pageInfo { startCursor endCursor } } }`, args, order), nil).At("accounts")
			cost = examined(t, d) - before
			if p.At("edges").Len() != 20 {
				t.Fatalf("%s: %d rows", args, p.At("edges").Len())
			}
			return cost, p.At("pageInfo.startCursor").Text(), p.At("pageInfo.endCursor").Text()
		}
		page("first: 20") // who acts is in memory from here on
		one, _, end := page("first: 20")
		two, _, _ := page(fmt.Sprintf("first: 20, after: %q", end))
		back, start, _ := page("last: 20")
		deep, _, _ := page(fmt.Sprintf("last: 20, before: %q", start))
		t.Logf("%d rows, %s: page one reads %d, page two %d, the last %d, the last but one %d", *rows, direction, one, two, back, deep)
		for _, cost := range []int{one, two, back, deep} {
			if cost > 500 {
				t.Errorf("%s: a page reads %d rows", direction, cost)
			}
		}
	}
	for where, want := range map[string]int{
		`date: {eq: "1001-02-05"}`: 1, `date: {gte: "1001-02-05", lt: "1001-03-17"}`: 20,
	} {
		ask := func() int {
			return all.Query(t, fmt.Sprintf(`{ accounts(first: 100, where: {customFields: {key: "plot", %s}}) { nodes { id } } }`, where), nil).At("accounts.nodes").Len()
		}
		ask()
		before := examined(t, d)
		if n := ask(); n != want {
			t.Errorf("%s finds %d", where, n)
		}
		if cost := examined(t, d) - before; cost > 10*want+50 {
			t.Errorf("%s reads %d rows", where, cost)
		} else {
			t.Logf("%s reads %d rows", where, cost)
		}
	}
}
