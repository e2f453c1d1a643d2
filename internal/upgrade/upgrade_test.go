package upgrade_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/seed"
	"farley/internal/upgrade"
)

// each runs fn on each fixture and each kind of database, at the schema of the old release.
func each(t *testing.T, fn func(t *testing.T, f *upgrade.Fixture, d *testdb.DB)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are %d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		for name, empty := range map[string]func(testing.TB) *testdb.DB{"sqlite": testdb.EmptySQLite, "mariadb": testdb.EmptyMariaDB} {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl.gz")+"/"+name, func(t *testing.T) {
				t.Parallel()
				f, err := upgrade.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				d := empty(t)
				if err := f.Load(t.Context(), d.DB); err != nil {
					t.Fatal(err)
				}
				fn(t, f, d)
			})
		}
	}
}

// start runs this release on the migrated database, with the keys of the old one, at the time of the recording.
func start(t *testing.T, f *upgrade.Fixture, d *testdb.DB) (e *farleytest.Env, as func(name string) *farleytest.Client) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, f.Keys, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.OpenKeyring(file, f.RecordedAt)
	if err != nil {
		t.Fatal(err)
	}
	e = farleytest.On(t, d, func(c *app.Config) {
		c.Clock, c.Keys = clock.NewTest(f.RecordedAt.Add(time.Second)), keys
		c.PasswordCost = auth.Cost{} // that of the recorded hashes
	})
	return e, func(name string) *farleytest.Client {
		session, ok := f.Sessions[name]
		if !ok {
			t.Fatalf("nobody is recorded as %q", name)
		}
		return e.WithToken(session.Access)
	}
}

// The data of an earlier release is served as that release served it, and everything that clients hold is still good.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *upgrade.Fixture, d *testdb.DB) {
		pending, err := d.Pending(t.Context())
		if err != nil || len(pending) == 0 {
			t.Fatalf("pending are %v, %v: the fixture is not of an earlier schema", pending, err)
		}
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		e, as := start(t, f, d)

		for i, r := range f.Reads {
			if strings.Contains(r.Document, "changes(") && f.Migration < cursorsLast {
				as(r.As).Do(t, r.Document, nil).Want(t, "RESYNC")
				r.Document = freshCursor(t, e, d, f, r)
				f.Reads[i].Document = r.Document
			}
			compare(t, r, as(r.As).Do(t, r.Document, nil))
		}
		before := rows(t, d)
		for _, r := range f.Repeats {
			compare(t, r, as(r.As).Do(t, r.Document, nil, "Idempotency-Key", r.Key))
		}
		if diff := cmp.Diff(before, rows(t, d)); diff != "" {
			t.Errorf("repeating under the old keys has written: %s", diff)
		}
		other := f.Repeats[0]
		as(other.As).Do(t, strings.Replace(other.Document, "name: \"", "name: \"Other ", 1), nil, "Idempotency-Key", other.Key).Want(t, "IDEMPOTENCY_MISMATCH")
		sessions(t, f, e, as)
		follows(t, f, as)

		if _, err := seed.EnsureRoles(context.Background(), e.Write); err != nil {
			t.Fatalf("the shipped roles are not brought up to date: %v", err)
		}
		e.Identity.Invalidate()
		writes(t, f, e, as)
	})
}

// cursorsLast is the first schema whose change cursors outlive an upgrade that adds to the model. Before it they were bound
// to all that the model had; their holders are told to begin anew.
const cursorsLast = "20261122000180"

var afterCursor = regexp.MustCompile(`after: "[^"]*"`)

