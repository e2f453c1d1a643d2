package app_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-vcard"
	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/export"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

const (
	startExport  = `mutation($in: StartExportInput!, $key: String, $dry: Boolean) { startExport(input: $in, idempotencyKey: $key, dryRun: $dry) { export { id status columns } } }`
	showExport   = `query($id: ID!) { export(id: $id) { status done total problem columns file { id name status contentType size purpose } } }`
	cancelExport = `mutation($id: ID!) { cancelExport(input: {export: $id}) { export { status file { status } } } }`
	fileDownload = `query($id: ID!) { fileDownload(id: $id) { url expiresAt } }`
)

// exporter is a role with the rights to export, and further ones.
func exporter(t *testing.T, e *farleytest.Env, extra ...access.Permission) id.ID {
	t.Helper()
	return e.Role(t, access.Role{Permissions: append([]access.Permission{
		{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}, {Object: "ACCOUNT", Action: "EXPORT", Scope: "ALL"},
		{Object: "CONTACT", Action: "READ", Scope: "ALL"}, {Object: "CONTACT", Action: "EXPORT", Scope: "ALL"},
		{Object: "USER", Action: "READ", Scope: "ALL"}, {Object: "CUSTOM_FIELD", Action: "READ", Scope: "ALL"}, {Object: "TAG", Action: "READ", Scope: "ALL"},
		{Object: "EXPORT", Action: "READ", Scope: "OWN"}, {Object: "FILE", Action: "READ", Scope: "OWN"},
		{Object: "FILE", Action: "CREATE", Scope: "OWN"}, {Object: "FILE", Action: "DELETE", Scope: "OWN"},
	}, extra...)})
}

// at takes the path of an address of the server that people reach under another name.
func at(e *farleytest.Env, url string) string { return e.Host + strings.TrimPrefix(url, e.PublicURL) }

