package app_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const mergeAccounts = `mutation($in: MergeAccountsInput!, $dry: Boolean, $v: Int) { mergeAccounts(input: $in, dryRun: $dry, expectedVersion: $v) { account { id } moved { relation count } } }`

func idList(ids ...id.ID) []any {
	out := []any{}
	for _, x := range ids {
		out = append(out, x.String())
	}
	return out
}

// asFarley runs fn in one transaction as Farley itself.
func asFarley(t testing.TB, e *farleytest.Env, fn func(ctx context.Context, tx *write.Tx) error) {
	t.Helper()
	if err := e.Write.Do(write.AsSystem(context.Background()), fn); err != nil {
		t.Fatal(err)
	}
}

// number runs a query for one number.
func number(t testing.TB, e *farleytest.Env, query string, args ...any) int {
	t.Helper()
	var n int
	if err := e.DB.Pool().QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// pointing counts the records, in the bin or not, that point at one of the ids, by relation. Those among the ids do not
// count.
func pointing(t testing.TB, e *farleytest.Env, k *model.Kind, ids ...id.ID) map[string]int {
	t.Helper()
	return pointingBeside(t, e, k, ids, ids)
}

// pointingBeside is pointing without the records besides.
func pointingBeside(t testing.TB, e *farleytest.Env, k *model.Kind, ids, besides []id.ID) map[string]int {
	t.Helper()
	out := map[string]int{}
	marks := "(?" + strings.Repeat(",?", len(ids)-1) + ")"
	not := "(?" + strings.Repeat(",?", len(besides)-1) + ")"
	var args, others []any
	for _, x := range ids {
		args = append(args, x)
	}
	for _, x := range besides {
		others = append(others, x)
	}
	for _, d := range e.Set.Kinds {
		for _, f := range d.Fields {
			if f.Type == model.Ref && f.Target == k.Name || f.Type == model.ID && f.Name != "id" {
				if n := number(t, e, "SELECT COUNT(*) FROM `"+d.Table+"` WHERE `"+f.Column+"` IN "+marks+" AND `id` NOT IN "+not, append(append([]any{}, args...), others...)...); n > 0 {
					out[d.Plural+"."+f.Name] = n
				}
			}
		}
	}
	if n := number(t, e, "SELECT COUNT(*) FROM external_refs WHERE record_id IN "+marks, args...); n > 0 {
		out["externalRefs"] = n
	}
	return out
}

func movedOf(d farleytest.Data) map[string]int {
	out := map[string]int{}
	for i := range d.Len() {
		out[d.At(strconv.Itoa(i)+".relation").Text()] = d.At(strconv.Itoa(i) + ".count").Int()
	}
	return out
}

// Fifty accounts with 10,000 related records become one in one transaction, with nothing lost, and with no statement a record.
func TestMerge_fiftyAccountsWithTenThousandRelated(t *testing.T) {
	t.Parallel()
	firms, notes, goal := 50, 130, 10_000
	if testing.Short() { // under the race detector
		firms, notes, goal = 5, 13, 500
	}
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		k := e.Set.Kind("Account")
		survivor := e.Make(t, "Account", input.Object{"name": "Survivor"})
		var losers []id.ID
		tags := []id.ID{}
		for i := range 10 {
			tags = append(tags, e.Make(t, "Tag", input.Object{"name": fmt.Sprintf("Tag %d", i)}))
		}
		people := []id.ID{}
		for i := range 30 {
			people = append(people, e.Make(t, "Contact", input.Object{"familyName": fmt.Sprintf("Person %d", i)}))
		}
		other := e.Make(t, "Account", input.Object{"name": "Other"})
		stage := e.Make(t, "LifecycleStage", input.Object{"name": "Customer", "phase": "KEEP", "position": 1})
		made := 0
		asFarley(t, e, func(ctx context.Context, tx *write.Tx) error {
			create := func(kind string, in input.Object) id.ID {
				o, err := tx.Create(ctx, e.Set.Kind(kind), in, "ALLOW")
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				return o.ID
			}
			for i := range firms {
				losers = append(losers, create("Account", input.Object{"name": fmt.Sprintf("Loser %d", i), "tags": idList(tags...), "lifecycle": stage.String(), "phones": []any{fmt.Sprintf("+9661120030%02d", i)}}))
				made += 11 // tags and stage history
			}
			for i, x := range losers {
				for j := range notes {
					create("Note", input.Object{"account": x.String(), "body": fmt.Sprintf("Note %d of %d", j, i)})
				}
				for j, person := range people {
					create("AccountContact", input.Object{"account": x.String(), "contact": person.String(), "fromDate": fmt.Sprintf("20%02d-01-%02d", i, j+1)})
				}
				for j := range 10 {
					create("Account", input.Object{"name": fmt.Sprintf("Child %d of %d", j, i), "parent": x.String()})
					create("Relationship", input.Object{"fromAccount": x.String(), "toAccount": other.String(), "type": "OTHER", "label": fmt.Sprintf("%d of %d", j, i)})
				}
				create("AccountTeamMember", input.Object{"account": x.String(), "user": ann.User.String(), "role": fmt.Sprintf("Role %d", i)})
				create("Share", input.Object{"record": x.String(), "grantee": ann.User.String(), "level": "READ", "reason": fmt.Sprintf("Share %d", i)})
				made += notes + 52
				if _, err := tx.ExecContext(ctx, "INSERT INTO external_refs (kind, system_name, external_id, record_id, created_at) VALUES (?, 'sap', ?, ?, ?)", int64(k.Code), strconv.Itoa(i), x, tx.Now); err != nil {
					return err
				}
				made++
			}
			return nil
		})
		for i := 0; made < goal; i += 100 {
			asFarley(t, e, func(ctx context.Context, tx *write.Tx) error {
				for j := i; j < i+100 && made < goal; j++ {
					if _, err := tx.Create(ctx, e.Set.Kind("Note"), input.Object{"account": losers[0].String(), "body": "More"}, "ALLOW"); err != nil {
						return err
					}
					made++
				}
				return nil
			})
		}
		all := append([]id.ID{survivor}, losers...)
		before := pointing(t, e, k, all...)
		total := 0
		for _, n := range before {
			total += n
		}
		if total < goal {
			t.Fatalf("only %d related rows: %v", total, before)
		}
		in := input.Object{"survivor": survivor.String(), "losers": idList(losers...)}
		dry := movedOf(ann.Query(t, mergeAccounts, farleytest.Vars{"in": in, "dry": true}).At("mergeAccounts.moved"))
		if diff := cmp.Diff(before, dry); diff != "" {
			t.Errorf("the dry run tells (-there +told):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{}, pointing(t, e, k, survivor)); diff != "" {
			t.Errorf("a dry run keeps (-want +got):\n%s", diff)
		}
		if n := number(t, e, "SELECT COUNT(*) FROM record_redirects"); n != 0 {
			t.Errorf("a dry run keeps %d redirects", n)
		}
		changes := number(t, e, "SELECT COUNT(*) FROM changes")
		e.DB.Counter.Reset()
		start := time.Now()
		moved := movedOf(ann.Query(t, mergeAccounts, farleytest.Vars{"in": in}).At("mergeAccounts.moved"))
		took, statements := time.Since(start), len(e.DB.Counter.Asked())
		t.Logf("%d accounts with %d related rows in %v by %d statements", firms, total, took, statements)
		if statements > 400 {
			t.Errorf("%d statements", statements)
		}
		if diff := cmp.Diff(dry, moved); diff != "" {
			t.Errorf("the merge tells (-dry run +real):\n%s", diff)
		}
		if diff := cmp.Diff(before, pointing(t, e, k, survivor)); diff != "" {
			t.Errorf("rows of the survivor (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{}, pointing(t, e, k, losers...)); diff != "" {
			t.Errorf("rows of the losers (-want +got):\n%s", diff)
		}
		// One change row for each record, and none for what is no record.
		want := total - before["externalRefs"] + len(all)
		if got := number(t, e, "SELECT COUNT(*) FROM changes") - changes; got != want {
			t.Errorf("%d change rows, want %d", got, want)
		}
		if got := number(t, e, "SELECT COUNT(*) FROM changes WHERE op = 'MERGED'"); got != firms {
			t.Errorf("%d are MERGED", got)
		}
		if got := number(t, e, "SELECT COUNT(*) FROM (SELECT record_id, version FROM changes GROUP BY record_id, version HAVING COUNT(*) > 1) d"); got != 0 {
			t.Errorf("%d versions are told twice", got)
		}
		// The tags are there once, and the stages have ended.
		for query, want := range map[string]int{
			"SELECT COUNT(*) FROM taggings WHERE deleted_at IS NULL":         10,
			"SELECT COUNT(*) FROM stage_histories WHERE left_at IS NULL":     0,
			"SELECT COUNT(*) FROM record_phones":                             firms,
			"SELECT COUNT(*) FROM shares WHERE deleted_at IS NULL":           1,
			"SELECT COUNT(*) FROM account_contacts WHERE deleted_at IS NULL": firms * len(people),
		} {
			if got := number(t, e, query); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
	})
}

// The id of a merged record stands for the survivor, wherever records are read by id, in updates and in inputs, over chains
// of merges, and for keys of outside systems.
func TestMerge_idsOfLosersResolve(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		a, b, c := e.Make(t, "Account", input.Object{"name": "A"}), e.Make(t, "Account", input.Object{"name": "B"}), e.Make(t, "Account", input.Object{"name": "C"})
		ann.Query(t, `mutation { upsertAccount(external: {system: "sap", id: "1"}, input: {name: "D"}) { account { id } } }`, nil)
		d := ann.Query(t, `{ account(external: {system: "sap", id: "1"}) { id } }`, nil).At("account.id").ID()
		merge := func(survivor id.ID, losers ...id.ID) {
			t.Helper()
			ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": survivor.String(), "losers": idList(losers...)}})
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
		}
		merge(b, a)
		merge(c, b, d)
		for _, x := range []id.ID{a, b, c, d} {
			vars := farleytest.Vars{"x": x.String(), "other": c.String()}
			got := ann.Query(t, `query($x: ID!, $other: ID!) { account(id: $x) { id name } node(id: $x) { id } nodes(ids: [$x, $other, $x]) { id } }`, vars).JSON()
			want := fmt.Sprintf(`{"account":{"id":%[1]q,"name":"C"},"node":{"id":%[1]q},"nodes":[{"id":%[1]q},{"id":%[1]q},{"id":%[1]q}]}`, c)
			if got != want {
				t.Errorf("%s: %s, want %s", x, got, want)
			}
			if got := ann.Query(t, `mutation($x: ID!) { createNote(input: {account: $x, body: "Hello"}) { note { account { id } } } }`, vars).At("createNote.note.account.id").ID(); got != c {
				t.Errorf("a note on %s is on %s", x, got)
			}
			if got := ann.Query(t, `mutation($x: ID!) { updateAccount(id: $x, input: {description: "As told."}) { account { id } } }`, vars).At("updateAccount.account.id").ID(); got != c {
				t.Errorf("an update of %s changes %s", x, got)
			}
		}
		if got := ann.Query(t, `mutation { upsertAccount(external: {system: "sap", id: "1"}, input: {source: "SAP"}) { created account { id source } } }`, nil).At("upsertAccount").JSON(); got != fmt.Sprintf(`{"account":{"id":%q,"source":"SAP"},"created":false}`, c) {
			t.Errorf("upsert: %s", got)
		}
		ann.Do(t, `mutation($x: ID!) { restoreAccount(id: $x) { account { id } } }`, farleytest.Vars{"x": a.String()}).Want(t, "CONFLICT")
		ann.Do(t, `mutation($x: ID!) { deleteAccount(id: $x) { id } }`, farleytest.Vars{"x": a.String()}).Want(t, "NOT_FOUND")
		// A hit costs no look for redirects.
		if n := statements(e, "record_redirects", func() { ann.Query(t, `query($x: ID!) { account(id: $x) { id } }`, farleytest.Vars{"x": c.String()}) }); n != 0 {
			t.Errorf("%d statements ask for redirects", n)
		}
		want := fmt.Sprintf(`[{"by":{"id":%[1]q},"loser":%[2]q,"survivor":%[5]q},{"by":{"id":%[1]q},"loser":%[4]q,"survivor":%[5]q},{"by":{"id":%[1]q},"loser":%[3]q,"survivor":%[2]q}]`, ann.User, b, a, d, c)
		if b.Compare(d) > 0 {
			want = fmt.Sprintf(`[{"by":{"id":%[1]q},"loser":%[4]q,"survivor":%[5]q},{"by":{"id":%[1]q},"loser":%[2]q,"survivor":%[5]q},{"by":{"id":%[1]q},"loser":%[3]q,"survivor":%[2]q}]`, ann.User, b, a, d, c)
		}
		for _, x := range []id.ID{a, c} {
			if got := ann.Query(t, `query($x: ID!) { merges(record: $x) { loser survivor by { id } } }`, farleytest.Vars{"x": x.String()}).At("merges").JSON(); got != want {
				t.Errorf("merges of %s: %s, want %s", x, got, want)
			}
		}
		stranger := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}}}))
		stranger.Do(t, `query($x: ID!) { merges(record: $x) { loser } }`, farleytest.Vars{"x": c.String()}).Want(t, "NOT_FOUND")
		stranger.Do(t, `query($x: ID!) { account(id: $x) { id } }`, farleytest.Vars{"x": a.String()}).Want(t, "NOT_FOUND")
	})
}

