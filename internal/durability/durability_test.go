// Package durability_test kills the real server, again and again, and looks at what is left.
package durability_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/farleytest/testdb"
)

var kills = flag.Int("farley.kills", 10, "how often the server is killed")

const (
	writers  = 4
	deadline = 60 * time.Second
)

// binary builds the command once for all tests of the process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "farley-binary-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "farley")
	out, err := exec.Command("go", "build", "-o", file, "farley/cmd/farley").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file)) // a folder of ours; what stays is swept with the others
	}
	os.Exit(code)
}

// node is the real server, with what it needs to be started again on the same database.
type node struct {
	t     *testing.T
	file  string
	flags []string
	token string

	mu  sync.Mutex
	url string
	cmd *exec.Cmd
}

// beside returns another node on the same database with the same keys, and with flags for both.
func (n *node) beside(flags ...string) *node {
	n.flags = append(n.flags, flags...)
	other := &node{t: n.t, file: n.file, flags: n.flags, token: n.token}
	n.t.Cleanup(other.kill)
	return other
}

func newNode(t *testing.T, database string) *node {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, file: file, flags: []string{"--data", t.TempDir(), "--database", database}}
	out, err := exec.Command(file, append([]string{"token", "--first-administrator", "root@example.com"}, n.flags...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	n.token = strings.TrimSpace(string(out))
	t.Cleanup(n.kill)
	return n
}

func (n *node) start() {
	cmd := exec.Command(n.file, append([]string{"serve", "--addr", "127.0.0.1:0"}, n.flags...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Error(err)
		return
	}
	if err := cmd.Start(); err != nil {
		n.t.Error(err)
		return
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		n.t.Error("the server does not start: ", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cmd, n.url = cmd, strings.TrimSpace(strings.TrimPrefix(line, "Farley answers at "))
}

func (n *node) kill() {
	n.mu.Lock()
	cmd := n.cmd
	n.cmd, n.url = nil, ""
	n.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// stop asks the server to end, without waiting for it. It goes on answering at the address that is returned, until it has
// ended; nobody is sent there any more.
func (n *node) stop() (address string, ended func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	cmd, address := n.cmd, n.url
	n.cmd, n.url = nil, ""
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Error(err)
	}
	return address, cmd.Wait
}

func (n *node) address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.url
}

var errAway = errors.New("the server is away")

// ask sends a document; any failure of the connection is errAway.
func (n *node) ask(ctx context.Context, document string, vars map[string]any) (map[string]any, error) {
	url := n.address()
	if url == "" {
		return nil, errAway
	}
	body, err := json.Marshal(map[string]any{"query": document, "variables": vars})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errAway
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, errAway
	}
	var answer struct {
		Data   map[string]any
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", err, b)
	}
	if len(answer.Errors) > 0 {
		return nil, fmt.Errorf("refused: %s", b)
	}
	return answer.Data, nil
}

// insist repeats a document, which must be safe to repeat, until it is answered.
func (n *node) insist(ctx context.Context, document string, vars map[string]any) (map[string]any, error) {
	for {
		data, err := n.ask(ctx, document, vars)
		if !errors.Is(err, errAway) {
			return data, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond): // the server needs a moment to come back
		}
	}
}

const create = `mutation($name: String!, $key: String!) { createTag(input: {name: $name}, idempotencyKey: $key) { tag { id } } }`

// The server is killed under load. What it acknowledged is there, once, whether the client had to repeat it or not; the
// change log tells of each write exactly once; and a subscriber that comes back each time with its cursor misses nothing
// and hears nothing twice.
func TestKill_losesNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		if err := d.Close(); err != nil { // the node has it now
			t.Fatal(err)
		}
		n := newNode(t, d.URL)
		n.start()
		ctx, cancel := context.WithTimeout(t.Context(), deadline+time.Duration(*kills)*3*time.Second)
		defer cancel()
		data, err := n.insist(ctx, `{ changesCursor }`, nil)
		if err != nil {
			t.Fatal(err)
		}
		begin := data["changesCursor"].(string)

		var mu sync.Mutex
		acknowledged := map[string]string{} // name → id
		stop, acks := make(chan struct{}), make(chan struct{}, 1024)
		var work sync.WaitGroup
		for w := range writers {
			work.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					name := fmt.Sprintf("tag %d of writer %d", i, w)
					data, err := n.insist(ctx, create, map[string]any{"name": name, "key": name})
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					id := data["createTag"].(map[string]any)["tag"].(map[string]any)["id"].(string)
					mu.Lock()
					acknowledged[name] = id
					mu.Unlock()
					select {
					case acks <- struct{}{}:
					default:
					}
				}
			})
		}
		heard := make(chan map[string]int, 1)
		done := make(chan int, 1)
		go func() { heard <- n.listen(ctx, t, begin, done) }()

		for range *kills {
			for range 1 + rand.N(60) {
				select {
				case <-acks:
				case <-ctx.Done():
					t.Fatal("the writers do not get on")
				}
			}
			n.kill() // at any moment of the other writers
			n.start()
		}
		close(stop)
		work.Wait()
		done <- len(acknowledged)
		told := <-heard

		t.Logf("%d kills, %d writes acknowledged, %d events heard", *kills, len(acknowledged), len(told))
		if len(acknowledged) == 0 {
			t.Fatal("nothing was written")
		}
		feed := n.feed(ctx, t, begin)
		for name, id := range acknowledged {
			if told[id] != 1 || feed[id] != 1 {
				t.Errorf("%s: heard %d times, in the feed %d times", name, told[id], feed[id])
			}
		}
		if len(feed) != len(acknowledged) || len(told) != len(acknowledged) {
			t.Errorf("%d acknowledged, %d in the feed, %d heard", len(acknowledged), len(feed), len(told))
		}
	})
}

