package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/seed"
)

const accountTimeline = `query($id: ID!, $first: Int, $after: Cursor, $kinds: [TimelineKind!], $from: DateTime, $to: DateTime) {
	account(id: $id) { timeline(first: $first, after: $after, kinds: $kinds, from: $from, to: $to) { edges { cursor node { __typename id kind at actor { __typename displayName } title
		... on NoteEntry { note { title body } } ... on StageChangeEntry { stay { reason stage { name } } } ... on FieldChangeEntry { field old new kept }
		... on RecordEntry { op } ... on ConversionEntry { lead { displayName } } ... on ContactLinkEntry { change link { role contact { displayName } } }
		... on TeamChangeEntry { change member { role user { name } } } ... on RelationshipEntry { relationship { type inverse toContact { displayName } } }
	} } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`

// told writes the entries of a timeline one a line: when, what, by whom, about what.
func told(d farleytest.Data) []string {
	lines := []string{}
	edges := d.At("edges")
	for i := range edges.Len() {
		n := edges.At(fmt.Sprintf("%d.node", i))
		line := strings.TrimSuffix(strings.TrimPrefix(n.At("at").Text(), "2026-11-"), "Z") + " " + n.At("kind").Text()
		for _, part := range []string{"op", "change"} {
			if s := n.At(part).Text(); s != "" {
				line += " " + s
			}
		}
		if s := n.At("title").Text(); s != "" {
			line += " " + s
		}
		if n.At("kind").Text() == "FIELD_CHANGE" {
			line += " " + n.At("old").JSON() + " > " + n.At("new").JSON()
			if n.At("kept").JSON() != "true" {
				line += " gone"
			}
		}
		if s := n.At("actor.displayName").Text(); s != "" {
			line += " by " + s
		}
		lines = append(lines, line)
	}
	return lines
}

// advance moves the clock.
func advanceBy(e *farleytest.Env, d time.Duration) { e.Clock.Advance(e.Clock.Now().Add(d)) }

