package app_test

import (
	"slices"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// A firm adds fields to its accounts; their values are checked against the definitions, and come back as they went in.
func TestCustomFields(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		define := func(key, kind string, more input.Object) {
			in := input.Object{"object": "ACCOUNT", "key": key, "label": key, "type": kind}
			for name, v := range more {
				in[name] = v
			}
			e.Make(t, "CustomField", in)
		}
		define("segment", "CHOICE", input.Object{"choices": []any{"gold", "silver"}})
		define("regions", "MULTI_CHOICE", input.Object{"choices": []any{"north", "south"}})
		define("discount", "NUMBER", nil)
		define("audited", "BOOLEAN", nil)
		define("contractEnds", "DATE", nil)
		define("nickname", "TEXT", nil)
		define("old", "TEXT", input.Object{"archived": true})
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))

		const create = `mutation($values: [CustomFieldValueInput!]) { createAccount(input: {name: "Oak", customFields: $values}, onDuplicate: ALLOW) { account { id customFields { key value } } } }`
		values := []any{
			farleytest.Vars{"key": "segment", "value": "gold"}, farleytest.Vars{"key": "regions", "value": []string{"north", "south"}},
			farleytest.Vars{"key": "discount", "value": "12.50"}, farleytest.Vars{"key": "audited", "value": false},
			farleytest.Vars{"key": "contractEnds", "value": "2027-01-31"}, farleytest.Vars{"key": "nickname", "value": "أوك \"the\" Oak"},
		}
		made := ann.Query(t, create, farleytest.Vars{"values": values}).At("createAccount.account")
		want := `[{"key":"segment","value":"gold"},{"key":"regions","value":["north","south"]},{"key":"discount","value":"12.50"},{"key":"audited","value":false},{"key":"contractEnds","value":"2027-01-31"},{"key":"nickname","value":"أوك \"the\" Oak"}]`
		if got := made.At("customFields").JSON(); got != want {
			t.Errorf("the values come back as %s", got)
		}

		bad := ann.Do(t, create, farleytest.Vars{"values": []any{
			farleytest.Vars{"key": "segment", "value": "lead"}, farleytest.Vars{"key": "regions", "value": "north"}, farleytest.Vars{"key": "discount", "value": 12.5},
			farleytest.Vars{"key": "audited", "value": "no"}, farleytest.Vars{"key": "contractEnds", "value": "soon"}, farleytest.Vars{"key": "unheard", "value": "x"},
			farleytest.Vars{"key": "old", "value": "x"}, farleytest.Vars{"key": "segment", "value": "gold"},
		}}).Want(t, "INVALID")
		wantProblems := "input.customFields.0.value FORMAT, input.customFields.1.value FORMAT, input.customFields.2.value FORMAT, input.customFields.3.value FORMAT, " +
			"input.customFields.4.value FORMAT, input.customFields.5.key UNKNOWN, input.customFields.6.key UNKNOWN, input.customFields.7.key TAKEN"
		if got := strings.Join(bad.Violations(), ", "); got != wantProblems {
			t.Errorf("the problems are %s", got)
		}

		define("vat", "TEXT", input.Object{"isRequired": true})
		missing := ann.Do(t, create, farleytest.Vars{"values": nil}).Want(t, "INVALID")
		if got := missing.Violations(); !slices.Equal(got, []string{"input.customFields REQUIRED"}) {
			t.Errorf("the problems are %v", got)
		}
		// The record from before stays good, and a change of it is told field by field like any other.
		ann.Query(t, `mutation($id: ID!) { updateAccount(id: $id, input: {customFields: [{key: "segment", value: "silver"}]}) { account { version } } }`, farleytest.Vars{"id": made.At("id").Text()})
		got := ann.Query(t, `query($id: ID!) { account(id: $id) { version customFields { value key } } }`, farleytest.Vars{"id": made.At("id").Text()}).At("account").JSON()
		if got != `{"customFields":[{"key":"segment","value":"silver"}],"version":2}` {
			t.Errorf("after the change it is %s", got)
		}

		ann.Do(t, `mutation { createCustomField(input: {object: ACCOUNT, key: "segment", label: "Again", type: TEXT}) { customField { id } } }`, nil).Want(t, "INVALID")
		ann.Do(t, `mutation { createCustomField(input: {object: CONTACT, key: "segment", label: "Other", type: CHOICE, choices: ["a"]}) { customField { id } } }`, nil).Want(t, "")
		ann.Do(t, `mutation { createCustomField(input: {object: CONTACT, key: "1st", label: "First", type: TEXT}) { customField { id } } }`, nil).Want(t, "INVALID")
		ann.Do(t, `mutation { createCustomField(input: {object: CONTACT, key: "choice", label: "None", type: CHOICE}) { customField { id } } }`, nil).Want(t, "INVALID")
		reader := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "CUSTOM_FIELDS", Level: access.LevelNone}}}))
		reader.Do(t, `{ accounts { nodes { customFields { key } } } }`, nil).Want(t, "FORBIDDEN")
	})
}
