package galera_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// askTime bounds one request: longer than the longest stall that is put up with, shorter than the server's own bound.
const askTime = 20 * time.Second

// build makes the command that the test runs.
func build(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "farley")
	if out, err := exec.Command("go", "build", "-o", file, "farley/cmd/farley").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// node is a real server that can be killed and started again.
type node struct {
	t     *testing.T
	file  string
	flags []string
	log   *os.File
	http  *http.Client

	mu  sync.Mutex
	url string
	cmd *exec.Cmd
}

func newNode(t *testing.T, file, name string, flags ...string) *node {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, file: file, flags: flags, log: log, http: &http.Client{
		Timeout: askTime, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	t.Cleanup(func() {
		n.kill()
		_ = log.Close()
		if t.Failed() {
			t.Logf("%s:\n%s", name, n.lastErrors())
		}
	})
	return n
}

// start starts the server and waits until it answers. One whose database is not ready yet ends at once, and is started
// again.
func (n *node) start(ctx context.Context, more ...string) {
	n.t.Helper()
	for {
		err := n.startOnce(more)
		if err == nil {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			n.t.Fatalf("the server does not start: %v\n%s", err, n.lastErrors())
		}
	}
}

func (n *node) startOnce(more []string) error {
	args := append([]string{"serve", "--addr", "127.0.0.1:0"}, n.flags...)
	cmd := exec.Command(n.file, append(args, more...)...)
	cmd.Stderr = n.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return errors.Join(err, cmd.Wait())
		}
		if url, ok := strings.CutPrefix(line, "Farley answers at "); ok {
			n.mu.Lock()
			n.cmd, n.url = cmd, strings.TrimSpace(url)
			n.mu.Unlock()
			return nil
		}
	}
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

func (n *node) address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.url
}

// lastErrors returns the last lines of the log that tell of errors.
func (n *node) lastErrors() string {
	b, err := os.ReadFile(n.log.Name())
	if err != nil {
		return err.Error()
	}
	var found []string
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, `"level":"INFO"`) {
			found = append(found, line)
		}
	}
	return strings.Join(found[max(0, len(found)-5):], "")
}

// refusal is an answer with errors; its text is the code of the first.
type refusal struct{ code, body string }

func (r *refusal) Error() string { return r.code + ": " + r.body }

// errAway is any failure of the connection: whether the request was carried out is not known.
var errAway = errors.New("the server is away")

// ask sends a document. Its error is errAway, wrapped, or a *refusal.
func (n *node) ask(ctx context.Context, token, document string, vars map[string]any) (map[string]any, error) {
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
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := n.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAway, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAway, err)
	}
	var answer struct {
		Data   map[string]any
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, &refusal{code: res.Status, body: string(b)}
	}
	if len(answer.Errors) > 0 {
		return nil, &refusal{code: answer.Errors[0].Extensions.Code, body: string(b)}
	}
	return answer.Data, nil
}

// retried returns how many write transactions the server has run again since it was started.
func (n *node) retried(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(n.address(), "/graphql")+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := n.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "farley_db_retries_total "); ok {
			count, err := strconv.ParseFloat(value, 64)
			return int(count), err
		}
	}
	return 0, errors.Join(errors.New("no farley_db_retries_total"), lines.Err())
}
