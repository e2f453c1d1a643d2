package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/blob"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/money"
)

// What the helper process of the kill test works on.
const (
	killedImportDatabase = "FARLEY_IMPORT_KILLED_DATABASE"
	killedImportFiles    = "FARLEY_IMPORT_KILLED_FILES"
)

// TestImportKilled_helper is no test: it is the process that TestImport_kill starts, and kills.
func TestImportKilled_helper(t *testing.T) {
	databaseURL := os.Getenv(killedImportDatabase)
	if databaseURL == "" {
		t.Skip("only as the helper of TestImport_kill")
	}
	d, err := db.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	files, err := blob.NewFolder(os.Getenv(killedImportFiles))
	if err != nil {
		t.Fatal(err)
	}
	book, err := money.NewBook("USD", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewTest(farleytest.Start)
	a, err := app.New(app.Config{DB: d, Clock: c, Keys: auth.NewKeyring(farleytest.Start), Money: book, Files: files, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d.Observe = func(_ context.Context, query string, _ time.Duration, _ error) {
		if strings.Contains(query, "`accounts`") && strings.Contains(query, "INSERT") {
			fmt.Println("import wrote") //nolint:forbidigo // the parent reads it
		}
	}
	go func() { _, _ = a.Jobs.CatchUp(context.Background(), 1000, func() {}) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, should that be killed
}

// Whatever moment the process is killed at, each row of the file makes its record once.
func TestImport_kill(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		folder := t.TempDir()
		files, err := blob.NewFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		e := farleytest.On(t, d, func(c *app.Config) { c.Files = files })
		admin := e.Admin(t)
		const rows, kills = 6000, 3
		var content strings.Builder
		content.WriteString("name,code\n")
		for i := range rows {
			fmt.Fprintf(&content, "Firm %d,K%d\n", i, i)
		}
		x := begin(t, admin, farleytest.Vars{"file": putRows(t, e, admin.User, "x.csv", content.String()), "object": "ACCOUNT", "onDuplicate": "CREATE",
			"key":     farleytest.Vars{"external": farleytest.Vars{"system": "kill", "column": "code"}},
			"columns": []any{farleytest.Vars{"column": "name", "to": "name"}}})
		for range kills {
			killImport(t, d.URL, folder, 1+rand.N(7))
			e.Clock.Advance(e.Clock.Now().Add(2 * time.Minute)) // the lease of the killed run ends
			killedDue(t, e)
		}
		before := importOf(t, admin, x)
		if n := before.At("done").Int(); n == rows {
			t.Errorf("the killed processes did all %d rows; want some to be left", n)
		}
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", map[string]int{"total": rows, "done": rows, "created": rows})
		var accounts, names, keys, lines int
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		for query, into := range map[string]*int{
			"SELECT COUNT(*) FROM accounts": &accounts, "SELECT COUNT(DISTINCT name) FROM accounts": &names,
			"SELECT COUNT(DISTINCT record_id) FROM external_refs": &keys, "SELECT COUNT(DISTINCT record_id) FROM import_rows": &lines,
		} {
			if err := tx.QueryRow(t.Context(), query, nil, into); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := [4]int{accounts, names, keys, lines}, [4]int{rows, rows, rows, rows}; got != want {
			t.Errorf("accounts, names, keys and lines are %v, want %v", got, want)
		}
	})
}

// killedDue makes the jobs of processes that were killed due, by the clock of the next helper.
func killedDue(t *testing.T, e *farleytest.Env) {
	t.Helper()
	if _, err := e.DB.Pool().ExecContext(t.Context(), "UPDATE jobs SET wake_at = ? WHERE state = 'RUNNING'", farleytest.Start); err != nil {
		t.Fatal(err)
	}
}

// killImport has a helper process import until it has written n batches, and kills it.
func killImport(t *testing.T, databaseURL, folder string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	helper := osexec.CommandContext(ctx, os.Args[0], "-test.run=^TestImportKilled_helper$") //nolint:gosec // ourselves
	helper.Env = append(os.Environ(), killedImportDatabase+"="+databaseURL, killedImportFiles+"="+folder)
	if _, err := helper.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "import ") {
			continue // of the test framework
		}
		if said++; said == n {
			if err := helper.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = helper.Wait() // killed
	if said < n {
		t.Fatalf("the helper wrote %d times; want %d", said, n)
	}
}
