package app_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// A query for one record or one list, which goes past gqlgen's fields, is answered as if it did not: beside another field it
// does not.
func TestDirect_answersAsGqlgen(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, access.Role{
			Permissions: []access.Permission{{Object: "ACCOUNT", Action: access.Read, Scope: "OWN"}},
			Fields: []access.FieldLevel{
				{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelMasked}, {Object: "ACCOUNT", Field: "ANNUAL_REVENUE", Level: access.LevelNone},
			},
		}))
		own := e.Make(t, "Account", input.Object{"name": "Elm", "taxNumber": "300012345600003", "owner": ann.User.String()})
		other := e.Make(t, "Account", input.Object{"name": "Oak"})
		e.Make(t, "Account", input.Object{"name": "Ash", "owner": ann.User.String()})
		vars := farleytest.Vars{"own": own.String(), "other": other.String(), "first": 1, "yes": true}
		const head = `query Q($own: ID!, $other: ID!, $first: Int!, $yes: Boolean!) { `
		rest := ` one: __typename @skip(if: $yes) two: accounts(first: $first) @skip(if: $yes) { nodes { id } } three: nodes(ids: [$own, $other]) @skip(if: $yes) { id } }`
		for field, want := range map[string]string{
			`account(id: $own) { id name taxNumber version }`: "", `a: account(id: $own) { b: name c: __typename }`: "",
			`account(id: "` + own.String() + `") { name ...F }`: "", `account(id: $other) { name }`: "NOT_FOUND", `account(id: "nothing") { name }`: "BAD_REQUEST",
			`account(external: {system: "sap", id: "1"}) { name }`: "NOT_FOUND", `account(id: $own) { annualRevenue { amount } }`: "FORBIDDEN",
			`account(id: $own) { name annualRevenue @optional { amount } }`: "", `account(id: $own) @include(if: $yes) { name }`: "", `contact(id: $own) { id }`: "FORBIDDEN",
			`accounts { nodes { name } totalCount { value } }`: "", `accounts(first: $first, orderBy: {field: NAME}) { edges { node { name taxNumber } } pageInfo { hasNextPage } }`: "",
			`accounts(first: 0) { nodes { name } }`: "INVALID", `accounts(after: "nonsense") { nodes { name } }`: "INVALID", `contacts { nodes { id } }`: "FORBIDDEN",
			`accounts(where: {annualRevenue: {isNull: true}}) { nodes { name } }`: "FORBIDDEN",
		} {
			fragment := ""
			if strings.Contains(field, "...F") {
				fragment = " fragment F on Account { taxNumber }"
			}
			alone := ann.Do(t, operationOf(field)+fragment, used(vars, field))
			beside := ann.Do(t, head+field+" beside: __typename"+rest+fragment, vars)
			delete(beside.Data, "beside")
			if strings.Join(alone.Codes(), " ") != want {
				t.Errorf("%s: codes %v, want %q", field, alone.Codes(), want)
			}
			if diff := cmp.Diff(beside.Data, alone.Data); diff != "" {
				t.Errorf("%s: the data differ (-gqlgen +direct):\n%s", field, diff)
			}
			if diff := cmp.Diff(beside.Errors, alone.Errors); diff != "" {
				t.Errorf("%s: the errors differ (-gqlgen +direct):\n%s", field, diff)
			}
		}
	})
}

// operationOf declares the variables that a field has.
func operationOf(field string) string {
	var declared []string
	for _, v := range []string{"own: ID!", "other: ID!", "first: Int!", "yes: Boolean!"} {
		if name, _, _ := strings.Cut(v, ":"); strings.Contains(field, "$"+name) {
			declared = append(declared, "$"+v)
		}
	}
	if len(declared) == 0 {
		return "query Q { " + field + " }"
	}
	return "query Q(" + strings.Join(declared, ", ") + ") { " + field + " }"
}

// used are the variables that a field has.
func used(vars farleytest.Vars, field string) farleytest.Vars {
	out := farleytest.Vars{}
	for name, v := range vars {
		if strings.Contains(field, "$"+name) {
			out[name] = v
		}
	}
	return out
}
