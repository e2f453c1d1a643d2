package app_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
)

// planted are texts of one person that are nowhere else, in all forms in which something might keep them.
type planted struct {
	n     int
	forms map[string]string // a form → where it was planted
}

// word plants a text.
func (p *planted) word(where string) string {
	p.n++
	w := fmt.Sprintf("zq%03dxv", p.n)
	p.keep(where, w)
	return w
}

// keep remembers a text with the bytes that order it.
func (p *planted) keep(where, s string) {
	if p.forms == nil {
		p.forms = map[string]string{}
	}
	p.forms[strings.ToLower(s)] = where
	if folded := text.Fold(s); p.forms[folded] == "" {
		p.forms[folded] = where + ", folded"
	}
	if key := text.SortKey(s); len(key) > 8 {
		p.forms[string(key)] = where + ", as a sort key"
	}
}

// native plants a name in Arabic letters.
func (p *planted) native(where string) string {
	p.n++
	letters := []rune("ضظغثذ")
	var b strings.Builder
	b.WriteString("أبو")
	for n := p.n; n > 0; n /= 5 {
		b.WriteRune(letters[n%5])
		b.WriteRune('ش')
	}
	b.WriteString("ؤغظ")
	p.keep(where, b.String())
	return b.String()
}

// phone plants a number, with its digits from both ends.
func (p *planted) phone(where string) string {
	p.n++
	s := fmt.Sprintf("+96650%07d", 7_310_000+p.n*7)
	p.forms[s] = where
	p.forms[s[1:]] = where + ", its digits"
	back := []byte(s[1:])
	slices.Reverse(back)
	p.forms[string(back)] = where + ", its digits backwards"
	return s
}

// fill plants something in every personal field of a kind that can be set.
func (p *planted) fill(k *model.Kind, customKey string) input.Object {
	in := input.Object{}
	for _, f := range k.Fields {
		if !f.Personal || f.Write == model.Never {
			continue
		}
		where := k.Name + "." + f.Name
		switch {
		case f.Name == "nativeName":
			in[f.Name] = p.native(where)
		case f.Type == model.Date:
			p.n++
			day := fmt.Sprintf("19%02d-03-17", 10+p.n%80)
			p.forms[day] = where
			in[f.Name] = day
		case f.Scalar == "Locale":
			in[f.Name] = "ar-SA"
		case f.Scalar == "TimeZone":
			in[f.Name] = "Asia/Riyadh"
		case f.Scalar == "URL":
			in[f.Name] = "https://" + p.word(where) + ".example/"
		case f.Scalar == "EmailAddress" && f.Type == model.List:
			in[f.Name] = []any{p.word(where) + "@example.com"}
		case f.Scalar == "PhoneNumber" && f.Type == model.List:
			in[f.Name] = []any{p.phone(where)}
		case f.Scalar == "ContactEmail":
			in[f.Name] = []any{map[string]any{"address": p.word(where) + "@example.com", "kind": "WORK", "primary": true}, map[string]any{"address": p.word(where) + "@example.com", "kind": "HOME"}}
		case f.Scalar == "ContactPhone":
			in[f.Name] = []any{map[string]any{"number": p.phone(where), "kind": "WORK", "primary": true}}
		case f.Scalar == "Address":
			in[f.Name] = []any{map[string]any{"kind": "BILLING", "street": p.word(where), "city": p.word(where), "region": p.word(where), "postalCode": p.word(where), "country": "SA", "latitude": 24.5, "longitude": 46.5}}
		case f.Scalar == "SocialProfile":
			in[f.Name] = []any{map[string]any{"network": p.word(where), "handle": p.word(where)}}
		case f.Scalar == "CustomFieldValue":
			in[f.Name] = []any{map[string]any{"key": customKey, "value": p.word(where)}}
		default:
			in[f.Name] = p.word(where)
		}
	}
	return in
}

