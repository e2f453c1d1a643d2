package db_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// pair is two servers with a database of the same name, which a handle has as one. They do not replicate: what a
// transaction wrote says where it was.
type pair struct {
	one, two *testdb.Server
	*testdb.DB
}

func newPair(t *testing.T, flags ...string) pair {
	t.Helper()
	p := pair{one: testdb.NewServer(t, flags...), two: testdb.NewServer(t, flags...)}
	first := p.one.Database(t, "firm")
	p.two.Database(t, "firm")
	for _, s := range []*testdb.Server{p.one, p.two} {
		s.Exec(t, "CREATE TABLE firm.counters (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)")
		s.Exec(t, "INSERT INTO firm.counters (id, n) VALUES (1, 0), (2, 0)")
	}
	p.DB = testdb.Open(t, testdb.Several(t, first, p.two))
	return p
}

// port returns the port of the server that a transaction is on.
func port(ctx context.Context, tx *db.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, "SELECT @@port", nil, &n)
	return n, err
}

// wantServer fails the test unless reads and writes are on the server.
func (p pair) wantServer(t *testing.T, s *testdb.Server) {
	t.Helper()
	var writes int
	err := p.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		writes, err = port(ctx, tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("127.0.0.1:%d", writes)
	if reads := fmt.Sprintf("127.0.0.1:%d", number(t, p.DB, "SELECT @@port")); reads != s.Addr || want != s.Addr {
		t.Errorf("reads are on %s and writes on %s, want %s", reads, want, s.Addr)
	}
}

// A transaction whose server is killed before COMMIT runs again on the other one, and takes effect there alone.
func TestCluster_serverIsKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.wantServer(t, p.one)
	runs, hooks := 0, 0
	began := time.Now()
	err := p.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		runs++
		tx.OnCommit(func() { hooks++ })
		n, err := lock(ctx, tx, 1)
		if err != nil {
			return err
		}
		if runs == 1 {
			p.one.Kill()
		}
		return set(ctx, tx, 1, n+1)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the write went on elsewhere after %v", time.Since(began))
	if got := counter(t, p.DB, 1); got != 1 || hooks != 1 || runs < 2 {
		t.Errorf("counter %d after %d runs and %d hooks, want 1 after 2 or more and 1", got, runs, hooks)
	}
	p.wantServer(t, p.two)
	if err := p.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	t.Run("opening goes past a dead server", func(t *testing.T) {
		pair{p.one, p.two, p.Reopen(t)}.wantServer(t, p.two)
	})
}

// A connection that is lost where nothing is sent any more but COMMIT has sent nothing: the transaction runs again even
// when fn hides the error.
func TestCluster_lostBeforeCommit(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	runs := 0
	err := p.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		runs++
		if err := set(ctx, tx, 1, runs); err != nil {
			return err
		}
		if runs == 1 {
			p.one.Kill()
			_, _ = port(ctx, tx) // hidden
		}
		return nil
	})
	if err != nil || runs < 2 {
		t.Fatalf("%d runs end with %v", runs, err)
	}
	if got := counter(t, p.DB, 1); got != runs {
		t.Errorf("counter %d, want %d", got, runs)
	}
}

