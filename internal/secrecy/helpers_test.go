package secrecy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
)

// grants is a role that does everything to a kind's records within a scope, sensitive fields excepted. It is written
// "ACCOUNT READ OWN", "CONTACT * ALL".
func grants(e *farleytest.Env, lines ...string) access.Role {
	var r access.Role
	for _, line := range lines {
		part := strings.Fields(line)
		actions := []string{part[1]}
		if part[1] == "*" {
			actions = append([]string{access.Create, access.Read, access.Update, access.Delete}, e.Set.Kind(part[0]).Actions...)
		}
		for _, action := range actions {
			r.Permissions = append(r.Permissions, access.Permission{Object: part[0], Action: action, Scope: part[2]})
		}
	}
	return r
}

// levels adds levels of fields to a role, written "ACCOUNT TAX_NUMBER READ".
func levels(r access.Role, lines ...string) access.Role {
	for _, line := range lines {
		part := strings.Fields(line)
		r.Fields = append(r.Fields, access.FieldLevel{Object: part[0], Field: part[1], Level: access.Level(part[2])})
	}
	return r
}

// staff are the rights that most tests begin with: the book of business, without sensitive fields.
func staff(e *farleytest.Env, scope string) access.Role {
	return grants(e, "ACCOUNT * "+scope, "CONTACT * "+scope, "ACCOUNT_CONTACT * "+scope, "NOTE * "+scope, "TAG * ALL", "SHARE * "+scope, "USER READ ALL", "TEAM READ ALL")
}

// same fails the test when two answers differ.
func same(t *testing.T, what string, a, b *farleytest.Response) {
	t.Helper()
	if diff := cmp.Diff(a.Raw, b.Raw); diff != "" {
		t.Errorf("%s: the answers differ (-one +other):\n%s", what, diff)
	}
}

// renamed is the answer with one id written for another, so that answers about different records can be compared.
func renamed(r *farleytest.Response, from, to id.ID) *farleytest.Response {
	out := *r
	out.Raw = strings.ReplaceAll(r.Raw, from.String(), to.String())
	return &out
}

// after returns the client's cursor once everything written so far has its position.
func after(t *testing.T, e *farleytest.Env, c *farleytest.Client) string {
	t.Helper()
	e.Settle(t)
	return c.Cursor(t)
}

// feed returns what the delta feed tells a client since a cursor, one line an event, without cursors and times.
func feed(t *testing.T, e *farleytest.Env, c *farleytest.Client, from string) []string {
	t.Helper()
	e.Settle(t)
	edges := c.Query(t, `query($after: Cursor!) { changes(after: $after, first: 1000) { edges { node { op recordId version changedFields node { id } } } } }`,
		farleytest.Vars{"after": from}).At("changes.edges")
	return lines(edges)
}

// minute is longer than a share that is about to end lasts, and shorter than a session.
const minute = time.Minute

// lines writes events one a line.
func lines(edges farleytest.Data) []string {
	lines := []string{}
	for i := range edges.Len() {
		n := edges.At(fmt.Sprintf("%d.node", i))
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", n.At("op").Text(), n.At("recordId").Text(), n.At("version").JSON(), n.At("changedFields").JSON(), n.At("node.id").JSON()))
	}
	return lines
}

// told fails the test unless the feed has exactly these lines.
func told(t *testing.T, got []string, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the reader is told (-want +got):\n%s", diff)
	}
}

// tick moves the clock, so that ids made before and after have an order.
func tick(e *farleytest.Env) { e.Clock.Advance(e.Clock.Now().Add(time.Second)) }

// absent returns an id of a kind that no record has.
func absent(e *farleytest.Env, kind string) id.ID {
	return id.New(e.Set.Kind(kind).Code, e.Clock.Now())
}
