package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// clerk is a role that works with accounts of a scope, with levels written "CUSTOM_FIELDS.pay NONE".
func clerk(scope string, levels ...string) access.Role {
	r := access.Role{}
	for _, action := range []string{"CREATE", "READ", "UPDATE", "DELETE"} {
		r.Permissions = append(r.Permissions, access.Permission{Object: "ACCOUNT", Action: action, Scope: scope})
	}
	r.Permissions = append(r.Permissions, access.Permission{Object: "CUSTOM_FIELD", Action: "READ", Scope: "ALL"})
	for _, l := range levels {
		field, level, _ := strings.Cut(l, " ")
		r.Fields = append(r.Fields, access.FieldLevel{Object: "ACCOUNT", Field: field, Level: access.Level(level)})
	}
	return r
}

// payroll defines the fields of the tests below: pay is sensitive.
func payroll(t *testing.T, e *farleytest.Env) (pay, code, open string) {
	t.Helper()
	pay = e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "pay", "label": "Pay", "type": "NUMBER", "sensitive": true}).String()
	code = e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "code", "label": "Code", "type": "TEXT"}).String()
	open = e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "open", "label": "Open", "type": "TEXT"}).String()
	return pay, code, open
}

func valuesOf(pairs ...string) []any {
	out := []any{}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, map[string]any{"key": pairs[i], "value": pairs[i+1]})
	}
	return out
}

const (
	readCustom  = `query($id: ID!) { account(id: $id) { customFields { key value } pay: customField(key: "pay") { value } code: customField(key: "code") { value } } }`
	writeCustom = `mutation($id: ID!, $values: [CustomFieldValueInput!]) { updateAccount(id: $id, input: {customFields: $values}) { account { version customFields { key value } } } }`
)

