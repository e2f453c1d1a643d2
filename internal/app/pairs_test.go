package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"

	"github.com/google/go-cmp/cmp"
)

const listPairs = `query($o: DuplicateObject!, $first: Int, $after: Cursor, $min: Int) { duplicates(object: $o, first: $first, after: $after, minScore: $min) {
	edges { cursor node { score reason records { id } } } pageInfo { hasNextPage endCursor } } }`

// pairsOf writes a page of pairs.
func pairsOf(d farleytest.Data) []string {
	var out []string
	for i := range d.At("duplicates.edges").Len() {
		n := d.At("duplicates.edges." + strconv.Itoa(i) + ".node")
		out = append(out, n.At("score").JSON()+" "+n.At("reason").JSON()+" "+n.At("records").JSON())
	}
	return out
}

func pairText(score int, reasons string, a, b id.ID) string {
	return fmt.Sprintf(`%d [%s] [{"id":%q},{"id":%q}]`, score, reasons, a, b)
}

// Pairs come best first, page by page, of records in sight and by fields that show, and without those decided about.
func TestDuplicates_pairs(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		rep := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}, {Object: "ACCOUNT", Action: "UPDATE", Scope: "OWN"}}}))
		account := func(in input.Object) id.ID {
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
			return e.Make(t, "Account", in)
		}
		own := rep.User.String()
		a := account(input.Object{"name": "Oak Trading", "website": "oak.example", "owner": own})
		b := account(input.Object{"name": "Oak trading", "website": "www.oak.example", "owner": own})
		c := account(input.Object{"name": "Elm", "taxNumber": "SA-1", "owner": own})
		d := account(input.Object{"name": "Ash", "taxNumber": "SA1", "owner": own})
		f := account(input.Object{"name": "شركة الزان للتجارة", "owner": own})
		g := account(input.Object{"name": "Al Zan Trading"})
		all := []string{pairText(95, `"TAX_NUMBER"`, c, d), pairText(92, `"DOMAIN","NAME"`, a, b), pairText(36, `"NAME"`, f, g)}
		vars := farleytest.Vars{"o": "ACCOUNT"}
		if diff := cmp.Diff(all, pairsOf(ann.Query(t, listPairs, vars))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// One page after the other.
		var paged []string
		at := farleytest.Vars{"o": "ACCOUNT", "first": 1}
		for range 5 {
			page := ann.Query(t, listPairs, at)
			paged = append(paged, pairsOf(page)...)
			if page.At("duplicates.pageInfo.hasNextPage").JSON() != "true" {
				break
			}
			at["after"] = page.At("duplicates.pageInfo.endCursor").Text()
		}
		if diff := cmp.Diff(all, paged); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(all[:2], pairsOf(ann.Query(t, listPairs, farleytest.Vars{"o": "ACCOUNT", "min": 60}))); diff != "" {
			t.Errorf("from 60 (-want +got):\n%s", diff)
		}
		// Who reads no tax numbers, and only his own accounts.
		if diff := cmp.Diff(all[1:2], pairsOf(rep.Query(t, listPairs, vars))); diff != "" {
			t.Errorf("own (-want +got):\n%s", diff)
		}
		rep.Do(t, listPairs, farleytest.Vars{"o": "LEAD"}).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, listPairs, vars).Want(t, "UNAUTHENTICATED")
		rep.Do(t, listPairs, farleytest.Vars{"o": "ACCOUNT", "after": at["after"]}).Want(t, "INVALID")
		r := ann.Do(t, listPairs, farleytest.Vars{"o": "ACCOUNT", "first": 101, "min": 29}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"first RANGE", "minScore RANGE"}, r.Violations()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		// A decision, which says who and when, and can be given up.
		const mark = `mutation($in: NotDuplicateInput!, $dry: Boolean) { markNotDuplicate(input: $in, dryRun: $dry) { records { id } } }`
		const unmark = `mutation($in: NotDuplicateInput!) { unmarkNotDuplicate(input: $in) { records { id } } }`
		of := func(xs ...id.ID) farleytest.Vars {
			return farleytest.Vars{"in": input.Object{"records": idList(xs...)}}
		}
		rep.Do(t, mark, of(f, g)).Want(t, "NOT_FOUND")
		rep.Do(t, mark, of(a, a)).Want(t, "INVALID")
		rep.Do(t, mark, of(a)).Want(t, "INVALID")
		reader := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
		reader.Do(t, mark, of(a, b)).Want(t, "FORBIDDEN")
		dry := of(b, a)
		dry["dry"] = true
		rep.Query(t, mark, dry)
		if diff := cmp.Diff(all[1:2], pairsOf(rep.Query(t, listPairs, vars))); diff != "" {
			t.Errorf("a dry run decides (-want +got):\n%s", diff)
		}
		for range 2 { // twice is once
			rep.Query(t, mark, of(b, a))
		}
		if diff := cmp.Diff([]string{all[0], all[2]}, pairsOf(ann.Query(t, listPairs, vars))); diff != "" {
			t.Errorf("decided (-want +got):\n%s", diff)
		}
		const decisions = `query($x: ID!) { notDuplicates(record: $x) { record { id } by { id } at } }`
		want := fmt.Sprintf(`[{"at":%q,"by":{"id":%q},"record":{"id":%q}}]`, e.Clock.Now().Format("2006-01-02T15:04:05Z07:00"), rep.User, a)
		if got := ann.Query(t, decisions, farleytest.Vars{"x": b.String()}).At("notDuplicates").JSON(); got != want {
			t.Errorf("decisions: %s, want %s", got, want)
		}
		rep.Do(t, decisions, farleytest.Vars{"x": g.String()}).Want(t, "NOT_FOUND")
		ann.Query(t, mark, of(b, g))
		if got := rep.Query(t, decisions, farleytest.Vars{"x": b.String()}).At("notDuplicates").JSON(); !strings.Contains(got, a.String()) || strings.Contains(got, g.String()) {
			t.Errorf("he sees the decisions %s", got)
		}
		if n := rep.Query(t, decisions, farleytest.Vars{"x": b.String()}).At("notDuplicates").Len(); n != 1 {
			t.Errorf("he sees %d decisions", n)
		}
		ann.Query(t, unmark, of(b, g))
		// It follows a merge.
		h := account(input.Object{"name": "Beech", "owner": own})
		ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": h.String(), "losers": idList(a)}})
		if got := ann.Query(t, decisions, farleytest.Vars{"x": b.String()}).At("notDuplicates.0.record.id").ID(); got != h {
			t.Errorf("the decision is about %s", got)
		}
		rep.Query(t, unmark, of(b, h))
		if got := ann.Query(t, decisions, farleytest.Vars{"x": b.String()}).At("notDuplicates").JSON(); got != "[]" {
			t.Errorf("decisions: %s", got)
		}
	})
}

