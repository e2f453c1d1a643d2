package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/input"
)

const uploadFile = `mutation Up($in: UploadFileInput!) { uploadFile(input: $in) { file { id name size contentType status checksum owner { id } } } }`

// formPart is one part of a form.
type formPart struct{ name, file, content string }

// post sends a form as a client does, and returns status and body.
func post(t *testing.T, e *farleytest.Env, token string, parts []formPart, headers ...string) (int, map[string]any) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		var to io.Writer
		var err error
		if p.file == "" {
			to, err = w.CreateFormField(p.name)
		} else {
			to, err = w.CreateFormFile(p.name, p.file)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(to, p.content)
	}
	_ = w.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out
}

func form(content string) []formPart {
	ops, _ := json.Marshal(map[string]any{"query": uploadFile, "variables": map[string]any{"in": map[string]any{"file": nil}}})
	return []formPart{{"operations", "", string(ops)}, {"map", "", `{"0": ["variables.in.file"]}`}, {"0", `C:\docs\نص "a".txt`, content}}
}

func codeOf(out map[string]any) string {
	errs, _ := out["errors"].([]any)
	if len(errs) == 0 {
		return ""
	}
	ext, _ := errs[0].(map[string]any)["extensions"].(map[string]any)
	return fmt.Sprint(ext["code"])
}

const preflighted = "Apollo-Require-Preflight"

