package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/upgrade"
)

// inspect runs the checks for a command line and returns "check: state", but where the state is ok the check alone.
func inspect(t *testing.T, now time.Time, args ...string) (states []string, in *inspection) {
	t.Helper()
	var c struct {
		Check check `cmd:""`
	}
	parser, err := kong.New(&c, kong.DefaultEnvars("FARLEY"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"check"}, args...)); err != nil {
		t.Fatal(err)
	}
	in = &inspection{check: &c.Check, clock: clock.NewTest(now)}
	in.run(t.Context())
	for _, r := range in.results {
		line := r.Check
		if r.State != fine {
			line += ": " + r.State
		}
		states = append(states, line)
	}
	return states, in
}

func now() time.Time { return clock.System{}.Now() }

func TestCheck_ofAWorkingSystem(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		data := private(t)
		if _, err := auth.OpenKeyring(filepath.Join(data, "keys.json"), now()); err != nil {
			t.Fatal(err)
		}
		got, in := inspect(t, now(), "--data", data, "--database", d.URL)
		want := []string{"currencies", "limits", "origins", "data folder", "keys", "mail", "files", "disk", "database", "database settings", "migrations", "change log"}
		if d.Dialect == db.MySQL {
			want = []string{"currencies", "limits", "origins", "data folder", "keys", "mail", "files", "database", "database settings: advice", "clock", "migrations", "change log"}
		}
		if diff := cmp.Diff(want, got); diff != "" || in.problems() != 0 {
			t.Errorf("%s\n%+v", diff, in.results)
		}
		if d.Dialect == db.MySQL { // the test server does not wait for its disk
			for _, r := range in.results {
				if r.State == advised && !strings.Contains(r.Detail, "innodb_flush_log_at_trx_commit") {
					t.Errorf("advised is %q", r.Detail)
				}
			}
		}
	})
}

