package read_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/text"
	"farley/internal/viewer"
)

// crowd fills n accounts of 200 owners in 20 teams, each hundredth of them shared with the first user.
func (e *env) crowd(t testing.TB, n int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	batch := func(table, cols string, n int, row func(i int) []any) {
		t.Helper()
		const size = 500
		for at := 0; at < n; at += size {
			var args []any
			var marks []string
			for i := at; i < min(at+size, n); i++ {
				r := row(i)
				args = append(args, r...)
				marks = append(marks, "("+strings.TrimSuffix(strings.Repeat("?,", len(r)), ",")+")")
			}
			e.exec(t, "INSERT INTO "+table+" ("+cols+") VALUES "+strings.Join(marks, ","), args...)
		}
	}
	batch("accounts", "id, name, name_fold, name_sort, created_at, owner_id, team_id, employees", n, func(i int) []any {
		name := fmt.Sprintf("Company %06d", rnd.IntN(1_000_000))
		owner := rnd.IntN(200)
		var employees any
		if i%3 > 0 {
			employees = i % 1000
		}
		return []any{ident(codeAccount, i), name, text.Fold(name), []byte(name), now.Add(time.Duration(i) * time.Second),
			ident(codeUser, owner+1), ident(codeTeam, owner/10+1), employees}
	})
	batch("shares", "id, record_id, grantee_id, level", n/100, func(i int) []any {
		return []any{ident(codeLink, i), ident(codeAccount, i*100), ident(codeUser, 1), "READ"}
	})
	if e.Dialect == db.MySQL {
		e.exec(t, "ANALYZE TABLE accounts, shares")
		return
	}
	e.exec(t, "ANALYZE")
}

// examined returns how many rows MariaDB's storage engine was asked for while fn ran in tx.
func examined(t *testing.T, tx *db.Tx, fn func()) int {
	t.Helper()
	count := func() int {
		rows, err := tx.QueryContext(t.Context(), "SHOW SESSION STATUS LIKE 'Handler_read%'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		sum := 0
		for rows.Next() {
			var name string
			var n int
			if err := rows.Scan(&name, &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	before := count()
	fn()
	return count() - before
}

func TestList_readsFewRows(t *testing.T) {
	t.Parallel()
	e := newEnv(t, testdb.EmptyMariaDB(t))
	e.counting = true
	e.crowd(t, 20_000)
	e.learn(t)
	scope := func(s string) *access.Actor {
		me := viewer.Viewer{User: ident(codeUser, 1), Teams: []id.ID{ident(codeTeam, 1)}}
		for i := 2; i <= 10; i++ {
			me.Reports = append(me.Reports, ident(codeUser, i))
		}
		return e.actor(me, role(map[string]string{"ACCOUNT": s, "USER": "ALL"}))
	}
	for _, tt := range []struct {
		name  string
		actor *access.Actor
		args  string
		most  int
	}{
		{"all by id", scope("ALL"), "", 70},
		{"all by name", scope("ALL"), "orderBy: {field: NAME}", 70},
		{"all by name, backwards", scope("ALL"), "orderBy: {field: NAME, direction: DESC}", 70},
		{"all by a field with gaps", scope("ALL"), "orderBy: {field: EMPLOYEES}", 70},
		{"all by a field with gaps, backwards", scope("ALL"), "orderBy: {field: EMPLOYEES, direction: DESC}", 70},
		{"own by name", scope("OWN"), "orderBy: {field: NAME}", 70},
		{"one owner of all by name", scope("ALL"), `orderBy: {field: NAME}, where: {owner: {id: {eq: "` + ident(codeUser, 5).String() + `"}}}`, 150},
		{"team by id", scope("TEAM"), "", 3_000},
		{"shared by id", scope("SHARED"), "", 4_000},
		{"shared by name", scope("SHARED"), "orderBy: {field: NAME}", 6_000},
	} {
		tx, err := e.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cursor := ""
		for page := range 4 {
			var answer string
			n := examined(t, tx, func() { answer = e.in(t, tx, tt.actor, page1(tt.args, cursor)) })
			if n > tt.most {
				t.Errorf("%s, page %d: %d rows read, want at most %d", tt.name, page+1, n, tt.most)
			}
			t.Logf("%s, page %d: %d rows", tt.name, page+1, n)
			_, rest, _ := strings.Cut(answer, `"endCursor":"`)
			cursor, _, _ = strings.Cut(rest, `"`)
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (e *env) learn(t *testing.T) {
	t.Helper()
	tx, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := e.engine.LearnIndexes(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

func page1(args, cursor string) string {
	if cursor != "" {
		args += fmt.Sprintf(" after: %q", cursor)
	}
	if args != "" {
		args = "(" + args + ")"
	}
	return "{ accounts" + args + " { nodes { id name employees } pageInfo { endCursor } } }"
}

func TestList_sqliteUsesIndexes(t *testing.T) {
	t.Parallel()
	e := newEnv(t, testdb.EmptySQLite(t))
	e.crowd(t, 1_000)
	all := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "ALL"}))
	own := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "OWN"}))
	for _, tt := range []struct {
		name  string
		actor *access.Actor
		args  string
	}{
		{"all by id", all, ""},
		{"all by name", all, "orderBy: {field: NAME}"},
		{"all by name, backwards", all, "orderBy: {field: NAME, direction: DESC}"},
		{"all by a field with gaps", all, "orderBy: {field: EMPLOYEES}"},
		{"all by a field with gaps, backwards", all, "orderBy: {field: EMPLOYEES, direction: DESC}"},
		{"own by name", own, "orderBy: {field: NAME}"},
	} {
		cursor := ""
		for page := range 2 {
			e.Counter.Reset()
			answer := e.must(t, tt.actor, page1(tt.args, cursor), nil)
			_, rest, _ := strings.Cut(answer, `"endCursor":"`)
			cursor, _, _ = strings.Cut(rest, `"`)
			// What the parts of a union have picked, a page each, is sorted again.
			plan := regexp.MustCompile(`SCAN b\d+; USE TEMP B-TREE FOR ORDER BY`).ReplaceAllString(e.explain(t, e.Counter.Statements()[0]), "SCAN b")
			if strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN r0") && !strings.Contains(plan, "SCAN r0 USING INDEX") {
				t.Errorf("%s, page %d: %s", tt.name, page+1, plan)
			}
		}
	}
}

func (e *env) explain(t *testing.T, statement string) string {
	t.Helper()
	tx, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	args := make([]any, strings.Count(statement, "?"))
	rows, err := tx.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var a, b, c int
		var detail string
		if err := rows.Scan(&a, &b, &c, &detail); err != nil {
			t.Fatal(err)
		}
		out = append(out, detail)
	}
	return strings.Join(out, "; ")
}
