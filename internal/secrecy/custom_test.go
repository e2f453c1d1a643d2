package secrecy_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// ways are those in which a role does not have a custom field that exists: a sensitive one that it does not name, one whose
// level is NONE, and one that it does not have because it has none of them.
var ways = []struct {
	name      string
	sensitive bool
	levels    []string
}{
	{"sensitive", true, nil},
	{"NONE", false, []string{"ACCOUNT CUSTOM_FIELDS.pay NONE", "CONTACT CUSTOM_FIELDS.pay NONE"}},
	{"all but one are NONE", false, []string{
		"ACCOUNT CUSTOM_FIELDS NONE", "CONTACT CUSTOM_FIELDS NONE", "ACCOUNT CUSTOM_FIELDS.open WRITE", "CONTACT CUSTOM_FIELDS.open WRITE",
	}},
}

// customRole works with accounts, contacts and definitions, and has the levels as far as the fields exist in its world.
func customRole(e *farleytest.Env, lines ...string) access.Role {
	r := staff(e, "ALL")
	r.Permissions = append(r.Permissions, access.Permission{Object: "CUSTOM_FIELD", Action: "READ", Scope: "ALL"})
	return levels(r, lines...)
}

// A role that does not have the field gets the answers of a world in which there is no such field: selections, filters,
// filters through relations, orders, cursors, counts, errors, definitions, its own rights, events, writes and their repeats.
func TestCustomField_hiddenIsAbsent(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
				for _, object := range []string{"ACCOUNT", "CONTACT"} {
					e.Make(t, "CustomField", input.Object{"object": object, "key": "open", "label": "Open", "type": "TEXT"})
				}
				ids := []id.ID{}
				for _, name := range []string{"Ash", "Elm", "Oak"} {
					tick(e)
					account := e.Make(t, "Account", input.Object{"name": name, "customFields": []any{map[string]any{"key": "open", "value": name}}})
					contact := e.Make(t, "Contact", input.Object{"familyName": name})
					e.Make(t, "AccountContact", input.Object{"account": account.String(), "contact": contact.String()})
					ids = append(ids, account, contact)
				}
				// Without the field: a role of the same words, as far as they can be said.
				var absentLevels []string
				for _, l := range way.levels {
					if !strings.Contains(l, ".pay") {
						absentLevels = append(absentLevels, l)
					}
				}
				without := e.User(t, nil, e.Role(t, customRole(e, absentLevels...)))
				before := answers(t, without, ids)

				for _, object := range []string{"ACCOUNT", "CONTACT"} {
					e.Make(t, "CustomField", input.Object{
						"object": object, "key": "pay", "label": "Pay", "type": "NUMBER", "sensitive": way.sensitive, "isUnique": object == "CONTACT",
					})
				}
				// The required one shows nothing of itself either.
				e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "must", "label": "Must", "type": "TEXT", "sensitive": true, "isRequired": true})
				with := e.User(t, nil, e.Role(t, customRole(e, way.levels...)))
				for round, values := range [][3]string{{"3", "1", "2"}, {"7", "8", "9"}} {
					for i, v := range values {
						e.Change(t, ids[2*i], input.Object{"customFields": []any{map[string]any{"key": "open", "value": []string{"Ash", "Elm", "Oak"}[i]}, map[string]any{"key": "pay", "value": v}}})
						e.Change(t, ids[2*i+1], input.Object{"customFields": []any{map[string]any{"key": "pay", "value": v}}})
					}
					got := answers(t, with, ids)
					for i, want := range before {
						if normal(got[i], with) != normal(want, without) {
							t.Errorf("round %d: %s\ntells of the field:\n%s\nwithout it:\n%s", round, questions[i].document, normal(got[i], with), normal(want, without))
						}
					}
				}
			})
		})
	}
}

// normal writes what names the asker, and cursors, which are his own, in one way.
func normal(raw string, c *farleytest.Client) string {
	return listCursor.ReplaceAllString(strings.ReplaceAll(raw, c.User.String(), "USER"), `"$1":"CURSOR"`)
}

var listCursor = regexp.MustCompile(`"(cursor|endCursor)":"[^"]*"`)

