package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/seed"
)

// shipped makes a user with one of the shipped roles.
func shipped(t *testing.T, e *farleytest.Env, role string, extra input.Object) *farleytest.Client {
	t.Helper()
	r := seed.Roles(e.Set)[role]
	r.Name = "" // the harness finds a free one
	return e.User(t, extra, e.Role(t, r))
}

// salesTeam makes a team with two people who sell.
func salesTeam(t *testing.T, e *farleytest.Env) (team id.ID, ann, bob *farleytest.Client) {
	t.Helper()
	team = e.Make(t, "Team", input.Object{"name": "Sales"})
	in := input.Object{"team": team.String()}
	return team, shipped(t, e, "sales_rep", in), shipped(t, e, "sales_rep", in)
}

const updateLead = `mutation($id: ID!, $in: UpdateLeadInput!) { updateLead(id: $id, input: $in) { lead { status version } } }`

// Every pair of statuses, against the steps that the description of the field promises.
func TestLead_steps(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		allowed := map[string]string{
			"NEW": "WORKING QUALIFIED DISQUALIFIED", "WORKING": "NEW QUALIFIED DISQUALIFIED", "QUALIFIED": "WORKING DISQUALIFIED", "DISQUALIFIED": "NEW WORKING",
		}
		doc := e.Set.Kind("Lead").Field("status").Doc
		for from, list := range allowed {
			words := strings.Fields(list)
			told := "rom " + from + " to " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
			if !strings.Contains(doc, told) {
				t.Errorf("the description does not say %q", told)
			}
			for _, to := range e.Set.Kind("Lead").Field("status").Values {
				in := input.Object{"company": "Elm", "status": from, "owner": ann.User.String()}
				if from == "DISQUALIFIED" {
					in["statusReason"] = "r"
				}
				x := e.Make(t, "Lead", in)
				want := "CONFLICT"
				if from == to || slices.Contains(words, to) {
					want = ""
				}
				r := ann.Do(t, updateLead, farleytest.Vars{"id": x, "in": input.Object{"status": to, "statusReason": "r"}})
				if got := strings.Join(r.Codes(), " "); got != want {
					t.Errorf("from %s to %s: %s, want %s", from, to, r.Raw, want)
				}
			}
		}
		const create = `mutation($in: CreateLeadInput!) { createLead(input: $in) { lead { id } } }`
		ann.Do(t, create, farleytest.Vars{"in": input.Object{"company": "Oak", "status": "CONVERTED"}}).Want(t, "CONFLICT")
		r := ann.Do(t, create, farleytest.Vars{"in": input.Object{"status": "DISQUALIFIED"}}).Want(t, "INVALID")
		got := r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"input.company REQUIRED", "input.statusReason REQUIRED"}, got); diff != "" {
			t.Error(diff)
		}
		x := ann.Query(t, create, farleytest.Vars{"in": input.Object{"company": "Ash", "status": "DISQUALIFIED", "statusReason": "no money"}}).At("createLead.lead.id").ID()
		r = ann.Do(t, updateLead, farleytest.Vars{"id": x, "in": input.Object{"statusReason": nil}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.statusReason REQUIRED"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}

const takeLead = `mutation($l: ID!, $dry: Boolean, $v: Int) { takeLead(input: {lead: $l}, dryRun: $dry, expectedVersion: $v) { lead { owner { id } queued version } } }`

func TestLead_queue(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		stranger := shipped(t, e, "sales_rep", nil)
		auditor := shipped(t, e, "auditor", nil)
		const create = `mutation($in: CreateLeadInput!) { createLead(input: $in) { lead { id owner { id } queued } } }`
		d := ann.Query(t, create, farleytest.Vars{"in": input.Object{"company": "Elm", "queued": true}}).At("createLead.lead")
		x := d.At("id").ID()
		if want := fmt.Sprintf(`{"id":%q,"owner":null,"queued":true}`, x); d.JSON() != want {
			t.Errorf("queued: %s, want %s", d.JSON(), want)
		}
		r := stranger.Do(t, create, farleytest.Vars{"in": input.Object{"company": "Oak", "queued": true, "owner": stranger.User.String()}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.owner FORMAT", "input.team REQUIRED"}, r.Violations()); diff != "" {
			t.Error(diff)
		}

		stranger.Do(t, takeLead, farleytest.Vars{"l": x}).Want(t, "NOT_FOUND")
		auditor.Do(t, takeLead, farleytest.Vars{"l": x}).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, takeLead, farleytest.Vars{"l": x}).Want(t, "UNAUTHENTICATED")
		bob.Do(t, takeLead, farleytest.Vars{"l": x, "v": 7}).Want(t, "CONFLICT")
		bob.Do(t, takeLead, farleytest.Vars{"l": ann.User}).Want(t, "INVALID")
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		taken := func(c *farleytest.Client) string {
			return fmt.Sprintf(`{"owner":{"id":%q},"queued":false,"version":2}`, c.User)
		}
		if got := bob.Query(t, takeLead, farleytest.Vars{"l": x, "dry": true}).At("takeLead.lead").JSON(); got != taken(bob) {
			t.Errorf("a dry run gives %s", got)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Error("a dry run is told")
		}
		if got := bob.Query(t, takeLead, farleytest.Vars{"l": x}).At("takeLead.lead").JSON(); got != taken(bob) {
			t.Errorf("taken: %s", got)
		}
		ann.Do(t, takeLead, farleytest.Vars{"l": x}).Want(t, "CONFLICT")

		// Putting it back takes the owner away, and making somebody the owner takes it out.
		const put = `mutation($id: ID!, $in: UpdateLeadInput!) { updateLead(id: $id, input: $in) { lead { owner { id } queued } } }`
		if got := bob.Query(t, put, farleytest.Vars{"id": x, "in": input.Object{"queued": true}}).At("updateLead.lead").JSON(); got != `{"owner":null,"queued":true}` {
			t.Errorf("put back: %s", got)
		}
		if got, want := ann.Query(t, put, farleytest.Vars{"id": x, "in": input.Object{"owner": ann.User.String()}}).At("updateLead.lead").JSON(), fmt.Sprintf(`{"owner":{"id":%q},"queued":false}`, ann.User); got != want {
			t.Errorf("given: %s", got)
		}

	})
}

