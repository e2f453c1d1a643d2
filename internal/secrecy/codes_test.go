package secrecy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/graph/generated"
	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/fault"
	"farley/internal/input"
	"farley/internal/write"
)

// codes provoke every published code through the API and return the one error that came of it.
var codes = map[string]func(t *testing.T, d *farleytest.Env) farleytest.Error{
	"UNAUTHENTICATED": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.WithToken("not a token").Do(t, `{ viewer { user { id } } }`, nil))
	},
	"FORBIDDEN": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.User(t, nil).Do(t, `{ accounts { edges { node { id } } } }`, nil))
	},
	"NOT_FOUND": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.Admin(t).Do(t, `{ account(id: "`+absent(e, "Account").String()+`") { id } }`, nil))
	},
	"INVALID": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.Admin(t).Do(t, `{ accounts(first: 101) { edges { node { id } } } }`, nil))
	},
	"CONFLICT": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		err := only(t, e.Admin(t).Do(t, `mutation { updateAccount(id: "`+x.String()+`", input: {name: "Elm"}, expectedVersion: 7) { account { id } } }`, nil))
		if err.Extensions.Version != 1 {
			t.Errorf("the current version is told as %d", err.Extensions.Version)
		}
		return err
	},
	"DUPLICATE": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		err := only(t, e.Admin(t).Do(t, `mutation { createAccount(input: {name: "oak"}, onDuplicate: REJECT) { account { id } } }`, nil))
		if diff := cmp.Diff([]string{x.String()}, err.Extensions.Duplicates); diff != "" {
			t.Errorf("duplicates (-want +got):\n%s", diff)
		}
		return err
	},
	"LIMITED": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.Admin(t).Do(t, `{ accounts { edges { node { id `+strings.Repeat("parent { ", 20)+"id"+strings.Repeat(" }", 20)+` } } } }`, nil))
	},
	"CURSOR_EXPIRED": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		admin := e.Admin(t)
		from := after(t, e, admin)
		e.Make(t, "Account", input.Object{"name": "Oak"})
		e.Settle(t)
		if _, err := e.Changes.Prune(t.Context(), e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		return only(t, admin.Do(t, `query($a: Cursor!) { changes(after: $a) { edges { cursor } } }`, farleytest.Vars{"a": from}))
	},
	"RESYNC": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		role := e.Role(t, grants(e, "ACCOUNT READ ALL"))
		c := e.User(t, nil, role)
		from := after(t, e, c)
		setRole(t, e, role, grants(e, "ACCOUNT READ OWN"))
		return only(t, c.Do(t, `query($a: Cursor!) { changes(after: $a) { edges { cursor } } }`, farleytest.Vars{"a": from}))
	},
	"SLOW_CONSUMER": func(t *testing.T, _ *farleytest.Env) farleytest.Error {
		waits := make(chan struct{}, 1)
		e := farleytest.New(t, func(c *app.Config) {
			c.Clock = &watchedClock{Clock: c.Clock, of: slowAfter, waits: waits}
			c.Socket.SlowAfter, c.Socket.QueueMessages, c.Socket.QueueBytes = slowAfter, 1, 1
		})
		admin := e.Admin(t)
		s := admin.Subscribe(t, `subscription($a: Cursor) { accountChanged(after: $a) { node { description } } }`, farleytest.Vars{"a": after(t, e, admin)})
		flood(t, e, waits)
		for {
			m := s.Next(t)
			if m.Type == "next" {
				continue
			}
			var errs []farleytest.Error
			if err := json.Unmarshal(m.Payload, &errs); err != nil || len(errs) != 1 {
				t.Fatalf("the stream ends by %s %s", m.Type, m.Payload)
			}
			return errs[0]
		}
	},
	"IDEMPOTENCY_MISMATCH": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		admin := e.Admin(t)
		const document = `mutation($n: String!) { createTag(input: {name: $n}) { tag { id } } }`
		admin.Do(t, document, farleytest.Vars{"n": "a"}, "Idempotency-Key", "k").Want(t, "")
		return only(t, admin.Do(t, document, farleytest.Vars{"n": "b"}, "Idempotency-Key", "k"))
	},
	"PERSISTED_QUERY_NOT_FOUND": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, post(t, e, `{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "`+strings.Repeat("0", 64)+`"}}}`))
	},
	"BAD_REQUEST": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		return only(t, e.Admin(t).Do(t, `{ accounts {`, nil))
	},
	"UNAVAILABLE": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		hasty := farleytest.New(t, func(c *app.Config) { c.Limits.OperationTime = time.Nanosecond })
		return only(t, hasty.Admin(t).Do(t, `{ accounts { edges { node { id } } } }`, nil))
	},
	"INTERNAL": func(t *testing.T, e *farleytest.Env) farleytest.Error {
		admin := e.Admin(t)
		for _, table := range []string{"mentions", "notes"} { // a note is referred to by its mentions
			if err := exec(t, e, "DROP TABLE "+table); err != nil {
				t.Fatal(err)
			}
		}
		r := admin.Do(t, `{ notes { edges { node { id } } } }`, nil)
		for _, secret := range []string{"notes:", "SELECT", "select", "no such table", "exist", "farley"} {
			if strings.Contains(r.Raw, secret) {
				t.Errorf("the answer tells %q: %s", secret, r.Raw)
			}
		}
		err := only(t, r)
		if err.Extensions.ErrorID == "" || err.Message != "internal error" {
			t.Errorf("the answer is %s", r.Raw)
		}
		return err
	},
}