// private returns a folder that only its owner may look into.
func private(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Before the first start there is nothing to find, and nothing is made.
func TestCheck_beforeTheFirstStart(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "none")
	got, _ := inspect(t, now(), "--data", data)
	if diff := cmp.Diff([]string{"currencies", "limits", "origins", "data folder", "keys", "mail", "files", "disk", "database"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the check has made the data folder: %v", err)
	}
}

func TestCheck_findsWhatIsWrong(t *testing.T) {
	t.Parallel()
	data := private(t)
	file := filepath.Join(data, "keys.json")
	if _, err := auth.OpenKeyring(file, now().Add(-400*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	states := func(args ...string) string {
		got, _ := inspect(t, now(), append([]string{"--data", data}, args...)...)
		return strings.Join(got, ", ")
	}
	has := func(states, want string) {
		t.Helper()
		if !strings.Contains(states, want) {
			t.Errorf("want %s, got %s", want, states)
		}
	}
	has(states(), "keys: advice") // old
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	has(states(), "keys: advice")
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // that this is wrong is the point
		t.Fatal(err)
	}
	has(states(), "keys: problem")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	has(states(), "keys: problem")
	if err := os.Chmod(data, 0o755); err != nil { //nolint:gosec // that this is wrong is the point
		t.Fatal(err)
	}
	has(states(), "data folder: advice")
	has(states("--reporting-currency", "XXQ"), "currencies: problem")
	has(states("--rates", "SAR"), "currencies: problem")
	has(states("--limit", "costs=5"), "limits: problem")
	has(states("--allowed-origins", "app.example.com"), "origins: problem")
	has(states("--allow-list", file), "allow-list")
	has(states("--database", "mysql://root@127.0.0.1:1/farley"), "database: problem")
	has(states("--data", file), "data folder: problem")
	has(states("--mail", "smtp://127.0.0.1:1"), "mail: problem")
	has(states("--mail", "pigeon://loft"), "mail: problem")
	has(states("--mail-from", "nobody"), "mail: problem")
	has(states("--nats", "nats://127.0.0.1:x"), "nats: problem")
	issuers := filepath.Join(data, "issuers.json")
	if err := os.WriteFile(issuers, []byte(`[{"issuer": "http://not.loopback.example"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	has(states("--issuers", issuers, "--database", testdb.SQLite(t).URL), "issuers: problem")
	broker := farleytest.NATS(t, -1)
	has(states("--nats", broker.ClientURL()), "nats")
	if strings.Contains(states("--nats", broker.ClientURL()), "nats: problem") {
		t.Error("a NATS server that answers is a problem")
	}
	t.Run("newer", func(t *testing.T) {
		t.Parallel()
		d := testdb.SQLite(t)
		if _, err := d.Pool().ExecContext(t.Context(), "INSERT INTO schema_migrations (version, checksum, applied_at) VALUES ('99990101000000', '', CURRENT_TIMESTAMP)"); err != nil {
			t.Fatal(err)
		}
		has(states("--database", d.URL), "migrations: problem")
	})
	t.Run("waiting", func(t *testing.T) {
		t.Parallel()
		d := testdb.SQLite(t)
		_, err := d.Pool().ExecContext(t.Context(), "INSERT INTO changes (kind, record_id, op, version, request_id, at, fields, vis) VALUES (16, x'00', 'CREATED', 1, '', '2020-01-01 00:00:00+00:00', '[]', '{}')")
		if err != nil {
			t.Fatal(err)
		}
		has(states("--database", d.URL), "change log: advice")
	})
	t.Run("clock", func(t *testing.T) {
		t.Parallel()
		d := testdb.MariaDB(t)
		got, _ := inspect(t, now().Add(time.Minute), "--data", data, "--database", d.URL)
		has(strings.Join(got, ", "), "clock: problem")
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	good := db.Facts{Version: "10.11.6-MariaDB-0+deb12u1", Settings: map[string]string{
		"character_set_database": "utf8mb4", "character_set_connection": "utf8mb4", "time_zone": "+00:00", "read_only": "OFF",
		"max_connections": "151", "max_allowed_packet": "16777216", "innodb_flush_log_at_trx_commit": "1",
	}}
	if err := judge(db.MySQL, good); err != nil {
		t.Errorf("a good server: %v", err)
	}
	for name, want := range map[string]string{
		"character_set_connection=latin1": problem, "time_zone=SYSTEM": problem, "read_only=ON": problem,
		"character_set_database=latin1": advised, "max_connections=50": advised, "max_allowed_packet=1048576": advised, "innodb_flush_log_at_trx_commit=2": advised,
	} {
		f := db.Facts{Version: good.Version, Settings: map[string]string{}}
		for k, v := range good.Settings {
			f.Settings[k] = v
		}
		key, value, _ := strings.Cut(name, "=")
		f.Settings[key] = value
		in := &inspection{}
		in.report("x", judge(db.MySQL, f), "")
		if in.results[0].State != want {
			t.Errorf("%s is %s; want %s", name, in.results[0].State, want)
		}
	}
	for version, bad := range map[string]bool{"10.5.1-MariaDB": true, "11.4.2-MariaDB": false, "5.7.44": true, "8.0.36": false} {
		if err := judge(db.MySQL, db.Facts{Version: version, Settings: good.Settings}); (err != nil) != bad {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if judge(db.SQLite, db.Facts{Settings: map[string]string{"journal_mode": "delete", "encoding": "UTF-8"}}) == nil {
		t.Error("a rollback journal is accepted")
	}
}

// Settings are told with where they come from, and without secrets.
func TestCheck_settings(t *testing.T) {
	t.Setenv("FARLEY_RATES", "SAR=0.25")
	t.Setenv("FARLEY_DATABASE", "mysql://farley:hun@ter/2:x@db:3306/farley")
	var c struct {
		Check check `cmd:""`
	}
	parser, err := kong.New(&c, kong.DefaultEnvars("FARLEY"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse([]string{"check", "--json", "--addr", ":9", "--limit", "cost=7"})
	if err != nil {
		t.Fatal(err)
	}
	in := &inspection{check: &c.Check, clock: clock.System{}}
	in.report("database", errors.New("cannot reach mysql://farley:hun@ter/2:x@db:3306/farley"), "")
	var out bytes.Buffer
	if err := in.json(&out, settingsOf(k)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OK       bool
		Settings []setting
		Checks   []result
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]setting{
		"rates": {"rates", "SAR=0.25", "environment"}, "addr": {"addr", ":9", "flag"}, "limit": {"limit", "map[cost:7]", "flag"},
		"slow": {"slow", "1s", "default"}, "database": {"database", "mysql://farley:***@db:3306/farley", "environment"},
	}
	for _, s := range got.Settings {
		if w, ok := want[s.Name]; ok && s != w {
			t.Errorf("told is %+v; want %+v", s, w)
		}
		delete(want, s.Name)
	}
	if len(want) > 0 || got.OK || len(got.Checks) != 1 {
		t.Errorf("missing are %v; %+v", want, got)
	}
	var text bytes.Buffer
	if err := in.text(&text, settingsOf(k)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{out.String(), text.String()} {
		if strings.Contains(s, "hun") || strings.Contains(s, "ter/2") {
			t.Errorf("the password is told: %s", s)
		}
	}
}

// farley check is content with a database of an earlier release, before and after its migrations.
func TestCheck_ofAnEarlierRelease(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../internal/upgrade/testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		f, err := upgrade.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, empty := range map[string]func(testing.TB) *testdb.DB{"sqlite": testdb.EmptySQLite, "mariadb": testdb.EmptyMariaDB} {
			t.Run(f.Migration+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := empty(t)
				if err := f.Load(t.Context(), d.DB); err != nil {
					t.Fatal(err)
				}
				data := private(t)
				if err := os.WriteFile(filepath.Join(data, "keys.json"), f.Keys, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, in := inspect(t, now(), "--data", data, "--database", d.URL); in.problems() != 0 || len(in.pending) == 0 {
					t.Errorf("before: %+v", in.results)
				}
				if err := d.Migrate(context.Background()); err != nil {
					t.Fatal(err)
				}
				if _, in := inspect(t, now(), "--data", data, "--database", d.URL); in.problems() != 0 || len(in.pending) != 0 {
					t.Errorf("after: %+v", in.results)
				}
			})
		}
	}
}
