// Command record makes the data for the upgrade test from a running server of the release that has just been made:
// it writes through the API, records answers, and dumps the tables. docs/operations/upgrade.md has the recipe.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/upgrade"
)

func main() {
	api := flag.String("api", "http://127.0.0.1:8080/graphql", "the GraphQL endpoint of the server")
	data := flag.String("data", "farley-data", "its data folder")
	password := flag.String("password", "farley-demo-2026", "the password of the demo users")
	out := flag.String("out", "internal/upgrade/testdata", "where the folder of the fixture is made")
	flag.Parse()
	r := &recorder{api: *api, password: *password, fixture: &upgrade.Fixture{Sessions: map[string]upgrade.Session{}}, ids: map[string]string{}}
	if err := r.run(context.Background(), *data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1) //nolint:forbidigo // it is a program
	}
}

type recorder struct {
	api, password string
	fixture       *upgrade.Fixture
	ids           map[string]string
}

func (r *recorder) run(ctx context.Context, data, out string) error {
	for _, role := range []string{"administrator", "sales.rep", "sales.manager", "partner", "portal.customer", "auditor"} {
		if err := r.signIn(ctx, role); err != nil {
			return err
		}
	}
	cursors, err := r.cursors(ctx)
	if err != nil {
		return err
	}
	if err := r.writes(ctx); err != nil {
		return err
	}
	if err := r.spentSessions(ctx); err != nil {
		return err
	}
	store, err := db.Open(ctx, "sqlite://"+filepath.ToSlash(filepath.Join(data, "farley.db")))
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	if err := settle(ctx, store); err != nil {
		return err
	}
	if err := r.reads(ctx, cursors); err != nil {
		return err
	}
	r.fixture.RecordedAt = time.Now().UTC().Truncate(time.Microsecond)
	return r.save(ctx, store, data, out)
}

// names are places in a document for ids: $$account stands for the one that was remembered as "account".
var names = regexp.MustCompile(`\$\$([a-z]+)`)

func (r *recorder) fill(document string) string {
	return names.ReplaceAllStringFunc(document, func(n string) string { return r.ids[n[2:]] })
}

// ask sends a document as a role's user and returns the data of an answer without errors.
func (r *recorder) ask(ctx context.Context, role, document, key string) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.api, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if s, ok := r.fixture.Sessions[role]; ok {
		req.Header.Set("Authorization", "Bearer "+s.Access)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Errors) > 0 {
		return nil, fmt.Errorf("as %s: %s\n%s", role, document, raw)
	}
	return answer.Data, nil
}

func (r *recorder) login(ctx context.Context, role string) (upgrade.Session, error) {
	var got struct {
		Login struct{ AccessToken, RefreshToken string }
	}
	data, err := r.ask(ctx, "", fmt.Sprintf(`mutation { login(input: {email: "%s@demo.example", password: "%s"}) { accessToken refreshToken } }`, role, r.password), "")
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	return upgrade.Session{Access: got.Login.AccessToken, Refresh: got.Login.RefreshToken}, err
}

func (r *recorder) signIn(ctx context.Context, role string) error {
	s, err := r.login(ctx, role)
	r.fixture.Sessions[role] = s
	return err
}

// spentSessions leaves a session that was signed out, and one whose refresh token was spent.
func (r *recorder) spentSessions(ctx context.Context) error {
	out, err := r.login(ctx, "sales.rep")
	if err != nil {
		return err
	}
	r.fixture.Sessions["signed out"] = out
	if _, err := r.ask(ctx, "signed out", "mutation { logout { __typename } }", ""); err != nil {
		return err
	}
	spent, err := r.login(ctx, "sales.rep")
	if err != nil {
		return err
	}
	r.fixture.Sessions["spent"] = spent
	_, err = r.ask(ctx, "", fmt.Sprintf(`mutation { refresh(input: {refreshToken: "%s"}) { accessToken } }`, spent.Refresh), "")
	return err
}

// cursors remembers where the change log stands, for some.
func (r *recorder) cursors(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, role := range []string{"administrator", "sales.rep", "partner"} {
		var got struct{ ChangesCursor string }
		data, err := r.ask(ctx, role, "{ changesCursor }", "")
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &got); err != nil {
			return nil, err
		}
		found[role] = got.ChangesCursor
	}
	return found, nil
}