// A server that becomes a replica is left, with all its connections; it is come back to when it is writable again and the
// other one is not.
func TestCluster_serverBecomesReadOnly(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, s := range []*testdb.Server{p.one, p.two} { // the administrator of the tests may write to a replica
		s.Exec(t, "CREATE USER farley@'%'")
		s.Exec(t, "GRANT ALL ON firm.* TO farley@'%'")
	}
	p.DB = testdb.Open(t, strings.Replace(p.URL, "root", "farley", 1))
	p.wantServer(t, p.one)
	p.one.Exec(t, "SET GLOBAL read_only = 1")
	if err := write(t.Context(), p.DB, "UPDATE counters SET n = 7 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	if got := counter(t, p.DB, 1); got != 7 {
		t.Errorf("counter %d, want 7", got)
	}
	p.wantServer(t, p.two)
	p.one.Exec(t, "SET GLOBAL read_only = 0")
	p.two.Exec(t, "SET GLOBAL read_only = 1")
	if err := write(t.Context(), p.DB, "UPDATE counters SET n = 8 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	p.wantServer(t, p.one)
}

// Without any server a transaction waits, and gives up with an error that says so.
func TestCluster_allAreAway(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.SetPatience(200 * time.Millisecond)
	p.one.Kill()
	p.two.Kill()
	err := write(t.Context(), p.DB, "UPDATE counters SET n = 7")
	if err == nil || !db.Away(err) || errors.Is(err, db.ErrUnknownOutcome) {
		t.Errorf("a write ends with %v", err)
	}
	if _, err := p.Snapshot(t.Context()); err == nil || !db.Away(err) {
		t.Errorf("a snapshot ends with %v", err)
	}
	if err := p.Ping(t.Context()); err == nil {
		t.Error("the ping succeeds")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := write(ctx, p.DB, "UPDATE counters SET n = 7"); !errors.Is(err, context.Canceled) {
		t.Errorf("a write of a caller who has gone ends with %v", err)
	}
}

// proxy passes connections on to a server, and can lose the answer to COMMIT.
type proxy struct {
	net.Listener
	target string
	lose   chan struct{} // closed: lose the connection that sends COMMIT, after it was sent
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l, target, make(chan struct{})}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.target) //nolint:noctx // ends with the client
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		losing := false
		select {
		case <-p.lose:
			losing = strings.HasSuffix(string(buffer[:n]), "COMMIT")
		default:
		}
		if losing {
			_ = client.Close() // before the server can answer
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		if losing {
			_, _ = server.Read(buffer) // it has committed
			return
		}
	}
}

// When the connection is lost with COMMIT under way, what became of it is unknown: it is not tried again.
func TestWrite_lostDuringCommit(t *testing.T) {
	t.Parallel()
	server := testdb.EmptyMariaDB(t)
	counters(t, server)
	addr := server.URL[strings.LastIndexByte(server.URL, '@')+1 : strings.LastIndexByte(server.URL, '/')]
	p := newProxy(t, addr)
	through := testdb.Open(t, strings.Replace(server.URL, addr, p.Addr().String(), 1))
	if err := write(t.Context(), through, "UPDATE counters SET n = 1 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	close(p.lose)
	runs, hooks := 0, 0
	err := through.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		runs++
		tx.OnCommit(func() { hooks++ })
		n, err := lock(ctx, tx, 1)
		if err != nil {
			return err
		}
		return set(ctx, tx, 1, n+1)
	})
	if !errors.Is(err, db.ErrUnknownOutcome) || !db.Away(err) || runs != 1 || hooks != 0 {
		t.Errorf("%d runs and %d hooks end with %v, want one run, no hook and ErrUnknownOutcome", runs, hooks, err)
	}
	for end := time.Now().Add(deadline); counter(t, server, 1) != 2; { // it was committed, this time
		if time.Now().After(end) {
			t.Fatalf("the counter is %d, want 2", counter(t, server, 1))
		}
	}
}

func TestAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("invalid connection"), false},
		{context.Canceled, false},
		{context.DeadlineExceeded, false},
		{errLost, false},
		{&mysql.MySQLError{Number: 1062}, false},
		{&mysql.MySQLError{Number: 1045}, false},
		{&mysql.MySQLError{Number: 1047}, true},
		{&mysql.MySQLError{Number: 1290}, true},
		{fmt.Errorf("read: %w", driver.ErrBadConn), true},
		{fmt.Errorf("read: %w", mysql.ErrInvalidConn), true},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, false}, // of whatever: the database's own come as others
		{fmt.Errorf("%w: %w", db.ErrUnknownOutcome, context.Canceled), false},
	} {
		if got := db.Away(c.err); got != c.want {
			t.Errorf("Away(%v) is %t, want %t", c.err, got, c.want)
		}
	}
}

