package db_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

const deadline = 30 * time.Second

// lease is short enough to be waited for, and long enough for a sign of life to come in time on a busy machine.
const lease = 1500 * time.Millisecond

// gated are migrations that stop at a lock of the server in the middle of the second file, between DDL and rows.
func gated(gate string) []string {
	return []string{first, createLog, second, addTwo + "CREATE TABLE before_gate (n INTEGER NOT NULL);\nDO GET_LOCK('" + gate + "', 1000);\n" +
		"DO RELEASE_LOCK('" + gate + "');\nCREATE TABLE after_gate (n INTEGER NOT NULL);\n" + addThree}
}

// close closes a gate and returns how to open it.
func closeGate(t *testing.T, d *testdb.DB, gate string) (open func()) {
	t.Helper()
	conn, err := plain(t, d).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "DO GET_LOCK(?, 10)", gate); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.Background(), "DO RELEASE_LOCK(?)", gate); err != nil {
			t.Error(err)
		}
	}
}

// gateOf names a gate of the schema: locks are the whole server's.
func gateOf(d *testdb.DB) string { return d.URL[strings.LastIndexByte(d.URL, '/')+1:] }

// await asks until the answer is at least n.
func await(t *testing.T, d *testdb.DB, n int, query string) {
	t.Helper()
	for end := time.Now().Add(deadline); number(t, d, query) < n; {
		if time.Now().After(end) {
			t.Fatalf("%s does not come to %d", query, n)
		}
	}
}

const (
	atGate   = "SELECT done FROM schema_lock WHERE begun = 1 AND version = '20260102000000'"
	reached  = "SELECT COALESCE((" + atGate + "), 0)"
	lockBeat = "SELECT beat FROM schema_lock"
)

// killedMigration names, in the environment of the helper process, the database that it migrates.
const killedMigration = "FARLEY_DB_KILLED_MIGRATION"

// TestKilledMigration_helper is no test: it is the process that TestMigrate_holderIsKilled starts, and kills.
func TestKilledMigration_helper(t *testing.T) {
	t.Parallel()
	databaseURL := os.Getenv(killedMigration)
	if databaseURL == "" {
		t.Skip("only as the helper of TestMigrate_holderIsKilled")
	}
	d, err := db.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	d.SetLease(lease)
	go func() {
		_ = d.MigrateFrom(context.Background(), files(gated(databaseURL[strings.LastIndexByte(databaseURL, '/')+1:])...))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, should that be killed
}

// A process that migrates is killed in the middle of a file. Another one goes on where it was, once it has been silent for
// the lease, and no statement takes effect twice.
func TestMigrate_holderIsKilled(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	d.SetLease(lease)
	open := closeGate(t, d, gateOf(d))
	helper := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledMigration_helper$") //nolint:gosec // ourselves
	helper.Env = append(os.Environ(), killedMigration+"="+d.URL)
	if _, err := helper.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = helper.Wait() }() // killed
	await(t, d, 1, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_lock'")
	await(t, d, 2, reached)

	others := make(chan error, 2)
	for range 2 {
		node := d.Reopen(t)
		node.SetLease(lease)
		go func() { others <- node.MigrateFrom(t.Context(), files(gated(gateOf(d))...)) }()
	}
	beat := number(t, d, lockBeat)
	await(t, d, beat+4, lockBeat) // the holder waits at the gate for longer than the lease, alive
	if got := number(t, d, "SELECT COUNT(DISTINCT owner) FROM schema_lock WHERE contender IS NULL"); got != 1 {
		t.Error("a waiting node has reached for the lock of a living holder")
	}
	began := time.Now()
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	open()
	for range 2 {
		if err := <-others; err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	t.Logf("with a lease of %v, another node went on and was done after %v", lease, took)
	if took < lease*2/3 {
		t.Errorf("the lock was taken over after %v, before the lease had ended", took)
	}
	wantLog(t, d, 1, 2, 3)
	if got := number(t, d, "SELECT COUNT(*) FROM schema_migrations"); got != 2 {
		t.Errorf("%d records, want 2", got)
	}
	if got := number(t, d, "SELECT COUNT(*) FROM schema_lock WHERE owner IS NULL"); got != 1 {
		t.Error("the lock is not free")
	}
}

// A holder who was taken for dead, and is not, stops.
func TestMigrate_stopsWhenTheLockIsLost(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	d.SetLease(time.Hour) // so that no sign of life notices it: the next step does
	open := closeGate(t, d, gateOf(d))
	result := make(chan error, 1)
	node := d.Reopen(t)
	node.SetLease(time.Hour)
	go func() { result <- node.MigrateFrom(t.Context(), files(gated(gateOf(d))...)) }()
	await(t, d, 1, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'before_gate'")
	await(t, d, 2, reached)
	exec1(t, plain(t, d), "UPDATE schema_lock SET owner = 'another'")
	open()
	if err := <-result; err == nil || !strings.Contains(err.Error(), "another node has taken the migration over") {
		t.Errorf("the migration ends with %v", err)
	}
	if got := number(t, d, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'after_gate'"); got != 0 {
		t.Error("it went on")
	}
	if got := number(t, d, "SELECT COUNT(*) FROM schema_lock WHERE owner = 'another'"); got != 1 {
		t.Error("it gave away the lock of the other")
	}
}

func exec1(t *testing.T, d *sql.DB, statement string) {
	t.Helper()
	if _, err := d.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// A file that failed goes on at the statement that failed, when what was in its way is gone.
func TestMigrate_goesOnAtTheFailedStatement(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	all := files(first, createLog, second, addTwo+"CREATE TABLE wall (n INTEGER NOT NULL);\n"+addThree)
	exec(t, d, "CREATE TABLE wall (other INTEGER NOT NULL)")
	for range 2 { // that it is there is no success, though it was tried before
		if err := d.MigrateFrom(t.Context(), all); err == nil || !strings.Contains(err.Error(), second+": statement 2 of 3: ") {
			t.Fatalf("error is %v", err)
		}
	}
	wantLog(t, d, 1, 2)
	exec(t, d, "DROP TABLE wall")
	migrate(t, d, all)
	wantLog(t, d, 1, 2, 3)
	if got := number(t, d, "SELECT COUNT(*) FROM wall WHERE n = 1"); got != 0 {
		t.Error("the table is not that of the migration")
	}
}

func TestMigrate_callerGoes(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	migrate(t, d, files(first, createLog))
	exec(t, d, "UPDATE schema_lock SET owner = 'another'")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := d.MigrateFrom(ctx, files(first, createLog, second, addTwo)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting ends with %v", err)
	}
	wantLog(t, d, 1)
}