// fetch gets an address.
func fetch(t *testing.T, e *farleytest.Env, url string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at(e, url), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// exported starts an export, has it written and returns its file.
func exportedFile(t *testing.T, e *farleytest.Env, c *farleytest.Client, in input.Object) string {
	t.Helper()
	x := c.Query(t, startExport, farleytest.Vars{"in": in}).At("startExport.export.id").ID()
	runDue(t, e)
	d := c.Query(t, showExport, farleytest.Vars{"id": x}).At("export")
	if got := d.At("status").Text(); got != "DONE" {
		t.Fatalf("the export is %s: %s", got, d.JSON())
	}
	url := c.Query(t, fileDownload, farleytest.Vars{"id": d.At("file.id").Text()}).At("fileDownload.url").Text()
	status, _, body := fetch(t, e, url)
	if status != http.StatusOK {
		t.Fatalf("fetch: %d %s", status, body)
	}
	return body
}

func rows(t *testing.T, body string) [][]string {
	t.Helper()
	out, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExport_csv(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e))
		e.Make(t, "CustomField", input.Object{"object": "ACCOUNT", "key": "tier", "label": "Tier", "type": "TEXT"})
		tag := e.Make(t, "Tag", input.Object{"name": "vip"})
		parent := e.Make(t, "Account", input.Object{"name": "Holding, the \"old\"\nhouse"})
		e.Make(t, "Account", input.Object{"name": "Elm", "parent": parent.String(), "owner": rep.User.String(), "emails": []any{"a@elm.example", "b@elm.example"},
			"annualRevenue": map[string]any{"amount": "1250.50", "currency": "SAR"}, "kinds": []any{"CUSTOMER", "PARTNER"}, "description": "=1+1", "tags": []any{tag.String()},
			"addresses": []any{map[string]any{"city": "Riyadh", "country": "SA"}}, "customFields": []any{map[string]any{"key": "tier", "value": "gold"}}})
		body := exportedFile(t, e, rep, input.Object{"object": "ACCOUNT", "orderBy": []any{map[string]any{"field": "NAME"}}, "fields": []any{
			"name", "parent", "parent.name", "owner.email", "emails", "annualRevenue", "kinds", "description", "addresses[0].city", "customFields.tier", "tags", "tags.name", "createdAt"}})
		email := rep.Query(t, "{ viewer { user { email } } }", nil).At("viewer.user.email").Text()
		want := [][]string{
			{"name", "parent", "parent.name", "owner.email", "emails", "annualRevenue", "annualRevenue.currency", "kinds", "description", "addresses[0].city", "customFields.tier", "tags", "tags.name", "createdAt"},
			{"Elm", parent.String(), "Holding, the \"old\"\nhouse", email, "a@elm.example;b@elm.example", "1250.50", "SAR", "CUSTOMER;PARTNER", "=1+1", "Riyadh", "gold", tag.String(), "vip", "2026-11-22T09:00:00Z"},
			{"Holding, the \"old\"\nhouse", "", "", "", "", "", "", "", "", "", "", "", "", "2026-11-22T09:00:00Z"},
		}
		if diff := cmp.Diff(want, rows(t, body)); diff != "" {
			t.Error(diff)
		}
		// Where it is wished, cells are guarded; columns unnamed are those of the API, which an import knows.
		body = exportedFile(t, e, rep, input.Object{"object": "ACCOUNT", "where": map[string]any{"name": map[string]any{"eq": "elm"}}, "guardFormulas": true, "byteOrderMark": true, "delimiter": ";", "timeZone": "Asia/Riyadh", "fields": []any{"description", "createdAt"}})
		if want := "\ufeffdescription;createdAt\r\n'=1+1;2026-11-22T12:00:00+03:00\r\n"; body != want {
			t.Errorf("%q, want %q", body, want)
		}
		all := rows(t, exportedFile(t, e, rep, input.Object{"object": "ACCOUNT"}))
		for _, name := range []string{"id", "version", "name", "annualRevenue", "annualRevenue.currency", "owner", "addresses[1].city", "customFields.tier", "emails"} {
			if !slices.Contains(all[0], name) {
				t.Errorf("no column %s in %v", name, all[0])
			}
		}
		for _, name := range []string{"taxNumber", "team", "deletedAt"} { // sensitive; of a kind that may not be read; always empty
			if slices.Contains(all[0], name) {
				t.Errorf("a column %s", name)
			}
		}
		if len(all) != 3 {
			t.Errorf("%d rows", len(all)-1)
		}
	})
}