// Each field has its level: what a role may not know is unknown in every place, and stays as it is when such a role writes
// the others.
func TestCustomRights_levels(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "customFields": valuesOf("pay", "100", "code", "ABCDEFGH-42", "open", "yes")})
		id := farleytest.Vars{"id": x.String()}
		for _, one := range []struct {
			name, read, keys string
			role             access.Role
		}{
			{
				"a sensitive field without a row", `{"account":{"code":{"value":"ABCDEFGH-42"},"customFields":[{"key":"code","value":"ABCDEFGH-42"},{"key":"open","value":"yes"}],"pay":null}}`,
				"CUSTOM_FIELDS.code WRITE, CUSTOM_FIELDS.open WRITE", clerk("ALL"),
			},
			{
				"granted", `{"account":{"code":{"value":"ABCDEFGH-42"},"customFields":[{"key":"pay","value":"100"},{"key":"code","value":"ABCDEFGH-42"},{"key":"open","value":"yes"}],"pay":{"value":"100"}}}`,
				"CUSTOM_FIELDS.code WRITE, CUSTOM_FIELDS.open WRITE, CUSTOM_FIELDS.pay READ", clerk("ALL", "CUSTOM_FIELDS.pay READ"),
			},
			{
				"masked", `{"account":{"code":{"value":"••••42"},"customFields":[{"key":"code","value":"••••42"},{"key":"open","value":"yes"}],"pay":null}}`,
				"CUSTOM_FIELDS.code MASKED, CUSTOM_FIELDS.open WRITE, CUSTOM_FIELDS.pay MASKED", clerk("ALL", "CUSTOM_FIELDS.pay MASKED", "CUSTOM_FIELDS.code MASKED"),
			},
			{
				"none but one", `{"account":{"code":null,"customFields":[{"key":"open","value":"yes"}],"pay":null}}`,
				"CUSTOM_FIELDS.open READ", clerk("ALL", "CUSTOM_FIELDS NONE", "CUSTOM_FIELDS.open READ"),
			},
		} {
			c := e.User(t, nil, e.Role(t, one.role))
			if got := c.Query(t, readCustom, id).JSON(); got != one.read {
				t.Errorf("%s reads %s", one.name, got)
			}
			var keys []string
			for _, p := range c.Query(t, `{ viewer { permissions { object fields { field level } } } }`, nil).At("viewer.permissions").V.([]any) {
				object := farleytest.Data{V: p}
				if object.At("object").Text() != "ACCOUNT" {
					continue
				}
				for i := range object.At("fields").Len() {
					if f := object.At(fmt.Sprintf("fields.%d", i)); strings.HasPrefix(f.At("field").Text(), "CUSTOM_FIELDS.") {
						keys = append(keys, f.At("field").Text()+" "+f.At("level").Text())
					}
				}
			}
			if got := strings.Join(keys, ", "); got != one.keys {
				t.Errorf("%s has the levels %s", one.name, got)
			}
		}

		plain := e.User(t, nil, e.Role(t, clerk("ALL")))
		// The list as a role sees it, with a change: what it does not see stays, at its place in everybody else's list or not.
		plain.Query(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("open", "no")})
		admin := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.pay WRITE")))
		if got := admin.Query(t, readCustom, id).At("account.customFields").JSON(); got != `[{"key":"open","value":"no"},{"key":"pay","value":"100"}]` {
			t.Errorf("after the write there are %s", got)
		}
		before := admin.Query(t, `query($id: ID!) { account(id: $id) { version } }`, id).JSON()
		plain.Query(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("open", "no")})
		if got := admin.Query(t, `query($id: ID!) { account(id: $id) { version } }`, id).JSON(); got != before {
			t.Errorf("a write of what is there makes the version %s, was %s", got, before)
		}

		masked := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.open MASKED")))
		masked.Do(t, `{ accounts(where: {customFields: {key: "open", text: {eq: "no"}}}) { nodes { id } } }`, nil).Want(t, "FORBIDDEN")
		masked.Do(t, `{ accounts(orderBy: [{customField: {key: "open"}}]) { nodes { id } } }`, nil).Want(t, "FORBIDDEN")
		masked.Do(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("open", "••••")}).Want(t, "FORBIDDEN")
		masked.Do(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("open", "no")}).Want(t, "FORBIDDEN")
		reader := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.open READ")))
		r := reader.Do(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("code", "C", "open", "other")}).Want(t, "FORBIDDEN")
		if got := strings.Join(r.Violations(), ", "); got != "input.customFields.1.value FORBIDDEN" {
			t.Errorf("the write is refused by %s", got)
		}
		reader.Query(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("code", "C", "open", "no")})
		reader.Query(t, writeCustom, farleytest.Vars{"id": x.String(), "values": nil})
		if got := admin.Query(t, readCustom, id).At("account.customFields").JSON(); got != `[{"key":"open","value":"no"},{"key":"pay","value":"100"}]` {
			t.Errorf("after the last write there are %s", got)
		}
	})
}

