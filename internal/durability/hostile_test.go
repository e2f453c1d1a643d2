//go:build linux

package durability_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/farleytest/testdb"
)

// hostile are documents that cost a careless server much more than their senders.
func hostile() map[string]string {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	fragments := "{ ...F0 }"
	for i := range 25 {
		fragments += fmt.Sprintf(" fragment F%d on Query { ...F%d ...F%d }", i, i+1, i+1)
	}
	fragments += " fragment F25 on Query { viewer { roles { name } } }"
	terms := many(1000, `{name: {eq: "x%d"}},`)
	return map[string]string{
		"deep":              strings.Repeat("{ accounts { nodes { owner", 3000) + strings.Repeat("} } }", 3000),
		"deep values":       `{ accounts(where: ` + strings.Repeat("{not: ", 5000) + "{}" + strings.Repeat("}", 5000) + `) { nodes { id } } }`,
		"wide":              "{ " + many(4000, "a%d: viewer { roles { name } } ") + " }",
		"equal names":       "{ accounts { nodes { " + strings.Repeat("name ", 4000) + " } } }",
		"equal roots":       "{ " + strings.Repeat("viewer { roles { name } } ", 4000) + " }",
		"fragment pairs":    fragments,
		"fragment circle":   "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
		"1,000 terms":       `{ accounts(where: {or: [` + terms + `]}) { nodes { id } } }`,
		"multiplied lists":  "{ accounts(first: 100) { nodes { contacts(first: 100) { nodes { accounts(first: 100) { nodes { contacts(first: 100) { nodes { id } } } } } } } } }",
		"directives":        "{ viewer " + strings.Repeat("@include(if: true) ", 2000) + " { roles { name } } }",
		"10 MB":             `{ viewer { roles { name } } } #` + strings.Repeat("x", 10<<20),
		"long name":         "{ " + strings.Repeat("x", 500_000) + " }",
		"many operations":   many(2000, "query Q%d { viewer { roles { name } } } "),
		"unclosed":          strings.Repeat("{ a", 100_000),
		"strings":           `{ accounts(where: {name: {contains: "` + strings.Repeat("%", 900_000) + `"}}) { nodes { id } } }`,
		"introspection":     "{ __schema { types { " + strings.Repeat("fields { type { ", 8) + "name" + strings.Repeat(" } }", 8) + " } } }",
		"page of millions":  "{ accounts(first: 2000000000) { nodes { id } } }",
		"aliased relations": "{ accounts(first: 100) { nodes { " + many(99, "c%d: contacts(first: 100) { nodes { id } } ") + " } } }",
	}
}

// Each hostile document is refused with a code, or answered, within 100 ms of the server's CPU, and the server stays
// small, also while many readers of its sockets do not read.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, d.URL)
	n.start()
	ctx, cancel := context.WithTimeout(t.Context(), 2*deadline)
	defer cancel()
	if _, err := n.insist(ctx, `{ viewer { roles { name } } }`, nil); err != nil {
		t.Fatal(err)
	}
	for name, document := range hostile() {
		before := n.cpu(t)
		code := n.code(ctx, t, document)
		took := n.cpu(t) - before
		t.Logf("%-18s %-12s %v", name, cmp.Or(code, "answered"), took)
		if code == "INTERNAL" {
			t.Errorf("%s: answered by %q", name, code)
		}
		if took > 100*time.Millisecond {
			t.Errorf("%s: costs %v of CPU", name, took)
		}
	}
	n.slowReaders(ctx, t)
	if rss := n.peak(t); rss > 512 {
		t.Errorf("the server took %d MiB", rss)
	} else {
		t.Logf("the server took %d MiB at most", rss)
	}
	// The user's own places may all be taken by his sockets; nobody else notices.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.address()+"?query={__typename}", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal("afterwards: ", err)
	}
	defer func() { _ = res.Body.Close() }()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.HasPrefix(string(b), `{"data":{"__typename":"Query"}`) {
		t.Errorf("afterwards somebody else gets %s, %v", b, err)
	}
}

// code sends a document and returns the code of the answer's first error.
func (n *node) code(ctx context.Context, t *testing.T, document string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.address(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(b, &answer); err != nil || len(b) > 1<<20 {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	if len(answer.Errors) == 0 {
		return ""
	}
	return answer.Errors[0].Extensions.Code
}

// slowReaders opens sockets that ask for much and read nothing.
func (n *node) slowReaders(ctx context.Context, t *testing.T) {
	t.Helper()
	for range 50 {
		conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(n.address(), "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		messages := []string{fmt.Sprintf(`{"type":"connection_init","payload":{"token":%q}}`, n.token)}
		for i := range 40 {
			messages = append(messages, fmt.Sprintf(`{"type":"subscribe","id":"%d","payload":{"query":"{ __schema { types { name description fields { name description } inputFields { name description } } } }"}}`, i))
		}
		for _, m := range messages {
			if err := conn.Write(ctx, websocket.MessageText, []byte(m)); err != nil {
				break // it has been cut, which is right too
			}
		}
	}
}

// cpu returns the processor time that the server has used so far.
func (n *node) cpu(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks int64
	for _, i := range []int{11, 12} { // utime and stime, see proc(5)
		x, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += x
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// peak returns the largest resident size of the server so far, in MiB.
func (n *node) peak(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
