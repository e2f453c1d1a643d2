package galera_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/id"
)

// open opens database node n directly. What is read is as new as what any node had committed before.
func (c *cluster) open(t *testing.T, n int) *sql.DB {
	t.Helper()
	d, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/farley?parseTime=true&wsrep_sync_wait=7", c.address(n)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// conflicts returns how many transactions of database node n lost against one of another node since it was started: at
// commit, by certification, or before, to a write that was certified already.
func (c *cluster) conflicts(ctx context.Context, t *testing.T, n int) int {
	t.Helper()
	var count int
	err := c.open(t, n).QueryRowContext(ctx, `SELECT SUM(variable_value) FROM information_schema.global_status
		WHERE variable_name IN ('WSREP_LOCAL_CERT_FAILURES', 'WSREP_LOCAL_BF_ABORTS')`).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// logged is a change row as the database has it.
type logged struct {
	position sql.NullInt64
	seq      int64 // tells the database node at which it was written: they count in steps
	at       time.Time
	record   string
	version  int64
	tokens   []string // new descriptions
}

// changes reads the change rows of accounts that are not the demo's, in the order of positions, and checks that all rows
// have gapless positions.
func changes(ctx context.Context, t *testing.T, d *sql.DB, after int64) []logged {
	t.Helper()
	rows, err := d.QueryContext(ctx, "SELECT position, seq, at, kind, record_id, version, fields FROM changes ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var found []logged
	next := int64(1)
	for rows.Next() {
		var l logged
		var kind int64
		var record id.ID
		var fields []byte
		if err := rows.Scan(&l.position, &l.seq, &l.at, &kind, &record, &l.version, &fields); err != nil {
			t.Fatal(err)
		}
		l.record = record.String()
		if l.position.Int64 != next {
			t.Errorf("position %d follows %d", l.position.Int64, next-1)
		}
		next = l.position.Int64 + 1
		if l.position.Int64 <= after || !strings.HasPrefix(l.record, "acct_") {
			continue
		}
		var changed []struct {
			Field string          `json:"f"`
			New   json.RawMessage `json:"n"`
		}
		if err := json.Unmarshal(fields, &changed); err != nil {
			t.Fatal(err)
		}
		for _, c := range changed {
			if c.Field == "description" {
				var token string
				if err := json.Unmarshal(c.New, &token); err != nil {
					t.Fatal(err)
				}
				l.tokens = append(l.tokens, token)
			}
		}
		found = append(found, l)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// whole waits until every database node knows of all others and has caught up: one that was stopped comes back by itself, and
// until it has, reads that wait for what others have committed are refused.
func (c *cluster) whole(ctx context.Context, t *testing.T) {
	t.Helper()
	nodes := make([]*sql.DB, size)
	for n := range nodes {
		nodes[n] = c.open(t, n)
	}
	together := func(d *sql.DB) bool {
		var n int
		err := d.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.global_status WHERE variable_name = 'WSREP_CLUSTER_SIZE' AND variable_value = ?
			OR variable_name = 'WSREP_LOCAL_STATE_COMMENT' AND variable_value = 'Synced'`, size).Scan(&n)
		return err == nil && n == 2
	}
	for !together(nodes[0]) || !together(nodes[1]) || !together(nodes[2]) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the database nodes do not come together")
		}
	}
}

// sequenced waits until every change has its position, and returns the last one.
func sequenced(ctx context.Context, t *testing.T, d *sql.DB) int64 {
	t.Helper()
	for {
		var waiting, last int64
		err := d.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM changes WHERE position IS NULL), (SELECT position FROM change_counter)").Scan(&waiting, &last)
		if err != nil && !db.Retryable(err) {
			t.Fatal(err)
		}
		if err == nil && waiting == 0 {
			return last
		}
		select {
		case <-time.After(20 * time.Millisecond): // the sequencer has work to do
		case <-ctx.Done():
			t.Fatalf("%d changes have no position", waiting)
		}
	}
}

// verify compares what was acknowledged with what is there.
func (l *load) verify(t *testing.T, log []logged) {
	t.Helper()
	where := map[string]logged{}
	versions, last := map[string]int64{}, map[string]logged{}
	for _, row := range log {
		if row.version != versions[row.record]+1 {
			t.Errorf("%s: in the log %v follows %v", row.record, row, last[row.record])
		}
		versions[row.record], last[row.record] = row.version, row
		for _, token := range row.tokens {
			if before, ok := where[token]; ok {
				t.Errorf("%q was written twice: %v and %v", token, before, row)
			}
			where[token] = row
		}
	}
	byRef := map[string]string{}
	for _, a := range l.acks {
		row, ok := where[a.token]
		switch {
		case !ok:
			t.Errorf("%q was acknowledged and is not there", a.token)
		case row.record != a.id:
			t.Errorf("%q was acknowledged as %s and is %s", a.token, a.id, row.record)
		case a.first && row.version != a.version, row.version > a.version:
			t.Errorf("%q was acknowledged as version %d and is %d", a.token, a.version, row.version)
		}
		if a.ref != "" {
			if other, ok := byRef[a.ref]; ok && other != a.id {
				t.Errorf("the key %s of the outside system has two records, %s and %s", a.ref, other, a.id)
			}
			byRef[a.ref] = a.id
		}
		delete(where, a.token)
	}
	for _, token := range l.refused {
		if row, ok := where[token]; ok {
			t.Errorf("%q was refused and is there: %v", token, row)
		}
		delete(where, token)
	}
	for token, row := range where {
		t.Errorf("%q was not answered and is there: %v", token, row)
	}
}

// current checks that each account is as its last change says.
func current(ctx context.Context, t *testing.T, d *sql.DB, log []logged) {
	t.Helper()
	type state struct {
		version int64
		token   string
	}
	want := map[string]state{}
	for _, row := range log {
		s := want[row.record]
		s.version = row.version
		if len(row.tokens) > 0 {
			s.token = row.tokens[0]
		}
		want[row.record] = s
	}
	rows, err := d.QueryContext(ctx, "SELECT id, version, description FROM accounts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var record id.ID
		var got state
		var token sql.NullString
		if err := rows.Scan(&record, &got.version, &token); err != nil {
			t.Fatal(err)
		}
		got.token = token.String
		if s, ok := want[record.String()]; ok && s != got {
			t.Errorf("%s is %v, its last change says %v", record, got, s)
		}
		delete(want, record.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for record, s := range want {
		t.Errorf("%s, last changed by %v, is not there", record, s)
	}
}

// event is an entry of the delta feed.
type event struct {
	Record  string
	Version int64
}

// feed reads the whole delta feed of accounts behind a cursor at a node.
func feed(ctx context.Context, t *testing.T, n *node, token, after string) (found []event) {
	t.Helper()
	for {
		data, err := n.ask(ctx, token, `query ($after: Cursor!) {
			changes(objects: [ACCOUNT], after: $after, first: 1000) { edges { node { recordId version } } pageInfo { hasNextPage endCursor } }
		}`, map[string]any{"after": after})
		if err != nil {
			t.Fatal(err)
		}
		page := data["changes"].(map[string]any)
		for _, e := range page["edges"].([]any) {
			e := e.(map[string]any)["node"].(map[string]any)
			found = append(found, event{e["recordId"].(string), int64(e["version"].(float64))})
		}
		info := page["pageInfo"].(map[string]any)
		after = info["endCursor"].(string)
		if info["hasNextPage"] != true {
			return found
		}
	}
}

// checksums returns the checksum of every table of database node n.
func checksums(ctx context.Context, t *testing.T, d *sql.DB) map[string]int64 {
	t.Helper()
	names := column(ctx, t, d, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name")
	sums := map[string]int64{}
	for _, name := range names {
		var sum sql.NullInt64
		if err := d.QueryRowContext(ctx, "CHECKSUM TABLE `"+name+"` EXTENDED").Scan(new(string), &sum); err != nil {
			t.Fatal(err)
		}
		sums[name] = sum.Int64
	}
	return sums
}

func column(ctx context.Context, t *testing.T, d *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

// fit checks that the schema has only what Galera replicates well: InnoDB, with primary keys.
func fit(ctx context.Context, t *testing.T, d *sql.DB) {
	t.Helper()
	unfit := column(ctx, t, d, `SELECT CONCAT(t.table_name, ' ', t.engine) FROM information_schema.tables t
		WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND (t.engine <> 'InnoDB' OR NOT EXISTS (
			SELECT 1 FROM information_schema.table_constraints c
			WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'))`)
	if len(unfit) > 0 {
		t.Errorf("Galera does not replicate these tables well: %v", unfit)
	}
}

// sameFeed compares the delta feeds of all nodes with the log.
func sameFeed(ctx context.Context, t *testing.T, nodes []*node, token, after string, log []logged) {
	t.Helper()
	want := make([]event, 0, len(log))
	for _, row := range log {
		want = append(want, event{row.record, row.version})
	}
	for i, n := range nodes {
		got := feed(ctx, t, n, token, after)
		if !slices.Equal(got, want) {
			t.Errorf("the feed of node %d (-log +feed):\n%.4000s", i, cmp.Diff(want, got))
		}
	}
}
