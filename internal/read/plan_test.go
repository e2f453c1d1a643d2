package read_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
	"farley/internal/viewer"
)

// current returns a context in which the first root field of a query is current.
func (e *env) current(t *testing.T, query string) context.Context {
	t.Helper()
	doc := gqlparser.MustLoadQuery(e.schema, query)
	oc := &graphql.OperationContext{RawQuery: query, Doc: doc, Operation: doc.Operations[0], Variables: map[string]any{}}
	f := graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Query"})[0]
	return graphql.WithFieldContext(graphql.WithOperationContext(t.Context(), oc), &graphql.FieldContext{Object: "Query", Field: f})
}

func (e *env) snapshot(t *testing.T, fn func(tx *db.Tx)) {
	t.Helper()
	tx, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	fn(tx)
}

func TestPlan_rendersEventsForTheActorOfTheMoment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		plan := e.engine.Prepare(e.current(t, `{ e: event { op x: node { name } y: node { ...o } at actor { __typename ... on User { name } } cursor } } fragment o on Account { owner { name } }`), "node")
		ids := []id.ID{ident(codeAccount, 1), ident(codeAccount, 2), ident(codeAccount, 3)}
		render := func(who *access.Actor, where any) map[string]string {
			out := map[string]string{}
			e.snapshot(t, func(tx *db.Tx) {
				nodes, err := plan.Load(t.Context(), tx, who, ids, where)
				if err != nil {
					t.Error(err)
				}
				for x, n := range nodes {
					res, err := plan.Render(t.Context(), map[string]any{
						"op": "UPDATED", "node": n, "at": now, "actor": map[string]any{"__typename": "User", "name": "Uma"}})
					if err != nil {
						t.Error(err)
					}
					out[x.String()] = string(res.JSON())
				}
			})
			return out
		}
		first := `{"op":"UPDATED","x":{"name":"Al \"Noor\"\n"},"y":{"owner":{"name":"Uma"}},"at":"2026-11-22T09:00:00Z","actor":{"__typename":"User","name":"Uma"},"cursor":null}`
		second := `{"op":"UPDATED","x":{"name":"Beta"},"y":{"owner":{"name":"Vic"}},"at":"2026-11-22T09:00:00Z","actor":{"__typename":"User","name":"Uma"},"cursor":null}`
		own := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, role(map[string]string{"ACCOUNT": "OWN", "USER": "ALL"}))

		var wg sync.WaitGroup
		for range 4 { // one plan serves many readers at once
			wg.Go(func() {
				if diff := cmp.Diff(map[string]string{a(1): first, a(2): second}, render(e.admin(), nil)); diff != "" {
					t.Error(diff)
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(map[string]string{a(1): first}, render(own, nil)); diff != "" {
			t.Error(diff)
		}
		filter := map[string]any{"owner": map[string]any{"me": false}}
		if diff := cmp.Diff(map[string]string{a(2): second}, render(e.admin(), filter)); diff != "" {
			t.Error(diff)
		}
		if e.engine.Prepare(e.current(t, `{ event { op } }`), "node").Selected() {
			t.Error("nothing of the node is selected, but the plan says so")
		}
	})
}

func TestEngine_checksIDs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		k := e.set.Kind("Account")
		ids := []id.ID{ident(codeAccount, 2), ident(codeAccount, 3), ident(codeAccount, 1), ident(codeAccount, 7), ident(codeAccount, 1)}
		own := e.actor(viewer.Viewer{User: ident(codeUser, 1)}, access.Role{Permissions: []access.Permission{
			{Object: "ACCOUNT", Action: access.Read, Scope: "ALL"}, {Object: "ACCOUNT", Action: access.Update, Scope: "OWN"}}})
		e.snapshot(t, func(tx *db.Tx) {
			ctx := t.Context()
			check := func(what string, got []id.ID, err error, want ...id.ID) {
				t.Helper()
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%s: %v %s", what, err, diff)
				}
			}
			got, err := e.engine.Visible(ctx, tx, own, k, access.Read, ids)
			check("to read", got, err, ident(codeAccount, 2), ident(codeAccount, 1))
			got, err = e.engine.Visible(ctx, tx, own, k, access.Update, ids)
			check("to update", got, err, ident(codeAccount, 1))
			got, err = e.engine.Visible(ctx, tx, own, k, access.Delete, ids)
			check("to delete", got, err)
			got, err = e.engine.Matches(ctx, tx, own, k, ids, map[string]any{"name": map[string]any{"eq": "BETA"}})
			check("by name", got, err, ident(codeAccount, 2))
			got, err = e.engine.Matches(ctx, tx, own, k, ids, map[string]any{"deletedAt": map[string]any{"isNull": false}})
			check("in the bin", got, err, ident(codeAccount, 3))

			n, exact, err := e.engine.Count(ctx, tx, own, k, map[string]any{"active": map[string]any{"eq": true}})
			if n != 1 || !exact || err != nil {
				t.Errorf("count: %d %v %v", n, exact, err)
			}
		})
	})
}

func TestCount_stopsAtTenThousand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.crowd(t, 10_500)
		got := e.must(t, e.admin(), `{ accounts { totalCount { precision value } } some: accounts(where: {employees: {lt: 10}}) { totalCount { value precision } } }`, nil)
		if diff := cmp.Diff(`{"accounts":{"totalCount":{"precision":"AT_LEAST","value":10000}},"some":{"totalCount":{"value":73,"precision":"EXACT"}}}`, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestQuery_endsWithItsContext(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		e.snapshot(t, func(tx *db.Tx) {
			ctx, cancel := context.WithDeadline(e.current(t, `{ accounts { nodes { id } } }`), time.Unix(0, 0))
			defer cancel()
			if _, err := e.engine.List(ctx, tx, e.admin(), e.set.Kind("Account")); fault.CodeOf(err) != fault.Limited {
				t.Errorf("%v, want LIMITED", err)
			}
		})
	})
}

func TestResult_isNullWithoutBytes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := (read.Result{}).MarshalGQLContext(t.Context(), &b); err != nil || b.String() != "null" || !(read.Result{}).IsNull() {
		t.Errorf("%v %q", err, b.String())
	}
}

func TestValues_readsWhatIsStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		e.snapshot(t, func(tx *db.Tx) {
			got, err := e.engine.Values(t.Context(), tx, e.set.Kind("Account"), []id.ID{ident(codeAccount, 1)})
			if err != nil {
				t.Fatal(err)
			}
			want := map[id.ID]map[string]any{ident(codeAccount, 1): {
				"id": ident(codeAccount, 1), "created_at": time.Date(2026, 1, 2, 10, 0, 0, 123456000, time.UTC), "deleted_at": nil,
				"owner_id": ident(codeUser, 1), "team_id": nil, "partner_id": nil, "name": "Al \"Noor\"\n", "tax_number": "300012345600003",
				"employees": int64(12), "rating": "HOT", "founded": "1999-12-31", "last_at": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
				"revenue": int64(1250000), "revenue_currency": "SAR", "revenue_reporting": int64(333333), "active": true,
				"kinds": "|CUSTOMER|PARTNER|", "tags": `["x", "y"]`, "addresses": `[{"kind":"BILLING","city":"Riyadh","zip":12}]`,
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	})
}