// freshCursor puts a cursor of this release for the same position into a document.
func freshCursor(t *testing.T, e *farleytest.Env, d *testdb.DB, f *upgrade.Fixture, r upgrade.Exchange) string {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var position int64
	first := farleytest.Data{V: decode(t, r.Data)}.At("changes.edges.0.node")
	if first.V == nil { // who was told of nothing has read all of the log
		err = tx.QueryRow(t.Context(), "SELECT oldest FROM change_counter", nil, &position)
	} else {
		err = tx.QueryRow(t.Context(), "SELECT position - 1 FROM changes WHERE record_id = ? AND version = ?", []any{first.At("recordId").ID(), first.At("version").Int()}, &position)
	}
	if err != nil {
		t.Fatal(err)
	}
	codec, err := change.NewCodec(e.Keys.Secret("change cursor"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, _, err := e.Identity.Authenticate(t.Context(), f.Sessions[r.As].Access)
	if err != nil {
		t.Fatal(err)
	}
	cursor := codec.Seal(position, access.From(ctx).Epoch)
	return afterCursor.ReplaceAllString(r.Document, `after: "`+cursor+`"`)
}

func compare(t *testing.T, want upgrade.Exchange, got *farleytest.Response) {
	t.Helper()
	if len(got.Errors) > 0 {
		t.Errorf("as %s: %s\nis refused: %s", want.As, want.Document, got.Raw)
		return
	}
	data, err := json.Marshal(got.Data)
	if err != nil {
		t.Fatal(err)
	}
	if want.Digest != "" {
		if digest, err := upgrade.Digest(data); err != nil || digest != want.Digest {
			t.Errorf("as %s: %s\nhas another answer than was recorded (%v)", want.As, want.Document, err)
		}
		return
	}
	var old map[string]any
	if err := json.Unmarshal(want.Data, &old); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(old, got.Data); diff != "" {
		t.Errorf("as %s: %s\n%s", want.As, want.Document, diff)
	}
}

// rows counts what writes leave behind.
func rows(t *testing.T, d *testdb.DB) map[string]int {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	counts := map[string]int{}
	for _, table := range []string{"accounts", "contacts", "notes", "shares", "tags", "changes", "idempotency_keys", "external_refs"} {
		var n int
		if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table, nil, &n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

const refresh = `mutation($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken user { id } } }`

func sessions(t *testing.T, f *upgrade.Fixture, e *farleytest.Env, as func(string) *farleytest.Client) {
	t.Helper()
	const who = `{ viewer { user { email } } }`
	as("signed out").Do(t, who, nil).Want(t, "UNAUTHENTICATED")
	e.Anonymous().Do(t, refresh, farleytest.Vars{"t": f.Sessions["signed out"].Refresh}).Want(t, "UNAUTHENTICATED")

	next := e.Anonymous().Query(t, refresh, farleytest.Vars{"t": f.Sessions["sales.rep"].Refresh}).At("refresh")
	if got := e.WithToken(next.At("accessToken").Text()).Query(t, who, nil).At("viewer.user.email").Text(); got != "sales.rep@demo.example" {
		t.Errorf("the old refresh token makes a session of %q", got)
	}
	login := e.Anonymous().Query(t, `mutation { login(input: {email: "Sales.Rep@demo.example", password: "farley-demo-2026"}) { accessToken } }`, nil)
	if login.At("login.accessToken").Text() == "" {
		t.Error("the old password is not good")
	}
}

// follows opens streams at the old cursors.
func follows(t *testing.T, f *upgrade.Fixture, as func(string) *farleytest.Client) {
	t.Helper()
	streams := 0
	for _, r := range f.Reads {
		_, cursor, found := strings.Cut(r.Document, `changes(first: 100, after: "`)
		if !found || r.As == "partner" { // who has heard of nothing
			continue
		}
		cursor, _, _ = strings.Cut(cursor, `"`)
		var page struct {
			Changes struct {
				Edges []struct{ Node json.RawMessage }
			}
		}
		if err := json.Unmarshal(r.Data, &page); err != nil || len(page.Changes.Edges) == 0 {
			t.Fatalf("as %s nothing was recorded: %v", r.As, err)
		}
		s := as(r.As).Subscribe(t, `subscription($after: Cursor) { changes(after: $after) { op object recordId version at changedFields } }`, farleytest.Vars{"after": cursor})
		for _, edge := range page.Changes.Edges {
			var want any
			if err := json.Unmarshal(edge.Node, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, s.Event(t).At("changes").V); diff != "" {
				t.Fatalf("as %s the stream tells: %s", r.As, diff)
			}
		}
		s.Close()
		streams++
	}
	if streams < 2 {
		t.Errorf("%d streams were followed", streams)
	}
}

// writes proves that old records can be changed and new ones made, and that both are told of.
func writes(t *testing.T, f *upgrade.Fixture, e *farleytest.Env, as func(string) *farleytest.Client) {
	t.Helper()
	rep := as("sales.rep")
	e.Settle(t)
	cursor := rep.Cursor(t)
	made := farleytest.Data{V: decode(t, f.Repeats[0].Data)}.At("createAccount.account.id").Text()
	got := rep.Query(t, `mutation($id: ID!) { updateAccount(id: $id, input: {name: "Renamed since"}) { account { name description } } }`, farleytest.Vars{"id": made})
	if diff := cmp.Diff(map[string]any{"name": "Renamed since", "description": "Two\nlines"}, got.At("updateAccount.account").V); diff != "" {
		t.Errorf("an old record is changed to %s", diff)
	}
	rep.Query(t, `mutation { createContact(input: {givenName: "New", familyName: "Since"}) { contact { id } } }`, nil)
	e.Settle(t)
	events := rep.Query(t, `query($after: Cursor!) { changes(after: $after) { edges { node { op object } } } }`, farleytest.Vars{"after": cursor}).At("changes.edges").JSON()
	if want := `[{"node":{"object":"ACCOUNT","op":"UPDATED"}},{"node":{"object":"CONTACT","op":"CREATED"}}]`; events != want {
		t.Errorf("told is %s", events)
	}
}

func decode(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