// The survivor gets what it lacks, and what is taken; lists come together.
func TestMerge_values(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		contact := func(in input.Object) id.ID { return e.Make(t, "Contact", in) }
		email := func(address string, primary bool) any { return map[string]any{"address": address, "primary": primary} }
		a := contact(input.Object{"familyName": "Oak", "emails": []any{email("a@oak.example", true)}, "title": "Buyer"})
		b := contact(input.Object{"familyName": "Oakes", "givenName": "Bea", "emails": []any{email("b@oak.example", true), email("a@oak.example", false)}, "title": "Director", "doNotContact": true, "birthday": "1980-01-02"})
		c := contact(input.Object{"familyName": "Ash", "givenName": "Cy", "department": "Sales"})
		got := ann.Query(t, `mutation($in: MergeContactsInput!) { mergeContacts(input: $in) { contact { version familyName givenName title department doNotContact birthday primaryEmail displayName emails { address primary } } } }`,
			farleytest.Vars{"in": input.Object{"survivor": a.String(), "losers": idList(b, c), "take": []any{map[string]any{"field": "TITLE", "from": b.String()}}}}).At("mergeContacts.contact").JSON()
		want := `{"birthday":"1980-01-02","department":"Sales","displayName":"Bea Oak","doNotContact":true,"emails":[{"address":"a@oak.example","primary":true},{"address":"b@oak.example","primary":false}],"familyName":"Oak","givenName":"Bea","primaryEmail":"a@oak.example","title":"Director","version":2}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// What would be there twice becomes one, and nothing of the one is lost.
func TestMerge_doubles(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		tag := e.Make(t, "Tag", input.Object{"name": "Gold"})
		person := e.Make(t, "Contact", input.Object{"familyName": "Oak"})
		a := e.Make(t, "Account", input.Object{"name": "A", "tags": idList(tag)})
		b := e.Make(t, "Account", input.Object{"name": "B", "tags": idList(tag)})
		first := e.Make(t, "AccountContact", input.Object{"account": a.String(), "contact": person.String()})
		second := e.Make(t, "AccountContact", input.Object{"account": b.String(), "contact": person.String(), "role": "Billing", "isPrimary": true})
		for _, x := range []id.ID{a, b} {
			e.Make(t, "Share", input.Object{"record": x.String(), "grantee": ann.User.String(), "level": "READ"})
			e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": ann.User.String(), "role": "Technician"})
		}
		e.Make(t, "Share", input.Object{"record": b.String(), "grantee": ann.User.String(), "level": "EDIT"})
		e.Make(t, "Relationship", input.Object{"fromAccount": b.String(), "toAccount": a.String(), "type": "SUBSIDIARY"})
		ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": a.String(), "losers": idList(b)}})
		for query, want := range map[string]int{
			"SELECT COUNT(*) FROM taggings WHERE record_id = ? AND deleted_at IS NULL":                             1,
			"SELECT COUNT(*) FROM taggings WHERE record_id = ?":                                                    2,
			"SELECT COUNT(*) FROM account_contacts WHERE account_id = ? AND deleted_at IS NULL":                    1,
			"SELECT COUNT(*) FROM account_contacts WHERE account_id = ?":                                           2,
			"SELECT COUNT(*) FROM shares WHERE record_id = ? AND deleted_at IS NULL":                               2,
			"SELECT COUNT(*) FROM account_team_members WHERE account_id = ? AND deleted_at IS NULL":                1,
			"SELECT COUNT(*) FROM relationships WHERE from_account_id = ? AND deleted_at IS NULL":                  0,
			"SELECT COUNT(*) FROM relationships WHERE from_account_id = ? AND to_account_id = from_account_id":     1,
			"SELECT COUNT(*) FROM account_contacts WHERE account_id = ? AND is_primary = 1 AND deleted_at IS NULL": 1,
		} {
			if got := number(t, e, query, a); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
		got := ann.Query(t, `query($x: ID!, $y: ID!) { accountContact(id: $x) { role isPrimary } nodes(ids: [$y]) { id } }`, farleytest.Vars{"x": first.String(), "y": second.String()}).JSON()
		if want := `{"accountContact":{"isPrimary":true,"role":"Billing"},"nodes":[null]}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// The links of persons that become one: one main account.
		other := e.Make(t, "Contact", input.Object{"familyName": "Elm"})
		c := e.Make(t, "Account", input.Object{"name": "C"})
		e.Make(t, "AccountContact", input.Object{"account": c.String(), "contact": other.String(), "isPrimary": true})
		ann.Query(t, `mutation($in: MergeContactsInput!) { mergeContacts(input: $in) { contact { id } } }`, farleytest.Vars{"in": input.Object{"survivor": person.String(), "losers": idList(other)}})
		if got := number(t, e, "SELECT COUNT(*) FROM account_contacts WHERE contact_id = ? AND is_primary = 1 AND deleted_at IS NULL", person); got != 1 {
			t.Errorf("%d main accounts", got)
		}
	})
}