// Two who take a lead at once: one has it, the other is told.
func TestTakeLead_twiceAtOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		x := e.Make(t, "Lead", input.Object{"company": "Elm", "queued": true, "team": team.String()})
		want := []string{"", "CONFLICT"}
		if diff := cmp.Diff(want, atOnce(t, func(c *farleytest.Client) *farleytest.Response {
			return c.Do(t, takeLead, farleytest.Vars{"l": x})
		}, ann, bob)); diff != "" {
			t.Error(diff)
		}
	})
}

// atOnce runs an operation of each client at the same time and returns the codes of their answers, sorted.
func atOnce(t *testing.T, do func(*farleytest.Client) *farleytest.Response, clients ...*farleytest.Client) []string {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	var codes []string
	for _, c := range clients {
		all.Go(func() {
			r := do(c)
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, strings.Join(r.Codes(), " "))
		})
	}
	all.Wait()
	slices.Sort(codes)
	return codes
}

const convertLead = `mutation($in: ConvertLeadInput!, $dup: OnDuplicate, $dry: Boolean, $key: String, $v: Int) {
	convertLead(input: $in, onDuplicate: $dup, dryRun: $dry, idempotencyKey: $key, expectedVersion: $v) {
		lead { status queued convertedAt convertedBy { id } convertedAccount { id } convertedContact { id } version }
		account { id name website industry employees annualRevenue { amount currency } emails phones city source owner { id } team { id } tags { nodes { name } } customFields { key value }
			notes { nodes { title lead { id } } } leads { nodes { id } } }
		contact { id displayName title primaryEmail primaryPhone phones { number primary } addresses { city } tags { nodes { name } } accountContacts { nodes { account { id } isPrimary } } leads { nodes { id } } }
		accountDuplicates { score account { id } } contactDuplicates { contact { id } }
	} }`