// A value that many share makes no pairs, and the list takes as many statements for many records as for few.
func TestDuplicates_pairsAreBounded(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		for i := range 25 {
			e.Make(t, "Contact", input.Object{"familyName": fmt.Sprintf("Person%d", i), "phones": []any{map[string]any{"number": "+966112003000"}}})
		}
		vars := farleytest.Vars{"o": "CONTACT", "min": 60}
		if got := pairsOf(ann.Query(t, listPairs, vars)); len(got) != 0 {
			t.Errorf("%d pairs", len(got))
		}
		for i := range 20 {
			e.Make(t, "Contact", input.Object{"familyName": fmt.Sprintf("Other%d", i), "phones": []any{map[string]any{"number": fmt.Sprintf("+9661120031%02d", i/2)}}})
		}
		var got []string
		n := statements(e, "match_keys", func() { got = pairsOf(ann.Query(t, listPairs, vars)) })
		if n != 2 || len(got) != 10 {
			t.Errorf("%d pairs by %d statements:\n%s", len(got), n, strings.Join(got, "\n"))
		}
	})
}

const transferTo = `mutation($in: TransferInput!, $dry: Boolean) { transfer(input: $in, dryRun: $dry) { records { id } moved { relation count } } }`

// owners returns who owns records.
func owners(t *testing.T, e *farleytest.Env, table string, ids ...id.ID) []id.ID {
	t.Helper()
	var out []id.ID
	for _, x := range ids {
		var owner id.ID
		if err := e.DB.Pool().QueryRowContext(t.Context(), "SELECT owner_id FROM "+table+" WHERE id = ?", x).Scan(&owner); err != nil {
			t.Fatal(err)
		}
		out = append(out, owner)
	}
	return out
}

