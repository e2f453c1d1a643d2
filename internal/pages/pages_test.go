// Package pages_test reads from the database's own counters what a page costs, near and far. It has a package of its own
// because the counters are those of the whole database server.
package pages_test

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

var rows = flag.Int("farley.rows", 20_000, "how many accounts there are")

// A page of 20 costs as many rows at the end of the list as at its beginning: for who sees all, for who sees his own, and,
// beside as many as there are of them, for who sees what he takes part in.
func TestPage_costsTheSameEverywhere(t *testing.T) { //nolint:paralleltest // it reads counters of the whole server
	d := testdb.MariaDB(t)
	e := farleytest.On(t, d)
	owner := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	member := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	all := e.Admin(t)
	other := e.Make(t, "User", input.Object{"email": "other@example.com", "name": "Other"})
	exec(t, d, fmt.Sprintf(`INSERT INTO accounts (id, version, created_at, updated_at, owner_id, name, name_fold, name_sort)
		SELECT UNHEX(CONCAT('019500000000', '8010', LPAD(HEX(seq * 2654435761 MOD 4294967296), 16, '8'))), 1,
			TIMESTAMPADD(SECOND, seq * 7919 MOD 1000003, '2025-01-01'), '2026-01-01', IF(seq MOD 2, ?, ?),
			CONCAT('Account ', LPAD(seq * 7919 MOD 1000003, 7, '0')), CONCAT('account ', LPAD(seq * 7919 MOD 1000003, 7, '0')),
			CONCAT('account ', LPAD(seq * 7919 MOD 1000003, 7, '0')) FROM seq_1_to_%d`, *rows), owner.User, other)
	exec(t, d, `INSERT INTO account_team_members (id, version, created_at, updated_at, account_id, user_id)
		SELECT UNHEX(CONCAT('019500000000', '8018', LPAD(HEX(ROW_NUMBER() OVER (ORDER BY id)), 16, '8'))), 1, '2026-01-01', '2026-01-01', id, ?
		FROM accounts WHERE owner_id = ? ORDER BY id LIMIT ?`, member.User, other, takesPartIn)
	exec(t, d, "ANALYZE TABLE accounts, account_team_members")

	for _, viewer := range []struct {
		name string
		c    *farleytest.Client
		most int
	}{{"ALL", all, 25}, {"one owner", owner, 90}, {"one who takes part", member, 90 + 4*takesPartIn}} {
		for _, order := range []string{"", "orderBy: [{field: NAME, direction: ASC}]", "orderBy: [{field: NAME, direction: DESC}]", "orderBy: [{field: CREATED_AT, direction: DESC}]"} {
			page := func(args string) (cost int, first, last string) {
				before := examined(t, d)
				p := viewer.c.Query(t, fmt.Sprintf(`{ accounts(%s %s) { edges { node { id name } } pageInfo { startCursor endCursor } } }`, args, order), nil).At("accounts")
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
			_, start, _ = page(fmt.Sprintf("last: 20, before: %q", start))
			deep, _, _ := page(fmt.Sprintf("first: 20, after: %q", start))
			t.Logf("%d rows, %s, %q: page one reads %d, page two %d, the last %d, the last but one by its cursor %d", *rows, viewer.name, order, one, two, back, deep)
			for _, cost := range []int{one, two, back, deep} {
				if cost > viewer.most {
					t.Errorf("%s, %q: a page reads %d rows", viewer.name, order, cost)
				}
			}
		}
	}
}

// takesPartIn is in how many accounts of others somebody takes part.
const takesPartIn = 100

func exec(t *testing.T, d *testdb.DB, query string, args ...any) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// examined returns how many rows the server has read since it started.
func examined(t *testing.T, d *testdb.DB) int {
	t.Helper()
	var n int
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	err = tx.QueryRow(t.Context(), `SELECT CAST(SUM(VARIABLE_VALUE) AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN
		('HANDLER_READ_FIRST', 'HANDLER_READ_KEY', 'HANDLER_READ_LAST', 'HANDLER_READ_NEXT', 'HANDLER_READ_PREV', 'HANDLER_READ_RND')`, nil, &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