// The formats are read again by other readers than ours.
func TestExport_formats(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e))
		ann := e.Make(t, "Contact", input.Object{"givenName": "Ann", "familyName": "O;Neil", "title": "Buyer, chief", "emails": []any{map[string]any{"address": "ann@elm.example", "primary": true}},
			"phones": []any{map[string]any{"number": "+966112003000", "kind": "MOBILE"}}, "addresses": []any{map[string]any{"street": "1 Palm St\nBack", "city": "Riyadh", "country": "SA"}}, "birthday": "1990-01-02"})
		acct := e.Make(t, "Account", input.Object{"name": "0012", "employees": 7, "annualRevenue": map[string]any{"amount": "1250.50", "currency": "SAR"}})

		card, err := vcard.NewDecoder(strings.NewReader(exportedFile(t, e, rep, input.Object{"object": "CONTACT", "format": "VCARD"}))).Decode()
		if err != nil {
			t.Fatal(err)
		}
		got := []string{card.Value(vcard.FieldVersion), card.Value(vcard.FieldUID), card.Value(vcard.FieldFormattedName), card.Name().FamilyName, card.Name().GivenName,
			card.Value(vcard.FieldTitle), card.Value(vcard.FieldEmail), card.Value(vcard.FieldTelephone), card.Get(vcard.FieldTelephone).Params.Get("TYPE"), card.Address().StreetAddress, card.Address().Country, card.Value(vcard.FieldBirthday)}
		want := []string{"4.0", ann.String(), "Ann O;Neil", "O,Neil", "Ann", "Buyer, chief", "ann@elm.example", "+966112003000", "cell", "1 Palm St\nBack", "SA", ""} // the birthday is sensitive
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}

		book, err := excelize.OpenReader(strings.NewReader(exportedFile(t, e, rep, input.Object{"object": "ACCOUNT", "format": "XLSX", "fields": []any{"id", "name", "employees", "annualRevenue"}})))
		if err != nil {
			t.Fatal(err)
		}
		table, err := book.GetRows("Sheet1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{"id", "name", "employees", "annualRevenue", "annualRevenue.currency"}, {acct.String(), "0012", "7", "1250.5", "SAR"}}, table); diff != "" {
			t.Error(diff)
		}

		lines := exportedFile(t, e, rep, input.Object{"object": "ACCOUNT", "format": "JSON_LINES", "fields": []any{"name", "annualRevenue", "owner.name"}})
		var line any
		if err := json.Unmarshal([]byte(lines), &line); err != nil {
			t.Fatal(err)
		}
		wantLine := map[string]any{"id": acct.String(), "name": "0012", "annualRevenue": map[string]any{"amount": "1250.50", "currency": "SAR"}, "owner": nil}
		if diff := cmp.Diff(any(wantLine), line); diff != "" {
			t.Error(diff)
		}
	})
}