// The hierarchy stays one: no account is above itself.
func TestMerge_hierarchy(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		account := func(name string, parent id.ID) id.ID {
			in := input.Object{"name": name}
			if !parent.IsZero() {
				in["parent"] = parent.String()
			}
			return e.Make(t, "Account", in)
		}
		parent := func(x id.ID) any {
			return ann.Query(t, `query($x: ID!) { account(id: $x) { parent { id } } }`, farleytest.Vars{"x": x.String()}).At("account.parent").JSON()
		}
		top := account("Top", id.ID{})
		loser := account("Loser", top)
		middle := account("Middle", loser)
		below := account("Below", middle)
		// The survivor is below the loser: its parent is what the loser's was.
		child := account("Child", loser)
		ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": child.String(), "losers": idList(loser)}})
		if got, want := parent(child), fmt.Sprintf(`{"id":%q}`, top); got != want {
			t.Errorf("the parent is %s, want %s", got, want)
		}
		if got, want := parent(middle), fmt.Sprintf(`{"id":%q}`, child); got != want {
			t.Errorf("the middle one's parent is %s, want %s", got, want)
		}
		// By way of another one: middle is between.
		in := input.Object{"survivor": below.String(), "losers": idList(child)}
		taking := input.Object{"survivor": below.String(), "losers": idList(child), "take": []any{map[string]any{"field": "PARENT", "from": below.String()}}}
		r := ann.Do(t, mergeAccounts, farleytest.Vars{"in": taking}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.take CYCLE"}, r.Violations()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		ann.Query(t, mergeAccounts, farleytest.Vars{"in": in})
		if got := parent(below); got != "null" {
			t.Errorf("the parent is %s", got)
		}
		if got, want := parent(middle), fmt.Sprintf(`{"id":%q}`, below); got != want {
			t.Errorf("the middle one's parent is %s, want %s", got, want)
		}
	})
}

