package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// asFarley in the environment makes the test binary the program, for the commands of the documentation.
const asFarley = "FARLEY_TEST_IS_FARLEY"

func TestMain(m *testing.M) {
	if os.Getenv(asFarley) != "" {
		if err := os.Unsetenv(asFarley); err != nil {
			panic(err)
		}
		main()
		return
	}
	os.Exit(m.Run())
}

// documented returns the commands of docs/operations/backup.md by name.
func documented(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations/backup.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)<!-- run: ([a-z ]+) -->\n```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// run runs commands of the documentation.
func run(t *testing.T, script string, variables map[string]string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "farley"), fmt.Appendf(nil, "#!/bin/sh\n%s=1 exec %q \"$@\"\n", asFarley, self), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// The backup of a server that is being written to, restored elsewhere as the documentation says, has everything from before,
// and clients from after are told to begin anew.
func TestBackup(t *testing.T) {
	t.Parallel()
	commands := documented(t)
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		data, next := filepath.Dir(u.Path), filepath.Join(t.TempDir(), "new")
		kind, restoredURL := "sqlite", (&url.URL{Scheme: "sqlite", Path: filepath.Join(next, "farley.db")}).String()
		keyFile := filepath.Join(data, "keys.json")
		variables := map[string]string{"BACKUP": filepath.Join(t.TempDir(), "backup"), "DATA": data, "NEW": next}
		if u.Scheme == "mysql" {
			if _, err := exec.LookPath("mariadb-dump"); err != nil {
				if os.Getenv("FARLEY_REQUIRE_MYSQL") == "1" {
					t.Fatal(err)
				}
				t.Skip("there is no mariadb-dump on this machine")
			}
			kind, keyFile = "mariadb", filepath.Join(t.TempDir(), "keys.json")
			name := strings.TrimPrefix(u.Path, "/")
			after := *u
			after.Path = u.Path + "_restored"
			restoredURL = after.String()
			variables["HOST"], variables["PORT"], variables["DBUSER"], variables["NAME"] = u.Hostname(), u.Port(), u.User.Username(), name
			variables["NEWNAME"], variables["NEWURL"], variables["KEYS"] = name+"_restored", restoredURL, keyFile
		}
		keys, err := auth.OpenKeyring(keyFile, farleytest.Start)
		if err != nil {
			t.Fatal(err)
		}
		same := func(c *app.Config) { c.Keys = keys }

		e := farleytest.On(t, d, same)
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		account := func(name string) {
			t.Helper()
			e.Make(t, "Account", input.Object{"name": name, "owner": ann.User.String()})
		}
		account("Before the backup")
		busy, stop := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; busy.Err() == nil; i++ {
				account(fmt.Sprintf("While it was made %d", i))
			}
		}()
		run(t, commands[kind+" backup"], variables)
		stop()
		<-stopped
		account("After the backup")
		e.Settle(t)
		cursor := ann.Cursor(t)
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}

		said := run(t, commands[kind+" restore"], variables)
		if !strings.Contains(said, "1 sessions were ended") || !strings.Contains(said, "✓ migrations: none to apply") {
			t.Errorf("the commands say:\n%s", said)
		}
		restoredDB := testdb.Open(t, restoredURL)
		e = farleytest.On(t, restoredDB, same)
		e.WithToken(ann.Token).Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		ann = e.SignIn(t, ann.User)
		names := func(where string) int {
			t.Helper()
			return ann.Query(t, `query($s: String) { accounts(where: {name: {startsWith: $s}}) { totalCount { value } } }`, farleytest.Vars{"s": where}).At("accounts.totalCount.value").Int()
		}
		if names("Before the backup") != 1 || names("After the backup") != 0 {
			t.Errorf("there are %d accounts from before and %d from after", names("Before the backup"), names("After the backup"))
		}
		for range 20 { // past where the lost log ended, perhaps
			account("After the restoration")
		}
		e.Settle(t)
		ann.Do(t, `query($after: Cursor!) { changes(after: $after) { edges { cursor } } }`, farleytest.Vars{"after": cursor}).Want(t, "CURSOR_EXPIRED")
		if events := ann.Query(t, `query($after: Cursor!) { changes(after: $after, first: 1) { edges { cursor } } }`, farleytest.Vars{"after": ann.Cursor(t)}).At("changes.edges").Len(); events != 0 {
			t.Errorf("behind the new cursor are %d events", events)
		}
	})
}

// A backup never replaces another one, and is for the embedded database only.
func TestBackup_refuses(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	b := backup{To: t.TempDir()}
	b.Database = d.URL
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("into a folder that exists: %v", err)
	}
	b.To, b.Data = filepath.Join(t.TempDir(), "new"), t.TempDir()
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "keys") {
		t.Errorf("without keys: %v", err)
	}
	b.To, b.Database = filepath.Join(t.TempDir(), "new"), testdb.MariaDB(t).URL
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "mariadb-dump") {
		t.Errorf("of MariaDB: %v", err)
	}
}