func TestTimeline(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		team, ann, bob := salesTeam(t, e)
		e.Change(t, ann.User, input.Object{"name": "Ann"})
		e.Change(t, bob.User, input.Object{"name": "Bob"})
		const create = `mutation($in: CreateAccountInput!) { createAccount(input: $in) { account { id } } }`
		x := ann.Query(t, create, farleytest.Vars{"in": input.Object{"name": "Elm", "lifecycle": seed.StageID(e.Set, "prospect")}}).At("createAccount.account.id").ID()
		step := func() { advanceBy(e, time.Minute) }
		step()
		ann.Query(t, `mutation($a: ID!) { createNote(input: {account: $a, title: "Met them", body: "At *noon*."}) { note { id } } }`, farleytest.Vars{"a": x})
		step()
		const update = `mutation($id: ID!, $in: UpdateAccountInput!) { updateAccount(id: $id, input: $in) { account { id } } }`
		bob.Query(t, update, farleytest.Vars{"id": x, "in": input.Object{"name": "Elm and Oak", "website": "https://elm.example", "employees": 12}})
		step()
		ann.Query(t, moveLifecycle, farleytest.Vars{"a": x, "s": seed.StageID(e.Set, "first_purchase"), "r": "They bought."})
		step()
		person := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "team": team.String()})
		ann.Query(t, `mutation($a: ID!, $c: ID!) { createAccountContact(input: {account: $a, contact: $c, role: "buyer", fromDate: "2026-11-01", toDate: "2026-11-21"}) { accountContact { id } } }`, farleytest.Vars{"a": x, "c": person})
		step()
		ann.Query(t, `mutation($a: ID!, $u: ID!) { createAccountTeamMember(input: {account: $a, user: $u, role: "helper", toDate: "2026-11-30"}) { accountTeamMember { id } } }`, farleytest.Vars{"a": x, "u": bob.User})
		step()
		ann.Query(t, `mutation($a: ID!, $c: ID!) { createRelationship(input: {fromAccount: $a, toContact: $c, type: SUPPLIER}) { relationship { id } } }`, farleytest.Vars{"a": x, "c": person})
		step()
		lead := ann.Query(t, `mutation { createLead(input: {company: "Elm Ltd", familyName: "Haddad"}) { lead { id } } }`, nil).At("createLead.lead.id").ID()
		step()
		ann.Query(t, `mutation($l: ID!, $a: ID!) { convertLead(input: {lead: $l, account: {link: $a}}) { lead { id } } }`, farleytest.Vars{"l": lead, "a": x})
		step()
		ann.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, farleytest.Vars{"id": x})
		step()
		ann.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": x})

		want := []string{
			"22T09:10:00 RECORD RESTORED by Ann",
			"22T09:09:00 RECORD DELETED by Ann",
			"22T09:08:00 CONVERSION Haddad by Ann",
			"22T09:06:00 RELATIONSHIP Farouk by Ann",
			"22T09:05:00 TEAM_CHANGE JOINED Bob by Ann",
			"22T09:04:00 CONTACT_LINK JOINED Farouk by Ann",
			"22T09:03:00 STAGE_CHANGE First purchase by Ann",
			`22T09:02:00 FIELD_CHANGE name "Elm" > "Elm and Oak" by Bob`,
			`22T09:02:00 FIELD_CHANGE website null > "https://elm.example" by Bob`,
			"22T09:02:00 FIELD_CHANGE employees null > 12 by Bob",
			"22T09:01:00 NOTE Met them by Ann",
			"22T09:00:00 STAGE_CHANGE Prospect by Ann",
			"22T09:00:00 RECORD CREATED by Ann",
			"21T00:00:00 CONTACT_LINK LEFT Farouk",
		}
		d := ann.Query(t, accountTimeline, farleytest.Vars{"id": x, "first": 50}).At("account.timeline")
		if diff := gocmp.Diff(want, told(d)); diff != "" {
			t.Error(diff)
		}
		ids := map[string]bool{}
		for _, s := range d.At("edges").Texts("node.id") {
			ids[s] = true
		}
		if len(ids) != len(want) {
			t.Errorf("%d entries have %d ids", len(want), len(ids))
		}
		for i, wanted := range []string{
			`{"__typename":"RecordEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:10:00Z","kind":"RECORD","op":"RESTORED","title":null}`, "",
			`{"__typename":"ConversionEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:08:00Z","kind":"CONVERSION","lead":{"displayName":"Haddad"},"title":"Haddad"}`,
			`{"__typename":"RelationshipEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:06:00Z","kind":"RELATIONSHIP","relationship":{"inverse":"CUSTOMER","toContact":{"displayName":"Farouk"},"type":"SUPPLIER"},"title":"Farouk"}`,
			`{"__typename":"TeamChangeEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:05:00Z","change":"JOINED","kind":"TEAM_CHANGE","member":{"role":"helper","user":{"name":"Bob"}},"title":"Bob"}`,
			`{"__typename":"ContactLinkEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:04:00Z","change":"JOINED","kind":"CONTACT_LINK","link":{"contact":{"displayName":"Farouk"},"role":"buyer"},"title":"Farouk"}`,
			`{"__typename":"StageChangeEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:03:00Z","kind":"STAGE_CHANGE","stay":{"reason":"They bought.","stage":{"name":"First purchase"}},"title":"First purchase"}`,
			`{"__typename":"FieldChangeEntry","actor":{"__typename":"Actor","displayName":"Bob"},"at":"2026-11-22T09:02:00Z","field":"name","kept":true,"kind":"FIELD_CHANGE","new":"Elm and Oak","old":"Elm","title":"name"}`, "", "",
			`{"__typename":"NoteEntry","actor":{"__typename":"Actor","displayName":"Ann"},"at":"2026-11-22T09:01:00Z","kind":"NOTE","note":{"body":"At *noon*.","title":"Met them"},"title":"Met them"}`,
		} {
			node, _ := d.At(fmt.Sprintf("edges.%d.node", i)).V.(map[string]any)
			delete(node, "id")
			if got := (farleytest.Data{V: node}).JSON(); wanted != "" && got != wanted {
				t.Errorf("entry %d: %s, want %s", i, got, wanted)
			}
		}
		// By kind and by time.
		some := func(vars farleytest.Vars) []string {
			vars["id"] = x
			return told(ann.Query(t, accountTimeline, vars).At("account.timeline"))
		}
		only := func(keep func(line string) bool) []string {
			return slices.DeleteFunc(slices.Clone(want), func(line string) bool { return !keep(line) })
		}
		for _, kinds := range [][]string{{"NOTE", "STAGE_CHANGE", "FIELD_CHANGE"}, {"RECORD"}, {"CONTACT_LINK", "CONVERSION"}, {}} {
			got := some(farleytest.Vars{"kinds": kinds})
			if diff := gocmp.Diff(only(func(line string) bool { return slices.Contains(kinds, strings.Fields(line)[1]) }), got); diff != "" {
				t.Errorf("%v: %s", kinds, diff)
			}
		}
		for _, span := range [][2]string{{"22T09:02:00", "22T09:05:00"}, {"21T00:00:00", "22T09:00:00"}, {"21T00:00:01", "22T09:00:00.000001"}, {"20T23:00:00", "21T00:00:00"}, {"20T23:00:00", "21T00:00:01"}} {
			got := some(farleytest.Vars{"from": "2026-11-" + span[0] + "Z", "to": "2026-11-" + span[1] + "Z"})
			if diff := gocmp.Diff(only(func(line string) bool { at := strings.Fields(line)[0]; return at >= span[0] && at < span[1] }), got); diff != "" {
				t.Errorf("%v: %s", span, diff)
			}
		}
		// An end that has not come is not told, and then it is.
		advanceBy(e, 9*24*time.Hour)
		ann = e.SignIn(t, ann.User)
		got := some(farleytest.Vars{"kinds": []string{"TEAM_CHANGE"}})
		if diff := gocmp.Diff([]string{"30T00:00:00 TEAM_CHANGE LEFT Bob", "22T09:05:00 TEAM_CHANGE JOINED Bob by Ann"}, got); diff != "" {
			t.Error(diff)
		}

		// The lead's own: the note moved nowhere, the conversion is told, and leads to what it became.
		const leadTimeline = `query($id: ID!) { lead(id: $id) { timeline { edges { node { kind at title actor { displayName } ... on ConversionEntry { lead { convertedAccount { name } } } ... on RecordEntry { op } ... on FieldChangeEntry { old new kept } } } } } }`
		if diff := gocmp.Diff([]string{
			"22T09:08:00 CONVERSION Elm and Oak by Ann", `22T09:08:00 FIELD_CHANGE status "NEW" > "CONVERTED" by Ann`, "22T09:07:00 RECORD CREATED by Ann",
		}, told(ann.Query(t, leadTimeline, farleytest.Vars{"id": lead}).At("lead.timeline"))); diff != "" {
			t.Error(diff)
		}

		// Bad arguments are told all at once; strangers learn nothing.
		r := ann.Do(t, accountTimeline, farleytest.Vars{"id": x, "first": 101, "after": "x"}).Want(t, "INVALID")
		if diff := gocmp.Diff([]string{"account.timeline.first RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = ann.Do(t, accountTimeline, farleytest.Vars{"id": x, "after": "x"}).Want(t, "INVALID")
		if diff := gocmp.Diff([]string{"account.timeline.after FORMAT"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, accountTimeline, farleytest.Vars{"id": x, "from": "yesterday"}).Want(t, "INVALID")
		cursor := d.At("pageInfo.endCursor").Text()
		ann.Do(t, accountTimeline, farleytest.Vars{"id": x, "after": cursor, "kinds": []string{"NOTE"}}).Want(t, "INVALID")
		e.SignIn(t, bob.User).Do(t, accountTimeline, farleytest.Vars{"id": x, "after": cursor}).Want(t, "INVALID") // another viewer's
		shipped(t, e, "sales_rep", nil).Do(t, accountTimeline, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, accountTimeline, farleytest.Vars{"id": x}).Want(t, "UNAUTHENTICATED")
		e.User(t, nil, e.Role(t, access.Role{})).Do(t, accountTimeline, farleytest.Vars{"id": x}).Want(t, "FORBIDDEN")
	})
}