// found returns the planted forms that are in some bytes, ASCII letters of either case.
func (p *planted) found(content []byte) []string {
	lower := make([]byte, len(content))
	for i, b := range content {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		lower[i] = b
	}
	var out []string
	for form, where := range p.forms {
		if bytes.Contains(lower, []byte(form)) || bytes.Contains(content, []byte(form)) {
			out = append(out, where)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// tables walks over every column of every table, and returns what is found where.
func (p *planted) tables(t *testing.T, e *farleytest.Env) map[string][]string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	out := map[string][]string{}
	for _, name := range tableNames(t, e, tx) {
		rows, err := tx.QueryContext(t.Context(), "SELECT * FROM `"+name+"`")
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				var b []byte
				switch v := v.(type) {
				case nil:
					continue
				case []byte:
					b = v
				default:
					b = fmt.Append(nil, v)
				}
				for _, where := range p.found(b) {
					at := name + "." + columns[i]
					if !slices.Contains(out[where], at) {
						out[where] = append(out[where], at)
					}
				}
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func tableNames(t *testing.T, e *farleytest.Env, tx *db.Tx) []string {
	t.Helper()
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
	if e.DB.Dialect == db.SQLite {
		query = "SELECT name FROM sqlite_master WHERE type = 'table'"
	}
	rows, err := tx.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// files returns what is found in the bytes of the files of SQLite.
func (p *planted) files(t *testing.T, e *farleytest.Env) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	if e.DB.Dialect != db.SQLite {
		return out
	}
	u, err := url.Parse(e.DB.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-journal"} {
		content, err := os.ReadFile(u.Path + end)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if found := p.found(content); len(found) > 0 {
			out["farley.db"+end] = found
		}
	}
	return out
}

// person is somebody of whom everything is known.
type person struct {
	planted
	contact, lead, user, account id.ID
	own                          []id.ID         // records about the person
	made                         farleytest.Vars // the request that made the contact
}

const (
	makePerson     = `mutation($x: ExternalRefInput!, $in: UpdateContactInput!, $k: String) { upsertContact(external: $x, input: $in, idempotencyKey: $k) { created contact { id displayName familyName emails { address } } } }`
	eraseDocument  = `mutation Erase($in: ErasePersonalDataInput!, $v: Int, $dry: Boolean, $k: String) { erasePersonalData(input: $in, expectedVersion: $v, dryRun: $dry, idempotencyKey: $k) { contact { id displayName erasedAt emails { address } version } lead { displayName } account { name } records { object count } job { kind state } } }`
	exportDocument = `query Export($c: ID, $l: ID, $a: ID, $n: Cursor) { exportPersonalData(contact: $c, lead: $l, account: $a, after: $n) { format madeAt document complete next } }`
)

// somebody fills every place that takes texts with texts of one person, and changes them once, so that there is history.
func somebody(t *testing.T, e *farleytest.Env, admin *farleytest.Client) *person {
	t.Helper()
	p := &person{}
	p.forms = map[string]string{}
	e.Make(t, "CustomField", input.Object{"object": "CONTACT", "key": "hobby", "label": "Hobby", "type": "TEXT"})
	e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": "hobby", "label": "Hobby", "type": "TEXT"})
	ids := func(document, path string, vars farleytest.Vars) id.ID {
		t.Helper()
		x := admin.Query(t, document, vars).At(path).ID()
		if x.IsZero() {
			t.Fatalf("%s made nothing", document)
		}
		return x
	}
	set := e.Set
	create := func(kind string, in input.Object) id.ID {
		t.Helper()
		k := set.Kind(kind)
		x := ids("mutation($in: Create"+kind+"Input!) { create"+kind+"(input: $in) { "+k.Single+" { id } } }", "create"+kind+"."+k.Single+".id", farleytest.Vars{"in": in})
		p.own = append(p.own, x)
		return x
	}
	update := func(kind string, x id.ID, in input.Object) {
		t.Helper()
		k := set.Kind(kind)
		admin.Query(t, "mutation($id: ID!, $in: Update"+kind+"Input!) { update"+kind+"(id: $id, input: $in) { "+k.Single+" { id } } }", farleytest.Vars{"id": x, "in": in})
	}
	k := set.Kind("Contact")
	p.made = farleytest.Vars{"x": map[string]any{"system": "sap", "id": p.word("the key of an outside system")}, "in": p.fill(k, "hobby"), "k": "create " + p.word("an idempotency key")}
	p.contact = ids(makePerson, "upsertContact.contact.id", p.made)
	update("Contact", p.contact, p.fill(k, "hobby"))
	contact := p.contact.String()
	p.account = create("Account", input.Object{"name": "Elm"})
	other := e.Make(t, "Contact", input.Object{"familyName": "Bystander"})

	p.lead = create("Lead", p.fill(set.Kind("Lead"), "hobby"))
	update("Lead", p.lead, p.fill(set.Kind("Lead"), "hobby"))
	create("Note", input.Object{"lead": p.lead, "title": p.word("Note.title of the lead"), "body": p.word("Note.body of the lead")})
	create("Consent", input.Object{"lead": p.lead, "channel": "EMAIL", "purpose": "MARKETING", "status": "GRANTED", "source": p.word("Consent.source of the lead"), "evidence": p.word("Consent.evidence of the lead")})
	admin.Query(t, `mutation($l: ID!, $c: ID!) { convertLead(input: {lead: $l, contact: {link: $c}}) { lead { id } } }`, farleytest.Vars{"l": p.lead, "c": p.contact})
	create("Note", input.Object{"lead": p.lead, "title": p.word("Note.title of the converted lead"), "body": p.word("Note.body of the converted lead")})

	note := create("Note", input.Object{"contact": contact, "title": p.word("Note.title"), "body": p.word("Note.body")})
	update("Note", note, input.Object{"title": p.word("Note.title"), "body": p.word("Note.body")})
	gone := create("Note", input.Object{"contact": contact, "body": p.word("Note.body in the bin")})
	bin(t, admin, "Note", gone)
	consent := create("Consent", input.Object{"contact": contact, "channel": "LOCATION", "purpose": "SERVICE", "status": "GRANTED", "source": p.word("Consent.source"), "evidence": p.word("Consent.evidence"), "remarks": p.word("Consent.remarks")})
	update("Consent", consent, input.Object{"remarks": p.word("Consent.remarks")})
	for range 3 {
		create("LocationEvent", input.Object{"contact": contact, "latitude": 24.7136, "longitude": 46.6753, "seenAt": farleytest.Start, "source": p.word("LocationEvent.source")})
	}
	create("Preference", input.Object{"contact": contact, "topic": p.word("Preference.topic"), "product": p.word("Preference.product"), "source": p.word("Preference.source")})
	need := create("Need", input.Object{"contact": contact, "topic": p.word("Need.topic"), "detail": p.word("Need.detail"), "product": p.word("Need.product"), "source": p.word("Need.source")})
	update("Need", need, input.Object{"detail": p.word("Need.detail")})
	create("Relationship", input.Object{"fromContact": contact, "toContact": other, "type": "SPOUSE", "label": p.word("Relationship.label"), "remarks": p.word("Relationship.remarks")})
	create("AccountContact", input.Object{"account": p.account, "contact": contact, "role": p.word("AccountContact.role")})
	create("Share", input.Object{"record": contact, "grantee": admin.User, "level": "READ", "reason": p.word("Share.reason")})
	tag := e.Make(t, "Tag", input.Object{"name": "VIP"})
	update("Contact", p.contact, input.Object{"tags": []any{tag.String()}})

	p.user = e.Make(t, "User", input.Object{"email": p.word("User.email") + "@example.com", "name": p.word("User.name"), "kind": "PORTAL", "contact": contact, "locale": "en"})
	if _, err := e.Auth.Begin(t.Context(), p.user, p.word("the name of a device")); err != nil {
		t.Fatal(err)
	}
	admin.Query(t, `mutation($u: ID!) { inviteUser(input: {user: $u}) { user { id } } }`, farleytest.Vars{"u": p.user})
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := e.Mail.Send(ctx, tx, identity.InvitePurpose, p.user, map[string]string{"greeting": p.word("the data of a mail")}); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO outside_identities (issuer, subject, user_id, linked_at) VALUES (?, ?, ?, ?)", "https://id.example", p.word("the subject of an outside issuer"), p.user, farleytest.Start)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.own = append(p.own, p.contact, p.lead, p.user)
	// A read of something sensitive, and a look for the person.
	admin.Query(t, `query Birthday($c: ID!) { contact(id: $c) { birthday gender } }`, farleytest.Vars{"c": p.contact})
	e.Index(t)
	return p
}

// run runs all jobs that are due.
func run(t *testing.T, e *farleytest.Env) int {
	t.Helper()
	n, err := e.Jobs.CatchUp(t.Context(), 1000, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counted are the tables whose rows stay when somebody is erased.
var counted = []string{"contacts", "leads", "accounts", "users", "notes", "consents", "account_contacts", "relationships", "stage_histories", "tags"}

func counts(t *testing.T, e *farleytest.Env) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, table := range counted {
		out[table] = count(t, e, "SELECT COUNT(*) FROM `"+table+"`")
	}
	return out
}

func TestErasure_leavesNoTrace(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, log := logging(t, d)
		admin := e.Admin(t)
		legal, rep := shipped(t, e, "legal", nil), shipped(t, e, "sales_rep", nil)
		for i := range 300 { // others, whose pages lie around
			e.Make(t, "Contact", input.Object{"familyName": fmt.Sprintf("Neighbour %d", i), "description": strings.Repeat("n", i*7)})
		}
		start := admin.Cursor(t)
		p := somebody(t, e, admin)
		for i := range 300 {
			e.Make(t, "Contact", input.Object{"familyName": fmt.Sprintf("Later %d", i), "description": strings.Repeat("l", i*5)})
		}
		e.Index(t)
		before := p.tables(t, e)
		for form, where := range p.forms {
			if len(before[where]) == 0 && !strings.Contains(where, "sort key") && !strings.Contains(where, "digits") && where != "an idempotency key" && !strings.HasSuffix(where, "folded") {
				t.Errorf("%s (%q) is nowhere: the test would prove nothing of it", where, form)
			}
		}
		if at := before["an idempotency key"]; len(at) > 0 {
			t.Errorf("an idempotency key is kept as it came, in %v", at)
		}
		if d.Dialect == db.SQLite && len(p.files(t, e)) == 0 {
			t.Error("the bytes of the files hold nothing: the test would prove nothing of them")
		}
		rowsBefore, changesBefore := counts(t, e), count(t, e, "SELECT COUNT(*) FROM changes")
		for _, w := range []string{p.formAt("Contact.familyName"), p.formAt("Note.body")} {
			if n := admin.Query(t, `query($q: String!) { search(query: $q) { edges { score } } }`, farleytest.Vars{"q": w}).At("search.edges").Len(); n == 0 {
				t.Errorf("%q is not found before", w)
			}
		}

		in := farleytest.Vars{"in": input.Object{"contact": p.contact, "reason": "REQUEST"}}
		rep.Do(t, eraseDocument, in).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, eraseDocument, in).Want(t, "UNAUTHENTICATED")
		dry := legal.Query(t, eraseDocument, farleytest.Vars{"in": in["in"], "dry": true}).At("erasePersonalData")
		want := `[{"count":1,"object":"CONTACT"},{"count":1,"object":"ACCOUNT_CONTACT"},{"count":4,"object":"NOTE"},{"count":1,"object":"LEAD"},{"count":1,"object":"RELATIONSHIP"},{"count":1,"object":"PREFERENCE"},{"count":1,"object":"NEED"},{"count":2,"object":"CONSENT"},{"count":3,"object":"LOCATION_EVENT"},{"count":1,"object":"USER"},{"count":1,"object":"SHARE"}]`
		if diff := cmp.Diff(want, dry.At("records").JSON()); diff != "" {
			t.Error(diff)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changesBefore || dry.At("job").V != nil {
			t.Errorf("a dry run wrote %d changes, job %s", n-changesBefore, dry.At("job").JSON())
		}

		got := legal.Query(t, eraseDocument, in).At("erasePersonalData")
		if got.At("contact.displayName").Text() != "Erased person" || got.At("contact.emails").Len() != 0 || got.At("contact.erasedAt").Text() == "" || got.At("job.kind").Text() != "erasure" {
			t.Errorf("the answer: %s", got.JSON())
		}
		run(t, e)
		e.Index(t)
		if left := p.tables(t, e); len(left) > 0 {
			for _, where := range slices.Sorted(maps.Keys(left)) {
				t.Errorf("%s is left in %v", where, left[where])
			}
		}
		if left := p.files(t, e); len(left) > 0 {
			t.Errorf("the bytes of files hold %v", left)
		}
		if left := p.found([]byte(log.String())); len(left) > 0 {
			t.Errorf("the log tells %v", left)
		}
		if diff := cmp.Diff(rowsBefore, counts(t, e)); diff != "" {
			t.Errorf("the numbers of records differ: %s", diff)
		}
		for _, table := range []string{"location_events", "needs", "preferences", "shares", "taggings"} {
			if n := count(t, e, "SELECT COUNT(*) FROM `"+table+"`"); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
		inOrder(t, e)
		toldNothing(t, e, admin, start, p)
		never(t, e, admin, p)
	})
}

// formAt returns the last form that was planted somewhere.
func (p *planted) formAt(where string) string {
	last := ""
	for form, at := range p.forms {
		if at == where && form > last {
			last = form
		}
	}
	return last
}

// inOrder checks that the feed has every position once, and the versions of every record in rising order.
func inOrder(t *testing.T, e *farleytest.Env) {
	t.Helper()
	rows, err := e.Changes.After(t.Context(), nil, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[id.ID]int64{}
	for i, r := range rows {
		if r.Position != int64(i+1) {
			t.Fatalf("the position %d follows %d", r.Position, i)
		}
		if r.Version < versions[r.Record] {
			t.Errorf("%s: version %d follows %d", r.Record, r.Version, versions[r.Record])
		}
		versions[r.Record] = r.Version
	}
}

// toldNothing checks that whoever reads the feed from before hears of everything, and nothing of what was erased.
func toldNothing(t *testing.T, e *farleytest.Env, c *farleytest.Client, after string, p *person) {
	t.Helper()
	ops := map[string]int{}
	s := c.Subscribe(t, `subscription($c: Cursor) { contactChanged(after: $c) { op recordId changedFields node { displayName givenName nativeName emails { address } notes { nodes { title body } } } } }`, farleytest.Vars{"c": after})
	for ops["ERASED"] == 0 {
		event := s.Event(t).At("contactChanged")
		if found := p.found([]byte(event.JSON())); len(found) > 0 {
			t.Errorf("a stream tells %v: %s", found, event.JSON())
		}
		if event.At("recordId").ID() == p.contact {
			ops[event.At("op").Text()]++
		}
	}
	s.Close()
	erased := map[string]bool{}
	for cursor, more := after, true; more; {
		r := c.Do(t, `query($c: Cursor!) { changes(after: $c, first: 1000) { edges { cursor node { op recordId changedFields node { __typename id ... on Contact { displayName familyName } ... on Note { title body } ... on Lead { displayName emails } ... on User { email name } } } } pageInfo { hasNextPage endCursor } } }`, farleytest.Vars{"c": cursor}).Want(t, "")
		if found := p.found([]byte(r.Raw)); len(found) > 0 {
			t.Errorf("the feed tells %v", found)
		}
		d := farleytest.Data{V: r.Data}.At("changes")
		edges, _ := d.At("edges").V.([]any)
		for i := range edges {
			if edge := d.At(fmt.Sprintf("edges.%d.node", i)); edge.At("op").Text() == "ERASED" {
				erased[edge.At("recordId").Text()] = true
			}
		}
		more = d.At("pageInfo.hasNextPage").V == true
		cursor = d.At("pageInfo.endCursor").Text()
	}
	for _, x := range []id.ID{p.contact, p.lead, p.user} {
		if !erased[x.String()] {
			t.Errorf("the feed does not tell that %s was erased", x)
		}
	}
}

// never checks that nothing brings back what was erased.
func never(t *testing.T, e *farleytest.Env, admin *farleytest.Client, p *person) {
	t.Helper()
	admin.Do(t, `mutation($c: ID!) { updateContact(id: $c, input: {familyName: "Back"}) { contact { id } } }`, farleytest.Vars{"c": p.contact}).Want(t, "CONFLICT")
	admin.Do(t, `mutation($c: ID!) { createNote(input: {contact: $c, body: "Back"}) { note { id } } }`, farleytest.Vars{"c": p.contact}).Want(t, "CONFLICT")
	admin.Do(t, `mutation($c: ID!) { createNeed(input: {contact: $c, topic: "Back"}) { need { id } } }`, farleytest.Vars{"c": p.contact}).Want(t, "CONFLICT")
	admin.Query(t, `mutation($c: ID!) { updateContact(id: $c, input: {doNotContact: true}) { contact { id } } }`, farleytest.Vars{"c": p.contact})
	bin(t, admin, "Contact", p.contact)
	d := admin.Query(t, `mutation($c: ID!) { restoreContact(id: $c) { contact { displayName familyName notes { nodes { body } } } } }`, farleytest.Vars{"c": p.contact}).At("restoreContact.contact")
	if want := `{"displayName":"Erased person","familyName":null,"notes":{"nodes":[{"body":"Erased"},{"body":"Erased"}]}}`; d.JSON() != want {
		t.Errorf("taken out of the bin: %s, want %s", d.JSON(), want)
	}
	// The request that made the person, repeated under its key, is answered and writes nothing.
	replayed := admin.Query(t, makePerson, p.made).At("upsertContact.contact")
	if want := fmt.Sprintf(`{"displayName":"Erased person","emails":[],"familyName":null,"id":%q}`, p.contact); replayed.JSON() != want {
		t.Errorf("repeated under its key: %s, want %s", replayed.JSON(), want)
	}
	if left := p.tables(t, e); len(left) > 0 {
		t.Errorf("repeated under its key, the request brings back %v", left)
	}
	// The key of the outside system is free: the same person is a new record.
	p.made["k"] = "another key"
	again := admin.Query(t, makePerson, p.made).At("upsertContact")
	if again.At("created").V != true || again.At("contact.id").ID() == p.contact {
		t.Errorf("the same person again: %s", again.JSON())
	}
	if n := count(t, e, "SELECT COUNT(*) FROM external_refs WHERE record_id = ?", p.contact); n != 0 {
		t.Errorf("%d keys of outside systems lead to the erased record", n)
	}
	user := admin.Query(t, `query($u: ID!) { user(id: $u) { active name email } }`, farleytest.Vars{"u": p.user}).At("user")
	if user.At("active").V != false || user.At("name").Text() != "Erased person" || !strings.HasSuffix(user.At("email").Text(), "@erased.invalid") {
		t.Errorf("the user: %s", user.JSON())
	}
	if n := count(t, e, "SELECT COUNT(*) FROM sessions WHERE user_id = ? AND revoked_at IS NULL", p.user); n != 0 {
		t.Errorf("%d sessions go on", n)
	}
	if n := count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind = 'mail' AND state = 'WAITING'"); n != 0 {
		t.Errorf("%d mails wait", n)
	}
}

// A person of whom two records were made, and merged, is erased whole: what the lost record was told, and what hung on it. Until
// then the survivor's timeline tells of both.
func TestErasure_reachesWhatWasMerged(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, log := logging(t, d)
		admin, legal := e.Admin(t), shipped(t, e, "legal", nil)
		e.Make(t, "CustomField", input.Object{"object": "CONTACT", "key": "hobby", "label": "Hobby", "type": "TEXT"})
		p := &planted{forms: map[string]string{}}
		k := e.Set.Kind("Contact")
		var ids []id.ID
		for range 3 {
			x := admin.Query(t, `mutation($in: CreateContactInput!) { createContact(input: $in, onDuplicate: ALLOW) { contact { id } } }`, farleytest.Vars{"in": p.fill(k, "hobby")}).At("createContact.contact.id").ID()
			e.Clock.Advance(e.Clock.Now().Add(time.Minute))
			admin.Query(t, `mutation($id: ID!, $in: UpdateContactInput!) { updateContact(id: $id, input: $in) { contact { id } } }`, farleytest.Vars{"id": x, "in": p.fill(k, "hobby")})
			admin.Query(t, `mutation($in: CreateNoteInput!) { createNote(input: $in) { note { id } } }`, farleytest.Vars{"in": input.Object{"contact": x.String(), "body": p.word("Note.body")}})
			ids = append(ids, x)
			e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		}
		// One after the other, so that the first leads to the survivor over two steps.
		survivor := ids[2]
		for i := range 2 {
			admin.Query(t, `mutation($in: MergeContactsInput!) { mergeContacts(input: $in) { contact { id } } }`, farleytest.Vars{"in": input.Object{"survivor": ids[i+1].String(), "losers": idList(ids[i])}})
		}
		entries := admin.Query(t, `query($id: ID!) { contact(id: $id) { timeline(first: 100) { edges { node { kind ... on FieldChangeEntry { field } } } } } }`, farleytest.Vars{"id": survivor}).At("contact.timeline.edges")
		notes, names := 0, 0
		for i := range entries.Len() {
			switch node := entries.At(strconv.Itoa(i) + ".node"); {
			case node.At("kind").Text() == "NOTE":
				notes++
			case node.At("field").Text() == "familyName":
				names++
			}
		}
		if notes != 3 || names < 3 {
			t.Errorf("the timeline tells of %d notes and %d changes of the name: %s", notes, names, entries.JSON())
		}
		if len(p.tables(t, e)) == 0 {
			t.Fatal("nothing is planted: the test would prove nothing")
		}
		legal.Query(t, eraseDocument, farleytest.Vars{"in": input.Object{"contact": survivor.String(), "reason": "REQUEST"}})
		run(t, e)
		e.Index(t)
		left := p.tables(t, e)
		for _, where := range slices.Sorted(maps.Keys(left)) {
			t.Errorf("%s is left in %v", where, left[where])
		}
		if left := p.files(t, e); len(left) > 0 {
			t.Errorf("the bytes of files hold %v", left)
		}
		if left := p.found([]byte(log.String())); len(left) > 0 {
			t.Errorf("the log tells %v", left)
		}
	})
}

// What was written about a private person's deals and activities goes with the person, notes on them included.
func TestErasure_ofDealsAndActivities(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, _ := logging(t, d)
		s := newSelling(t, e)
		admin, legal := e.Admin(t), shipped(t, e, "legal", nil)
		p := &planted{forms: map[string]string{}}
		firm := s.account(t, "Elm", nil)
		person := s.account(t, p.word("Account.name"), input.Object{"customerType": "PERSON"})
		deal := s.deal(t, person, input.Object{"name": p.word("Opportunity.name"), "nextStep": p.word("Opportunity.nextStep"), "description": p.word("Opportunity.description")})
		e.Make(t, "Note", input.Object{"opportunity": deal.String(), "body": p.word("Note.body of a deal")})
		call := e.Make(t, "Activity", input.Object{"kind": "CALL", "subject": p.word("Activity.subject"), "result": p.word("Activity.result"), "account": person.String()})
		e.Make(t, "Note", input.Object{"activity": call.String(), "body": p.word("Note.body of an activity")})
		other := s.deal(t, firm, input.Object{"name": "Cold rooms"})
		e.Make(t, "Note", input.Object{"opportunity": other.String(), "body": "stays"})
		if before := p.tables(t, e); len(before) < 7 {
			t.Fatalf("only %d texts are planted: the test would prove little", len(before))
		}
		legal.Query(t, `mutation($in: ErasePersonalDataInput!) { erasePersonalData(input: $in) { account { id } } }`, farleytest.Vars{"in": input.Object{"account": person.String(), "reason": "REQUEST"}})
		run(t, e)
		e.Index(t)
		left := p.tables(t, e)
		for _, where := range slices.Sorted(maps.Keys(left)) {
			t.Errorf("%s is left in %v", where, left[where])
		}
		if left := p.files(t, e); len(left) > 0 {
			t.Errorf("the bytes of files hold %v", left)
		}
		got := admin.Query(t, `query($id: ID!) { opportunity(id: $id) { name notes { nodes { body } } } }`, farleytest.Vars{"id": other}).At("opportunity").JSON()
		if got != `{"name":"Cold rooms","notes":{"nodes":[{"body":"stays"}]}}` {
			t.Errorf("somebody else's deal: %s", got)
		}
	})
}
