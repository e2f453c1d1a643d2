package farleytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"farley/internal/auth"
	"farley/internal/id"
)

// Client speaks to the server over HTTP as one actor.
type Client struct {
	User  id.ID
	Token string
	Grant auth.Grant
	env   *Env
}

// Vars are the variables of an operation.
type Vars map[string]any

// Response is an answer.
type Response struct {
	Status     int
	Data       map[string]any
	Errors     []Error
	Extensions map[string]any
	Raw        string
}

// Error is one error of an answer.
type Error struct {
	Message    string
	Path       []any
	Extensions struct {
		Code       string
		Violations []Violation
		Duplicates []string
		ErrorID    string `json:"errorId"`
		Version    int64  `json:"currentVersion"`
		RetryAfter int    `json:"retryAfter"`
	}
}

// Violation is one problem of an input field.
type Violation struct {
	Path    []any
	Code    string
	Message string
}

// Do sends a document and returns the answer, whatever it is. Headers are name, value, name, value.
func (c *Client) Do(t testing.TB, document string, vars Vars, headers ...string) *Response {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.env.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := &Response{Status: res.StatusCode, Raw: string(raw)}
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(out); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, raw)
	}
	return out
}

// Query sends a document that has to succeed, and returns its data.
func (c *Client) Query(t testing.TB, document string, vars Vars) Data {
	t.Helper()
	r := c.Do(t, document, vars)
	if len(r.Errors) > 0 {
		t.Fatalf("%s\nfailed: %s", strings.TrimSpace(document), r.Raw)
	}
	return Data{r.Data}
}

// Codes returns the codes of all errors.
func (r *Response) Codes() []string {
	var codes []string
	for _, e := range r.Errors {
		codes = append(codes, e.Extensions.Code)
	}
	return codes
}

// Want fails the test unless the answer has exactly one error, with the code. "" wants none.
func (r *Response) Want(t testing.TB, code string) *Response {
	t.Helper()
	got := strings.Join(r.Codes(), " ")
	if got != code {
		t.Fatalf("the answer has the codes %q, want %q: %s", got, code, r.Raw)
	}
	return r
}

// Violations returns the violations of the first error as "path CODE".
func (r *Response) Violations() []string {
	var out []string
	if len(r.Errors) == 0 {
		return out
	}
	for _, v := range r.Errors[0].Extensions.Violations {
		out = append(out, fmt.Sprintf("%s %s", dotted(v.Path), v.Code))
	}
	return out
}

func dotted(path []any) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, ".")
}

// Data is an answer's data, or a part of it.
type Data struct{ V any }

// At goes down a path of names and list positions: "accounts.edges.0.node.name". What is not there is null.
func (d Data) At(path string) Data {
	v := d.V
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(x) {
				return Data{}
			}
			v = x[i]
		default:
			return Data{}
		}
	}
	return Data{v}
}

// Text returns a text, "" for anything else.
func (d Data) Text() string { s, _ := d.V.(string); return s }

// Int returns a number, 0 for anything else.
func (d Data) Int() int { f, _ := d.V.(float64); return int(f) }

// Len returns the length of a list, 0 for anything else.
func (d Data) Len() int { l, _ := d.V.([]any); return len(l) }

// ID returns an id, the zero ID for anything else.
func (d Data) ID() id.ID {
	x, _ := id.Parse(d.Text())
	return x
}

// Texts returns the texts found at a path below each member of a list.
func (d Data) Texts(path string) []string {
	out := []string{}
	l, _ := d.V.([]any)
	for _, v := range l {
		out = append(out, Data{v}.At(path).Text())
	}
	return out
}

// JSON returns the data as JSON.
func (d Data) JSON() string {
	b, _ := json.Marshal(d.V) // it came out of JSON
	return string(b)
}

// WithToken returns a client that sends an access token.
func (e *Env) WithToken(token string) *Client { return &Client{env: e, Token: token} }

// On returns the same client, who speaks to another node.
func (c *Client) On(e *Env) *Client {
	elsewhere := *c
	elsewhere.env = e
	return &elsewhere
}
