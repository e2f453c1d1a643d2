package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/model"
)

// customType is what holds for the values of one type: four of them in their order, given to the records a to d; e has none.
type customType struct {
	kind    string
	more    input.Object
	values  [4]any
	stored  string            // how the values of a to d are told
	ordered bool              // by them; else there is no order
	where   map[string]string // condition → names of the records
}

var customTypes = []customType{
	{
		kind: "TEXT", values: [4]any{"Étoile", "fig tree", " Zebra ", "أحمد"}, stored: `["Étoile","fig tree","Zebra","أحمد"]`, ordered: true,
		where: map[string]string{
			`text: {eq: "etoile"}`: "a", `text: {eq: "احمد"}`: "d", `text: {ne: "ZEBRA"}`: "abde", `text: {in: ["zebra", "FIG TREE"]}`: "bc", `text: {notIn: ["zebra"]}`: "abde",
			`text: {contains: "G T"}`: "b", `text: {startsWith: "ze"}`: "c", `text: {endsWith: "OILE"}`: "a", `text: {isNull: true}`: "e", `text: {isNull: false}`: "abcd",
			`text: {contains: "%"}`: "", `text: {contains: "e", ne: "zebra"}`: "ab",
		},
	},
	{
		kind: "URL", values: [4]any{"a.example.com", "https://b.example.com/x", "http://c.example.com", "https://d.example.com"},
		stored: `["https://a.example.com","https://b.example.com/x","http://c.example.com","https://d.example.com"]`,
		where:  map[string]string{`text: {endsWith: "/X"}`: "b", `text: {eq: "https://a.example.com"}`: "a"},
	},
	{
		kind: "NUMBER", values: [4]any{"-12345678901234567890.5", "-0.0000000001", "0.30", "12345678901234567890.1234567891"},
		stored: `["-12345678901234567890.5","-0.0000000001","0.30","12345678901234567890.1234567891"]`, ordered: true,
		where: map[string]string{
			`number: {eq: "0.3"}`: "c", `number: {ne: "0.3"}`: "abde", `number: {in: ["0.300", "-12345678901234567890.50"]}`: "ac", `number: {notIn: ["0.3"]}`: "abde",
			`number: {gt: "0"}`: "cd", `number: {gte: "0.3"}`: "cd", `number: {lt: "0"}`: "ab", `number: {lte: "-0.0000000001"}`: "ab", `number: {lt: "12345678901234567890.1234567891"}`: "abc",
			`number: {gt: "-0.0000000002", lt: "1"}`: "bc", `number: {isNull: true}`: "e",
		},
	},
	{
		kind: "MONEY", values: [4]any{
			input.Object{"amount": "-5", "currency": "USD"}, input.Object{"amount": "3.99", "currency": "SAR"}, input.Object{"amount": "1", "currency": "USD"},
			input.Object{"amount": "1", "currency": "eur"},
		},
		stored: `[{"amount":"-5.00","currency":"USD"},{"amount":"3.99","currency":"SAR"},{"amount":"1.00","currency":"USD"},{"amount":"1.00","currency":"EUR"}]`, ordered: false,
		where: map[string]string{
			`money: {eq: {amount: "4", currency: "SAR"}}`: "bc", `money: {gt: {amount: "4", currency: "SAR"}}`: "d", `money: {lt: {amount: "0", currency: "EUR"}}`: "a",
			`money: {gte: {amount: "1.1", currency: "USD"}}`: "d", `money: {lte: {amount: "-5", currency: "USD"}}`: "a", `money: {isNull: true}`: "e",
			`money: {ne: {amount: "1", currency: "USD"}}`: "ade",
		},
	},
	{
		kind: "DATE", values: [4]any{"0900-12-31", "2026-01-02", "2026-01-10", "2026-11-01"}, stored: `["0900-12-31","2026-01-02","2026-01-10","2026-11-01"]`, ordered: true,
		where: map[string]string{
			`date: {eq: "2026-01-02"}`: "b", `date: {ne: "2026-01-02"}`: "acde", `date: {in: ["2026-01-02", "2026-11-01"]}`: "bd", `date: {notIn: ["2026-01-02"]}`: "acde",
			`date: {gt: "2026-01-02"}`: "cd", `date: {gte: "2026-01-02"}`: "bcd", `date: {lt: "2026-01-10"}`: "ab", `date: {lte: "2026-01-10"}`: "abc", `date: {isNull: false}`: "abcd",
		},
	},
	{
		kind: "BOOLEAN", values: [4]any{false, false, true, true}, stored: `[false,false,true,true]`, ordered: true,
		where: map[string]string{`boolean: {eq: true}`: "cd", `boolean: {eq: false}`: "ab", `boolean: {ne: true}`: "abe", `boolean: {isNull: true}`: "e"},
	},
	{
		kind: "CHOICE", more: input.Object{"choices": []any{"silver", "Gold", "bronze"}}, values: [4]any{"bronze", "Gold", "Gold", "silver"},
		stored: `["bronze","Gold","Gold","silver"]`, ordered: true,
		where: map[string]string{
			`choice: {eq: "Gold"}`: "bc", `choice: {eq: "gold"}`: "", `choice: {ne: "Gold"}`: "ade", `choice: {in: ["Gold", "silver"]}`: "bcd", `choice: {notIn: ["Gold"]}`: "ade",
			`choice: {isNull: true}`: "e",
		},
	},
	{
		kind: "MULTI_CHOICE", more: input.Object{"choices": []any{"x", "y", "z"}}, values: [4]any{[]any{"y", "x", "y"}, []any{"y"}, []any{}, []any{"z"}},
		stored: `[["x","y"],["y"],[],["z"]]`,
		where: map[string]string{
			`choice: {has: "y"}`: "ab", `choice: {hasAny: ["x", "z"]}`: "ad", `choice: {hasAll: ["x", "y"]}`: "a", `choice: {isEmpty: true}`: "ce", `choice: {isEmpty: false}`: "abd",
			`choice: {ne: "y"}`: "cde", `choice: {notIn: ["x", "z"]}`: "bce",
		},
	},
}