// write is one mutation; the id at the end of its answer is remembered under name.
type write struct{ role, name, document string }

var writes = []write{
	{"sales.rep", "account", `mutation { createAccount(input: {name: "Ållberg & شركة النور", kinds: [CUSTOMER], website: "https://upgrade.example", phones: ["+966 11 200 3000"], annualRevenue: {amount: "12500000.25", currency: "SAR"}, addresses: [{kind: BILLING, city: "Riyadh", country: "SA"}]}) { account { id } } }`},
	{"sales.rep", "", `mutation { updateAccount(id: "$$account", input: {description: "Two\nlines", employees: 240}) { account { version name employees } } }`},
	{"sales.rep", "upserted", `mutation { upsertAccount(external: {system: "sap", id: "0000100234"}, input: {name: "Upserted Trading"}) { account { id } } }`},
	{"sales.rep", "", `mutation { upsertAccount(external: {system: "sap", id: "0000100234"}, input: {name: "Upserted Trading LLC"}) { account { version } } }`},
	{"sales.rep", "contact", `mutation { createContact(input: {givenName: "Noor", familyName: "Ångström", emails: [{address: "noor@upgrade.example"}]}) { contact { id } } }`},
	{"sales.rep", "link", `mutation { createAccountContact(input: {account: "$$account", contact: "$$contact", role: "Buyer", isPrimary: true}) { accountContact { id } } }`},
	{"sales.rep", "note", `mutation { createNote(input: {account: "$$account", title: "Called", body: "Wants an offer 📝", pinned: true}) { note { id } } }`},
	{"sales.rep", "binned", `mutation { createNote(input: {account: "$$account", body: "To be deleted"}) { note { id } } }`},
	{"sales.rep", "", `mutation { deleteNote(id: "$$binned") { id version } }`},
	{"administrator", "tag", `mutation { createTag(input: {name: "Upgrade", colour: "#336699"}) { tag { id } } }`},
	{"administrator", "", `mutation { updateContact(id: "$$contact", input: {birthday: "1990-02-28", tags: ["$$tag"]}) { contact { version } } }`},
	{"administrator", "field", `mutation { createCustomField(input: {object: ACCOUNT, key: "tier", label: "Tier", type: TEXT}) { customField { id } } }`},
	{"administrator", "", `mutation { updateAccount(id: "$$account", input: {taxNumber: "300012345600003", customFields: [{key: "tier", value: "gold"}]}) { account { version taxNumber } } }`},
	{"administrator", "shared", `mutation { createAccount(input: {name: "Shared with a partner"}) { account { id } } }`},
	{"administrator", "binnedaccount", `mutation { createAccount(input: {name: "In the bin"}) { account { id } } }`},
	{"administrator", "", `mutation { deleteAccount(id: "$$binnedaccount") { id version } }`},
	{"administrator", "", `mutation { restoreAccount(id: "$$binnedaccount") { account { id } } }`},
	{"administrator", "", `mutation { deleteAccount(id: "$$binnedaccount") { id version } }`},
	{"administrator", "share", `mutation { createShare(input: {record: "$$shared", grantee: "$$rep", level: EDIT, reason: "Joint visit"}) { share { id } } }`},
}

func (r *recorder) writes(ctx context.Context) error {
	var who struct {
		Viewer struct{ User struct{ ID string } }
	}
	data, err := r.ask(ctx, "sales.rep", "{ viewer { user { id } } }", "")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &who); err != nil {
		return err
	}
	r.ids["rep"] = who.Viewer.User.ID
	for i, w := range writes {
		document, key := r.fill(w.document), fmt.Sprintf("upgrade-%d", i)
		data, err := r.ask(ctx, w.role, document, key)
		if err != nil {
			return err
		}
		r.fixture.Repeats = append(r.fixture.Repeats, upgrade.Exchange{As: w.role, Document: document, Key: key, Data: data})
		if w.name != "" {
			if r.ids[w.name] = firstID.FindString(string(data)); r.ids[w.name] == "" {
				return fmt.Errorf("no id in %s", data)
			}
		}
	}
	// What a key was answered by before the record changed again is read anew when it is repeated: the answers that
	// count are those of now.
	for i, e := range r.fixture.Repeats {
		if r.fixture.Repeats[i].Data, err = r.ask(ctx, e.As, e.Document, e.Key); err != nil {
			return err
		}
	}
	return nil
}