// Who may merge what: all of it in sight, MERGE on all of it, and no value comes to light by it.
func TestMerge_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		allow := func(object string, action string, scope string) access.Permission {
			return access.Permission{Object: object, Action: action, Scope: scope}
		}
		role := e.Role(t, access.Role{Permissions: []access.Permission{
			allow("ACCOUNT", "READ", "ALL"), allow("ACCOUNT", "UPDATE", "ALL"), allow("ACCOUNT", "MERGE", "OWN"), allow("NOTE", "READ", "ALL"),
		}})
		partner := e.User(t, nil, role)
		own := func(name string, extra input.Object) id.ID {
			in := input.Object{"name": name, "owner": partner.User.String()}
			for n, v := range extra {
				in[n] = v
			}
			return e.Make(t, "Account", in)
		}
		a, b := own("A", nil), own("B", input.Object{"taxNumber": "SA-1", "website": "b.example"})
		alien := e.Make(t, "Account", input.Object{"name": "Alien"})
		stranger := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{allow("ACCOUNT", "READ", "OWN"), allow("ACCOUNT", "MERGE", "OWN")}}))
		reader := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{allow("ACCOUNT", "READ", "ALL")}}))
		both := input.Object{"survivor": a.String(), "losers": idList(b)}
		taking := func(field string) input.Object {
			return input.Object{"survivor": a.String(), "losers": idList(b), "take": []any{map[string]any{"field": field, "from": b.String()}}}
		}
		contact := e.Make(t, "Contact", input.Object{"familyName": "Oak"})
		for name, c := range map[string]struct {
			who        *farleytest.Client
			in         input.Object
			code       string
			violations []string
		}{
			"nobody":                {e.Anonymous(), both, "UNAUTHENTICATED", nil},
			"without the action":    {reader, both, "FORBIDDEN", nil},
			"out of sight":          {stranger, both, "NOT_FOUND", nil},
			"loser of others":       {partner, input.Object{"survivor": a.String(), "losers": idList(alien)}, "FORBIDDEN", nil},
			"hidden field is taken": {partner, taking("TAX_NUMBER"), "FORBIDDEN", []string{"input.take.0.field FORBIDDEN"}},
			"kept by Farley":        {partner, taking("DOMAIN"), "INVALID", []string{"input.take.0.field IMMUTABLE"}},
			"all problems at once": {partner, input.Object{"survivor": contact.String(), "losers": idList(a, a, contact)}, "INVALID",
				[]string{"input.survivor FORMAT", "input.losers.1 TAKEN", "input.losers.2 FORMAT"}},
			"none":    {partner, input.Object{"survivor": a.String(), "losers": []any{}}, "INVALID", []string{"input.losers REQUIRED"}},
			"oneself": {partner, input.Object{"survivor": a.String(), "losers": idList(a)}, "INVALID", []string{"input.losers.0 TAKEN"}},
		} {
			r := c.who.Do(t, mergeAccounts, farleytest.Vars{"in": c.in}).Want(t, c.code)
			if c.violations != nil {
				if diff := cmp.Diff(c.violations, r.Violations()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		}
		partner.Do(t, mergeAccounts, farleytest.Vars{"in": both, "v": 7}).Want(t, "CONFLICT")
		if n := number(t, e, "SELECT COUNT(*) FROM record_redirects"); n != 0 {
			t.Fatalf("%d redirects of refused merges", n)
		}
		// What he does not see moves, and is not counted.
		e.Make(t, "Note", input.Object{"account": b.String(), "body": "Mine", "owner": partner.User.String()})
		e.Make(t, "Note", input.Object{"account": b.String(), "body": "Not his"})
		e.Make(t, "AccountTeamMember", input.Object{"account": b.String(), "user": reader.User.String(), "role": "Technician"})
		got := partner.Query(t, mergeAccounts, farleytest.Vars{"in": both}).At("mergeAccounts.moved").JSON()
		if want := `[{"count":2,"relation":"notes.account"}]`; got != want {
			t.Errorf("he is told %s, want %s", got, want)
		}
		if diff := cmp.Diff(map[string]int{"notes.account": 2, "accountTeamMembers.account": 1}, pointing(t, e, e.Set.Kind("Account"), a)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got, want := e.Admin(t).Query(t, `query($x: ID!) { account(id: $x) { taxNumber website } }`, farleytest.Vars{"x": b.String()}).At("account").JSON(), `{"taxNumber":"SA-1","website":"https://b.example"}`; got != want {
			t.Errorf("the survivor has %s, want %s", got, want)
		}
	})
}