// expected is an entry of a timeline, worked out naively from the tables.
type expected struct {
	at   time.Time
	rank int
	id   id.ID
	sub  int
	what string
}

// naive reads all there is to tell of an account and sorts it.
func naive(t *testing.T, e *farleytest.Env, x id.ID) []string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var all []expected
	rows := func(rank int, kind, table, column, back string, at func(v any) time.Time) {
		k := e.Set.Kind(table)
		ids := allOf(t, tx, "SELECT id FROM "+k.Table+" WHERE "+back+" = ? AND deleted_at IS NULL", x)
		values, err := e.Read.Values(t.Context(), tx, k, ids)
		if err != nil {
			t.Fatal(err)
		}
		for y, v := range values {
			if v[column] != nil {
				all = append(all, expected{at(v[column]), rank, y, 0, kind})
			}
		}
	}
	instant := func(v any) time.Time { return v.(time.Time) }
	day := func(v any) time.Time {
		at, err := time.Parse(time.DateOnly, v.(string))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	rows(0, "NOTE", "Note", "created_at", "account_id", instant)
	rows(1, "STAGE_CHANGE", "StageHistory", "entered_at", "account_id", instant)
	rows(3, "CONTACT_LINK", "AccountContact", "created_at", "account_id", instant)
	rows(4, "CONTACT_LINK", "AccountContact", "to_date", "account_id", day)
	changes, err := tx.QueryContext(t.Context(), "SELECT seq, at, op, fields FROM changes WHERE record_id = ?", x)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = changes.Close() }()
	for changes.Next() {
		var seq int64
		var at time.Time
		var op, fields string
		if err := changes.Scan(&seq, &at, &op, &fields); err != nil {
			t.Fatal(err)
		}
		var y id.ID
		for i := range 8 {
			y[15-i] = byte(seq >> (8 * i))
		}
		var list []struct{ F string }
		if err := json.Unmarshal([]byte(fields), &list); err != nil {
			t.Fatal(err)
		}
		if op != "UPDATED" {
			all = append(all, expected{at.UTC(), 1 << 20, y, 0, "RECORD"})
			continue
		}
		for i, f := range list {
			if f.F == "name" || f.F == "employees" || f.F == "industry" {
				all = append(all, expected{at.UTC(), 1 << 20, y, i, "FIELD_CHANGE " + f.F})
			}
		}
	}
	if err := changes.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b expected) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.rank, b.rank), b.id.Compare(a.id), cmp.Compare(a.sub, b.sub))
	})
	out := []string{}
	for _, x := range all {
		out = append(out, x.at.Format("2006-01-02T15:04:05Z")+" "+x.what)
	}
	return out
}