// Every published code is provoked, and every code that is provoked is published.
func TestErrorCodes_areComplete(t *testing.T) {
	t.Parallel()
	var published []string
	for _, v := range generated.NewExecutableSchema(generated.Config{}).Schema().Types["ErrorCode"].EnumValues {
		published = append(published, v.Name)
	}
	slices.Sort(published)
	if diff := cmp.Diff(published, slices.Sorted(maps.Keys(codes))); diff != "" {
		t.Errorf("provoked (-published +provoked):\n%s", diff)
	}
	var known []string
	for _, c := range fault.Codes() {
		known = append(known, string(c))
	}
	slices.Sort(known)
	if diff := cmp.Diff(published, known); diff != "" {
		t.Errorf("known (-published +known):\n%s", diff)
	}
}

func TestErrorCodes_areProvoked(t *testing.T) {
	t.Parallel()
	for code, provoke := range codes {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			provokeOn := func(t *testing.T, e *farleytest.Env) {
				err := provoke(t, e)
				if err.Extensions.Code != code {
					t.Errorf("the code is %s: %s", err.Extensions.Code, err.Message)
				}
				if err.Message == "" {
					t.Error("there is no message")
				}
			}
			if code == "SLOW_CONSUMER" || code == "UNAVAILABLE" { // about the transport
				provokeOn(t, farleytest.New(t))
				return
			}
			farleytest.Each(t, provokeOn)
		})
	}
}

// A failure anywhere in a write leaves nothing behind, and says nothing of itself.
func TestInternal_leavesNothingHalfWritten(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		tag := e.Make(t, "Tag", input.Object{"name": "Key"})
		if err := exec(t, e, "DROP TABLE taggings"); err != nil {
			t.Fatal(err)
		}
		from := after(t, e, admin)
		r := admin.Do(t, `mutation($t: ID!) { createAccount(input: {name: "Oak", tags: [$t]}, idempotencyKey: "k") { account { id } } }`, farleytest.Vars{"t": tag.String()}).Want(t, "INTERNAL")
		if strings.Contains(r.Raw, "tagging") {
			t.Errorf("the answer is %s", r.Raw)
		}
		if n := admin.Query(t, `{ accounts { totalCount { value } } }`, nil).At("accounts.totalCount.value").Int(); n != 0 {
			t.Errorf("there are %d accounts", n)
		}
		told(t, feed(t, e, admin, from))
		// The key is free for another request.
		admin.Do(t, `mutation { createAccount(input: {name: "Elm"}, idempotencyKey: "k") { account { id } } }`, nil).Want(t, "")
	})
}

const slowAfter = 7 * time.Second

// watchedClock tells when somebody begins to wait for a duration.
type watchedClock struct {
	clock.Clock
	of    time.Duration
	waits chan<- struct{}
}

// After implements clock.Clock.
func (w *watchedClock) After(d time.Duration) <-chan time.Time {
	c := w.Clock.After(d)
	if d == w.of {
		select {
		case w.waits <- struct{}{}:
		default:
		}
	}
	return c
}

// flood writes more than a reader who reads nothing has buffers for, and lets time pass whenever the socket waits for him.
func flood(t *testing.T, e *farleytest.Env, waits <-chan struct{}) {
	t.Helper()
	text := strings.Repeat("\U0001F332", 99_000)
	err := e.App.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
		for range 60 { // 24 MB
			if _, err := tx.Create(ctx, e.Set.Kind("Account"), input.Object{"name": "Oak", "description": text}, "ALLOW"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	quiet := farleytest.Deadline // until the socket waits first; then it takes up or ends within a moment
	for {
		select {
		case <-waits:
			e.Clock.Advance(e.Clock.Now().Add(slowAfter))
			quiet = 3 * time.Second
		case <-time.After(quiet):
			return
		}
	}
}

// only returns the one error of an answer.
func only(t *testing.T, r *farleytest.Response) farleytest.Error {
	t.Helper()
	if len(r.Errors) != 1 {
		t.Fatalf("the answer has %d errors: %s", len(r.Errors), r.Raw)
	}
	return r.Errors[0]
}

// post sends a body as it is, as nobody.
func post(t *testing.T, e *farleytest.Env, body string) *farleytest.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := &farleytest.Response{Status: res.StatusCode, Raw: string(raw)}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("the answer is not JSON: %s", raw)
	}
	return out
}

// exec changes the database under the application.
func exec(t *testing.T, e *farleytest.Env, statement string, args ...any) error {
	t.Helper()
	return e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