// Levels may depend on the row: a role reads the field on its own records only, so elsewhere it counts as empty in lists,
// filters, orders and counts.
func TestCustomRights_ownRows(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		c := e.User(t, nil, e.Role(t, clerk("OWN", "CUSTOM_FIELDS.pay WRITE")), e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
		mine := e.Make(t, "Account", input.Object{"name": "mine", "owner": c.User.String(), "customFields": valuesOf("pay", "5")})
		theirs := e.Make(t, "Account", input.Object{"name": "theirs", "customFields": valuesOf("pay", "7", "open", "yes")})
		if got, want := c.Query(t, `{ accounts(orderBy: [{field: NAME}]) { nodes { customFields { key value } customField(key: "pay") { value } } } }`, nil).At("accounts.nodes").JSON(),
			`[{"customField":{"value":"5"},"customFields":[{"key":"pay","value":"5"}]},{"customField":null,"customFields":[{"key":"open","value":"yes"}]}]`; got != want {
			t.Errorf("the values are %s", got)
		}
		for args, want := range map[string]string{
			`where: {customFields: {key: "pay", number: {gt: "0"}}}`:            "mine",
			`where: {customFields: {key: "pay", isNull: true}}`:                 "theirs",
			`where: {customFields: {key: "pay", number: {ne: "5"}}}`:            "theirs",
			`orderBy: [{customField: {key: "pay"}}]`:                            "theirs mine",
			`orderBy: [{customField: {key: "pay"}, direction: DESC}]`:           "mine theirs",
			`orderBy: [{customField: {key: "pay"}, direction: DESC}], first: 1`: "mine",
		} {
			if got := strings.Join(c.Query(t, `{ accounts(`+args+`) { nodes { name } } }`, nil).At("accounts.nodes").Texts("name"), " "); got != want {
				t.Errorf("%s gives %q, want %q", args, got, want)
			}
		}
		c.Query(t, writeCustom, farleytest.Vars{"id": mine.String(), "values": valuesOf("pay", "6")})
		c.Do(t, writeCustom, farleytest.Vars{"id": theirs.String(), "values": valuesOf("pay", "6")}).Want(t, "FORBIDDEN")

		admin := e.Admin(t)
		why := admin.Query(t, `query($user: ID!, $mine: ID!, $theirs: ID!) {
			a: explainAccess(user: $user, record: $mine, action: UPDATE, field: "customFields.pay") { allowed level }
			b: explainAccess(user: $user, record: $theirs, action: READ, field: "customFields.pay") { allowed level because { rule } } }`,
			farleytest.Vars{"user": c.User.String(), "mine": mine.String(), "theirs": theirs.String()}).JSON()
		if want := `{"a":{"allowed":true,"level":"WRITE"},"b":{"allowed":false,"because":[{"rule":"OUT_OF_SCOPE"},{"rule":"FIELD_LEVEL"}],"level":"NONE"}}`; why != want {
			t.Errorf("it is explained by %s", why)
		}
	})
}