func allOf(t *testing.T, tx *db.Tx, query string, args ...any) []id.ID {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Pages of any size, one after the other, are what a naive merge of all sources gives: also where many entries are of one
// instant, where a page ends in the middle of a write, and when the change log is pruned on the way.
func TestTimeline_pages(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		a, b := e.Make(t, "LifecycleStage", input.Object{"name": "A", "phase": "START"}), e.Make(t, "LifecycleStage", input.Object{"name": "B", "phase": "KEEP"})
		contacts := []id.ID{e.Make(t, "Contact", input.Object{"familyName": "Farouk"}), e.Make(t, "Contact", input.Object{"familyName": "Haddad"})}
		rapid.Check(t, func(rt *rapid.T) {
			x := e.Make(t, "Account", input.Object{"name": "Elm"})
			other := e.Make(t, "Account", input.Object{"name": "Other"})
			n := rapid.IntRange(0, 25).Draw(rt, "writes")
			for i := range n {
				switch rapid.IntRange(0, 6).Draw(rt, "write") {
				case 0, 1:
					e.Make(t, "Note", input.Object{"account": x.String(), "body": "b"})
				case 2:
					e.Change(t, x, input.Object{"name": fmt.Sprint("Elm ", i), "employees": float64(i), "industry": fmt.Sprint(i)})
				case 3:
					stage := a
					if i%2 == 0 {
						stage = b
					}
					e.Change(t, x, input.Object{"lifecycle": stage.String()})
				case 4:
					e.Make(t, "AccountContact", input.Object{"account": x.String(), "contact": contacts[i%2].String(), "fromDate": "2020-01-01", "toDate": "2026-11-" + fmt.Sprint(10+i%3)})
				case 5:
					e.Make(t, "Note", input.Object{"account": other.String(), "body": "b"})
				case 6:
					advanceBy(e, time.Millisecond*time.Duration(rapid.IntRange(0, 1).Draw(rt, "ms"))*1000)
				}
			}
			want := naive(t, e, x)
			var got []string
			vars := farleytest.Vars{"id": x}
			const pages = `query($id: ID!, $first: Int, $after: Cursor) { account(id: $id) { timeline(first: $first, after: $after) { edges { cursor node { id kind at ... on FieldChangeEntry { field } } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`
			ids := map[string]bool{}
			for {
				size := rapid.IntRange(1, 9).Draw(rt, "first")
				vars["first"] = size
				d := ann.Query(t, pages, vars).At("account.timeline")
				edges := d.At("edges")
				for i := range edges.Len() {
					n := edges.At(fmt.Sprintf("%d.node", i))
					got = append(got, strings.TrimSpace(n.At("at").Text()+" "+n.At("kind").Text()+" "+n.At("field").Text()))
					ids[n.At("id").Text()] = true
				}
				if d.At("pageInfo.hasPreviousPage").V != (vars["after"] != nil) {
					rt.Errorf("hasPreviousPage is %v", d.At("pageInfo.hasPreviousPage").V)
				}
				if d.At("pageInfo.hasNextPage").V == true && edges.Len() != size {
					rt.Errorf("a page of %d has %d entries, and there are more", size, edges.Len())
				}
				if d.At("pageInfo.hasNextPage").V != true {
					break
				}
				vars["after"] = d.At("pageInfo.endCursor").Text()
				if rapid.IntRange(0, 5).Draw(rt, "prune") == 0 {
					e.Settle(t)
					if _, err := e.Changes.Prune(t.Context(), e.Clock.Now().Add(-time.Millisecond)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, line := range got {
				got[i] = strings.Replace(line, ".000000", "", 1)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				rt.Errorf("(-naive +pages): %s", diff)
			}
			if len(ids) != len(got) {
				rt.Errorf("%d entries have %d ids", len(got), len(ids))
			}
		})
	})
}

// What was pruned from the change log is told by the trail, without values.
func TestTimeline_pruned(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "INDUSTRY", Level: access.LevelMasked}, {Object: "ACCOUNT", Field: "EMPLOYEES", Level: access.LevelNone}}})
		ann := e.User(t, nil, role)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "industry": "shipbuilding"})
		advanceBy(e, time.Minute)
		e.Change(t, x, input.Object{"name": "Oak", "industry": "shipbreaking yard", "employees": float64(7)})
		advanceBy(e, time.Minute)
		e.Change(t, x, input.Object{"employees": float64(8)})
		advanceBy(e, time.Minute)
		e.Change(t, x, input.Object{"industry": "timber and a yard"}) // as masked as before
		const q = `query($id: ID!) { account(id: $id) { timeline { edges { node { kind at title ... on RecordEntry { op } ... on FieldChangeEntry { old new kept } } } } } }`
		ask := func() []string { return told(ann.Query(t, q, farleytest.Vars{"id": x}).At("account.timeline")) }
		if diff := gocmp.Diff([]string{`22T09:01:00 FIELD_CHANGE name "Elm" > "Oak"`, `22T09:01:00 FIELD_CHANGE industry "••••ng" > "••••rd"`, "22T09:00:00 RECORD CREATED"}, ask()); diff != "" {
			t.Error(diff)
		}
		e.Settle(t)
		if _, err := e.Changes.Prune(t.Context(), e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE record_id = ?", x); n != 0 {
			t.Fatalf("%d changes are left", n)
		}
		if diff := gocmp.Diff([]string{`22T09:01:00 FIELD_CHANGE name null > null gone`, "22T09:00:00 RECORD CREATED"}, ask()); diff != "" {
			t.Error(diff)
		}
	})
}

