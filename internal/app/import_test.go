package app_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// putRows uploads a file as a user.
func putRows(t testing.TB, e *farleytest.Env, user id.ID, name, content string) string {
	t.Helper()
	c, err := e.Files.Save(t.Context(), strings.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := e.Identity.Actor(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	var x id.ID
	err = e.Write.Do(write.AsSystem(access.With(t.Context(), actor)), func(ctx context.Context, tx *write.Tx) (err error) {
		x, err = e.Files.Make(ctx, tx, file.Record{Name: name, Purpose: file.Import}, &c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x.String()
}

// content fetches a file past all rights.
func content(t testing.TB, e *farleytest.Env, x id.ID) string {
	t.Helper()
	r, _, err := e.Files.Open(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const importFields = `{ id name object mode trial status total done created updated unchanged skipped failed undone kept message errorFile { id name } }`

// begin starts an import and returns its id.
func begin(t testing.TB, c *farleytest.Client, in farleytest.Vars) string {
	t.Helper()
	return c.Query(t, `mutation($in: StartImportInput!) { startImport(input: $in) { import { id status } } }`, farleytest.Vars{"in": in}).At("startImport.import.id").Text()
}

// runJobs has all jobs run that are due.
func runJobs(t testing.TB, e *farleytest.Env) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() {}); err != nil {
		t.Fatal(err)
	}
}

func importOf(t testing.TB, c *farleytest.Client, x string) farleytest.Data {
	t.Helper()
	return c.Query(t, `query($id: ID!) { import(id: $id) `+importFields+` }`, farleytest.Vars{"id": x}).At("import")
}

func figures(d farleytest.Data) map[string]int {
	out := map[string]int{}
	for _, name := range []string{"total", "done", "created", "updated", "unchanged", "skipped", "failed", "undone", "kept"} {
		if n := d.At(name).Int(); n != 0 {
			out[name] = n
		}
	}
	return out
}

func wantFigures(t *testing.T, d farleytest.Data, status string, want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, figures(d)); diff != "" || d.At("status").Text() != status {
		t.Errorf("the import is %s, want %s (-want +got):\n%s\n%s", d.At("status").Text(), status, diff, d.JSON())
	}
}

const firmsCSV = `code;firm;sector;revenue;staff;office;phone;parent
A1;Acme Corporation;technolgy;1100.04;2822;United States;+1 212 555 0101;
A2;Betasoloin;medical;251.41;495;Philipines;;Acme Corporation
A3;شركة النور;retail;1.234,5;10;السعودية;0112003000;
A4;;retail;5;10;Kenya;;
A5;Domzoom;retail;many;10;Atlantis;;Nobody
`

func firmsMapping(fileID string) farleytest.Vars {
	return farleytest.Vars{
		"file": fileID, "object": "ACCOUNT", "mode": "UPSERT", "key": farleytest.Vars{"external": farleytest.Vars{"system": "crm", "column": "code"}},
		"columns": []any{
			farleytest.Vars{"column": "firm", "to": "name"},
			farleytest.Vars{"column": "sector", "to": "industry", "values": []any{farleytest.Vars{"from": "technolgy", "to": "Technology"}}},
			farleytest.Vars{"column": "revenue", "to": "annualRevenue", "multiply": "1000000", "currency": "USD"},
			farleytest.Vars{"column": "staff", "to": "employees"},
			farleytest.Vars{"column": "office", "to": "addresses[0].country", "values": []any{farleytest.Vars{"from": "Philipines", "to": "PH"}}},
			farleytest.Vars{"column": "phone", "to": "phones", "region": "SA"},
			farleytest.Vars{"column": "parent", "to": "parent", "match": farleytest.Vars{"by": "name"}},
			farleytest.Vars{"value": "CUSTOMER", "to": "kinds"},
		},
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		in := firmsMapping(putRows(t, e, admin.User, "firms.csv", firmsCSV))
		x := begin(t, admin, in)
		runJobs(t, e)
		d := importOf(t, admin, x)
		wantFigures(t, d, "DONE", map[string]int{"total": 5, "done": 5, "created": 1, "failed": 4})
		problems := admin.Query(t, `query($id: ID!) { importProblems(import: $id, first: 10) { hasMore nodes { row cells issues { path column code message } } } }`, farleytest.Vars{"id": x}).At("importProblems")
		var got []string
		for _, p := range []string{"0", "1", "2", "3"} {
			n := problems.At("nodes." + p)
			line := n.At("row").JSON()
			for _, i := range n.At("issues").V.([]any) {
				d := farleytest.Data{V: i}
				line += " " + d.At("path").JSON() + " " + d.At("code").Text() + " " + d.At("column").Text()
			}
			got = append(got, line)
		}
		want := []string{
			`2 ["parent"] NOT_FOUND parent`,
			`3 ["annualRevenue"] FORMAT revenue`,
			`4 ["name"] REQUIRED firm`,
			`5 ["annualRevenue"] FORMAT revenue ["addresses","0","country"] FORMAT office ["parent"] NOT_FOUND parent`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		errorFile := content(t, e, d.At("errorFile.id").ID())
		if !strings.Contains(errorFile, "code;firm;sector;revenue;staff;office;phone;parent;farley_problem\r\n") || strings.Count(errorFile, "\r\n") != 5 {
			t.Errorf("the error file is\n%s", errorFile)
		}

		// Corrected, what was wrong comes in, and the rest is as it was.
		again := firmsMapping(putRows(t, e, admin.User, "firms2.csv", strings.NewReplacer("1.234,5", "1234.5", "A4;;", "A4;Cheers;", "many", "7", "Atlantis", "Jordan", "Nobody", "Betasoloin").Replace(firmsCSV)))
		y := begin(t, admin, again)
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, y), "DONE", map[string]int{"total": 5, "done": 5, "created": 3, "unchanged": 1, "failed": 1})
		z := begin(t, admin, again)
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, z), "DONE", map[string]int{"total": 5, "done": 5, "created": 1, "unchanged": 4})
		one := admin.Query(t, `{ account(external: { system: "crm", id: "A2" }) { name industry employees annualRevenue { amount currency } country kinds parent { name } } }`, nil).At("account")
		if got, want := one.JSON(), `{"annualRevenue":{"amount":"251410000.00","currency":"USD"},"country":"PH","employees":495,"industry":"medical","kinds":["CUSTOMER"],"name":"Betasoloin","parent":{"name":"Acme Corporation"}}`; got != want {
			t.Errorf("the account is %s, want %s", got, want)
		}
	})
}