// Every type comes back as it went in, is found by each of its operators, in lists and through relations, and orders lists
// in both directions and from both ends, records without a value first.
func TestCustomLists_everyType(t *testing.T) {
	t.Parallel()
	for _, ct := range customTypes {
		t.Run(ct.kind, func(t *testing.T) {
			t.Parallel()
			farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
				in := input.Object{"object": "CONTACT", "key": "it", "label": "It", "type": ct.kind}
				for name, v := range ct.more {
					in[name] = v
				}
				e.Make(t, "CustomField", in)
				c := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{
					{Object: "CONTACT", Action: "CREATE", Scope: "OWN"}, {Object: "CONTACT", Action: "READ", Scope: "ALL"}, {Object: "ACCOUNT", Action: "READ", Scope: "ALL"},
				}}))
				var told []string
				accounts := map[string]string{}
				for i, name := range []string{"a", "b", "c", "d", "e"} {
					e.Clock.Advance(e.Clock.Now().Add(time.Second)) // so that ids have an order
					fields := []any{}
					if i < 4 {
						fields = append(fields, farleytest.Vars{"key": "it", "value": ct.values[i]})
					}
					made := c.Query(t, `mutation($name: String!, $fields: [CustomFieldValueInput!]) { createContact(input: {familyName: $name, customFields: $fields}) {
						contact { id one: customField(key: "it") { value } none: customField(key: "other") { key } customFields { key value } } } }`,
						farleytest.Vars{"name": name, "fields": fields}).At("createContact.contact")
					if i == 4 {
						if got := made.At("one").JSON() + made.At("none").JSON() + made.At("customFields").JSON(); got != "nullnull[]" {
							t.Errorf("a record without values tells %s", got)
						}
					} else {
						told = append(told, made.At("one.value").JSON())
						if got, want := made.At("customFields").JSON(), fmt.Sprintf(`[{"key":"it","value":%s}]`, told[i]); got != want {
							t.Errorf("the list is %s, want %s", got, want)
						}
					}
					account := e.Make(t, "Account", input.Object{"name": name})
					e.Make(t, "AccountContact", input.Object{"account": account.String(), "contact": made.At("id").Text()})
					accounts[name] = account.String()
				}
				if got := "[" + strings.Join(told, ",") + "]"; got != ct.stored {
					t.Errorf("the values come back as %s, want %s", got, ct.stored)
				}
				for where, want := range ct.where {
					d := c.Query(t, fmt.Sprintf(`{ contacts(where: {customFields: {key: "it", %[1]s}}) { nodes { familyName } totalCount { value } }
						not: contacts(where: {not: {customFields: [{key: "it", %[1]s}]}}) { nodes { familyName } }
						accounts(where: {contacts: {some: {customFields: [{key: "it", %[1]s}]}}}) { nodes { name } } }`, where), nil)
					if got := strings.Join(d.At("contacts.nodes").Texts("familyName"), ""); got != want || d.At("contacts.totalCount.value").Int() != len(want) {
						t.Errorf("%s finds %q, want %q", where, got, want)
					}
					if got := strings.Join(d.At("accounts.nodes").Texts("name"), ""); got != want {
						t.Errorf("%s finds the accounts %q, want %q", where, got, want)
					}
					rest := strings.Map(func(r rune) rune {
						if strings.ContainsRune(want, r) {
							return -1
						}
						return r
					}, "abcde")
					if got := strings.Join(d.At("not.nodes").Texts("familyName"), ""); got != rest {
						t.Errorf("not %s finds %q, want %q", where, got, rest)
					}
				}
				switch {
				case ct.kind == "MULTI_CHOICE":
					c.Do(t, `{ contacts(orderBy: [{customField: {key: "it"}}]) { nodes { id } } }`, nil).Want(t, "INVALID")
				case ct.ordered:
					pagesThrough(t, c, "eabcd")
				case ct.kind == "MONEY": // b rounds to the same amount as c
					pagesThrough(t, c, "eabcd")
				}
			})
		})
	}
}

