package read_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"farley/internal/fault"
	"farley/internal/viewer"
)

func TestList_takesItsOwnCursorsOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		query := func(order, where, after string) string {
			return fmt.Sprintf(`{ accounts(first: 1, orderBy: {field: %s}, where: %s, after: %s) { edges { cursor node { id } } } }`, order, where, after)
		}
		var got connection
		if err := json.Unmarshal([]byte(e.must(t, e.admin(), query("NAME", `{name: {ne: "x"}}`, "null"), nil)), &struct{ *connection }{&got}); err != nil {
			t.Fatal(err)
		}
		cursor := fmt.Sprintf("%q", got.Accounts.Edges[0].Cursor)
		other := e.actor(viewer.Viewer{User: ident(codeUser, 2)}, everything())
		for _, tt := range []struct {
			name, query string
			who         int
			ok          bool
		}{
			{"the same", query("NAME", `{name: {ne: "x"}}`, cursor), 1, true},
			{"another order", query("EMPLOYEES", `{name: {ne: "x"}}`, cursor), 1, false},
			{"another direction", query("NAME, direction: DESC", `{name: {ne: "x"}}`, cursor), 1, false},
			{"another filter", query("NAME", `{name: {ne: "y"}}`, cursor), 1, false},
			{"another viewer", query("NAME", `{name: {ne: "x"}}`, cursor), 2, false},
			{"another list", `{ contactsAll(orderBy: {field: NAME}, where: {name: {ne: "x"}}, after: ` + cursor + `) { nodes { id } } }`, 1, false},
		} {
			who := e.admin()
			if tt.who == 2 {
				who = other
			}
			_, err := e.run(t, who, tt.query, nil)
			if tt.ok {
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			f, _ := err.(*fault.Error)
			if f == nil || f.Code != fault.Invalid || f.Violations[0].Code != "FORMAT" || f.Violations[0].Path[1] != "after" {
				t.Errorf("%s: %v, want INVALID at after", tt.name, err)
			}
		}
	})
}