// A change of levels or of the definition counts for the next operation, and for what is open.
func TestCustomRights_changes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, code, _ := payroll(t, e)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "customFields": valuesOf("code", "C")})
		role := e.Role(t, clerk("ALL"))
		c, admin := e.User(t, nil, role), e.Admin(t)
		writer := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.code WRITE")))
		id := farleytest.Vars{"id": x.String()}
		read := func() string { return c.Query(t, readCustom, id).At("account.code.value").Text() }
		stream := c.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after) { changedFields node { customField(key: "code") { value } } } }`, farleytest.Vars{"after": after(t, e, c)})
		write := func(v string) {
			writer.Query(t, writeCustom, farleytest.Vars{"id": x.String(), "values": valuesOf("code", v)})
			e.Settle(t)
		}
		write("D")
		if got := stream.Event(t).At("accountChanged").JSON(); got != `{"changedFields":["customFields.code"],"node":{"customField":{"value":"D"}}}` {
			t.Errorf("the stream tells %s", got)
		}
		admin.Query(t, `mutation($id: ID!) { updateCustomField(id: $id, input: {sensitive: true}) { customField { sensitive } } }`, farleytest.Vars{"id": code})
		if got := read(); got != "" {
			t.Errorf("a field that has become sensitive reads %q", got)
		}
		c.Do(t, `{ accounts(where: {customFields: {key: "code", isNull: false}}) { nodes { id } } }`, nil).Want(t, "INVALID")
		write("E")
		admin.Query(t, `mutation($id: ID!) { updateAccount(id: $id, input: {name: "Elm"}) { account { id } } }`, id)
		e.Settle(t)
		if got := stream.Event(t).At("accountChanged").JSON(); got != `{"changedFields":["name"],"node":{"customField":null}}` {
			t.Errorf("the stream goes on with %s", got)
		}
		e.Change(t, role, input.Object{"fieldLevels": []any{map[string]any{"object": "ACCOUNT", "field": "CUSTOM_FIELDS.code", "level": "READ"}}})
		if got := read(); got == "" {
			t.Error("a field that was granted does not read")
		}
	})
}

// Definitions whose values a role may not know are out of its sight, unless it may change definitions.
func TestCustomRights_definitions(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		pay, code, _ := payroll(t, e)
		keys := func(c *farleytest.Client) string {
			return strings.Join(c.Query(t, `{ customFields(orderBy: [{field: LABEL}]) { nodes { key } totalCount { value } } }`, nil).At("customFields.nodes").Texts("key"), " ")
		}
		for want, role := range map[string]access.Role{
			"code open":     clerk("ALL"),
			"code open pay": clerk("ALL", "CUSTOM_FIELDS.pay MASKED"),
			"open":          clerk("ALL", "CUSTOM_FIELDS.code NONE"),
		} {
			c := e.User(t, nil, e.Role(t, role))
			if got := keys(c); got != want {
				t.Errorf("the definitions in sight are %q, want %q", got, want)
			}
		}
		c := e.User(t, nil, e.Role(t, clerk("ALL")))
		c.Do(t, `query($id: ID!) { customField(id: $id) { key } }`, farleytest.Vars{"id": pay}).Want(t, "NOT_FOUND")
		if got := keys(e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "CUSTOM_FIELD", Action: "READ", Scope: "ALL"}, {Object: "CUSTOM_FIELD", Action: "UPDATE", Scope: "ALL"}}}))); got != "code open pay" {
			t.Errorf("who changes definitions sees %q", got)
		}
		// Levels of keys that are not there, or not in sight, cannot be given.
		maker := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ROLE", Action: "CREATE", Scope: "ALL"}, {Object: "ROLE", Action: "READ", Scope: "ALL"}, {Object: "CUSTOM_FIELD", Action: "READ", Scope: "ALL"}}}))
		for _, key := range []string{"pay", "none"} {
			r := maker.Do(t, `mutation($f: String!) { createRole(input: {name: "R", fieldLevels: [{object: ACCOUNT, field: $f, level: READ}]}) { role { id } } }`, farleytest.Vars{"f": "CUSTOM_FIELDS." + key}).Want(t, "INVALID")
			if got := r.Violations(); !slices.Equal(got, []string{"input.fieldLevels.0.field UNKNOWN"}) {
				t.Errorf("a level of %s is refused by %v", key, got)
			}
		}
		_ = code
	})
}

// Required fields, defaults and archived fields, and what a role that does not know them hears: nothing.
func TestCustomRules(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		define := func(key, kind string, more input.Object) string {
			in := input.Object{"object": "ACCOUNT", "key": key, "label": key, "type": kind}
			for name, v := range more {
				in[name] = v
			}
			return e.Make(t, "CustomField", in).String()
		}
		grade := define("grade", "CHOICE", input.Object{"choices": []any{"a", "b"}, "defaultValue": `"a"`})
		areas := define("areas", "MULTI_CHOICE", input.Object{"choices": []any{"n", "s", "w"}})
		define("vat", "TEXT", input.Object{"isRequired": true})
		define("pay", "NUMBER", input.Object{"isRequired": true, "sensitive": true})
		old := define("old", "DATE", nil)
		c, admin := e.User(t, nil, e.Role(t, clerk("ALL"))), e.Admin(t)
		const create = `mutation($values: [CustomFieldValueInput!]) { createAccount(input: {name: "Oak", customFields: $values}, onDuplicate: ALLOW) { account { id customFields { key value } } } }`
		r := c.Do(t, create, farleytest.Vars{"values": valuesOf("vat", "  ")}).Want(t, "INVALID")
		if got := r.Violations(); !slices.Equal(got, []string{"input.customFields REQUIRED"}) {
			t.Errorf("without what is required: %v", got)
		}
		made := c.Query(t, create, farleytest.Vars{"values": append(valuesOf("vat", "1", "old", "2026-01-01"), map[string]any{"key": "areas", "value": []any{"s", "n"}})}).At("createAccount.account")
		if got := made.At("customFields").JSON(); got != `[{"key":"vat","value":"1"},{"key":"old","value":"2026-01-01"},{"key":"areas","value":["n","s"]},{"key":"grade","value":"a"}]` {
			t.Errorf("the new record has %s", got)
		}
		x := made.At("id").Text()
		r = c.Do(t, writeCustom, farleytest.Vars{"id": x, "values": valuesOf("grade", "b")}).Want(t, "INVALID")
		if got := r.Violations(); !slices.Equal(got, []string{"input.customFields REQUIRED"}) {
			t.Errorf("taking away what is required: %v", got)
		}

		update := func(id string, in string) {
			admin.Query(t, `mutation($id: ID!) { updateCustomField(id: $id, input: {`+in+`}) { customField { id } } }`, farleytest.Vars{"id": id})
		}
		update(grade, `defaultValue: null, choices: ["b", "c"]`)
		update(areas, `choices: ["w", "s"]`)
		update(old, `archived: true`)
		for _, step := range []struct {
			values string
			want   string
		}{
			{`[{key: "vat", value: "1"}, {key: "grade", value: "a"}, {key: "old", value: "2026-01-01"}, {key: "areas", value: ["n", "w"]}]`, `[{"key":"vat","value":"1"},{"key":"grade","value":"a"},{"key":"old","value":"2026-01-01"},{"key":"areas","value":["w","n"]}]`},
			{`[{key: "vat", value: "1"}, {key: "old", value: "2026-01-02"}]`, "input.customFields.1.key UNKNOWN"},
			{`[{key: "vat", value: "1"}, {key: "areas", value: ["n", "x"]}]`, "input.customFields.1.value FORMAT"},
			{`[{key: "vat", value: "1"}, {key: "grade", value: "c"}]`, `[{"key":"vat","value":"1"},{"key":"grade","value":"c"}]`},
			{`[{key: "vat", value: "1"}, {key: "grade", value: "a"}]`, "input.customFields.1.value FORMAT"},
			{`[{key: "vat", value: "1"}, {key: "old", value: "2026-01-01"}]`, "input.customFields.1.key UNKNOWN"},
		} {
			r := c.Do(t, `mutation($id: ID!) { updateAccount(id: $id, input: {customFields: `+step.values+`}) { account { customFields { key value } } } }`, farleytest.Vars{"id": x})
			got := strings.Join(r.Violations(), ", ")
			if len(r.Errors) == 0 {
				got = farleytest.Data{V: r.Data}.At("updateAccount.account.customFields").JSON()
			}
			if got != step.want {
				t.Errorf("%s gives %s, want %s", step.values, got, step.want)
			}
		}

		for in, want := range map[string]string{
			`object: ACCOUNT, key: "vat", label: "Again", type: TEXT`:                                      "input.key TAKEN",
			`object: LEAD, key: "r", label: "R", type: REFERENCE`:                                          "input.target REQUIRED",
			`object: LEAD, key: "r", label: "R", type: BOOLEAN, isUnique: true`:                            "input.isUnique FORMAT",
			`object: LEAD, key: "r", label: "R", type: NUMBER, defaultValue: "1"`:                          "input.defaultValue FORMAT",
			`object: LEAD, key: "r", label: "R", type: CHOICE, choices: ["a", "a"], defaultValue: "\"b\""`: "input.choices.1 TAKEN, input.defaultValue FORMAT",
		} {
			r := admin.Do(t, `mutation { createCustomField(input: {`+in+`}) { customField { id } } }`, nil).Want(t, "INVALID")
			if got := strings.Join(r.Violations(), ", "); got != want {
				t.Errorf("%s is refused by %s", in, got)
			}
		}
		// A key is given once: records may hold values of the field that is in the bin.
		admin.Query(t, `mutation($id: ID!) { deleteCustomField(id: $id) { id } }`, farleytest.Vars{"id": grade})
		if got := c.Query(t, readCustom, farleytest.Vars{"id": x}).At("account.customFields").JSON(); got != `[{"key":"vat","value":"1"}]` {
			t.Errorf("without its definition the record tells %s", got)
		}
		admin.Do(t, `mutation { createCustomField(input: {object: ACCOUNT, key: "grade", label: "Grade", type: TEXT}) { customField { id } } }`, nil).Want(t, "INVALID")
		c.Query(t, writeCustom, farleytest.Vars{"id": x, "values": valuesOf("vat", "2")})
		admin.Query(t, `mutation($id: ID!) { restoreCustomField(id: $id) { customField { id } } }`, farleytest.Vars{"id": grade})
		if got := c.Query(t, readCustom, farleytest.Vars{"id": x}).At("account.customFields").JSON(); got != `[{"key":"vat","value":"2"},{"key":"grade","value":"c"}]` {
			t.Errorf("with its definition restored the record tells %s", got)
		}
	})
}

// No two live records have the same value of a unique field, however many try at once; one that is hidden, in a record or by
// the field itself, is spoken of in the same words.
func TestCustomUnique(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		field := e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "serial", "label": "Serial", "type": "TEXT", "isUnique": true}).String()
		c, admin := e.User(t, nil, e.Role(t, clerk("OWN"))), e.Admin(t)
		const create = `mutation($v: JSON!) { createAccount(input: {name: "Oak", customFields: [{key: "serial", value: $v}]}, onDuplicate: ALLOW) { account { id } } }`
		var group sync.WaitGroup
		answers := make([]*farleytest.Response, 8)
		for i := range answers {
			group.Go(func() { answers[i] = c.Do(t, create, farleytest.Vars{"v": "S-1"}) })
		}
		group.Wait()
		won := 0
		for _, r := range answers {
			if len(r.Errors) == 0 {
				won++
				continue
			}
			if got := r.Violations(); !slices.Equal(got, []string{"input.customFields.0.value TAKEN"}) || r.Errors[0].Extensions.Code != "INVALID" {
				t.Errorf("a loser is told %v: %s", got, r.Raw)
			}
		}
		if won != 1 {
			t.Fatalf("%d records have the same value", won)
		}
		e.Make(t, "Account", input.Object{"name": "Hidden", "customFields": valuesOf("serial", "S-2")})
		seen := c.Do(t, create, farleytest.Vars{"v": "s-1"}).Want(t, "INVALID")
		hidden := c.Do(t, create, farleytest.Vars{"v": "s-2"}).Want(t, "INVALID")
		if seen.Raw != hidden.Raw {
			t.Errorf("a hidden record is spoken of otherwise:\n%s\n%s", seen.Raw, hidden.Raw)
		}

		// In the bin a value is free, and it is not there for a record that comes back.
		third := c.Query(t, create, farleytest.Vars{"v": "S-3"}).At("createAccount.account.id").Text()
		c.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, farleytest.Vars{"id": third})
		fourth := c.Query(t, create, farleytest.Vars{"v": "S-3"}).At("createAccount.account.id").Text()
		restore := c.Do(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": third}).Want(t, "INVALID")
		if got := restore.Violations(); !slices.Equal(got, []string{"input.customFields TAKEN"}) {
			t.Errorf("the restore is refused by %v", got)
		}
		c.Query(t, writeCustom, farleytest.Vars{"id": fourth, "values": valuesOf("serial", "S-4")})
		c.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": third})

		// A field becomes unique only where it is.
		set := func(unique bool) *farleytest.Response {
			return admin.Do(t, `mutation($id: ID!, $u: Boolean) { updateCustomField(id: $id, input: {isUnique: $u}) { customField { isUnique } } }`, farleytest.Vars{"id": field, "u": unique})
		}
		set(false).Want(t, "")
		twice := c.Query(t, create, farleytest.Vars{"v": "S-4"}).At("createAccount.account.id").Text()
		if got := set(true).Want(t, "INVALID").Violations(); !slices.Equal(got, []string{"input.isUnique TAKEN"}) {
			t.Errorf("it is refused by %v", got)
		}
		c.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, farleytest.Vars{"id": twice})
		set(true).Want(t, "")
		c.Do(t, create, farleytest.Vars{"v": "S-4"}).Want(t, "INVALID")
	})
}

// Who follows a filter by a custom field is told when a record leaves it; a change of another field changes nothing.
func TestCustomRights_followedFilter(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		c := e.User(t, nil, e.Role(t, clerk("ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak", "customFields": valuesOf("open", "yes", "code", "C")})
		s := c.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after, where: {customFields: {key: "open", text: {eq: "yes"}}}) { op changedFields node { name } } }`,
			farleytest.Vars{"after": after(t, e, c)})
		for _, step := range []struct{ open, name, want string }{
			{"yes", "Elm", `{"changedFields":["name"],"node":{"name":"Elm"},"op":"UPDATED"}`},
			{"no", "Elm", `{"changedFields":null,"node":null,"op":"LEFT"}`},
			{"yes", "Elm", `{"changedFields":["customFields.open"],"node":{"name":"Elm"},"op":"UPDATED"}`},
		} {
			c.Query(t, `mutation($id: ID!, $name: String!, $open: JSON!) { updateAccount(id: $id, input: {name: $name, customFields: [{key: "code", value: "C"}, {key: "open", value: $open}]}) { account { id } } }`,
				farleytest.Vars{"id": x.String(), "name": step.name, "open": step.open})
			e.Settle(t)
			if got := s.Event(t).At("accountChanged").JSON(); got != step.want {
				t.Errorf("it is told %s, want %s", got, step.want)
			}
		}
	})
}