// Fields that are hidden refuse, masks hold, and rows outside the scopes of READ and EXPORT are not there.
func TestExport_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, access.Role{Permissions: []access.Permission{
			{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}, {Object: "ACCOUNT", Action: "EXPORT", Scope: "OWN"}, {Object: "CONTACT", Action: "READ", Scope: "ALL"},
			{Object: "EXPORT", Action: "READ", Scope: "ALL"}, {Object: "FILE", Action: "READ", Scope: "ALL"},
		}, Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelMasked}, {Object: "ACCOUNT", Field: "INDUSTRY", Level: access.LevelNone}}})
		rep, other := e.User(t, nil, role), e.User(t, nil, role)
		e.Make(t, "Account", input.Object{"name": "Mine", "owner": rep.User.String(), "taxNumber": "310122393500003", "industry": "secret"})
		e.Make(t, "Account", input.Object{"name": "Other", "owner": other.User.String()})
		try := func(c *farleytest.Client, in input.Object) *farleytest.Response {
			return c.Do(t, startExport, farleytest.Vars{"in": in})
		}
		before := count(t, e, "SELECT COUNT(*) FROM exports") + count(t, e, "SELECT COUNT(*) FROM files")
		try(e.Anonymous(), input.Object{"object": "ACCOUNT"}).Want(t, "UNAUTHENTICATED")
		try(rep, input.Object{"object": "CONTACT"}).Want(t, "FORBIDDEN")
		try(rep, input.Object{"object": "ACCOUNT", "fields": []any{"industry"}}).Want(t, "FORBIDDEN")
		try(rep, input.Object{"object": "ACCOUNT", "where": map[string]any{"industry": map[string]any{"eq": "secret"}}}).Want(t, "FORBIDDEN")
		try(rep, input.Object{"object": "ACCOUNT", "where": map[string]any{"taxNumber": map[string]any{"eq": "x"}}}).Want(t, "FORBIDDEN")
		try(rep, input.Object{"object": "ACCOUNT", "orderBy": []any{map[string]any{"field": "INDUSTRY"}}}).Want(t, "INVALID") // has no order
		r := try(rep, input.Object{"object": "ACCOUNT", "fields": []any{"nonsense", "owner.password", "customFields.none", "name"}, "delimiter": "x", "timeZone": "Mars/Olympus"}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.delimiter FORMAT", "input.fields.0 UNKNOWN", "input.fields.1 UNKNOWN", "input.fields.2 UNKNOWN", "input.timeZone FORMAT"}, slices.Sorted(slices.Values(r.Violations()))); diff != "" {
			t.Error(diff)
		}
		try(rep, input.Object{"object": "ACCOUNT", "where": map[string]any{"name": 7}}).Want(t, "INVALID")
		try(rep, input.Object{"object": "ACCOUNT", "format": "VCARD"}).Want(t, "INVALID")
		if rep.Do(t, startExport, farleytest.Vars{"in": input.Object{"object": "ACCOUNT"}, "dry": true}).Codes() != nil {
			t.Error("a dry run is refused")
		}
		if n := count(t, e, "SELECT COUNT(*) FROM exports") + count(t, e, "SELECT COUNT(*) FROM files"); n != before {
			t.Errorf("what was refused left %d records", n-before)
		}

		body := rows(t, exportedFile(t, e, rep, input.Object{"object": "ACCOUNT", "fields": []any{"name", "taxNumber"}}))
		if len(body) != 2 || body[1][0] != "Mine" || body[1][1] == "" || strings.Contains(body[1][1], "310122393500003") {
			t.Errorf("exported %v", body)
		}
		if slices.Contains(rows(t, exportedFile(t, e, rep, input.Object{"object": "ACCOUNT"}))[0], "industry") {
			t.Error("a hidden field is a column")
		}
		// Who sees the record of the file may still not have what was read with other rights.
		file := rep.Query(t, "{ files(where: {purpose: {eq: EXPORT}}) { nodes { id } } }", nil).At("files.nodes.0.id").Text()
		other.Query(t, "query($id: ID!) { file(id: $id) { name } }", farleytest.Vars{"id": file})
		other.Do(t, fileDownload, farleytest.Vars{"id": file}).Want(t, "FORBIDDEN")
		url := rep.Query(t, fileDownload, farleytest.Vars{"id": file}).At("fileDownload.url").Text()
		e.Change(t, role, input.Object{"permissions": []any{map[string]any{"object": "ACCOUNT", "action": "READ", "scope": "ALL"}, map[string]any{"object": "FILE", "action": "READ", "scope": "ALL"}}})
		if status, _, _ := fetch(t, e, url); status != http.StatusNotFound {
			t.Errorf("an address outlives the right to export: %d", status)
		}
		rep.Do(t, fileDownload, farleytest.Vars{"id": file}).Want(t, "FORBIDDEN")
	})
}

// Rights that change while the file is written end it.
func TestExport_rightsChange(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	role := exporter(t, e)
	rep := e.User(t, nil, role)
	many(t, e, 250)
	x := rep.Query(t, startExport, farleytest.Vars{"in": input.Object{"object": "ACCOUNT"}}).At("startExport.export.id").ID()
	pages := 0
	n, err := e.Exports.Stream(t.Context(), rep.User, export.Request{Object: "ACCOUNT", Format: export.CSV}, io.Discard, func(context.Context, int64) error {
		if pages++; pages == 2 {
			e.Change(t, role, input.Object{"permissions": []any{map[string]any{"object": "ACCOUNT", "action": "READ", "scope": "OWN"}, map[string]any{"object": "ACCOUNT", "action": "EXPORT", "scope": "OWN"}, map[string]any{"object": "EXPORT", "action": "READ", "scope": "OWN"}}})
		}
		return nil
	})
	if n != 200 || err == nil || !strings.Contains(err.Error(), "rights have changed") {
		t.Errorf("%d records, %v", n, err)
	}
	e.Change(t, role, input.Object{"permissions": []any{map[string]any{"object": "EXPORT", "action": "READ", "scope": "OWN"}}})
	runDue(t, e)
	d := rep.Query(t, "query($id: ID!) { export(id: $id) { status problem } }", farleytest.Vars{"id": x}).At("export")
	if d.JSON() != `{"problem":"You may not export accounts.","status":"FAILED"}` {
		t.Error(d.JSON())
	}
}

