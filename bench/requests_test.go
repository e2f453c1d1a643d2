package bench

import (
	"encoding/json"
	"fmt"
	"testing"
)

// request is one of the five that are measured: a GraphQL operation for Farley, a path and a body for the handler.
type request struct {
	name, what string
	document   string
	variables  func(i int) map[string]any
	writes     bool
}

const (
	oneAccount = `query Account($id: ID!) { account(id: $id) { id version name industry website city employees createdAt } }`
	nested     = `{ accounts(first: 20, orderBy: {field: NAME, direction: ASC}) { nodes { id name industry city employees createdAt
	contacts(first: 5) { nodes { id displayName title createdAt } } opportunities(first: 3) { nodes { id name closeDate probability } } } } }`
	byStage = `query ByStage($stage: ID!, $least: MoneyInput!) { opportunities(first: 50, orderBy: {field: CLOSE_DATE, direction: ASC}, where: {stage: {id: {eq: $stage}}, amount: {gte: $least}}) {
	totalCount { value } nodes { id name closeDate amount { amount currency } account { name } } } }`
	sums    = `query Sums($pipeline: ID!) { pipelineBoard(pipeline: $pipeline) { stages { stage { name } count amount { amount currency } } } }`
	newName = `mutation NewContact($given: String!, $family: String!) { createContact(input: {givenName: $given, familyName: $family, title: "Buyer"}, onDuplicate: ALLOW) { contact { version displayName title } } }`
)

// requests are what is measured.
func (f *firm) requests() []request {
	always := func(v map[string]any) func(int) map[string]any { return func(int) map[string]any { return v } }
	return []request{
		{name: "a", what: "an account by id, 8 fields", document: oneAccount, variables: always(map[string]any{"id": f.account.String()})},
		{name: "b", what: "20 accounts by name, each with 5 contacts and 3 opportunities", document: nested, variables: always(map[string]any{})},
		{name: "c", what: "50 opportunities of a stage by close date, with accounts and count", document: byStage, variables: always(map[string]any{
			"stage": f.stage.String(), "least": map[string]any{"amount": "20000.00", "currency": "USD"}})},
		{name: "d", what: "number and sum of opportunities by stage", document: sums, variables: always(map[string]any{"pipeline": f.pipeline.String()})},
		{name: "e", what: "a new contact", document: newName, writes: true, variables: func(i int) map[string]any {
			return map[string]any{"given": fmt.Sprintf("Given%d", i), "family": fmt.Sprintf("Family%d", i)}
		}},
	}
}

// body is what is sent to Farley.
func (r request) body(tb testing.TB, i int) []byte {
	tb.Helper()
	b, err := json.Marshal(map[string]any{"query": r.document, "variables": r.variables(i)})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// plain is what is sent to the handler.
func (r request) plain(tb testing.TB, i int) []byte {
	tb.Helper()
	b, err := json.Marshal(r.variables(i))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