// As many statements for a list of 20 as for one, and for many entries as for few.
func TestTimeline_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		make1 := func(i int) {
			x := e.Make(t, "Account", input.Object{"name": fmt.Sprint("Elm ", i)})
			ann.Query(t, `mutation($a: ID!, $t: String!) { createNote(input: {account: $a, title: $t, body: "b"}) { note { id } } }`, farleytest.Vars{"a": x, "t": fmt.Sprint("note ", i)})
			advanceBy(e, time.Second)
			e.Change(t, x, input.Object{"name": fmt.Sprint("Oak ", i), "owner": ann.User.String()})
		}
		const q = `query($first: Int) { accounts(first: $first) { nodes { name timeline(first: 3) { edges { node { kind at title actor { displayName } ... on NoteEntry { note { title createdBy { name } } } ... on FieldChangeEntry { old new kept } } } pageInfo { hasNextPage } } } } }`
		statements := func(first int) int { return statementsOf(t, e, ann, q, farleytest.Vars{"first": first}) }
		make1(0)
		one := statements(20)
		for i := range 19 {
			make1(i + 1)
		}
		// The list, the sources, what was merged, the changes, the trail, whom values lead to, actors, titles, notes.
		if many := statements(20); one != 9 || many != 9 {
			t.Errorf("%d statements for one account and %d for 20, want 9", one, many)
		}
		d := ann.Query(t, q, farleytest.Vars{"first": 20}).At("accounts.nodes")
		name := ann.Query(t, `{ viewer { user { name } } }`, nil).At("viewer.user.name").Text()
		for i := range 20 {
			got := told(d.At(fmt.Sprintf("%d.timeline", i)))
			for j := range got {
				_, got[j], _ = strings.Cut(got[j], " ")
			}
			want := []string{fmt.Sprintf(`FIELD_CHANGE name "Elm %d" > "Oak %d"`, i, i), fmt.Sprintf("FIELD_CHANGE owner null > %q", ann.User.String()), fmt.Sprintf("NOTE note %d by %s", i, name)}
			slices.Sort(got)
			slices.Sort(want)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("account %d: %s", i, diff)
			}
		}
	})
}