var questions = []struct{ document string }{
	{`{ accounts { nodes { customFields { key value } customField(key: "pay") { key value } contacts { nodes { customField(key: "pay") { value } customFields { key } } } } totalCount { value } } }`},
	{`query($ids: [ID!]!) { nodes(ids: $ids) { ... on Account { customField(key: "pay") { value } customFields { value } } ... on Contact { customField(key: "pay") { value } } } }`},
	{`{ accounts(where: {customFields: {key: "pay", number: {gt: "1"}}}) { nodes { id } } }`},
	{`{ accounts(where: {customFields: {key: "pay", isNull: false}}) { totalCount { value } } }`},
	{`{ accounts(where: {not: {or: [{customFields: [{key: "pay", number: {eq: "x"}}]}]}}) { nodes { id } } }`},
	{`{ accounts(where: {contacts: {some: {customFields: {key: "pay", number: {gt: "1"}}}}}) { nodes { id } } }`},
	{`{ accounts(where: {contacts: {none: {customFields: {key: "pay", text: {eq: "1"}}}}}) { totalCount { value } } }`},
	{`query($w: AccountWhere) { accounts(where: $w) { nodes { id } } }`},
	{`{ accounts(orderBy: [{customField: {key: "pay"}}]) { nodes { id } } }`},
	{`{ accounts(first: 2, orderBy: [{customField: {key: "open"}, direction: DESC}]) { edges { cursor node { name } } pageInfo { hasNextPage endCursor } totalCount { value precision } } }`},
	{`{ accounts { nodes { contacts(orderBy: [{customField: {key: "pay"}}, {field: FAMILY_NAME}]) { nodes { id } } } } }`},
	{`{ accounts(where: {customFields: {key: "open", text: {contains: "a"}}}) { nodes { name } } }`},
	{`{ customFields { nodes { key label type sensitive } totalCount { value } } }`},
	{`{ customFields(where: {key: {eq: "pay"}}) { nodes { id } } }`},
	{`{ viewer { permissions { object fields { field level } } } }`},
	{`mutation { createAccount(dryRun: true, onDuplicate: ALLOW, input: {name: "Yew", customFields: [{key: "pay", value: "3"}]}) { account { name } } }`},
	{`mutation { createAccount(dryRun: true, onDuplicate: ALLOW, input: {name: "Yew", customFields: [{key: "pay", value: "not a number"}]}) { account { name } } }`},
	{`mutation { createAccount(dryRun: true, onDuplicate: ALLOW, input: {name: "Yew"}) { account { name customFields { key } } } }`},
	{`mutation($id: ID!) { updateAccount(dryRun: true, id: $id, input: {customFields: [{key: "open", value: "new"}]}) { account { customFields { key value } customField(key: "pay") { value } } } }`},
	{`mutation($id: ID!) { updateAccount(dryRun: true, id: $id, input: {customFields: [{key: "pay", value: "7"}]}) { account { customFields { key value } } } }`},
	{`mutation($contact: ID!) { updateContact(dryRun: true, id: $contact, input: {customFields: [{key: "pay", value: "7"}]}) { contact { id } } }`},
	{`mutation($id: ID!) { updateAccount(dryRun: true, id: $id, input: {customFields: null}) { account { customFields { key } } } }`},
	{`{ search(query: "9", kinds: [ACCOUNT]) { edges { node { ... on Account { id } } } } }`},
}

func answers(t *testing.T, c *farleytest.Client, ids []id.ID) []string {
	t.Helper()
	vars := farleytest.Vars{
		"ids": []string{ids[0].String(), ids[1].String()}, "id": ids[0].String(), "contact": ids[1].String(),
		"w": map[string]any{"customFields": []any{map[string]any{"key": "pay", "number": map[string]any{"in": []string{"1", "2"}}}}},
	}
	out := make([]string, len(questions))
	for i, q := range questions {
		some := farleytest.Vars{}
		for name, v := range vars {
			if strings.Contains(q.document, "$"+name+":") {
				some[name] = v
			}
		}
		out[i] = c.Do(t, q.document, some).Raw
	}
	return out
}