func TestOpen_refusesURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, want string }{
		{"mysql://root:secret@127.0.0.1:1,/firm", "empty host"},
		{"mysql://root:secret@,127.0.0.1:1/firm", "empty host"},
		{"mysql://root:secret@127.0.0.1:1,127.0.0.1:2/firm", "no server answers"},
		{"mysql://root:sec ret@%zz:1/firm", "cannot be read"},
		{"postgres://root:secret@127.0.0.1/firm", "begins with"},
	} {
		_, err := db.Open(t.Context(), c.url)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

// A Galera node of its own: it is told apart, a synced snapshot waits and leaves the session as it was, what is not found is
// looked for twice, and a node that takes no queries is left.
func TestCluster_galera(t *testing.T) {
	t.Parallel()
	const provider = "/usr/lib/galera/libgalera_smm.so"
	if _, err := os.Stat(provider); err != nil {
		if os.Getenv("FARLEY_REQUIRE_GALERA") == "1" {
			t.Fatal(err)
		}
		t.Skip("Galera is not installed; FARLEY_REQUIRE_GALERA=1 makes this a failure")
	}
	p := pair{one: galera(t, provider), two: galera(t, provider)}
	first := p.one.Database(t, "firm")
	p.two.Database(t, "firm")
	p.DB = testdb.Open(t, testdb.Several(t, first, p.two))
	if !p.Lags() {
		t.Fatal("it is not known for Galera")
	}
	for range 3 {
		tx, err := p.SnapshotSynced(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var waits int
		if err := tx.QueryRow(t.Context(), "SELECT @@wsrep_sync_wait", nil, &waits); err != nil {
			t.Fatal(err)
		}
		if err := tx.Close(); err != nil || waits != 0 {
			t.Errorf("the session waits for %d from then on; %v", waits, err)
		}
	}
	looked := 0
	err := p.Find(t.Context(), func(*db.Tx) error {
		looked++
		return sql.ErrNoRows
	})
	if !errors.Is(err, sql.ErrNoRows) || looked != 2 {
		t.Errorf("%d looks end with %v", looked, err)
	}

	p.wantServer(t, p.one)
	if err := p.Migrate(t.Context()); err != nil { // DDL in total order, and the lock's row
		t.Fatal(err)
	}
	for _, s := range []*testdb.Server{p.one, p.two} {
		s.Exec(t, "CREATE TABLE firm.counters (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)")
		s.Exec(t, "INSERT INTO firm.counters (id, n) VALUES (1, 0)")
	}
	p.one.Exec(t, "SET GLOBAL wsrep_reject_queries = 'ALL'") // error 1047, as in a part that lost the others
	if err := write(t.Context(), p.DB, "UPDATE counters SET n = 7 WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	p.wantServer(t, p.two)
}

func galera(t *testing.T, provider string) *testdb.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	return testdb.NewServer(t, "--wsrep-on=ON", "--wsrep-provider="+provider, "--wsrep-cluster-address=gcomm://", "--binlog-format=ROW",
		"--innodb-autoinc-lock-mode=2", "--wsrep-provider-options=gmcast.listen_addr=tcp://"+addr+";gcache.size=16M", "--wsrep-node-address=127.0.0.1")
}

// On a database that is no cluster a synced snapshot is a snapshot, and costs no further statement.
func TestSnapshotSynced_elsewhereIsSnapshot(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		if d.Lags() {
			t.Error("the database lags")
		}
		d.Counter.Reset()
		tx, err := d.SnapshotSynced(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = 1", nil, &n); err != nil {
			t.Fatal(err)
		}
		if err := tx.Close(); err != nil {
			t.Fatal(err)
		}
		looked := 0
		err = d.Find(t.Context(), func(tx *db.Tx) error {
			looked++
			return tx.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = 9", nil, &n)
		})
		if !errors.Is(err, sql.ErrNoRows) || looked != 1 {
			t.Errorf("%d looks for what is not there end with %v", looked, err)
		}
		if got := d.Counter.N(); got != 2 {
			t.Errorf("%d statements, want 2", got)
		}
	})
}