var firstID = regexp.MustCompile(`[a-z]+_[0-9a-z]{26}`)

const (
	base = `id version createdAt updatedAt deletedAt createdBy { id } updatedBy { id } `
	own  = `owner { id name } team { id } partner { id } `
)

// lists are what is read whole; %s takes the arguments of the page.
var lists = map[string]string{
	"accounts": base + own + `name legalName kinds customerType customerSince industry website domain phones emails addresses { city country } city country
		taxNumber @optional registrationNumber @optional annualRevenue @optional { amount currency } employees currency locale timeZone source description customFields { key value } parent { id }
		contacts(first: 5, orderBy: [{field: FAMILY_NAME, direction: ASC}]) { nodes { id displayName } } notes(first: 3) { nodes { id } } tags(first: 5) { nodes { name } }`,
	"contacts": base + own + `givenName middleName familyName nativeName displayName salutation title department emails { address } primaryEmail phones { number } primaryPhone
		addresses { city country } birthday @optional locale timeZone preferredChannel doNotContact description accounts(first: 3) { nodes { id name } } tags(first: 5) { nodes { name } }`,
	"accountContacts": base + `account { id } contact { id } role isPrimary fromDate toDate`,
	"notes":           base + `account { id } contact { id } title body pinned`,
	"tags":            base + `name colour`,
	"users":           base + `email name kind active locale timeZone manager { id } team { id } partnerAccount { id } contact { id } roles(first: 5) { nodes { id name } }`,
	"teams":           base + `name parent { id } lead { id } members(first: 20) { nodes { id } }`,
	"roles":           base + `name description system permissions { object action scope } fieldLevels { object field level }`,
	"roleGrants":      base + `user { id } role { id } validUntil`,
	"shares":          base + own + `record grantee level fields expiresAt reason`,
	"customFields":    base + `object key label type choices isRequired archived`,
}

// seenBy says which lists each role reads.
var seenBy = map[string][]string{
	"administrator": {"accounts", "contacts", "accountContacts", "notes", "tags", "users", "teams", "roles", "roleGrants", "shares", "customFields"},
	"auditor":       {"accounts", "contacts", "notes"},
	"sales.manager": {"accounts", "contacts"},
	"sales.rep":     {"accounts", "contacts", "notes"},
}

const pageSize = 50

