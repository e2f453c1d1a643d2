package galera_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// attempts is how often nodes try to break a rule together.
const attempts = 15

// together has several nodes do at once what only one of them may, because the rule is about other rows than the one that
// is written: a second link of the same two, and a circle of parents.
func together(ctx context.Context, t *testing.T, nodes []*node, token string) {
	t.Helper()
	for i := range attempts {
		a := made(ctx, t, nodes[0], token, `mutation ($name: String!) { done: createAccount(input: {name: $name}, onDuplicate: ALLOW) { record: account { id } } }`, fmt.Sprintf("Upper %d", i))
		b := made(ctx, t, nodes[0], token, `mutation ($name: String!) { done: createAccount(input: {name: $name}, onDuplicate: ALLOW) { record: account { id } } }`, fmt.Sprintf("Lower %d", i))
		c := made(ctx, t, nodes[0], token, `mutation ($name: String!) { done: createContact(input: {familyName: $name}, onDuplicate: ALLOW) { record: contact { id } } }`, fmt.Sprintf("Person %d", i))

		const link = `mutation ($account: ID!, $contact: ID!) { createAccountContact(input: {account: $account, contact: $contact}) { accountContact { id } } }`
		both := map[string]any{"account": a, "contact": c}
		if n := race(ctx, t, nodes, token, link, both, both, both); n != 1 {
			t.Errorf("%d of three equal links are made, want 1", n)
		}
		const move = `mutation ($id: ID!, $parent: ID!) { updateAccount(id: $id, input: {parent: $parent}) { account { id } } }`
		if n := race(ctx, t, nodes, token, move, map[string]any{"id": a, "parent": b}, map[string]any{"id": b, "parent": a}); n != 1 {
			t.Errorf("%d of two moves that make a circle together are made, want 1", n)
		}
	}
}

// made makes a record and returns its id.
func made(ctx context.Context, t *testing.T, n *node, token, document, name string) string {
	t.Helper()
	data, err := n.ask(ctx, token, document, map[string]any{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	return data["done"].(map[string]any)["record"].(map[string]any)["id"].(string)
}

// race sends a document with each of the variables to another node at once, and returns how many were not refused.
func race(ctx context.Context, t *testing.T, nodes []*node, token, document string, vars ...map[string]any) (accepted int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, v := range vars {
		all.Go(func() {
			<-start
			_, err := nodes[i%len(nodes)].ask(ctx, token, document, v)
			var r *refusal
			switch {
			case err == nil:
				mu.Lock()
				accepted++
				mu.Unlock()
			case !errors.As(err, &r) || r.code != "INVALID":
				t.Error(err)
			}
		})
	}
	close(start)
	all.Wait()
	return accepted
}