// An old or new value of a sensitive field is as much a read of it as the present one.
func TestTimeline_sensitiveReads(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "taxNumber": "1"})
		e.Change(t, x, input.Object{"taxNumber": "2"})
		reads := func(document string) int {
			t.Helper()
			ann.Query(t, document, farleytest.Vars{"id": x})
			if err := e.Audit.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			return count(t, e, "SELECT COUNT(*) FROM audit_entries WHERE action = 'SENSITIVE_READ' AND record_id = ? AND fields = 'taxNumber'", x)
		}
		if n := reads(`query($id: ID!) { account(id: $id) { timeline { edges { node { kind title } } } } }`); n != 0 {
			t.Errorf("%d reads are noted where no value was shown", n)
		}
		if n := reads(`query($id: ID!) { account(id: $id) { timeline { edges { node { ... on FieldChangeEntry { old } } } } } }`); n != 1 {
			t.Errorf("%d reads are noted, want 1", n)
		}
	})
}

// Timelines and summaries stand in the payloads of mutations, without the mutation's own change, and in events, with it.
func TestTimeline_inPayloadsAndEvents(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		const update = `mutation($id: ID!, $dry: Boolean) { updateAccount(id: $id, input: {name: "Oak"}, dryRun: $dry) { account { summary { notes } timeline(first: 1) { edges { node { kind ... on FieldChangeEntry { old new kept } } } pageInfo { hasNextPage } } } } }`
		const node = `"timeline":{"edges":[{"node":{"kept":true,"kind":"FIELD_CHANGE","new":"Oak","old":"Elm"}}],"pageInfo":{"hasNextPage":true}}`
		s := ann.Subscribe(t, `subscription($id: ID!) { accountChanged(where: {id: {eq: $id}}) { op node { timeline(first: 1) { edges { node { kind ... on FieldChangeEntry { old new kept } } } pageInfo { hasNextPage } } } } }`, farleytest.Vars{"id": x})
		for _, dry := range []bool{true, false} {
			advanceBy(e, time.Second)
			got := ann.Query(t, update, farleytest.Vars{"id": x, "dry": dry}).At("updateAccount").JSON()
			// The change row is written when the transaction ends, so a payload shows what was before.
			if want := `{"account":{"summary":{"notes":0},"timeline":{"edges":[{"node":{"kind":"RECORD"}}],"pageInfo":{"hasNextPage":false}}}}`; got != want {
				t.Errorf("dry run %v: %s, want %s", dry, got, want)
			}
		}
		event := s.Event(t).At("accountChanged")
		if event.At("op").Text() == "CREATED" { // what came before the subscription may still have been on its way
			event = s.Event(t).At("accountChanged")
		}
		if got, want := event.JSON(), `{"node":{`+node+`},"op":"UPDATED"}`; got != want {
			t.Errorf("the event: %s, want %s", got, want)
		}
	})
}

// A list of too many timelines is refused.
func TestTimeline_isBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("500 timelines under the race detector, beside other tests, take longer than an operation may")
	}
	e := farleytest.New(t)
	admin := e.Admin(t)
	add := func(name string, children int) {
		parent := e.Make(t, "Account", input.Object{"name": name})
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO accounts (id, version, created_at, updated_at, name, parent_id)
				WITH RECURSIVE seq(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < ?) SELECT randomblob(16), 1, ?, ?, 'child', ? FROM seq`, children, e.Clock.Now(), e.Clock.Now(), parent)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const q = `{ accounts(where: {name: {eq: "parent"}}) { nodes { children(first: 100) { nodes { timeline(first: 1) { pageInfo { hasNextPage } } } } } } }`
	for range 5 {
		add("parent", 100)
	}
	d := admin.Query(t, q, nil).At("accounts.nodes")
	if d.Len() != 5 || d.At("4.children.nodes").Len() != 100 || d.At("4.children.nodes.99.timeline.pageInfo.hasNextPage").V != false {
		t.Errorf("the timelines of 500 records: %d lists", d.Len())
	}
	add("parent", 1)
	admin.Do(t, q, nil).Want(t, "LIMITED")
}