// A change of a hidden field tells nothing; one together with another field names the other alone. What a request said is
// not told again when it is repeated without the right to it.
func TestCustomField_eventsAndReplay(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "pay", "label": "Pay", "type": "NUMBER", "sensitive": true})
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "open", "label": "Open", "type": "TEXT"})
		blind := e.User(t, nil, e.Role(t, customRole(e)))
		role := e.Role(t, customRole(e, "ACCOUNT CUSTOM_FIELDS.pay WRITE"))
		sees := e.User(t, nil, role)
		own := e.User(t, nil, e.Role(t, levels(grants(e, "ACCOUNT READ OWN"), "ACCOUNT CUSTOM_FIELDS.pay READ")), e.Role(t, grants(e, "ACCOUNT READ ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak", "customFields": []any{map[string]any{"key": "pay", "value": "1"}}})
		from := map[*farleytest.Client]string{blind: after(t, e, blind), sees: after(t, e, sees), own: after(t, e, own)}
		set := func(more input.Object, values ...string) {
			list := []any{}
			for i := 0; i < len(values); i += 2 {
				list = append(list, map[string]any{"key": values[i], "value": values[i+1]})
			}
			more["customFields"] = list
			e.Change(t, x, more)
		}
		set(input.Object{}, "pay", "2")
		set(input.Object{"name": "Elm"}, "pay", "3", "open", "yes")
		set(input.Object{"owner": own.User.String()}, "pay", "4", "open", "yes")
		line := func(version int, fields string) string {
			return fmt.Sprintf("UPDATED %s %d %s %q", x, version, fields, x)
		}
		told(t, feed(t, e, blind, from[blind]), line(3, `["name","customFields.open"]`), line(4, `["owner"]`))
		told(t, feed(t, e, sees, from[sees]), line(2, `["customFields.pay"]`), line(3, `["name","customFields.open","customFields.pay"]`), line(4, `["owner","customFields.pay"]`))
		got := feed(t, e, own, from[own])
		if len(got) != 2 || got[0] != line(3, `["name","customFields.open"]`) || !strings.Contains(got[1], "customFields.pay") {
			t.Errorf("who has become the owner is told %v", got)
		}

		const write = `mutation { createAccount(idempotencyKey: "k", onDuplicate: ALLOW, input: {name: "Yew", customFields: [{key: "pay", value: "5"}]}) { account { customFields { key value } } } }`
		if got := sees.Query(t, write, nil).At("createAccount.account.customFields").JSON(); got != `[{"key":"pay","value":"5"}]` {
			t.Errorf("the answer is %s", got)
		}
		e.Change(t, role, input.Object{"fieldLevels": []any{}})
		if got := sees.Query(t, write, nil).At("createAccount.account.customFields").JSON(); got != `[]` {
			t.Errorf("repeated without the right, the answer is %s", got)
		}
	})
}

// Definitions of fields that a role does not have are not told of either.
func TestCustomField_definitionEvents(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		blind := e.User(t, nil, e.Role(t, customRole(e)))
		definer := e.User(t, nil, e.Role(t, grants(e, "CUSTOM_FIELD * ALL")))
		from, all := after(t, e, blind), after(t, e, definer)
		define := func(key string, sensitive bool) id.ID {
			return e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": key, "label": key, "type": "TEXT", "sensitive": sensitive})
		}
		open, hidden := define("open", false), define("pay", true)
		e.Change(t, hidden, input.Object{"label": "Salary"})
		e.Change(t, open, input.Object{"sensitive": true})
		told(t, feed(t, e, blind, from), "LEFT "+open.String()+" null null null")
		told(t, slices.Sorted(slices.Values(feed(t, e, definer, all))), slices.Sorted(slices.Values([]string{
			fmt.Sprintf("CREATED %s 1 %s %q", open, created(t, e, definer, all, open), open), fmt.Sprintf("CREATED %s 1 %s %q", hidden, created(t, e, definer, all, hidden), hidden),
			fmt.Sprintf(`UPDATED %s 2 ["label"] %q`, hidden, hidden), fmt.Sprintf(`UPDATED %s 2 ["sensitive"] %q`, open, open),
		}))...)
	})
}

// created returns the fields that the creation of a record names, which are many.
func created(t *testing.T, e *farleytest.Env, c *farleytest.Client, from string, x id.ID) string {
	t.Helper()
	for _, line := range feed(t, e, c, from) {
		if parts := strings.SplitN(line, " ", 5); parts[0] == "CREATED" && parts[1] == x.String() {
			return parts[3]
		}
	}
	return ""
}