func (r *recorder) reads(ctx context.Context, cursors map[string]string) error {
	for _, role := range []string{"administrator", "auditor", "sales.manager", "sales.rep"} {
		for _, list := range seenBy[role] {
			for _, where := range []string{"", `where: {deletedAt: {isNull: false}}, `} {
				if err := r.pages(ctx, role, list, where); err != nil {
					return err
				}
			}
		}
	}
	for _, role := range []string{"partner", "portal.customer"} {
		if err := r.record(ctx, role, `{ accounts(first: 50) { nodes { id name } totalCount { value precision } } contacts(first: 50) { nodes { id displayName } totalCount { value } } }`); err != nil {
			return err
		}
	}
	for role := range r.fixture.Sessions {
		if role == "spent" || role == "signed out" {
			continue
		}
		if err := r.record(ctx, role, `{ viewer { user { id name email } roles { name } } }`); err != nil {
			return err
		}
	}
	for role, cursor := range cursors {
		document := fmt.Sprintf(`{ changes(first: 100, after: "%s") { edges { node { op object recordId version at changedFields } } pageInfo { hasNextPage } } }`, cursor)
		if err := r.record(ctx, role, document); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) record(ctx context.Context, role, document string) error {
	data, err := r.ask(ctx, role, document, "")
	r.fixture.Reads = append(r.fixture.Reads, upgrade.Exchange{As: role, Document: document, Data: data})
	return err
}

// pages records a list from its beginning to its end. The pages after the first begin at cursors of this release.
func (r *recorder) pages(ctx context.Context, role, list, where string) error {
	after := ""
	for {
		document := fmt.Sprintf("{ %s(first: %d, %s%s) { nodes { %s } totalCount { value precision } } }", list, pageSize, where, after, lists[list])
		if err := r.record(ctx, role, document); err != nil {
			return err
		}
		if last := &r.fixture.Reads[len(r.fixture.Reads)-1]; after != "" {
			// systematic differences are seen, and shown, on the first page
			digest, err := upgrade.Digest(last.Data)
			if err != nil {
				return err
			}
			last.Digest, last.Data = digest, nil
		}
		var page map[string]struct {
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
		data, err := r.ask(ctx, role, fmt.Sprintf("{ %s(first: %d, %s%s) { pageInfo { hasNextPage endCursor } } }", list, pageSize, where, after), "")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return err
		}
		if !page[list].PageInfo.HasNextPage {
			return nil
		}
		after = fmt.Sprintf("after: %q", page[list].PageInfo.EndCursor)
	}
}

// settle returns when every change has its position.
func settle(ctx context.Context, store *db.DB) error {
	for range 100 {
		tx, err := store.Snapshot(ctx)
		if err != nil {
			return err
		}
		var waiting int
		err = errors.Join(tx.QueryRow(ctx, "SELECT COUNT(*) FROM changes WHERE position IS NULL", nil, &waiting), tx.Close())
		if err != nil || waiting == 0 {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("the changes get no positions: is the server running?")
}

// save writes the folder of the fixture, which is named for the newest migration.
func (r *recorder) save(ctx context.Context, store *db.DB, data, out string) error {
	tx, err := store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(ctx, "SELECT MAX(version) FROM schema_migrations", nil, &r.fixture.Migration); err != nil {
		return err
	}
	if r.fixture.Tables, err = dump(ctx, tx); err != nil {
		return err
	}
	if err := prune(r.fixture.Tables, keepChanges); err != nil {
		return err
	}
	if r.fixture.Keys, err = os.ReadFile(filepath.Join(data, "keys.json")); err != nil {
		return err
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := errors.Join(r.fixture.Write(zip), zip.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	name := filepath.Join(out, r.fixture.Migration+".jsonl.gz")
	if err := os.WriteFile(name, packed.Bytes(), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s: %d bytes\n", name, packed.Len())
	return err
}

// dump reads all tables but the record of migrations.
func dump(ctx context.Context, tx *db.Tx) ([]upgrade.Table, error) {
	tables, err := texts(ctx, tx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	tables = slices.DeleteFunc(tables, func(n string) bool { return n == "schema_migrations" })
	var all []upgrade.Table
	for _, name := range tables {
		t, err := dumpTable(ctx, tx, name)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// keepChanges is how many changes the fixture has: those of the recorder, and some more.
const keepChanges = 60

// prune drops the old changes, as housekeeping does after a while: the demo firm has thousands.
func prune(tables []upgrade.Table, keep int64) error {
	named := func(name string) *upgrade.Table {
		return &tables[slices.IndexFunc(tables, func(t upgrade.Table) bool { return t.Name == name })]
	}
	counter, changes := named("change_counter"), named("changes")
	last, ok := counter.Rows[0][slices.Index(counter.Columns, "position")].V.(int64)
	if !ok || last <= keep {
		return errors.New("the change log is too short")
	}
	counter.Rows[0][slices.Index(counter.Columns, "oldest")].V = last - keep
	position := slices.Index(changes.Columns, "position")
	changes.Rows = slices.DeleteFunc(changes.Rows, func(row []upgrade.Value) bool {
		at, ok := row[position].V.(int64)
		return ok && at <= last-keep
	})
	return nil
}

func dumpTable(ctx context.Context, tx *db.Tx, name string) (t upgrade.Table, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM `"+strings.ReplaceAll(name, "`", "")+"` ORDER BY 1")
	if err != nil {
		return t, err
	}
	defer func() { _ = rows.Close() }()
	t.Name = name
	if t.Columns, err = rows.Columns(); err != nil {
		return t, err
	}
	for rows.Next() {
		values := make([]any, len(t.Columns))
		dest := make([]any, len(values))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return t, err
		}
		row := make([]upgrade.Value, len(values))
		for i, v := range values {
			row[i] = upgrade.Value{V: v}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, rows.Err()
}

func texts(ctx context.Context, q db.Querier, query string) ([]string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		found = append(found, s.String)
	}
	return found, rows.Err()
}