// pagesThrough walks the list by the order of the field in steps of two: forwards, backwards, ascending, descending; the
// unfiltered list, which is read by an index, and a filtered one, which is sorted. Among equals the id decides.
func pagesThrough(t *testing.T, c *farleytest.Client, want string) {
	t.Helper()
	for _, direction := range []string{"ASC", "DESC"} {
		all := []string{}
		for name := range strings.SplitSeq(want, "") {
			all = append(all, name)
		}
		for _, where := range []string{"", `, where: {familyName: {in: ["a", "b", "c", "d", "e"]}}`} {
			whole := c.Query(t, fmt.Sprintf(`{ contacts(orderBy: [{customField: {key: "it"}, direction: %s}]%s) { nodes { id familyName } } }`, direction, where), nil).At("contacts.nodes")
			got := strings.Join(whole.Texts("familyName"), "")
			expected := want
			if direction == "DESC" {
				slices.Reverse(all)
				expected = strings.Join(all, "")
				slices.Reverse(all)
			}
			if got != expected {
				t.Errorf("%s%s: the order is %q, want %q", direction, where, got, expected)
			}
			for _, way := range []struct{ size, from, info, more string }{{"first", "after", "endCursor", "hasNextPage"}, {"last", "before", "startCursor", "hasPreviousPage"}} {
				walked, cursor := "", ""
				for range 4 {
					at := ""
					if cursor != "" {
						at = fmt.Sprintf(", %s: %q", way.from, cursor)
					}
					page := c.Query(t, fmt.Sprintf(`{ contacts(%s: 2%s, orderBy: [{customField: {key: "it"}, direction: %s}]%s) { nodes { familyName } pageInfo { %s %s } } }`,
						way.size, at, direction, where, way.info, way.more), nil).At("contacts")
					names := strings.Join(page.At("nodes").Texts("familyName"), "")
					if way.size == "first" {
						walked += names
					} else {
						walked = names + walked
					}
					cursor = page.At("pageInfo." + way.info).Text()
					if page.At("pageInfo."+way.more).V != true {
						break
					}
				}
				if walked != expected {
					t.Errorf("%s%s by %s: the pages give %q, want %q", direction, where, way.size, walked, expected)
				}
			}
		}
	}
}