// A trial keeps nothing, and tells everything that the import would.
func TestImport_trial(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		in := firmsMapping(putRows(t, e, admin.User, "firms.csv", firmsCSV))
		in["trial"] = true
		x := begin(t, admin, in)
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", map[string]int{"total": 5, "done": 5, "created": 1, "failed": 4})
		if n := admin.Query(t, `{ accounts { totalCount { value } } }`, nil).At("accounts.totalCount.value").Int(); n != 0 {
			t.Errorf("the trial has made %d accounts", n)
		}
		r := admin.Do(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { id } } }`, farleytest.Vars{"id": x})
		r.Want(t, "CONFLICT")
	})
}

func TestImport_undo(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		content := "name;email;team;tags\nA;a@a.example;North;x,y\nB;b@b.example;North;x\nC;c@c.example;South;\n"
		mapping := farleytest.Vars{"object": "ACCOUNT", "mode": "UPSERT", "key": farleytest.Vars{"field": "name"}, "columns": []any{
			farleytest.Vars{"column": "name", "to": "name"}, farleytest.Vars{"column": "email", "to": "emails"},
			farleytest.Vars{"column": "team", "to": "team", "match": farleytest.Vars{"make": true}},
			farleytest.Vars{"column": "tags", "to": "tags", "match": farleytest.Vars{"make": true}},
		}}
		e.Make(t, "Account", input.Object{"name": "A", "emails": []any{"old@a.example"}, "source": "fair"})
		b := e.Make(t, "Account", input.Object{"name": "B", "emails": []any{"old@b.example"}})
		mapping["file"] = putRows(t, e, admin.User, "x.csv", content)
		x := begin(t, admin, mapping)
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", map[string]int{"total": 3, "done": 3, "created": 1, "updated": 2})
		const all = `{ accounts(orderBy: [{ field: NAME, direction: ASC }]) { nodes { name emails team { name } tags { nodes { name } } } } teams { nodes { name } } }`
		if got, want := admin.Query(t, all, nil).At("teams.nodes").Len(), 2; got != want {
			t.Errorf("%d teams, want %d", got, want)
		}
		e.Change(t, b, input.Object{"emails": []any{"new@b.example"}}) // somebody was there
		admin.Query(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x})
		runJobs(t, e)
		// A and its relations, C, two teams, two tags; of B the e-mail stays, which is told.
		wantFigures(t, importOf(t, admin, x), "UNDONE", map[string]int{"total": 3, "done": 3, "created": 1, "updated": 2, "undone": 6, "kept": 1})
		got := admin.Query(t, all, nil).JSON()
		want := `{"accounts":{"nodes":[{"emails":["old@a.example"],"name":"A","tags":{"nodes":[]},"team":null},{"emails":["new@b.example"],"name":"B","tags":{"nodes":[]},"team":null}]},"teams":{"nodes":[]}}`
		if got != want {
			t.Errorf("after undoing:\n%s\nwant\n%s", got, want)
		}
		admin.Do(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x}).Want(t, "CONFLICT")
	})
}

// What an import may do is what its starter may do, when each row is written. What he does not see is neither matched nor told.
func TestImport_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		role := e.Role(t, access.Role{
			Permissions: []access.Permission{
				{Object: "IMPORT", Action: "CREATE", Scope: "OWN"}, {Object: "IMPORT", Action: "READ", Scope: "OWN"}, {Object: "IMPORT", Action: "UPDATE", Scope: "OWN"},
				{Object: "ACCOUNT", Action: "CREATE", Scope: "OWN"}, {Object: "ACCOUNT", Action: "READ", Scope: "OWN"}, {Object: "ACCOUNT", Action: "UPDATE", Scope: "OWN"},
				{Object: "USER", Action: "READ", Scope: "OWN"}, {Object: "FILE", Action: "READ", Scope: "OWN"},
			},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "ANNUAL_REVENUE", Level: access.LevelRead}},
		})
		rep := e.User(t, nil, role)
		admin.Query(t, `mutation { upsertAccount(external: { system: "crm", id: "A1" }, input: { name: "Hidden", website: "https://hidden.example" }) { account { id } } }`, nil)

		in := firmsMapping(putRows(t, e, rep.User, "firms.csv", firmsCSV))
		r := rep.Do(t, `mutation($in: StartImportInput!) { startImport(input: $in) { import { id } } }`, farleytest.Vars{"in": in}).Want(t, "FORBIDDEN")
		if diff := cmp.Diff([]string{"input.columns.2.to FORBIDDEN"}, r.Violations()); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
		columns := in["columns"].([]any)
		in["columns"] = append(append([]any{}, columns[0]), farleytest.Vars{"column": "parent", "to": "parent"})
		in["file"] = putRows(t, e, rep.User, "firms.csv", "code;firm;parent\nA1;Acme;\nA2;Beta;Hidden\nA3;Gamma;Absent\nA4;Hidden;\n")
		x := begin(t, rep, in)
		runJobs(t, e)
		wantFigures(t, importOf(t, rep, x), "DONE", map[string]int{"total": 4, "done": 4, "created": 1, "failed": 3})
		got := rep.Query(t, `query($id: ID!) { importProblems(import: $id) { nodes { row issues { code message } } } }`, farleytest.Vars{"id": x}).At("importProblems.nodes").JSON()
		want := `[{"issues":[{"code":"CONFLICT","message":"This key of the outside system is taken."}],"row":1},` +
			`{"issues":[{"code":"NOT_FOUND","message":"No Account in your sight has this value."}],"row":2},` +
			`{"issues":[{"code":"NOT_FOUND","message":"No Account in your sight has this value."}],"row":3}]`
		if got != want {
			t.Errorf("problems are\n%s\nwant\n%s", got, want)
		}

		// Others do not see the import at all, nor the file; without the right nobody starts one.
		other := e.User(t, nil, role)
		other.Do(t, `query($id: ID!) { importProblems(import: $id) { nodes { row } } }`, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		other.Do(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { id } } }`, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		other.Do(t, `mutation($in: StartImportInput!) { startImport(input: $in) { import { id } } }`, farleytest.Vars{"in": in}).Want(t, "NOT_FOUND")
		nobody := e.User(t, nil)
		nobody.Do(t, `mutation($in: StartImportInput!) { startImport(input: $in) { import { id } } }`, farleytest.Vars{"in": in}).Want(t, "FORBIDDEN")
		nobody.Do(t, `query($in: ImportPreviewInput!) { importPreview(input: $in) { format } }`, farleytest.Vars{"in": farleytest.Vars{"file": in["file"], "object": "ACCOUNT"}}).Want(t, "FORBIDDEN")
		// The administrator sees the import and what was wrong, not the rows, and does not undo with another's rights.
		d := admin.Query(t, `query($id: ID!) { importProblems(import: $id) { nodes { row cells } } }`, farleytest.Vars{"id": x})
		if got := d.At("importProblems.nodes.0").JSON(); got != `{"cells":null,"row":1}` {
			t.Errorf("the administrator is told %s", got)
		}
		admin.Do(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { id } } }`, farleytest.Vars{"id": x}).Want(t, "FORBIDDEN")

		// A right that is taken away before the rows are written counts no more.
		in["file"] = putRows(t, e, rep.User, "firms.csv", "code;firm;parent\nB1;Delta;\n")
		y := begin(t, rep, in)
		e.Change(t, role, input.Object{"permissions": []any{
			map[string]any{"object": "IMPORT", "action": "READ", "scope": "OWN"}, map[string]any{"object": "ACCOUNT", "action": "READ", "scope": "OWN"}, map[string]any{"object": "FILE", "action": "READ", "scope": "OWN"},
		}})
		runJobs(t, e)
		wantFigures(t, importOf(t, rep, y), "DONE", map[string]int{"total": 1, "done": 1, "failed": 1})
	})
}

func TestImport_duplicates(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		e.Make(t, "Contact", input.Object{"givenName": "Huda", "familyName": "Saleh", "emails": []any{map[string]any{"address": "huda@noor.example"}}})
		e.Index(t)
		rows := "first,last,mail\nHuda,Saleh,HUDA@noor.example\nOmar,Farid,omar@noor2.example\nOmar,Farid,omar@noor2.example\n"
		for _, c := range []struct {
			strategy string
			want     map[string]int
		}{
			{"REJECT", map[string]int{"total": 3, "done": 3, "created": 1, "failed": 2}},
			{"SKIP", map[string]int{"total": 3, "done": 3, "skipped": 3}},
			{"UPDATE", map[string]int{"total": 3, "done": 3, "unchanged": 3}},
			{"CREATE", map[string]int{"total": 3, "done": 3, "created": 3}},
		} {
			x := begin(t, admin, farleytest.Vars{"file": putRows(t, e, admin.User, "x.csv", rows), "object": "CONTACT", "onDuplicate": c.strategy, "columns": []any{
				farleytest.Vars{"column": "first", "to": "givenName"}, farleytest.Vars{"column": "last", "to": "familyName"}, farleytest.Vars{"column": "mail", "to": "emails"},
			}})
			runJobs(t, e)
			wantFigures(t, importOf(t, admin, x), "DONE", c.want)
		}
	})
}

// The same rows, without any key of their own, make their records once.
func TestImport_rowKey(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	admin := e.Admin(t)
	in := farleytest.Vars{"file": putRows(t, e, admin.User, "x.csv", "name\nA\nB\nA\n"), "object": "ACCOUNT", "key": farleytest.Vars{"row": true}, "onDuplicate": "CREATE",
		"columns": []any{farleytest.Vars{"column": "name", "to": "name"}}}
	for _, want := range []map[string]int{{"total": 3, "done": 3, "created": 2, "unchanged": 1}, {"total": 3, "done": 3, "unchanged": 3}} {
		x := begin(t, admin, in)
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", want)
	}
}

func TestImport_progress(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t, func(c *app.Config) { c.Jobs = true })
	admin := e.Admin(t)
	var rows strings.Builder
	rows.WriteString("name\n")
	for range 2500 {
		rows.WriteString("Firm " + id.New(16, farleytest.Start).String() + "\n")
	}
	stream := admin.Subscribe(t, `subscription($after: Cursor) { importChanged(after: $after) { op node { status done } } }`, farleytest.Vars{"after": admin.Cursor(t)})
	defer stream.Close()
	begin(t, admin, farleytest.Vars{"file": putRows(t, e, admin.User, "x.csv", rows.String()), "object": "ACCOUNT", "onDuplicate": "CREATE", "columns": []any{farleytest.Vars{"column": "name", "to": "name"}}})
	seen := map[int]bool{}
	for {
		n := stream.Event(t).At("importChanged.node")
		seen[n.At("done").Int()] = true
		if n.At("status").Text() == "DONE" {
			break
		}
	}
	if !seen[2500] {
		t.Errorf("progress was %v; want the end", seen)
	}
}

func TestImport_cancelAndResume(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		x := begin(t, admin, firmsMapping(putRows(t, e, admin.User, "firms.csv", firmsCSV)))
		d := admin.Query(t, `mutation($id: ID!) { cancelImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x})
		if got := d.At("cancelImport.import.status").Text(); got != "CANCELLED" {
			t.Errorf("the import is %s", got)
		}
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "CANCELLED", map[string]int{})
		admin.Do(t, `mutation($id: ID!) { cancelImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x}).Want(t, "CONFLICT")
		admin.Query(t, `mutation($id: ID!) { resumeImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x})
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", map[string]int{"total": 5, "done": 5, "created": 1, "failed": 4})
	})
}

