package pages_test

import (
	"fmt"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// entriesOf is how many notes, changes and pruned changes a record has.
const entriesOf = 10_000

// A page of a timeline of 30,000 entries costs as many rows at its end as at its beginning, and not more for thousands of
// sensitive reads in the trail.
func TestTimeline_costsTheSameEverywhere(t *testing.T) { //nolint:paralleltest // it reads counters of the whole server
	d := testdb.MariaDB(t)
	e := farleytest.On(t, d)
	owner := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": owner.User.String()})
	code := func(kind string) string { return fmt.Sprintf("%04X", 0x8000|int(e.Set.Kind(kind).Code)) }
	uuid := func(kind string) string {
		return fmt.Sprintf("UNHEX(CONCAT('019500000000', '%s', '80', LPAD(HEX(seq), 14, '0')))", kind)
	}
	exec(t, d, fmt.Sprintf(`INSERT INTO notes (id, version, created_at, updated_at, account_id, body)
		SELECT %s, 1, TIMESTAMPADD(SECOND, seq DIV 3, '2026-01-01'), '2026-01-01', ?, 'b' FROM seq_1_to_%d`, uuid(code("Note")), entriesOf), x)
	exec(t, d, fmt.Sprintf(`INSERT INTO changes (kind, record_id, op, version, actor_id, request_id, at, fields, vis)
		SELECT ?, ?, 'UPDATED', seq, ?, '', TIMESTAMPADD(SECOND, seq DIV 2, '2026-01-01'), '[{"f":"name","o":"a","n":"b"}]', '{}' FROM seq_1_to_%d`, entriesOf),
		int64(e.Set.Kind("Account").Code), x, owner.User)
	for i, action := range []string{"UPDATED", "SENSITIVE_READ"} {
		exec(t, d, fmt.Sprintf(`INSERT INTO audit_entries (id, at, action, user_id, kind, record_id, record_count, fields, times)
			SELECT UNHEX(CONCAT('019400000000', '8007', '80', LPAD(HEX(seq + %d), 14, '0'))), TIMESTAMPADD(SECOND, seq, '2025-01-01'), '%s', ?, ?, ?, 1, 'name,taxNumber', 1 FROM seq_1_to_%d`,
			i<<40, action, entriesOf), owner.User, int64(e.Set.Kind("Account").Code), x)
	}
	exec(t, d, "ANALYZE TABLE notes, changes, audit_entries")

	const q = `query($id: ID!, $after: Cursor, $to: DateTime) { account(id: $id) { timeline(first: 20, after: $after, to: $to) { edges { node { kind at title actor { displayName } ... on NoteEntry { note { body } } ... on FieldChangeEntry { old new } } } pageInfo { endCursor } } } }`
	page := func(vars farleytest.Vars) (cost int, end string) {
		vars["id"] = x
		before := examined(t, d)
		p := owner.Query(t, q, vars).At("account.timeline")
		cost = examined(t, d) - before
		if n := p.At("edges").Len(); n != 20 {
			t.Fatalf("%d entries", n)
		}
		return cost, p.At("pageInfo.endCursor").Text()
	}
	page(farleytest.Vars{}) // who acts is in memory from here on
	for _, from := range []any{nil, "2026-01-01T00:30:00Z", "2026-01-01T00:00:10Z", "2025-01-01T01:30:00Z", "2025-01-01T00:02:00Z"} {
		one, end := page(farleytest.Vars{"to": from})
		two, _ := page(farleytest.Vars{"to": from, "after": end})
		t.Logf("up to %v: a page reads %d rows, the one behind it %d", from, one, two)
		for _, cost := range []int{one, two} {
			if cost > mostOfTimeline {
				t.Errorf("up to %v: a page reads %d rows, want at most %d", from, cost, mostOfTimeline)
			}
		}
	}
}

// mostOfTimeline is the most rows that a page may read: of each source a page, with what decides whether it is in sight.
const mostOfTimeline = 200