// A value that its reader may not read on the loser does not come to light on the survivor.
func TestMerge_opensNoField(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := func(r access.Role) id.ID { return e.Role(t, r) }
		p := func(action, scope string) access.Permission {
			return access.Permission{Object: "ACCOUNT", Action: action, Scope: scope}
		}
		c := e.User(t, nil,
			role(access.Role{Permissions: []access.Permission{p("READ", "OWN"), p("UPDATE", "OWN")}, Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelRead}}}),
			role(access.Role{Permissions: []access.Permission{p("READ", "ALL"), p("MERGE", "ALL")}}))
		a := e.Make(t, "Account", input.Object{"name": "A", "owner": c.User.String()})
		b := e.Make(t, "Account", input.Object{"name": "B", "taxNumber": "SA-1"})
		c.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": a.String(), "losers": idList(b)}})
		if got := c.Query(t, `query($x: ID!) { account(id: $x) { taxNumber } }`, farleytest.Vars{"x": a.String()}).At("account.taxNumber").JSON(); got != "null" {
			t.Errorf("the tax number is %s", got)
		}
	})
}

// Subscribers of a loser hear MERGED, and what points at it is told as changed.
func TestMerge_events(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		a, b := e.Make(t, "Account", input.Object{"name": "A"}), e.Make(t, "Account", input.Object{"name": "B", "website": "b.example"})
		note := e.Make(t, "Note", input.Object{"account": b.String(), "body": "Hello"})
		e.Settle(t)
		after := ann.Cursor(t)
		ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": a.String(), "losers": idList(b)}})
		e.Settle(t)
		d := ann.Query(t, `query($after: Cursor!) { changes(objects: [ACCOUNT, NOTE], after: $after) { edges { node { op recordId version changedFields } } } }`, farleytest.Vars{"after": after}).At("changes.edges")
		got := map[string]string{}
		for i := range d.Len() {
			n := d.At(strconv.Itoa(i) + ".node")
			got[n.At("recordId").Text()] = n.At("op").Text() + " " + n.At("version").JSON() + " " + n.At("changedFields").JSON()
		}
		want := map[string]string{a.String(): `UPDATED 2 ["website","domain","lastActivityAt"]`, b.String(): "MERGED null null", note.String(): `UPDATED 2 ["account"]`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Whoever writes to a loser, or makes something that points at it, while it is merged: nothing that was answered is lost.
func TestMerge_whileOthersWrite(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		for range 4 {
			a, b := e.Make(t, "Account", input.Object{"name": "A"}), e.Make(t, "Account", input.Object{"name": "B"})
			var wg sync.WaitGroup
			notes, described := make([]id.ID, 8), make([]string, 8)
			begin := make(chan struct{})
			for i := range notes {
				wg.Go(func() {
					<-begin
					vars := farleytest.Vars{"x": b.String(), "text": fmt.Sprintf("Text %d", i)}
					if r := ann.Do(t, `mutation($x: ID!, $text: String!) { createNote(input: {account: $x, body: $text}) { note { id } } }`, vars); len(r.Errors) == 0 {
						notes[i] = (farleytest.Data{V: r.Data}).At("createNote.note.id").ID()
					} else {
						t.Errorf("a note: %v", r.Codes())
					}
					if r := ann.Do(t, `mutation($x: ID!, $text: String!) { updateAccount(id: $x, input: {description: $text}) { account { id } } }`, vars); len(r.Errors) == 0 {
						described[i] = vars["text"].(string)
					}
				})
			}
			wg.Go(func() {
				<-begin
				ann.Query(t, mergeAccounts, farleytest.Vars{"in": input.Object{"survivor": a.String(), "losers": idList(b)}})
			})
			close(begin)
			wg.Wait()
			for _, x := range notes {
				if got := ann.Query(t, `query($x: ID!) { note(id: $x) { account { id } } }`, farleytest.Vars{"x": x.String()}).At("note.account.id").ID(); got != a {
					t.Errorf("the note %s is on %s", x, got)
				}
			}
			if diff := cmp.Diff(map[string]int{}, pointing(t, e, e.Set.Kind("Account"), b)); diff != "" {
				t.Errorf("left behind: %s", diff)
			}
			last := ann.Query(t, `query($x: ID!) { account(id: $x) { description } }`, farleytest.Vars{"x": a.String()}).At("account.description").Text()
			if !strings.HasPrefix(last, "Text ") {
				t.Errorf("the description is %q of %v", last, described)
			}
		}
	})
}