// A definition counts on every node: the other one refuses and shows as this one does, without the clock moving.
func TestCustomRights_otherNodes(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, _ *farleytest.Cluster, a, b *farleytest.Env) {
		admin, c := a.Admin(t), a.User(t, nil, a.Role(t, clerk("ALL")))
		s := admin.On(b).Subscribe(t, `subscription($after: Cursor) { customFieldChanged(after: $after) { changedFields } }`, farleytest.Vars{"after": after(t, a, admin.On(b))})
		field := admin.Query(t, `mutation { createCustomField(input: {object: ACCOUNT, key: "code", label: "Code", type: TEXT}) { customField { id } } }`, nil).At("createCustomField.customField.id").Text()
		s.Event(t)
		a.Settle(t)
		until := func(want string) {
			t.Helper()
			// Rights follow the log as streams do, in a reader of their own: the next look finds what is new.
			for range 1000 {
				if c.On(b).Do(t, `{ accounts(where: {customFields: {key: "code", isNull: false}}) { nodes { id } } }`, nil).Codes() == nil == (want == "") {
					return
				}
				a.Settle(t)
			}
			t.Fatalf("the other node does not answer with %q", want)
		}
		until("")
		admin.Query(t, `mutation($id: ID!) { updateCustomField(id: $id, input: {sensitive: true}) { customField { id } } }`, farleytest.Vars{"id": field})
		until("INVALID")
	})
}

