package testdb

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const playVictim = "FARLEY_TESTDB_VICTIM"

// TestServer_endsWithItsProcess kills a process that uses a private server and waits for the server and its folder to go.
func TestServer_endsWithItsProcess(t *testing.T) {
	t.Parallel()
	if _, err := findServer(); errors.Is(err, errNoServer) && os.Getenv("FARLEY_REQUIRE_MYSQL") != "1" {
		t.Skip(err)
	}
	temp := t.TempDir()
	victim := exec.Command(os.Args[0], "-test.run=^TestVictim$")
	victim.Env = append(os.Environ(), playVictim+"=1", "TMPDIR="+temp)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := victim.StdinPipe() // held open: the victim lives until it is killed
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the victim said %q: %v", line, err)
	}
	addr := strings.TrimSpace(line)
	if conn, err := net.Dial("tcp", addr); err != nil {
		t.Errorf("before the end: %v", err)
	} else {
		_ = conn.Close()
	}

	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // says that it was killed

	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := filepath.Glob(filepath.Join(temp, "farley-mariadb-*"))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		if err != nil && len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after the end: dial: %v, folders: %q", err, left)
		}
	}
}

// TestVictim is the process that TestServer_endsWithItsProcess kills.
func TestVictim(t *testing.T) {
	t.Parallel()
	if os.Getenv(playVictim) == "" {
		t.Skip("plays a part in TestServer_endsWithItsProcess")
	}
	s, err := privateServer()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(s.addr + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}