// A reference leads to a record in sight: others cannot be named, do not show, and count as null. It follows a merge.
func TestCustomLists_references(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": "agent", "label": "Agent", "type": "REFERENCE", "target": "ACCOUNT"})
		c := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{
			{Object: "LEAD", Action: "CREATE", Scope: "OWN"}, {Object: "LEAD", Action: "READ", Scope: "ALL"}, {Object: "LEAD", Action: "UPDATE", Scope: "ALL"}, {Object: "ACCOUNT", Action: "READ", Scope: "OWN"},
		}}))
		mine := e.Make(t, "Account", input.Object{"name": "Mine", "owner": c.User.String()})
		other := e.Make(t, "Account", input.Object{"name": "Other", "owner": c.User.String()})
		hidden := e.Make(t, "Account", input.Object{"name": "Hidden"})
		const create = `mutation($name: String!, $to: JSON!) { createLead(input: {familyName: $name, customFields: [{key: "agent", value: $to}]}) { lead { id customField(key: "agent") { value } } } }`
		tick := func() { e.Clock.Advance(e.Clock.Now().Add(time.Second)) } // so that ids have an order
		good := c.Query(t, create, farleytest.Vars{"name": "a", "to": mine.String()}).At("createLead.lead")
		if got := good.At("customField.value").Text(); got != mine.String() {
			t.Errorf("the value is %s", got)
		}
		for _, bad := range []struct{ to, code string }{{hidden.String(), "NOT_FOUND"}, {good.At("id").Text(), "FORMAT"}, {"x", "FORMAT"}} {
			r := c.Do(t, create, farleytest.Vars{"name": "x", "to": bad.to}).Want(t, "INVALID")
			if got := strings.Join(r.Violations(), ", "); got != "input.customFields.0.value "+bad.code {
				t.Errorf("%s is refused by %s", bad.to, got)
			}
		}
		tick()
		e.Make(t, "Lead", input.Object{"familyName": "b", "customFields": []any{map[string]any{"key": "agent", "value": hidden.String()}}})
		tick()
		e.Make(t, "Lead", input.Object{"familyName": "c"})
		find := func(where string) string {
			return strings.Join(c.Query(t, `{ leads(where: {customFields: {key: "agent", `+where+`}}) { nodes { familyName } } }`, nil).At("leads.nodes").Texts("familyName"), "")
		}
		ask := func() string {
			return c.Query(t, `{ leads(orderBy: [{field: FAMILY_NAME}]) { nodes { customFields { value } } } }`, nil).At("leads.nodes").JSON()
		}
		if got, want := ask(), fmt.Sprintf(`[{"customFields":[{"value":"%s"}]},{"customFields":[]},{"customFields":[]}]`, mine); got != want {
			t.Errorf("the values are %s, want %s", got, want)
		}
		for where, want := range map[string]string{
			fmt.Sprintf(`reference: {eq: "%s"}`, mine): "a", fmt.Sprintf(`reference: {eq: "%s"}`, hidden): "", fmt.Sprintf(`reference: {in: ["%s", "%s"]}`, mine, hidden): "a",
			fmt.Sprintf(`reference: {ne: "%s"}`, mine): "bc", `isNull: true`: "bc", `reference: {isNull: false}`: "a",
		} {
			if got := find(where); got != want {
				t.Errorf("%s finds %q, want %q", where, got, want)
			}
		}
		c.Do(t, `{ leads(orderBy: [{customField: {key: "agent"}}]) { nodes { id } } }`, nil).Want(t, "INVALID")

		moved := 0
		err := e.Write.Do(asSystem(), func(ctx context.Context, tx *writeTx) error {
			for _, m := range e.Write.Move {
				n, err := m.Move(ctx, tx, e.Set.Kind("Account"), mine, other)
				if err != nil {
					return err
				}
				moved += n
			}
			return nil
		})
		if err != nil || moved != 1 {
			t.Fatalf("%d values were moved, %v", moved, err)
		}
		if got := find(fmt.Sprintf(`reference: {eq: "%s"}`, other)); got != "a" {
			t.Errorf("after the merge %q leads to the survivor", got)
		}
		if got, want := ask(), fmt.Sprintf(`[{"customFields":[{"value":"%s"}]},{"customFields":[]},{"customFields":[]}]`, other); got != want {
			t.Errorf("after the merge the values are %s, want %s", got, want)
		}
	})
}