// A conversion carries over what its maker may read on the lead and give to the account, and nothing else.
func TestCustomRights_conversion(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		for key, sensitive := range map[string]bool{"pay": true, "code": false, "open": false} {
			kind := "TEXT"
			if key == "pay" {
				kind = "NUMBER"
			}
			e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": key, "label": key, "type": kind, "sensitive": sensitive})
		}
		role := clerk("ALL", "CUSTOM_FIELDS.open READ")
		for _, action := range []string{"CREATE", "READ", "UPDATE", "CONVERT_LEAD"} {
			role.Permissions = append(role.Permissions, access.Permission{Object: "LEAD", Action: action, Scope: "ALL"})
		}
		c := e.User(t, nil, e.Role(t, role))
		lead := e.Make(t, "Lead", input.Object{"company": "Oak", "customFields": valuesOf("pay", "100", "code", "C", "open", "yes")})
		account := c.Query(t, `mutation($in: ConvertLeadInput!) { convertLead(input: $in) { account { id } } }`, farleytest.Vars{"in": input.Object{"lead": lead, "account": input.Object{"create": input.Object{}}}}).At("convertLead.account.id").Text()
		admin := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.pay READ")))
		if got := admin.Query(t, readCustom, farleytest.Vars{"id": account}).At("account.customFields").JSON(); got != `[{"key":"code","value":"C"}]` {
			t.Errorf("the account has %s", got)
		}
	})
}