// A person who is erased is in no file of an import any more, nor in what undoing would bring back.
func TestImport_wipe(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		x := begin(t, admin, farleytest.Vars{"file": putRows(t, e, admin.User, "x.csv", "first,mail\nHuda,huda@noor.example\nOmar,nonsense\n"), "object": "CONTACT", "columns": []any{
			farleytest.Vars{"column": "first", "to": "givenName"}, farleytest.Vars{"column": "mail", "to": "emails"},
		}})
		runJobs(t, e)
		d := importOf(t, admin, x)
		wantFigures(t, d, "DONE", map[string]int{"total": 2, "done": 2, "created": 1, "failed": 1})
		huda := admin.Query(t, `{ contacts { nodes { id } } }`, nil).At("contacts.nodes.0.id").ID()
		err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			for _, wipe := range e.Write.Wipe {
				if err := wipe(ctx, tx, e.Set.Kind("Contact"), huda); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := admin.Query(t, `query($id: ID!) { import(id: $id) { file { status } errorFile { status } } importProblems(import: $id) { nodes { row cells } } }`, farleytest.Vars{"id": x}).JSON()
		want := `{"import":{"errorFile":{"status":"EXPIRED"},"file":{"status":"EXPIRED"}},"importProblems":{"nodes":[{"cells":null,"row":2}]}}`
		if got != want {
			t.Errorf("after erasing: %s, want %s", got, want)
		}
	})
}