// What is wrong with conditions and orders is told with its place.
func TestCustomLists_refusals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "size", "label": "Size", "type": "NUMBER"})
		c := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
		for args, want := range map[string]string{
			`where: {customFields: {key: "none", isNull: true}}`:                  "where.customFields.0.key UNKNOWN",
			`where: {customFields: [{key: "size"}, {key: "Size", isNull: true}]}`: "where.customFields.1.key UNKNOWN",
			`where: {customFields: {key: "size", text: {eq: "1"}}}`:               "where.customFields.0.text UNKNOWN",
			`where: {customFields: {key: "size", number: {eq: "1e3"}}}`:           "where.customFields.0.number.eq FORMAT",
			`where: {customFields: {key: "size", number: {in: ["1", "x"]}}}`:      "where.customFields.0.number.in.1 FORMAT",
			`where: {customFields: {key: "size", number: null}}`:                  "where.customFields.0.number REQUIRED",
			`where: {customFields: {key: "size", number: {gt: null}}}`:            "where.customFields.0.number.gt REQUIRED",
			`where: {customFields: null}`:                                         "where.customFields REQUIRED",
			`orderBy: [{customField: {key: "none"}}]`:                             "orderBy.0.customField.key UNKNOWN",
			`orderBy: [{field: NAME}, {field: NAME, customField: {key: "size"}}]`: "orderBy.1.customField RANGE",
			`orderBy: [{direction: ASC}]`:                                         "orderBy.0.field UNKNOWN",
		} {
			r := c.Do(t, `{ accounts(`+args+`) { nodes { id } } }`, nil).Want(t, "INVALID")
			if got := strings.Join(r.Violations(), ", "); got != "accounts."+want {
				t.Errorf("%s is refused by %s", args, got)
			}
		}
		many := make([]any, 51)
		for i := range many {
			many[i] = map[string]any{"key": "size"}
		}
		c.Do(t, `query($all: [CustomFieldCondition!]) { accounts(where: {customFields: $all}) { nodes { id } } }`, farleytest.Vars{"all": many}).Want(t, "LIMITED")
	})
}

// The number of statements does not follow the values: one for the list, and one for each kind of record that they lead to.
func TestCustomLists_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.Admin(t)
		fields := func(to string) []any {
			return []any{map[string]any{"key": "size", "value": "1"}, map[string]any{"key": "agent", "value": to}, map[string]any{"key": "second", "value": to}}
		}
		target := e.Make(t, "Contact", input.Object{"familyName": "T"}).String()
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "size", "label": "Size", "type": "NUMBER"})
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "agent", "label": "Agent", "type": "REFERENCE", "target": "CONTACT"})
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "second", "label": "Agent", "type": "REFERENCE", "target": "CONTACT"})
		for range 10 {
			for range 3 {
				e.Make(t, "Account", input.Object{"name": "A", "customFields": fields(target)})
			}
			n := 0
			for range 6 { // who acts may be looked up once more
				e.Settle(t)
				e.DB.Counter.Reset()
				c.Query(t, `{ accounts(first: 100, orderBy: [{customField: {key: "size"}}], where: {customFields: {key: "size", number: {gt: "0"}}}) { nodes { customFields { key value } customField(key: "size") { value } } } }`, nil)
				n = len(slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
					return strings.Contains(s, "change_counter") || strings.Contains(s, "FROM changes")
				}))
				if n <= 2 {
					break
				}
			}
			if n != 2 {
				t.Fatalf("the list takes %d statements", n)
			}
		}
	})
}