// Who is an administrator has sensitive fields that were defined after his role, and so can give them to others.
func TestCustomRights_administrator(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		admin, rep := shipped(t, e, "administrator", nil), shipped(t, e, "sales_rep", nil)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": rep.User.String(), "customFields": valuesOf("pay", "100", "open", "yes")})
		id := farleytest.Vars{"id": x.String()}
		const both = `[{"key":"pay","value":"100"},{"key":"open","value":"yes"}]`
		if got := admin.Query(t, readCustom, id).At("account.customFields").JSON(); got != both {
			t.Errorf("the administrator reads %s", got)
		}
		if got := rep.Query(t, readCustom, id).At("account.customFields").JSON(); got != `[{"key":"open","value":"yes"}]` {
			t.Errorf("the representative reads %s", got)
		}
		role := admin.Query(t, `mutation { createRole(input: {name: "Payroll", permissions: [{object: ACCOUNT, action: READ, scope: OWN}], fieldLevels: [{object: ACCOUNT, field: "CUSTOM_FIELDS.pay", level: READ}]}) { role { id } } }`, nil).At("createRole.role.id").Text()
		admin.Query(t, `mutation($u: ID!, $r: ID!) { createRoleGrant(input: {user: $u, role: $r}) { roleGrant { id } } }`, farleytest.Vars{"u": rep.User.String(), "r": role})
		if got := rep.Query(t, readCustom, id).At("account.customFields").JSON(); got != both {
			t.Errorf("with the role the representative reads %s", got)
		}
	})
}