func TestConvertLead(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		tag := e.Make(t, "Tag", input.Object{"name": "Fair 2026"})
		for _, object := range []string{"LEAD", "ACCOUNT"} {
			e.Make(t, "CustomField", input.Object{"object": object, "key": "size", "label": "Size", "type": "TEXT"})
		}
		e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": "only", "label": "Only here", "type": "TEXT"})
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "other", "label": "Other type", "type": "NUMBER"})
		e.Make(t, "CustomField", input.Object{"object": "LEAD", "key": "other", "label": "Other type", "type": "TEXT"})
		value := func(key string) any { return map[string]any{"key": key, "value": "v " + key} }
		x := e.Make(t, "Lead", input.Object{
			"givenName": "Lina", "familyName": "Farouk", "company": "Cancity", "title": "Buyer", "emails": []any{"lina@cancity.example"},
			"phones": []any{"+966112003000", "+966501234567"}, "website": "https://cancity.example", "industry": "Food", "employees": float64(40),
			"annualRevenue": map[string]any{"amount": "1200.50", "currency": "SAR"}, "source": "Fair", "addresses": []any{map[string]any{"city": "Riyadh", "country": "SA"}},
			"owner": bob.User.String(), "team": team.String(), "tags": []any{tag.String()}, "customFields": []any{value("size"), value("only"), value("other")},
		})
		e.Make(t, "Note", input.Object{"lead": x.String(), "title": "first call", "body": "b"})
		in := input.Object{"lead": x, "account": input.Object{"create": input.Object{"name": "Cancity Ltd", "source": nil}}, "contact": input.Object{"create": input.Object{}}}

		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		dry := ann.Query(t, convertLead, farleytest.Vars{"in": in, "dry": true, "key": "k"}).At("convertLead")
		if dry.At("account.name").Text() != "Cancity Ltd" || count(t, e, "SELECT COUNT(*) FROM accounts")+count(t, e, "SELECT COUNT(*) FROM contacts") != 0 || count(t, e, "SELECT COUNT(*) FROM changes") != changes {
			t.Errorf("a dry run gives %s, or keeps something", dry.JSON())
		}
		ann.Do(t, convertLead, farleytest.Vars{"in": in, "v": 9}).Want(t, "CONFLICT")

		first := ann.Query(t, convertLead, farleytest.Vars{"in": in, "key": "k"}).At("convertLead")
		account, contact := first.At("account.id").ID(), first.At("contact.id").ID()
		want := fmt.Sprintf(`{"account":{"annualRevenue":{"amount":"1200.50","currency":"SAR"},"city":"Riyadh","customFields":[{"key":"size","value":"v size"}],"emails":["lina@cancity.example"],`+
			`"employees":40,"id":%[1]q,"industry":"Food","leads":{"nodes":[{"id":%[3]q}]},"name":"Cancity Ltd","notes":{"nodes":[{"lead":null,"title":"first call"}]},"owner":{"id":%[4]q},`+
			`"phones":["+966112003000","+966501234567"],"source":null,"tags":{"nodes":[{"name":"Fair 2026"}]},"team":{"id":%[5]q},"website":"https://cancity.example"},"accountDuplicates":[],`+
			`"contact":{"accountContacts":{"nodes":[{"account":{"id":%[1]q},"isPrimary":true}]},"addresses":[{"city":"Riyadh"}],"displayName":"Lina Farouk","id":%[2]q,"leads":{"nodes":[{"id":%[3]q}]},`+
			`"phones":[{"number":"+966112003000","primary":true},{"number":"+966501234567","primary":false}],"primaryEmail":"lina@cancity.example","primaryPhone":"+966112003000",`+
			`"tags":{"nodes":[{"name":"Fair 2026"}]},"title":"Buyer"},"contactDuplicates":[],`+
			`"lead":{"convertedAccount":{"id":%[1]q},"convertedAt":"2026-11-22T09:00:00Z","convertedBy":{"id":%[6]q},"convertedContact":{"id":%[2]q},"queued":false,"status":"CONVERTED","version":2}}`,
			account, contact, x, bob.User, team, ann.User)
		if diff := cmp.Diff(want, first.JSON()); diff != "" {
			t.Error(diff)
		}

		// The same request again gives the same outcome; another one finds the lead converted.
		again := ann.Query(t, convertLead, farleytest.Vars{"in": in, "key": "k"}).At("convertLead")
		if diff := cmp.Diff(first.JSON(), again.JSON()); diff != "" {
			t.Error("repeated:", diff)
		}
		ann.Do(t, convertLead, farleytest.Vars{"in": in}).Want(t, "CONFLICT")
		ann.Do(t, convertLead, farleytest.Vars{"in": input.Object{"lead": x, "account": input.Object{"link": account}}, "key": "k"}).Want(t, "IDEMPOTENCY_MISMATCH")

		// What has become of it is for good, but for notes and tags.
		ann.Do(t, updateLead, farleytest.Vars{"id": x, "in": input.Object{"company": "Other"}}).Want(t, "CONFLICT")
		ann.Do(t, updateLead, farleytest.Vars{"id": x, "in": input.Object{"status": "NEW"}}).Want(t, "CONFLICT")
		ann.Query(t, updateLead, farleytest.Vars{"id": x, "in": input.Object{"tags": []any{}}})
		ann.Query(t, `mutation($l: ID!) { createNote(input: {lead: $l, body: "later"}) { note { id } } }`, farleytest.Vars{"l": x})
	})
}