// many makes accounts past the API.
func many(t testing.TB, e *farleytest.Env, n int) {
	t.Helper()
	for from := 0; from < n; from += 500 {
		err := e.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			rest := min(500, n-from)
			var args []any
			for i := range rest {
				args = append(args, id.New(e.Set.Kind("Account").Code, farleytest.Start.Add(time.Duration(from+i)*time.Microsecond)), farleytest.Start, farleytest.Start, fmt.Sprintf("Account %06d", from+i), "a description that is as long as descriptions are")
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO accounts (id, version, created_at, updated_at, name, description) VALUES (?, 1, ?, ?, ?, ?)"+strings.Repeat(", (?, 1, ?, ?, ?, ?)", rest-1), args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestExport_cancelAndExpiry(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := exporter(t, e)
		rep, other := e.User(t, nil, role), e.User(t, nil, role)
		many(t, e, 3)
		start := func(key string) id.ID {
			return rep.Query(t, startExport, farleytest.Vars{"in": input.Object{"object": "ACCOUNT", "fields": []any{"name"}}, "key": key}).At("startExport.export.id").ID()
		}
		x := start("a")
		if again := start("a"); again != x {
			t.Errorf("the same key made %s and %s", x, again)
		}
		other.Do(t, cancelExport, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		for range 2 {
			got := rep.Query(t, cancelExport, farleytest.Vars{"id": x}).At("cancelExport.export").JSON()
			if got != `{"file":{"status":"EXPIRED"},"status":"CANCELLED"}` {
				t.Error(got)
			}
		}
		runDue(t, e)
		if n := blobs(t, e); n != 0 {
			t.Errorf("a cancelled export left %d blobs", n)
		}

		y := start("b")
		runDue(t, e)
		rep.Do(t, cancelExport, farleytest.Vars{"id": y}).Want(t, "CONFLICT")
		show := func() string {
			return rep.Query(t, "query($id: ID!) { export(id: $id) { status done total expiresAt file { status size } } }", farleytest.Vars{"id": y}).At("export").JSON()
		}
		if got := show(); got != `{"done":3,"expiresAt":"2026-11-29T09:00:00Z","file":{"size":54,"status":"READY"},"status":"DONE","total":3}` {
			t.Error(got)
		}
		catchUp(t, e, 7*24*time.Hour+time.Hour)
		rep = e.SignIn(t, rep.User)
		if got := show(); got != `{"done":3,"expiresAt":"2026-11-29T09:00:00Z","file":{"size":null,"status":"EXPIRED"},"status":"EXPIRED","total":3}` {
			t.Error(got)
		}
		runDue(t, e)
		if n := blobs(t, e); n != 0 {
			t.Errorf("an expired export left %d blobs", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM audit_entries WHERE action = 'EXPORTED' AND record_count = 3"); n != 1 {
			t.Errorf("%d entries in the audit trail", n)
		}
	})
}

// A run that is interrupted leaves nothing, the next one begins anew, and the half is swept.
func TestExport_interrupted(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e))
		many(t, e, 250)
		x := rep.Query(t, startExport, farleytest.Vars{"in": input.Object{"object": "ACCOUNT", "fields": []any{"name"}}}).At("startExport.export.id").ID()
		// As a process that was killed leaves it: taken by a run that is not there any more, and half of a file.
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.ExecContext(ctx, "UPDATE exports SET status = 'RUNNING', attempt = 0, done = 100 WHERE id = ?", x); err != nil {
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Files.Save(t.Context(), strings.NewReader("name\r\nAccount"), 0); err != nil {
			t.Fatal(err)
		}
		if got := rep.Query(t, showExport, farleytest.Vars{"id": x}).At("export.file.status").Text(); got != "PENDING" {
			t.Errorf("the file is %s", got)
		}
		runDue(t, e)
		d := rep.Query(t, showExport, farleytest.Vars{"id": x}).At("export")
		if d.At("status").Text() != "DONE" || d.At("done").Int() != 250 || d.At("file.status").Text() != "READY" {
			t.Error(d.JSON())
		}
		catchUp(t, e, 31*time.Hour)
		if n := blobs(t, e); n != 1 {
			t.Errorf("%d blobs, want that of the file alone", n)
		}
	})
}