// Reading a sensitive field is in the audit trail, by selection, filter and order; its name is told to those who know it.
func TestCustomRights_audit(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		payroll(t, e)
		e.Make(t, "Account", input.Object{"name": "Oak", "customFields": valuesOf("pay", "100", "open", "yes")})
		e.Make(t, "Account", input.Object{"name": "Elm", "customFields": valuesOf("open", "yes")})
		c := e.User(t, nil, e.Role(t, clerk("ALL", "CUSTOM_FIELDS.pay READ")))
		reads := func(levels ...string) *farleytest.Client {
			r := clerk("ALL", levels...)
			r.Permissions = append(r.Permissions, access.Permission{Object: "USER", Action: "READ_AUDIT", Scope: "ALL"}, access.Permission{Object: "USER", Action: "READ", Scope: "ALL"})
			return e.User(t, nil, e.Role(t, r))
		}
		knows, blind := reads("CUSTOM_FIELDS.pay READ"), reads()
		for _, query := range []string{
			`{ accounts { nodes { customFields { key } } } }`, `{ accounts { nodes { customField(key: "pay") { value } } } }`,
			`{ accounts(where: {customFields: {key: "pay", number: {gt: "1"}}}) { nodes { id } } }`,
			`{ accounts(first: 1, orderBy: [{customField: {key: "pay"}, direction: DESC}]) { nodes { id } } }`,
		} {
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
			from := e.Clock.Now().Format(time.RFC3339)
			c.Query(t, query, nil)
			c.Query(t, `{ accounts { nodes { customField(key: "open") { value } } } }`, nil)
			for reader, want := range map[*farleytest.Client]string{knows: `["customFields.pay"]`, blind: `[]`} {
				got := entries(t, e, reader, farleytest.Vars{"action": []string{"SENSITIVE_READ"}, "from": from, "user": c.User.String()})
				if got.Len() != 1 || got.At("0.node.fields").JSON() != want || got.At("0.node.recordCount").Int() != 1 {
					t.Errorf("%s is in the trail as %s, want the fields %s", query, got.JSON(), want)
				}
			}
		}
	})
}