// What cannot be converted, and who may not: nothing is written.
func TestConvertLead_refused(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, _ := salesTeam(t, e)
		stranger, agent := shipped(t, e, "sales_rep", nil), shipped(t, e, "service_agent", nil)
		lead := func(in input.Object) id.ID {
			in["team"] = team.String()
			return e.Make(t, "Lead", in)
		}
		x := lead(input.Object{"familyName": "Farouk", "emails": []any{"lina@cancity.example"}})
		firm := lead(input.Object{"company": "Cancity"})
		lost := lead(input.Object{"company": "Lost", "status": "DISQUALIFIED", "statusReason": "r"})
		hidden := e.Make(t, "Account", input.Object{"name": "Hidden"})
		shown := e.Make(t, "Account", input.Object{"name": "Shown"})
		e.Make(t, "Share", input.Object{"record": shown.String(), "grantee": ann.User.String()})
		same := e.Make(t, "Account", input.Object{"name": "Cancity", "team": team.String()})
		gone := e.Make(t, "Account", input.Object{"name": "Gone", "team": team.String()})
		e.Identity.Invalidate()
		bin(t, e.Admin(t), "Account", gone)
		create := func(in input.Object) input.Object { return input.Object{"create": in} }
		link := func(x id.ID) input.Object { return input.Object{"link": x} }
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		for name, test := range map[string]struct {
			c    *farleytest.Client
			in   input.Object
			dup  string
			want string
		}{
			"out of sight":         {stranger, input.Object{"lead": x, "account": create(input.Object{"name": "A"})}, "WARN", "NOT_FOUND"},
			"no right":             {agent, input.Object{"lead": x, "account": create(input.Object{"name": "A"})}, "WARN", "FORBIDDEN convertLead FORBIDDEN"},
			"nobody":               {e.Anonymous(), input.Object{"lead": x, "account": create(input.Object{"name": "A"})}, "WARN", "UNAUTHENTICATED"},
			"no target":            {ann, input.Object{"lead": x}, "WARN", "INVALID input.account REQUIRED"},
			"not a lead":           {ann, input.Object{"lead": shown, "account": link(same)}, "WARN", "INVALID input.lead FORMAT"},
			"disqualified":         {ann, input.Object{"lead": lost, "account": create(input.Object{})}, "WARN", "CONFLICT"},
			"no name":              {ann, input.Object{"lead": x, "account": create(input.Object{}), "contact": create(input.Object{"locale": "!"})}, "WARN", "INVALID input.account.create.name REQUIRED input.contact.create.locale FORMAT"},
			"no person":            {ann, input.Object{"lead": firm, "contact": create(input.Object{})}, "WARN", "INVALID input.contact.create.familyName REQUIRED"},
			"hidden account":       {ann, input.Object{"lead": x, "account": link(hidden), "contact": create(input.Object{"locale": "!"})}, "WARN", "INVALID input.account.link NOT_FOUND input.contact.create.locale FORMAT"},
			"account in the bin":   {ann, input.Object{"lead": x, "account": link(gone)}, "WARN", "INVALID input.account.link NOT_FOUND"},
			"no account":           {ann, input.Object{"lead": x, "account": link(x)}, "WARN", "INVALID input.account.link FORMAT"},
			"account for reading":  {ann, input.Object{"lead": x, "account": link(shown)}, "WARN", "FORBIDDEN"},
			"it is there already":  {ann, input.Object{"lead": firm, "account": create(input.Object{})}, "REJECT", "DUPLICATE"},
			"owner that is hidden": {ann, input.Object{"lead": x, "account": create(input.Object{"name": "A", "parent": hidden})}, "WARN", "INVALID input.account.create.parent NOT_FOUND"},
		} {
			r := test.c.Do(t, convertLead, farleytest.Vars{"in": test.in, "dup": test.dup})
			if got := strings.TrimSpace(strings.Join(r.Codes(), " ") + " " + strings.Join(r.Violations(), " ")); got != test.want {
				t.Errorf("%s: %q, want %q: %s", name, got, test.want, r.Raw)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Errorf("what was refused left %d changes", n-changes)
		}
		// Exactly one of the two: the schema says so.
		both := ann.Do(t, convertLead, farleytest.Vars{"in": input.Object{"lead": x, "account": input.Object{"create": input.Object{}, "link": same}}})
		if len(both.Codes()) != 1 {
			t.Errorf("both create and link: %s", both.Raw)
		}

		// Linked to what is there; duplicates are named.
		d := ann.Query(t, convertLead, farleytest.Vars{"in": input.Object{"lead": x, "account": link(same)}}).At("convertLead")
		if d.At("account.id").ID() != same || d.At("contact").V != nil || d.At("lead.status").Text() != "CONVERTED" {
			t.Errorf("linked: %s", d.JSON())
		}
		d = ann.Query(t, convertLead, farleytest.Vars{"in": input.Object{"lead": firm, "account": create(input.Object{})}}).At("convertLead")
		if got := d.At("accountDuplicates.0.account.id").ID(); got != same {
			t.Errorf("duplicates: %s", d.JSON())
		}
	})
}