// Over random graphs: no record is lost, nothing points at a loser, nothing is above itself.
func TestMerge_losesNothing(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	k := e.Set.Kind("Account")
	tags := []id.ID{e.Make(t, "Tag", input.Object{"name": "One"}), e.Make(t, "Tag", input.Object{"name": "Two"})}
	person := e.Make(t, "Contact", input.Object{"familyName": "Oak"})
	rapid.Check(t, func(rt *rapid.T) {
		var accounts []id.ID
		n := rapid.IntRange(2, 6).Draw(rt, "accounts")
		for i := range n {
			in := input.Object{"name": fmt.Sprintf("Account %d", i)}
			if i > 0 && rapid.Bool().Draw(rt, "child") {
				in["parent"] = accounts[rapid.IntRange(0, i-1).Draw(rt, "parent")].String()
			}
			accounts = append(accounts, e.Make(t, "Account", in))
		}
		var related []id.ID
		one := func(label string) id.ID { return rapid.SampledFrom(accounts).Draw(rt, label) }
		for range rapid.IntRange(0, 12).Draw(rt, "related") {
			x, y := one("x"), one("y")
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				e.Make(t, "Note", input.Object{"account": x.String(), "body": "Hello"})
			case 1:
				e.Change(t, x, input.Object{"tags": idList(rapid.SampledFrom(tags).Draw(rt, "tag"))})
			case 2:
				if x != y {
					e.Make(t, "Relationship", input.Object{"fromAccount": x.String(), "toAccount": y.String(), "type": "OTHER", "label": fmt.Sprint("Nr. ", len(related))})
					related = append(related, x)
				}
			case 3:
				e.Make(t, "AccountContact", input.Object{"account": x.String(), "contact": person.String(), "fromDate": "2026-01-01", "role": rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "role")})
			}
		}
		losers := rapid.SliceOfNDistinct(rapid.IntRange(1, n-1), 1, n-1, rapid.ID[int]).Draw(rt, "losers")
		r := write.MergeRequest{Kind: k, Survivor: accounts[0]}
		merged := []id.ID{accounts[0]}
		for _, i := range losers {
			r.Losers = append(r.Losers, accounts[i])
			merged = append(merged, accounts[i])
		}
		before := pointing(t, e, k, merged...)
		rows := number(t, e, "SELECT (SELECT COUNT(*) FROM notes) + (SELECT COUNT(*) FROM taggings) + (SELECT COUNT(*) FROM relationships) + (SELECT COUNT(*) FROM account_contacts) + (SELECT COUNT(*) FROM accounts)")
		asFarley(t, e, func(ctx context.Context, tx *write.Tx) error {
			_, err := tx.Merge(ctx, r)
			return err
		})
		if diff := cmp.Diff(before, pointingBeside(t, e, k, accounts[:1], merged)); diff != "" {
			rt.Fatalf("(-before +after):\n%s", diff)
		}
		if left := number(t, e, "SELECT COUNT(*) FROM accounts WHERE parent_id IN (SELECT from_id FROM record_redirects)"); left != 0 {
			rt.Fatalf("%d accounts below losers", left)
		}
		if after := number(t, e, "SELECT (SELECT COUNT(*) FROM notes) + (SELECT COUNT(*) FROM taggings) + (SELECT COUNT(*) FROM relationships) + (SELECT COUNT(*) FROM account_contacts) + (SELECT COUNT(*) FROM accounts)"); after != rows {
			rt.Fatalf("%d rows, were %d", after, rows)
		}
		if twice := number(t, e, "SELECT COUNT(*) FROM (SELECT record_id, tag_id FROM taggings WHERE deleted_at IS NULL GROUP BY record_id, tag_id HAVING COUNT(*) > 1) d"); twice != 0 {
			rt.Fatalf("%d tags are there twice", twice)
		}
		for _, x := range accounts {
			for above, i := x, 0; !above.IsZero(); i++ {
				if i > n {
					rt.Fatalf("%s is above itself", x)
				}
				var next id.ID
				if err := e.DB.Pool().QueryRowContext(context.Background(), "SELECT parent_id FROM accounts WHERE id = ?", above).Scan(&next); err != nil {
					rt.Fatal(err)
				}
				above = next
			}
		}
	})
}