// feed counts the CREATED events since a cursor, by record.
func (n *node) feed(ctx context.Context, t *testing.T, after string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for {
		data, err := n.insist(ctx, `query($after: Cursor!) { changes(objects: [TAG], after: $after, first: 1000) { edges { node { op recordId } } pageInfo { hasNextPage endCursor } } }`, map[string]any{"after": after})
		if err != nil {
			t.Fatal(err)
		}
		page := data["changes"].(map[string]any)
		for _, e := range page["edges"].([]any) {
			counts[e.(map[string]any)["node"].(map[string]any)["recordId"].(string)]++
		}
		info := page["pageInfo"].(map[string]any)
		after = info["endCursor"].(string)
		if info["hasNextPage"] != true {
			return counts
		}
	}
}

// listen follows new tags over sockets, coming back with its cursor whenever the server goes away, until it has heard of
// as many as done says.
func (n *node) listen(ctx context.Context, t *testing.T, cursor string, done <-chan int) map[string]int {
	counts := map[string]int{}
	want := -1
	for want < 0 || len(counts) < want {
		select {
		case want = <-done:
			continue
		case <-ctx.Done():
			t.Errorf("the subscriber heard of %d of %d in time", len(counts), want)
			return counts
		default:
		}
		cursor = n.hear(ctx, cursor, counts, &want, done)
	}
	return counts
}

// hear reads one connection until it ends, and returns the last cursor.
func (n *node) hear(ctx context.Context, cursor string, counts map[string]int, want *int, done <-chan int) string {
	url := n.address()
	if url == "" {
		select {
		case <-time.After(5 * time.Millisecond): // the server needs a moment to come back
		case <-ctx.Done():
		}
		return cursor
	}
	dial, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(dial, "ws"+strings.TrimPrefix(url, "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return cursor
	}
	defer func() { _ = conn.CloseNow() }()
	send := func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return conn.Write(ctx, websocket.MessageText, b)
	}
	err = errors.Join(
		send(map[string]any{"type": "connection_init", "payload": map[string]any{"token": n.token}}),
		send(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
			"query": `subscription($after: Cursor) { tagChanged(after: $after) { cursor op recordId } }`, "variables": map[string]any{"after": cursor}}}))
	for err == nil {
		if *want < 0 {
			select {
			case *want = <-done:
			default:
			}
		}
		if *want >= 0 && len(counts) >= *want {
			return cursor
		}
		var m struct {
			Type    string
			Payload struct {
				Data struct {
					TagChanged struct{ Cursor, Op, RecordID string }
				}
			}
		}
		var b []byte
		read, cancel := context.WithTimeout(ctx, time.Second) // so that `done` is looked at
		_, b, err = conn.Read(read)
		cancel()
		if err != nil {
			return cursor
		}
		_ = json.Unmarshal(b, &m) // an error message has another payload
		if e := m.Payload.Data.TagChanged; m.Type == "next" {
			cursor = e.Cursor
			if e.Op == "CREATED" {
				counts[e.RecordID]++
			}
		}
	}
	return cursor
}
