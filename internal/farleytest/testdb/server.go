package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"farley/internal/db"
)

// errNoServer says that this machine has no MariaDB.
var errNoServer = errors.New("found neither mariadbd nor mysqld of MariaDB, with mariadb-install-db")

// server is a private MariaDB server on the loopback interface, user root without a password.
type server struct {
	addr  string // host:port
	admin *sql.DB
	// life is never written to: that it closes with this process, in whatever way the process ends, tells the guard to
	// end the server.
	life io.Closer
	wait func() error // until guard has ended

	migrations fs.FS

	schemas  atomic.Int64              // made so far, for their names
	template func() (*template, error) // made once, when first asked for

	mu   sync.Mutex
	free []string // schemas like the template, which no test uses
}

const (
	startTimeout = 30 * time.Second
	// startAttempts is more than one because a free port may be taken between finding and using it.
	startAttempts = 3
)

// guard runs the server in folder $1 until standard input ends, then kills it (its data is worth nothing) and removes the
// folder. It survives the interrupt that a terminal sends to the whole group, to do so.
const guard = `trap '' HUP INT TERM
dir=$1
shift
"$@" </dev/null &
pid=$!
cat >/dev/null
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
rm -rf "$dir"
`

func startServer(flags ...string) (*server, error) {
	program, err := findServer()
	if err != nil {
		return nil, err
	}
	template, err := program.template()
	if err != nil {
		return nil, fmt.Errorf("prepare the data folder: %w", err)
	}
	for attempt := 1; ; attempt++ {
		s, err := program.start(template, flags...)
		if err == nil || attempt == startAttempts {
			return s, err
		}
	}
}

// start runs a server on a copy of the template folder and waits until it answers.
func (p program) start(template string, flags ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "farley-mariadb-")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := os.CopyFS(data, os.DirFS(template)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	logPath := filepath.Join(dir, "log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() { _ = log.Close() }()

	args := []string{"-c", guard, "guard", dir, p.path, "--no-defaults",
		"--datadir=" + data,
		"--tmpdir=" + dir,
		"--socket=" + filepath.Join(dir, "socket"),
		"--pid-file=" + filepath.Join(dir, "pid"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--skip-name-resolve",
		"--max-connections=2000",
		"--performance-schema=OFF",
		"--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
		"--innodb-buffer-pool-size=128M", logSize,
		// Nobody reads the data after a crash: no need to wait for the disk.
		"--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=OFF",
	}
	cmd := exec.Command("sh", slices.Concat(args, userFlag(), flags)...)
	cmd.Stdout, cmd.Stderr = log, log
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &server{addr: fmt.Sprintf("127.0.0.1:%d", port), life: life, wait: cmd.Wait, migrations: db.Migrations()}
	s.template = sync.OnceValues(s.makeTemplate)
	if err := s.openAdmin(); err != nil {
		return nil, errors.Join(err, life.Close(), cmd.Wait())
	}
	if err := s.await(logPath); err != nil {
		return nil, errors.Join(err, s.admin.Close(), life.Close(), cmd.Wait())
	}
	return s, nil
}

// await returns when the server answers.
func (s *server) await(logPath string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// The log is asked too: a foreign server may have taken the port.
		log, err := os.ReadFile(logPath)
		if err != nil {
			return err
		}
		if strings.Contains(string(log), "ready for connections") {
			return s.admin.PingContext(ctx)
		}
		if strings.Contains(string(log), "Aborting") {
			return fmt.Errorf("the server ended at once:\n%s", log)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer in %s:\n%s", startTimeout, log)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
