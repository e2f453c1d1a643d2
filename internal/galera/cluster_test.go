package galera_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// size is how many database nodes, and how many servers, there are.
const size = 3

// cluster is what cluster.sh runs: it lives as long as its standard input is open.
type cluster struct {
	ports  [size]int
	folder string
	script *os.Process

	mu    sync.Mutex // one command at a time
	in    io.WriteCloser
	lines chan string
}

// newCluster starts a cluster that ends with the test. It skips the test where the cluster is not asked for or cannot be,
// the latter fails with FARLEY_REQUIRE_GALERA=1.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("FARLEY_GALERA") != "1" {
		t.Skip("a Galera cluster takes minutes: set FARLEY_GALERA=1 to start one")
	}
	cmd := exec.Command("bash", "cluster.sh")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &cluster{script: cmd.Process, in: in, lines: make(chan string)}
	t.Cleanup(func() {
		_ = in.Close()
		for range c.lines { //nolint:revive // until it has ended
		}
		_ = cmd.Wait() // it has ended what it started, and its code was looked at
	})
	go func() {
		defer close(c.lines)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			c.lines <- scanner.Text()
		}
	}()
	var said []string
	for {
		line, err := c.line(2 * time.Minute)
		if err != nil {
			last := strings.Join(said[max(0, len(said)-30):], "\n")
			if what, ok := strings.CutPrefix(last, "missing "); ok && os.Getenv("FARLEY_REQUIRE_GALERA") != "1" {
				t.Skip("not installed: ", what)
			}
			t.Fatalf("the cluster does not start: %v\n%s", err, last)
		}
		said = append(said, line)
		var n, port int
		if _, err := fmt.Sscanf(line, "node %d %d", &n, &port); err == nil {
			c.ports[n-1] = port
		}
		if folder, ok := strings.CutPrefix(line, "folder "); ok {
			c.folder = folder
		}
		if line == "ready" {
			return c
		}
	}
}

var errEnded = errors.New("cluster.sh has ended")

func (c *cluster) line(deadline time.Duration) (string, error) {
	select {
	case line, ok := <-c.lines:
		if !ok {
			return "", errEnded
		}
		return line, nil
	case <-time.After(deadline):
		return "", fmt.Errorf("cluster.sh says nothing for %s", deadline)
	}
}

// do has the script carry out a command for node n, counted from 0, and returns what it answers.
func (c *cluster) do(t *testing.T, command string, n int) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.in, command+" "+strconv.Itoa(n+1)+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := c.line(2 * time.Minute)
	if err != nil {
		t.Fatalf("%s %d: %v", command, n, err)
	}
	if !strings.HasPrefix(answer, "ok ") {
		t.Fatalf("%s %d: %s", command, n, answer)
	}
	return answer
}

// address is where database node n answers.
func (c *cluster) address(n int) string { return fmt.Sprintf("127.0.0.1:%d", c.ports[n]) }

// abandon kills the script itself: nothing of it stays behind.
func (c *cluster) abandon(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := c.script.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		left := 0
		for n := range size {
			if conn, err := net.Dial("tcp", c.address(n)); err == nil {
				_ = conn.Close()
				left++
			}
		}
		_, err := os.Stat(c.folder)
		if left == 0 && errors.Is(err, os.ErrNotExist) {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // they are dying
		case <-ctx.Done():
			t.Fatalf("after the script was killed %d database nodes are there; folder: %v", left, err)
		}
	}
}
