package app_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// A page costs the same however many records there are: in these orders, an index has the records of everybody, those of one owner,
// and those of one team, so that nothing is sorted, on the first page and behind a cursor. (Those that are shared, and those in
// which somebody takes part, are found by the shares and the parts, and sorted.)
func TestOrders_readAnIndex(t *testing.T) {
	t.Parallel()
	orders := map[string]struct {
		all, own []string // fields; own: of owners and teams; the columns of their indexes are those of the model
	}{
		"Account":     {strings.Fields("ID CREATED_AT UPDATED_AT NAME CUSTOMER_SINCE ANNUAL_REVENUE EMPLOYEES LAST_ACTIVITY_AT"), strings.Fields("ID CREATED_AT NAME")},
		"Contact":     {strings.Fields("ID CREATED_AT UPDATED_AT GIVEN_NAME FAMILY_NAME NATIVE_NAME DISPLAY_NAME BIRTHDAY LAST_ACTIVITY_AT"), strings.Fields("ID CREATED_AT GIVEN_NAME FAMILY_NAME NATIVE_NAME DISPLAY_NAME")},
		"Opportunity": {strings.Fields("ID CREATED_AT UPDATED_AT NAME AMOUNT EXPECTED_REVENUE PROBABILITY CLOSE_DATE STAGE_ENTERED_AT CLOSED_AT LAST_ACTIVITY_AT"), strings.Fields("ID CREATED_AT NAME")},
		"Activity":    {strings.Fields("ID CREATED_AT UPDATED_AT SUBJECT START_AT END_AT DUE_AT DURATION_MINUTES COMPLETED_AT AT"), strings.Fields("ID CREATED_AT SUBJECT START_AT DUE_AT")},
	}
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		everybody := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.All)))
		team := e.Make(t, "Team", input.Object{"name": "Sales"})
		manager := e.User(t, input.Object{"team": team.String()}, e.Role(t, farleytest.Everything(e, access.Team)))
		for range 2 {
			e.User(t, input.Object{"manager": manager.User.String()})
		}
		for kind, order := range orders {
			k := e.Set.Kind(kind)
			list := k.Plural
			record := e.Valid(t, kind)
			record["owner"], record["team"] = manager.User.String(), team.String()
			e.Make(t, kind, record)
			look := func(who *farleytest.Client, field, direction, what string, parts map[string]int) {
				t.Helper()
				const document = `query Page($after: Cursor) { %s(first: 1, after: $after, orderBy: {field: %s, direction: %s}) { nodes { id } pageInfo { endCursor } } }`
				vars := farleytest.Vars{}
				for _, page := range []string{"first page", "page behind a cursor"} {
					ask := func() farleytest.Data { return who.Query(t, fmt.Sprintf(document, list, field, direction), vars) }
					ask() // who asks is known then
					e.DB.Counter.Reset()
					got := ask()
					asked := e.DB.Counter.Asked()
					asked = slices.DeleteFunc(asked, func(q string) bool { return !strings.Contains(q, " r0 ") })
					if len(asked) != 1 {
						t.Fatalf("%s of %s by %s: %d statements: %q", page, what, field, len(asked), asked)
					}
					reads := readsOf(t, e.DB.DB, asked[0])
					for prefix, want := range parts {
						ordered := 0
						for _, r := range reads {
							switch {
							case !strings.Contains(r.index, "_"+prefix+"_"):
							case r.sorted && !r.leaves:
								t.Errorf("%s of %s by %s %s: a part is sorted: %+v\n%s", page, what, field, direction, reads, asked[0])
							default:
								ordered++
							}
						}
						if e.DB.Dialect == db.SQLite {
							want = 1 // of all owners, which it leaves one for the next; two behind a cursor where some records have no value
						}
						if ordered < want {
							t.Errorf("%s of %s by %s %s: %d parts are read by an index with %s, want %d; they are %+v\n%s", page, what, field, direction, ordered, prefix, want, reads, asked[0])
						}
					}
					vars["after"] = got.At(list + ".pageInfo.endCursor").Text()
				}
			}
			for _, direction := range []string{"ASC", "DESC"} {
				for _, field := range order.all {
					look(everybody, field, direction, "all "+list, map[string]int{"deleted_at": 1})
				}
				for _, field := range order.own {
					look(manager, field, direction, list+" of oneself, two others and a team", map[string]int{"owner_id_deleted_at": 3, "team_id_deleted_at": 1})
				}
			}
		}
	})
}

// tableRead is how a statement reads the records of a list, or of one part of it.
type tableRead struct {
	index  string
	sorted bool
	leaves bool // of several owners it reads, one after the other, no further than a page needs
}

var (
	indexOf  = regexp.MustCompile(`INDEX (\w+)`)
	limits   = regexp.MustCompile(`LIMIT \?`)
	dayHoles = regexp.MustCompile("((?:_date|at)` [<>]=? )\\?")
	anything = regexp.MustCompile(`\?`)
)

// leaves reports whether SQLite, where it sorts the rows of several values that an index has in order each, goes on to the next value
// when a row is beyond what it keeps. Of its program it is one jump: from the comparison to the end of the outer loop.
func leaves(t *testing.T, d *db.DB, query string) bool {
	t.Helper()
	type step struct {
		opcode string
		to     int
	}
	var program []step
	err := db.Each(t.Context(), d.Pool(), "EXPLAIN "+query, make([]any, strings.Count(query, "?")), func(rows *sql.Rows) error {
		var s step
		var other any
		err := rows.Scan(&other, &s.opcode, &other, &s.to, &other, &other, &other, &other)
		program = append(program, s)
		return err
	})
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	next := func(i int) bool {
		return i < len(program) && slices.Contains([]string{"Next", "Prev"}, program[i].opcode)
	}
	return slices.ContainsFunc(program, func(s step) bool { return s.opcode == "IdxLE" && next(s.to) && next(s.to-1) })
}

// readsOf asks the database how it would run a statement.
func readsOf(t *testing.T, d *db.DB, query string) []tableRead {
	t.Helper()
	skips := d.Dialect == db.SQLite && leaves(t, d, query)
	if d.Dialect == db.SQLite {
		query = "EXPLAIN QUERY PLAN " + query
	} else {
		query = dayHoles.ReplaceAllString(limits.ReplaceAllString(query, "LIMIT 3"), "$1'2026-01-01'")
		query = "EXPLAIN " + anything.ReplaceAllString(query, "X'0190000000008064B4B059DE54AC0D79'")
	}
	rows, err := d.Pool().QueryContext(t.Context(), query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []tableRead
	parents := map[string]int{} // on SQLite: the read of a part, by the part
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		dest := make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		of := map[string]string{}
		for i, c := range columns {
			of[c] = values[i].String
		}
		if d.Dialect == db.MySQL {
			if of["table"] == "r0" {
				out = append(out, tableRead{index: of["key"], sorted: strings.Contains(of["Extra"], "filesort")})
			}
			continue
		}
		switch step := of["detail"]; {
		case strings.HasPrefix(step, "SEARCH r0") || strings.HasPrefix(step, "SCAN r0"):
			name := ""
			if m := indexOf.FindStringSubmatch(step); m != nil {
				name = m[1]
			}
			parents[of["parent"]] = len(out)
			out = append(out, tableRead{index: name, leaves: skips && strings.Contains(name, "_owner_id_")})
		case strings.Contains(step, "FOR ORDER BY"):
			if i, ok := parents[of["parent"]]; ok {
				out[i].sorted = true
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