// Random operations over custom fields give the same bytes before and after values that their reader does not have are
// changed, given and taken away: those of a field that he has nowhere, and those of one that he has on his own records only.
func TestCustomField_difference(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for _, object := range []string{"ACCOUNT", "CONTACT"} {
			for key, kind := range map[string]string{"pay": "NUMBER", "code": "TEXT", "day": "DATE"} {
				e.Make(t, "CustomField", input.Object{"object": object, "key": key, "label": key, "type": kind, "sensitive": true})
			}
			e.Make(t, "CustomField", input.Object{"object": object, "key": "open", "label": "open", "type": "TEXT"})
		}
		own := levels(grants(e, "ACCOUNT * OWN", "CONTACT * OWN"), "ACCOUNT CUSTOM_FIELDS.code WRITE", "CONTACT CUSTOM_FIELDS.code WRITE", "ACCOUNT CUSTOM_FIELDS.pay WRITE")
		c := e.User(t, nil, e.Role(t, own), e.Role(t, customRole(e)))
		rnd := rand.New(rand.NewPCG(1, uint64(len(e.DB.Dialect))))
		type owned struct {
			id   id.ID
			mine bool
		}
		var all []owned
		// shown are the values that the reader has of a record; the others are drawn anew each time.
		values := func(contact, mine, visible bool) []any {
			var out []any
			give := func(key, value string) {
				if rnd.IntN(3) > 0 {
					out = append(out, map[string]any{"key": key, "value": value})
				}
			}
			draw := func() string { return fmt.Sprint(rnd.IntN(5)) }
			shown := map[string]bool{"open": true, "code": mine, "pay": mine && !contact}
			for _, key := range []string{"code", "day", "open", "pay"} {
				if shown[key] != visible {
					continue
				}
				value := draw()
				if key == "day" {
					value = "2026-01-0" + fmt.Sprint(1+rnd.IntN(5))
				}
				give(key, value)
			}
			return out
		}
		shown := map[id.ID][]any{}
		for i := range 24 {
			tick(e)
			mine := i%3 == 0
			in := input.Object{}
			if mine {
				in["owner"] = c.User.String()
			}
			in["name"] = fmt.Sprint("A", i%7)
			account := e.Make(t, "Account", in)
			delete(in, "name")
			in["familyName"] = fmt.Sprint("C", i%5)
			contact := e.Make(t, "Contact", in)
			e.Make(t, "AccountContact", input.Object{"account": account.String(), "contact": contact.String()})
			shown[account], shown[contact] = values(false, mine, true), values(true, mine, true)
			all = append(all, owned{account, mine}, owned{contact, mine})
		}
		hide := func() {
			for i, x := range all {
				e.Change(t, x.id, input.Object{"customFields": append(append([]any{}, shown[x.id]...), values(i%2 == 1, x.mine, false)...)})
			}
		}
		hide()
		var documents []string
		for range 60 {
			documents = append(documents, randomCustom(rnd))
		}
		ask := func() []string {
			var out []string
			for _, d := range documents {
				out = append(out, c.Do(t, d, nil).Raw)
			}
			return out
		}
		before := ask()
		found := 0
		for _, a := range before {
			if strings.Contains(a, `"name"`) {
				found++
			}
		}
		if found < 20 {
			t.Errorf("only %d operations find anything", found)
		}
		for range 3 {
			hide()
			for i, got := range ask() {
				if got != before[i] {
					t.Fatalf("%s\ntells of hidden values:\n%s\nbefore:\n%s", documents[i], got, before[i])
				}
			}
		}
	})
}

// randomCustom writes an operation that selects, filters and orders by custom fields, of which some are hidden.
func randomCustom(rnd *rand.Rand) string {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	condition := func() string {
		n := fmt.Sprint(rnd.IntN(5))
		return pick(`{key: "pay", number: {gte: "`+n+`"}}`, `{key: "code", text: {ne: "`+n+`"}}`, `{key: "code", isNull: true}`, `{key: "open", text: {in: ["`+n+`", "3"]}}`,
			`{key: "pay", number: {lt: "3", gt: "0"}}`, `{key: "open", text: {contains: "`+n+`"}}`, `{key: "day", isNull: false}`, `{key: "none", isNull: true}`, `{key: "code", text: {eq: "`+n+`"}}`)
	}
	list := func() string {
		if rnd.IntN(2) == 0 {
			return "customFields: " + condition()
		}
		return "customFields: [" + condition() + ", " + condition() + "]"
	}
	where := pick("", "where: {"+list()+"}, ", "where: {not: {"+list()+"}}, ", "where: {or: [{"+list()+"}, {name: {eq: \"A1\"}}]}, ", "where: {contacts: {some: {"+list()+"}}}, ", "where: {contacts: {none: {"+list()+"}}}, ")
	order := func() string {
		return pick("", `orderBy: [{customField: {key: "`+pick("pay", "code", "open", "open", "day")+`"}, direction: `+pick("ASC", "DESC")+`}], `,
			`orderBy: [{customField: {key: "`+pick("pay", "code", "open")+`"}}, {customField: {key: "open"}, direction: DESC}], `)
	}
	size := pick("first: 3", "last: 3", "first: 50")
	return `{ accounts(` + where + order() + size + `) { edges { cursor node { name customFields { key value } pay: customField(key: "pay") { value } contacts(` + order() +
		`first: 2) { nodes { familyName customFields { key value } } pageInfo { endCursor } } } } pageInfo { hasNextPage hasPreviousPage } totalCount { value } } }`
}