// What the converter may not read on the lead does not come out on the account.
func TestConvertLead_carriesOnlyWhatIsRead(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := withScope("ALL")
		for _, action := range []string{access.Read, access.Update, "CONVERT_LEAD"} {
			role.Permissions = append(role.Permissions, access.Permission{Object: "LEAD", Action: action, Scope: "ALL"})
		}
		role.Fields = []access.FieldLevel{
			{Object: "LEAD", Field: "INDUSTRY", Level: access.LevelNone}, {Object: "ACCOUNT", Field: "EMPLOYEES", Level: access.LevelRead},
		}
		ann := e.User(t, nil, e.Role(t, role))
		x := e.Make(t, "Lead", input.Object{"company": "Elm", "industry": "Secret", "employees": float64(7), "source": "Fair"})
		d := ann.Query(t, `mutation($l: ID!) { convertLead(input: {lead: $l, account: {create: {}}}) { account { name industry employees source } } }`, farleytest.Vars{"l": x})
		if got, want := d.At("convertLead.account").JSON(), `{"employees":null,"industry":null,"name":"Elm","source":"Fair"}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// Two who convert a lead at once make one account.
func TestConvertLead_twiceAtOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		for i := range 3 {
			x := e.Make(t, "Lead", input.Object{"company": fmt.Sprint("Elm ", i), "team": team.String()})
			codes := atOnce(t, func(c *farleytest.Client) *farleytest.Response {
				return c.Do(t, convertLead, farleytest.Vars{"in": input.Object{"lead": x, "account": input.Object{"create": input.Object{}}}})
			}, ann, bob)
			if diff := cmp.Diff([]string{"", "CONFLICT"}, codes); diff != "" {
				t.Error(diff)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM accounts"); n != i+1 {
				t.Errorf("%d accounts, want %d", n, i+1)
			}
		}
	})
}