func TestImportPreview(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	admin := e.Admin(t)
	f := putRows(t, e, admin.User, "x.csv", "اسم الشركة;Web-Site;Revenue;customer_since;subsidiary_of;Zip;mystery\nالنور;noor.example;1.234,50;03/25/2020;Acme;11564;?\nBeta;beta.example;2.000,00;12/31/2021;;1;!\n")
	d := admin.Query(t, `query($in: ImportPreviewInput!) { importPreview(input: $in) { format encoding delimiter columns { name samples suggestion { to score date number matchBy } } } }`,
		farleytest.Vars{"in": farleytest.Vars{"file": f, "object": "ACCOUNT"}}).At("importPreview")
	got := []string{d.At("format").Text(), d.At("encoding").Text(), d.At("delimiter").Text()}
	for _, c := range d.At("columns").V.([]any) {
		s := farleytest.Data{V: c}.At("suggestion")
		got = append(got, strings.TrimSpace(strings.Join([]string{s.At("to").Text(), s.At("date").Text(), s.At("number").Text(), s.At("matchBy").Text()}, " ")))
	}
	want := []string{"CSV", "UTF-8", ";", "name", "website", "annualRevenue  COMMA", "customerSince US", "parent   name", "addresses[0].postalCode", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
}

// What is wrong with a mapping is told at once, before anything begins.
func TestStartImport_invalid(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	admin := e.Admin(t)
	r := admin.Do(t, `mutation($in: StartImportInput!) { startImport(input: $in) { import { id } } }`, farleytest.Vars{"in": farleytest.Vars{
		"file": putRows(t, e, admin.User, "x.csv", "a,b\n1,2\n"), "object": "ACCOUNT", "mode": "UPDATE", "skip": []any{farleytest.Vars{"column": "c"}},
		"columns": []any{
			farleytest.Vars{"column": "a", "to": "nonsense"}, farleytest.Vars{"column": "z", "to": "name"}, farleytest.Vars{"to": "name"}, farleytest.Vars{"column": "a", "to": "domain"},
			farleytest.Vars{"column": "a", "to": "parent", "match": farleytest.Vars{"by": "phones"}}, farleytest.Vars{"column": "a", "to": "customerSince", "date": "x"},
			farleytest.Vars{"column": "a", "to": "name", "multiply": "1/2"}, farleytest.Vars{"template": "{a|nonsense}", "to": "name"}, farleytest.Vars{"column": "a", "to": "emails[99]"},
			farleytest.Vars{"column": "a", "to": "parent", "match": farleytest.Vars{"by": "row"}}, farleytest.Vars{"to": "lifecycle", "match": farleytest.Vars{"by": "row"}},
		},
	}}).Want(t, "INVALID")
	want := []string{
		"input.columns.0.to UNKNOWN", "input.columns.1.column UNKNOWN", "input.columns.2.column REQUIRED", "input.columns.3.to UNKNOWN", "input.columns.4.match.by UNKNOWN",
		"input.columns.5.date FORMAT", "input.columns.6.multiply FORMAT", "input.columns.7.template UNKNOWN", "input.columns.8.to UNKNOWN",
		"input.columns.9.column FORMAT", "input.columns.10.match.by UNKNOWN", "input.key REQUIRED", "input.skip.0.column UNKNOWN",
	}
	if diff := cmp.Diff(want, r.Violations()); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}