// An erased person takes along what exports may hold of him, and nothing else.
func TestExport_erasure(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e, access.Permission{Object: "TAG", Action: "EXPORT", Scope: "ALL"}))
		x := e.Make(t, "Contact", input.Object{"givenName": "Ann"})
		start := func(object string) id.ID {
			return rep.Query(t, startExport, farleytest.Vars{"in": input.Object{"object": object, "where": map[string]any{"id": map[string]any{"ne": x.String()}}}}).At("startExport.export.id").ID()
		}
		contacts, tags := start("CONTACT"), start("TAG")
		runDue(t, e)
		waits := start("CONTACT")
		err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			for _, wipe := range e.Write.Wipe {
				if err := wipe(ctx, tx, e.Set.Kind("Contact"), x); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		runDue(t, e)
		for _, c := range []struct {
			export       id.ID
			status, file string
		}{{contacts, "EXPIRED", "EXPIRED"}, {waits, "FAILED", "EXPIRED"}, {tags, "DONE", "READY"}} {
			d := rep.Query(t, showExport, farleytest.Vars{"id": c.export}).At("export")
			if d.At("status").Text() != c.status || d.At("file.status").Text() != c.file {
				t.Errorf("%s: %s", c.export, d.JSON())
			}
		}
		if n := blobs(t, e); n != 1 {
			t.Errorf("%d blobs are left", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM exports WHERE request IS NOT NULL"); n != 1 {
			t.Errorf("%d requests are left", n)
		}
	})
}

// A long list takes no more memory than a short one, and time in proportion.
// Nothing runs beside it, so that the memory of the process is that of the export.
//
//nolint:paralleltest // so
func TestExport_50000(t *testing.T) {
	n := 50_000
	if testing.Short() { // under the race detector
		n = 5_000
	}
	alone := func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e))
		many(t, e, n)
		for _, format := range []export.Format{export.CSV, export.XLSX} {
			var most uint64
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			base := m.HeapAlloc
			begin, counted := time.Now(), &counting{}
			written, err := e.Exports.To(t.Context(), rep.User, export.Request{Object: "ACCOUNT", Format: format}, counted, func(_ context.Context, done int64) error {
				if done%5_000 == 0 {
					runtime.GC()
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
				return nil
			})
			if err != nil || written != int64(n) {
				t.Fatalf("%s: %d records, %v", format, written, err)
			}
			took := time.Since(begin)
			grown := int64(most) - int64(base)
			t.Logf("%s: %d records in %v, %.0f a second; %d bytes written; live heap grew by %d KiB at most", format, n, took.Round(time.Millisecond), float64(n)/took.Seconds(), counted.n, grown/1024)
			if grown > 64<<20 {
				t.Errorf("%s: the live heap grew by %d MiB", format, grown>>20)
			}
		}
		if got := count(t, e, "SELECT COUNT(*) FROM audit_entries WHERE action = 'EXPORTED' AND record_count = "+strconv.Itoa(n)); got != 2 {
			t.Errorf("%d entries in the audit trail", got)
		}
	}
	t.Run("sqlite", func(t *testing.T) { alone(t, farleytest.New(t)) })
	t.Run("mariadb", func(t *testing.T) { alone(t, farleytest.On(t, testdb.MariaDB(t))) })
}

// counting counts what is written.
type counting struct{ n int64 }

func (c *counting) Write(b []byte) (int, error) { c.n += int64(len(b)); return len(b), nil }