// A new owner, with what is below and has the old one, each with a change of its own; the dry run tells the same.
func TestTransfer(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		old, to, third := e.User(t, nil).User, e.User(t, nil).User, e.User(t, nil).User
		account := func(parent, owner id.ID) id.ID {
			in := input.Object{"name": "Oak", "owner": owner.String()}
			if !parent.IsZero() {
				in["parent"] = parent.String()
			}
			return e.Make(t, "Account", in)
		}
		person := func(of, owner id.ID) id.ID {
			x := e.Make(t, "Contact", input.Object{"familyName": "Elm", "owner": owner.String()})
			e.Make(t, "AccountContact", input.Object{"account": of.String(), "contact": x.String()})
			return x
		}
		top := account(id.ID{}, old)
		child := account(top, old)
		grandchild := account(child, old)
		others := account(top, third)
		beyond := account(others, old)
		mine, theirs, deep := person(top, old), person(top, third), person(grandchild, old)
		lead := e.Make(t, "Lead", input.Object{"company": "Oak", "owner": old.String()})
		in := input.Object{"records": idList(top, lead), "to": to.String(), "cascade": []any{"CONTACTS", "CHILD_ACCOUNTS"}}
		want := fmt.Sprintf(`{"moved":[{"count":2,"relation":"accounts"},{"count":2,"relation":"contacts"}],"records":[{"id":%q},{"id":%q}]}`, top, lead)
		before := number(t, e, "SELECT COUNT(*) FROM changes")
		for _, dry := range []bool{true, false} {
			if got := ann.Query(t, transferTo, farleytest.Vars{"in": in, "dry": dry}).At("transfer").JSON(); got != want {
				t.Errorf("dry %v: %s, want %s", dry, got, want)
			}
			if n := number(t, e, "SELECT COUNT(*) FROM changes") - before; dry && n != 0 || !dry && n != 6 {
				t.Errorf("dry %v: %d changes", dry, n)
			}
		}
		if diff := cmp.Diff([]id.ID{to, to, to, third, old}, owners(t, e, "accounts", top, child, grandchild, others, beyond)); diff != "" {
			t.Errorf("accounts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]id.ID{to, third, to}, owners(t, e, "contacts", mine, theirs, deep)); diff != "" {
			t.Errorf("contacts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]id.ID{to}, owners(t, e, "leads", lead)); diff != "" {
			t.Errorf("leads (-want +got):\n%s", diff)
		}
		// Without a cascade nothing follows.
		ann.Query(t, transferTo, farleytest.Vars{"in": input.Object{"records": idList(top), "to": old.String()}})
		if diff := cmp.Diff([]id.ID{old, to}, owners(t, e, "accounts", top, child)); diff != "" {
			t.Errorf("accounts (-want +got):\n%s", diff)
		}
	})
}

// All that stands against a transfer is told at once, and nothing is kept then.
func TestTransfer_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := func(object, action, scope string) access.Permission {
			return access.Permission{Object: object, Action: action, Scope: scope}
		}
		rep := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{
			p("ACCOUNT", "READ", "ALL"), p("ACCOUNT", "UPDATE", "OWN"), p("CONTACT", "READ", "ALL"), p("ACCOUNT_CONTACT", "READ", "ALL"), p("USER", "READ", "ALL"),
		}}))
		blind := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{p("ACCOUNT", "READ", "OWN"), p("ACCOUNT", "UPDATE", "OWN")}}))
		to := e.User(t, nil).User
		mine := e.Make(t, "Account", input.Object{"name": "Mine", "owner": rep.User.String()})
		theirs := e.Make(t, "Account", input.Object{"name": "Theirs", "owner": to.String()})
		person := e.Make(t, "Contact", input.Object{"familyName": "Elm", "owner": rep.User.String()})
		e.Make(t, "AccountContact", input.Object{"account": mine.String(), "contact": person.String()})
		tag := e.Make(t, "Tag", input.Object{"name": "Gold"})
		absent := id.New(e.Set.Kind("Account").Code, e.Clock.Now())
		for name, c := range map[string]struct {
			who        *farleytest.Client
			in         input.Object
			code       string
			violations []string
		}{
			"nobody":       {e.Anonymous(), input.Object{"records": idList(mine), "to": to.String()}, "UNAUTHENTICATED", nil},
			"of others":    {rep, input.Object{"records": idList(mine, theirs), "to": to.String()}, "FORBIDDEN", []string{"input.records.1 FORBIDDEN"}},
			"absent, too":  {rep, input.Object{"records": idList(absent, theirs), "to": to.String()}, "INVALID", []string{"input.records.0 NOT_FOUND", "input.records.1 FORBIDDEN"}},
			"hidden":       {blind, input.Object{"records": idList(mine), "to": to.String()}, "INVALID", []string{"input.records.0 NOT_FOUND"}},
			"no owners":    {rep, input.Object{"records": idList(tag, mine, mine), "to": to.String()}, "INVALID", []string{"input.records.0 FORMAT", "input.records.2 TAKEN"}},
			"no user":      {rep, input.Object{"records": idList(mine), "to": mine.String()}, "INVALID", []string{"input.to FORMAT"}},
			"what follows": {rep, input.Object{"records": idList(mine), "to": to.String(), "cascade": []any{"CONTACTS"}}, "FORBIDDEN", []string{"input.cascade." + person.String() + " FORBIDDEN"}},
			"none":         {rep, input.Object{"records": []any{}, "to": to.String()}, "INVALID", []string{"input.records RANGE"}},
		} {
			r := c.who.Do(t, transferTo, farleytest.Vars{"in": c.in}).Want(t, c.code)
			if c.violations != nil {
				if diff := cmp.Diff(c.violations, r.Violations()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		}
		if diff := cmp.Diff([]id.ID{rep.User}, owners(t, e, "accounts", mine)); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		rep.Query(t, transferTo, farleytest.Vars{"in": input.Object{"records": idList(mine), "to": to.String()}})
	})
}