// A release that brings the table fills it from the records that there are, in steps, and can be broken off.
func TestCustomLists_fill(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": "size", "label": "Size", "type": "NUMBER"})
		c := e.Admin(t)
		for i := range 205 {
			e.Make(t, "Lead", input.Object{"familyName": fmt.Sprintf("L%03d", i), "customFields": []any{map[string]any{"key": "size", "value": fmt.Sprint(300 - i)}}})
		}
		exec := func(query string) {
			t.Helper()
			if err := e.Write.Do(asSystem(), func(ctx context.Context, tx *writeTx) error {
				_, err := tx.ExecContext(ctx, query)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		found := func() int {
			return c.Query(t, `{ leads(where: {customFields: {key: "size", isNull: false}}) { totalCount { value } } }`, nil).At("leads.totalCount.value").Int()
		}
		exec("DELETE FROM custom_values")
		if n := found(); n != 0 {
			t.Fatalf("%d values are found without the table", n)
		}
		for range 2 {
			n, err := fillCustom(e)
			if err != nil {
				t.Fatal(err)
			}
			if found := found(); found != 205 {
				t.Fatalf("%d values were brought in, %d are found", n, found)
			}
		}
		if n, err := fillCustom(e); err != nil || n != 0 {
			t.Errorf("once it is done %d records are gone through again, %v", n, err)
		}
		first := c.Query(t, `{ leads(first: 1, orderBy: [{customField: {key: "size"}}]) { nodes { familyName } } }`, nil).At("leads.nodes.0.familyName").Text()
		if first != "L204" {
			t.Errorf("the first is %s", first)
		}
	})
}

// What is purged or wiped leaves no values behind.
func TestCustomLists_forgetAndWipe(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Make(t, "CustomField", input.Object{"object": "CONTACT", "key": "code", "label": "Code", "type": "TEXT"})
		e.Make(t, "CustomField", input.Object{"object": "CONTACT", "key": "friend", "label": "Friend", "type": "REFERENCE", "target": "CONTACT"})
		with := func(values ...any) input.Object { return input.Object{"familyName": "C", "customFields": values} }
		friend := e.Make(t, "Contact", with(map[string]any{"key": "code", "value": "secret"}))
		other := e.Make(t, "Contact", with(map[string]any{"key": "code", "value": "secret"}, map[string]any{"key": "friend", "value": friend.String()}))
		count := func() (n int) {
			tx, err := e.DB.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Close() }()
			if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM custom_values", nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		k := e.Set.Kind("Contact")
		each := func(hooks []func(context.Context, *writeTx, *model.Kind, idOf) error, x idOf) {
			t.Helper()
			err := e.Write.Do(asSystem(), func(ctx context.Context, tx *writeTx) error {
				for _, fn := range hooks {
					if err := fn(ctx, tx, k, x); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := count(); n != 3 {
			t.Fatalf("there are %d values", n)
		}
		each(e.Write.Forget, friend)
		if n := count(); n != 1 {
			t.Errorf("after the purge of one there are %d values", n)
		}
		each(e.Write.Wipe, other)
		if n := count(); n != 0 {
			t.Errorf("after wiping the other there are %d values", n)
		}
		got := e.Admin(t).Query(t, `query($id: ID!) { contact(id: $id) { customFields { key } } }`, farleytest.Vars{"id": other.String()}).JSON()
		if diff := cmp.Diff(`{"contact":{"customFields":[]}}`, got); diff != "" {
			t.Error(diff)
		}
	})
}

// SQLite goes by the index of values too: for a page in the order of a field, and for a search.
func TestCustomLists_plans(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "size", "label": "Size", "type": "NUMBER"})
	e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "code", "label": "Code", "type": "TEXT"})
	c := e.Admin(t)
	for args, want := range map[string][]string{
		`orderBy: [{customField: {key: "size"}}]`: {
			"SEARCH v USING COVERING INDEX custom_values_sort (field_id=? AND sort>?)", "SEARCH r0 USING INDEX sqlite_autoindex_accounts_1 (id=?)",
			"SEARCH r0 USING COVERING INDEX account_deleted_at_id (deleted_at=?)", "SEARCH v USING PRIMARY KEY (field_id=? AND record_id=? AND item=?) LEFT-JOIN",
		},
		`where: {customFields: {key: "size", number: {eq: "1"}}}`:       {"SEARCH r0 USING INDEX account_deleted_at_id (deleted_at=? AND id=?)", "SEARCH v1 USING COVERING INDEX custom_values_sort (field_id=? AND sort=?)"},
		`where: {customFields: {key: "code", text: {startsWith: "a"}}}`: {"SEARCH r0 USING INDEX account_deleted_at_id (deleted_at=? AND id=?)", "SEARCH v1 USING COVERING INDEX custom_values_fold (field_id=? AND fold>? AND fold<?)"},
	} {
		document := `{ accounts(` + args + `) { nodes { name } } }`
		c.Query(t, document, nil)
		e.DB.Counter.Reset()
		c.Query(t, document, nil)
		statements := e.DB.Counter.Asked()
		i := slices.IndexFunc(statements, func(s string) bool { return strings.Contains(s, "custom_values") })
		if i < 0 {
			t.Fatalf("%s runs %v", args, statements)
		}
		plan := explained(t, e, statements[i])
		for _, step := range want {
			if !slices.Contains(plan, step) {
				t.Errorf("%s has no step %q:\n%s", args, step, strings.Join(plan, "\n"))
			}
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN r0") || strings.HasPrefix(step, "SCAN v") {
				t.Errorf("%s has the step %q", args, step)
			}
		}
	}
}

// explained returns the steps of SQLite's plan for a statement.
func explained(t *testing.T, e *farleytest.Env, statement string) []string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, strings.Count(statement, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
