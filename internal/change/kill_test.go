package change_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
)

// killedDatabase names, in the environment of the helper process, the database that it writes to.
const killedDatabase = "FARLEY_CHANGE_KILLED_DATABASE"

// TestKilled_helper is no test: it is the process that TestKill starts, and kills.
func TestKilled_helper(t *testing.T) {
	databaseURL := os.Getenv(killedDatabase)
	if databaseURL == "" {
		t.Skip("only as the helper of TestKill")
	}
	ctx := t.Context()
	d, err := db.Open(ctx, databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	l := change.NewLog(d, change.Options{})
	go func() { _ = l.Run(ctx) }()
	for w := range 4 {
		record := id.New(dealCode, time.Now())
		go func() {
			for v := int64(1); ; v++ {
				err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					return l.Append(ctx, tx, row(record, v, change.Updated))
				})
				if err != nil {
					return
				}
				fmt.Printf("acknowledged %s %d %d\n", record, v, w) //nolint:forbidigo // the parent reads it
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, should that be killed
}

// Whatever moment a process that writes and sequences is killed at, nothing acknowledged is lost and positions have no
// gap: a write and its rows are one transaction, and so are a batch's positions and the counter.
func TestKill_losesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		acknowledged := map[id.ID]int64{} // last version
		for round := range 20 {
			runAndKill(t, d.URL, 20+round*7, acknowledged)
		}
		l := newLog(d, nil)
		sequence(t, l)
		last, err := l.Last(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		follower := &tail{log: l, versions: map[id.ID]int64{}}
		if err := follower.until(t.Context(), nil, last); err != nil {
			t.Fatal(err)
		}
		var total int64
		for record, version := range acknowledged {
			if follower.versions[record] < version {
				t.Errorf("%s: the log ends at version %d; %d was acknowledged", record, follower.versions[record], version)
			}
		}
		for _, v := range follower.versions {
			total += v // no version is missing, as each record's rise one by one
		}
		if diff := cmp.Diff(total, last); diff != "" {
			t.Errorf("versions and positions do not add up:\n%s", diff)
		}
	})
}

// runAndKill has a helper process write until it has acknowledged n commits, and kills it.
func runAndKill(t *testing.T, databaseURL string, n int, acknowledged map[id.ID]int64) {
	t.Helper()
	helper := exec.CommandContext(within(t, 30*time.Second), os.Args[0], "-test.run=^TestKilled_helper$") //nolint:gosec // ourselves
	helper.Env = append(os.Environ(), killedDatabase+"="+databaseURL)
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
	lines := bufio.NewScanner(out)
	count := 0
	for lines.Scan() {
		var record string
		var version int64
		var worker int
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %s %d %d", &record, &version, &worker); err != nil {
			continue // cut off by the kill, or of the test framework
		}
		acknowledged[id.MustParse(record)] = version
		if count++; count == n {
			if err := helper.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = helper.Wait() // killed
	if count < n {
		t.Fatalf("the helper acknowledged %d commits; want %d", count, n)
	}
}
