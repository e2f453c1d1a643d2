package pages_test

import (
	"fmt"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
)

// A page of the audit trail costs as many rows at its end as at its beginning, whatever is asked for and whoever asks.
func TestAuditTrail_costsTheSameEverywhere(t *testing.T) { //nolint:paralleltest // it reads counters of the whole server
	d := testdb.MariaDB(t)
	e := farleytest.On(t, d)
	team := e.Make(t, "Team", input.Object{"name": "North"})
	role := func(scope string) id.ID {
		return e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: scope}, {Object: "USER", Action: "READ_AUDIT", Scope: scope}}})
	}
	all, lead := e.User(t, nil, role("ALL")), e.User(t, input.Object{"team": team.String()}, role("TEAM"))
	users := []id.ID{e.Make(t, "User", input.Object{"email": "a@example.com", "name": "A", "team": team.String()})}
	users = append(users, e.Make(t, "User", input.Object{"email": "b@example.com", "name": "B"}))
	record := e.Make(t, "Account", input.Object{"name": "Oak"})
	exec(t, d, fmt.Sprintf(`INSERT INTO changes (position, kind, record_id, op, version, actor_id, request_id, at, fields, vis)
		SELECT 1000000 + seq, IF(seq MOD 50 = 0, 17, 16), IF(seq MOD 40 = 0, ?, UNHEX(CONCAT('0195000000008010', LPAD(HEX(seq), 16, '8')))),
			IF(seq MOD 60 = 0, 'DELETED', 'UPDATED'), 1, IF(seq MOD 30 = 0, ?, ?), 'r', TIMESTAMPADD(SECOND, seq, '2025-01-01'), '[{"f":"name"}]', '{}'
		FROM seq_1_to_%d`, *rows), record, users[0], users[1])
	exec(t, d, fmt.Sprintf(`INSERT INTO audit_entries (id, at, action, user_id, kind, record_id, record_count, fields, times)
		SELECT UNHEX(CONCAT('0195000000008007A', LPAD(HEX(seq), 15, '0'))), TIMESTAMPADD(SECOND, seq, '2025-01-01'), IF(seq MOD 60 = 0, 'SIGN_IN', 'SENSITIVE_READ'),
			IF(seq MOD 30 = 0, ?, ?), 16, IF(seq MOD 40 = 0, ?, NULL), 1, 'taxNumber', 1 FROM seq_1_to_%d`, *rows), users[0], users[1], record)
	exec(t, d, `INSERT INTO audit_records (entry_id, record_id, at) SELECT id, ?, at FROM audit_entries WHERE record_id IS NULL AND MINUTE(at) MOD 2 = 0`, record)
	exec(t, d, "ANALYZE TABLE changes, audit_entries, audit_records")

	for _, asked := range []struct {
		name   string
		reader *farleytest.Client
		filter string
		most   int
	}{
		{"everything", all, "", 90},
		{"a user", all, fmt.Sprintf("user: %q", users[0]), 90},
		{"a kind", all, "object: CONTACT", 90},
		{"a record", all, fmt.Sprintf("record: %q", record), 130},
		{"two rare actions", all, "action: [DELETED, SIGN_IN]", 90},
		{"a span", all, `from: "2025-01-01T00:30:00Z", to: "2025-01-01T03:00:00Z"`, 90},
		{"a team", lead, "", 130},
	} {
		page := func(after string) (cost int, end string) {
			before := examined(t, d)
			p := asked.reader.Query(t, fmt.Sprintf(`{ auditTrail(first: 20 %s %s) { edges { node { id } } pageInfo { endCursor } } }`, asked.filter, after), nil).At("auditTrail")
			cost = examined(t, d) - before
			if p.At("edges").Len() != 20 {
				t.Fatalf("%s: %d entries", asked.name, p.At("edges").Len())
			}
			return cost, fmt.Sprintf("after: %q", p.At("pageInfo.endCursor").Text())
		}
		page("") // who acts is in memory from here on
		one, end := page("")
		costs := []int{one}
		for range 12 {
			var cost int
			cost, end = page(end)
			costs = append(costs, cost)
		}
		t.Logf("2 × %d rows, %s: pages read %v", *rows, asked.name, costs)
		for _, cost := range costs {
			if cost > asked.most {
				t.Errorf("%s: a page reads %d rows", asked.name, cost)
			}
		}
	}
}