func TestUpload_multipart(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, exporter(t, e))
		outsider := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
		good := form("hello")
		replaced := func(i int, p formPart) []formPart {
			out := append([]formPart{}, good...)
			out[i] = p
			return out
		}
		ops := good[0].content
		for name, c := range map[string]struct {
			token   string
			parts   []formPart
			headers []string
			status  int
			code    string
		}{
			"without preflight": {rep.Token, good, nil, 400, "BAD_REQUEST"},
			"anonymous":         {"", good, []string{preflighted, "1"}, 401, "UNAUTHENTICATED"},
			"no right":          {outsider.Token, good, []string{preflighted, "1"}, 200, "FORBIDDEN"},
			"batch":             {rep.Token, replaced(0, formPart{"operations", "", "[" + ops + "]"}), []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"no such place":     {rep.Token, replaced(1, formPart{"map", "", `{"0": ["variables.in.other"]}`}), []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"not a variable":    {rep.Token, replaced(1, formPart{"map", "", `{"0": ["query"]}`}), []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"map first":         {rep.Token, []formPart{good[1], good[0], good[2]}, []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"a file lacks":      {rep.Token, good[:2], []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"one too many":      {rep.Token, append(append([]formPart{}, good...), formPart{"1", "x", "x"}), []string{preflighted, "1"}, 400, "BAD_REQUEST"},
			"too long":          {rep.Token, form(strings.Repeat("x", 5000)), []string{preflighted, "1"}, 413, "LIMITED"},
		} {
			status, out := post(t, e, c.token, c.parts, c.headers...)
			if status != c.status || codeOf(out) != c.code {
				t.Errorf("%s: %d %s, want %d %s: %v", name, status, codeOf(out), c.status, c.code, out)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM files") + blobs(t, e); n != 0 {
			t.Errorf("what was refused left %d files", n)
		}
		// A plain request cannot name a file.
		rep.Do(t, uploadFile, farleytest.Vars{"in": input.Object{"file": "upload:0"}}).Want(t, "INVALID")

		status, out := post(t, e, rep.Token, good, "GraphQL-Require-Preflight", "1", "Idempotency-Key", "k")
		if status != 200 || codeOf(out) != "" {
			t.Fatalf("%d %v", status, out)
		}
		file := out["data"].(map[string]any)["uploadFile"].(map[string]any)["file"].(map[string]any)
		x := file["id"]
		delete(file, "id")
		want := map[string]any{"name": `نص "a".txt`, "size": 5.0, "contentType": "text/plain; charset=utf-8", "status": "READY", "owner": map[string]any{"id": rep.User.String()},
			"checksum": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}
		if diff := cmp.Diff(want, file); diff != "" {
			t.Error(diff)
		}
		// The same content under the same key is the same request, other content another one.
		_, out = post(t, e, rep.Token, good, preflighted, "1", "Idempotency-Key", "k")
		if again := out["data"].(map[string]any)["uploadFile"].(map[string]any)["file"].(map[string]any)["id"]; again != x {
			t.Errorf("again: %v", out)
		}
		if _, out = post(t, e, rep.Token, form("other"), preflighted, "1", "Idempotency-Key", "k"); codeOf(out) != "IDEMPOTENCY_MISMATCH" {
			t.Errorf("other content: %v", out)
		}
		if n := blobs(t, e); n != 1 {
			t.Errorf("%d blobs", n)
		}

		url := rep.Query(t, fileDownload, farleytest.Vars{"id": x}).At("fileDownload.url").Text()
		code, header, body := fetch(t, e, url)
		if code != 200 || body != "hello" {
			t.Fatalf("%d %q", code, body)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, no-store",
			"Content-Disposition": `attachment; filename="__ _a_.txt"; filename*=UTF-8''%D9%86%D8%B5%20%22a%22.txt`,
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if code, header, body := fetch(t, e, url, "Range", "bytes=1-3"); code != 206 || body != "ell" || header.Get("Content-Range") != "bytes 1-3/5" {
			t.Errorf("a part: %d %q %s", code, body, header.Get("Content-Range"))
		}
		if n := count(t, e, "SELECT COUNT(*) FROM audit_entries WHERE action = 'DOWNLOADED'"); n != 1 {
			t.Errorf("%d entries in the audit trail", n)
		}
		outsider.Do(t, fileDownload, farleytest.Vars{"id": x}).Want(t, "FORBIDDEN")
		for name, bad := range map[string]string{"forged": url[:len(url)-2] + "AA", "path": e.PublicURL + "/files/..%2f..%2fetc%2fpasswd", "nothing": e.PublicURL + "/files/"} {
			if code, _, _ := fetch(t, e, bad); code != 404 {
				t.Errorf("%s: %d", name, code)
			}
		}
		rep.Query(t, `mutation($id: ID!) { deleteFile(id: $id) { id } }`, farleytest.Vars{"id": x})
		if code, _, _ := fetch(t, e, url); code != 404 {
			t.Errorf("deleted: %d", code)
		}
		rep.Query(t, `mutation($id: ID!) { restoreFile(id: $id) { file { id } } }`, farleytest.Vars{"id": x})
		if code, _, _ := fetch(t, e, url); code != 200 {
			t.Errorf("restored: %d", code)
		}
		e.Clock.Advance(e.Clock.Now().Add(6 * time.Minute))
		if code, _, _ := fetch(t, e, url); code != 404 {
			t.Errorf("after its time: %d", code)
		}
	}, func(c *app.Config) { c.Limits.UploadBytes = 4000 })
}

const (
	createUpload   = `mutation($in: CreateUploadInput!) { createUpload(input: $in) { file { id status } url expiresAt } }`
	completeUpload = `mutation($id: ID!) { completeUpload(input: {file: $id}) { file { status size checksum expiresAt } } }`
)

// send puts content to an address.
func send(t *testing.T, e *farleytest.Env, url, content string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, at(e, url), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestUpload_inTwoSteps(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := exporter(t, e)
		rep, other := e.User(t, nil, role), e.User(t, nil, role)
		sum := sha256.Sum256([]byte("hello"))
		begin := func(in input.Object) (string, string) {
			d := rep.Query(t, createUpload, farleytest.Vars{"in": in}).At("createUpload")
			return d.At("file.id").Text(), d.At("url").Text()
		}
		rep.Do(t, createUpload, farleytest.Vars{"in": input.Object{"name": "a", "size": 0, "sha256": "xyz"}}).Want(t, "INVALID")
		rep.Do(t, createUpload, farleytest.Vars{"in": input.Object{"name": "a", "size": 1001}}).Want(t, "LIMITED")
		x, url := begin(input.Object{"name": "a.bin", "size": 5, "sha256": strings.ToUpper(hex.EncodeToString(sum[:]))})
		rep.Do(t, completeUpload, farleytest.Vars{"id": x}).Want(t, "CONFLICT")
		rep.Do(t, fileDownload, farleytest.Vars{"id": x}).Want(t, "CONFLICT")
		for name, c := range map[string]struct {
			content string
			want    int
		}{"short": {"hell", 422}, "long": {"hello!", 422}, "other": {"hullo", 422}} {
			if got := send(t, e, url, c.content); got != c.want {
				t.Errorf("%s: %d, want %d", name, got, c.want)
			}
		}
		if n := blobs(t, e); n != 0 {
			t.Errorf("what was refused left %d blobs", n)
		}
		if status, _, _ := fetch(t, e, url); status != 404 {
			t.Errorf("an address to put is good to fetch: %d", status)
		}
		for range 2 { // again does no harm
			if got := send(t, e, url, "hello"); got != 204 {
				t.Errorf("put: %d", got)
			}
		}
		runDue(t, e)
		if n := blobs(t, e); n != 1 {
			t.Errorf("%d blobs", n)
		}
		other.Do(t, completeUpload, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		for range 2 {
			got := rep.Query(t, completeUpload, farleytest.Vars{"id": x}).At("completeUpload.file").JSON()
			if want := `{"checksum":"` + hex.EncodeToString(sum[:]) + `","expiresAt":null,"size":5,"status":"READY"}`; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if got := send(t, e, url, "hello"); got != 404 {
			t.Errorf("put after the end: %d", got)
		}
		// What does not come in time is gone.
		y, url := begin(input.Object{"name": "b", "size": 5})
		if got := send(t, e, url, "hello"); got != 204 {
			t.Errorf("put: %d", got)
		}
		catchUp(t, e, 2*time.Hour)
		rep = e.SignIn(t, rep.User)
		if got := send(t, e, url, "hello"); got != 404 {
			t.Errorf("put after its time: %d", got)
		}
		rep.Do(t, completeUpload, farleytest.Vars{"id": y}).Want(t, "NOT_FOUND")
		runDue(t, e)
		if n := blobs(t, e); n != 1 {
			t.Errorf("%d blobs", n)
		}
	}, func(c *app.Config) { c.Limits.FileBytes = 1000 })
}
