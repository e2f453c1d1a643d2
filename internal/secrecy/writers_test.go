package secrecy_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/input"
)

const (
	writers = 8
	turns   = 5 // of each writer
)

// Eight writers who say which version they have seen: as many succeed as the version grows, everybody else is told
// CONFLICT with the version there is, and no update is lost.
func TestWriters_withExpectedVersion(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "employees": float64(0)}).String()
		var succeeded, refused atomic.Int64
		eachWriter(func(int) {
			for range turns {
				seen := admin.Query(t, `query($id: ID!) { account(id: $id) { version employees } }`, farleytest.Vars{"id": x}).At("account")
				r := admin.Do(t, `mutation($id: ID!, $n: Int!, $v: Int!) { updateAccount(id: $id, input: {employees: $n}, expectedVersion: $v) { account { version employees } } }`,
					farleytest.Vars{"id": x, "n": seen.At("employees").Int() + 1, "v": seen.At("version").Int()})
				switch codes := r.Codes(); {
				case len(codes) == 0:
					succeeded.Add(1)
					if got := (farleytest.Data{V: r.Data}).At("updateAccount.account.version").Int(); got != seen.At("version").Int()+1 {
						t.Errorf("version %d became %d", seen.At("version").Int(), got)
					}
				case len(codes) == 1 && codes[0] == "CONFLICT" && r.Errors[0].Extensions.Version > int64(seen.At("version").Int()):
					refused.Add(1)
				default:
					t.Errorf("the answer is %s", r.Raw)
				}
			}
		})
		end := admin.Query(t, `query($id: ID!) { account(id: $id) { version employees } }`, farleytest.Vars{"id": x}).At("account")
		if n := int(succeeded.Load()); n < turns || end.At("version").Int() != 1+n || end.At("employees").Int() != n {
			t.Errorf("%d updates succeeded and %d were refused; the record is %s", n, refused.Load(), end.JSON())
		}
	})
}

// Eight writers who do not: all are applied, one after the other.
func TestWriters_withoutVersion(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		from := after(t, e, admin)
		eachWriter(func(w int) {
			for i := range turns {
				admin.Do(t, `mutation($id: ID!, $n: String!) { updateAccount(id: $id, input: {name: $n}) { account { version } } }`,
					farleytest.Vars{"id": x.String(), "n": fmt.Sprintf("Oak %d.%d", w, i)}).Want(t, "")
			}
		})
		var want []string
		for v := range writers * turns {
			want = append(want, fmt.Sprintf("UPDATED %s %d %s %q", x, v+2, `["name"]`, x))
		}
		told(t, feed(t, e, admin, from), want...)
	})
}

// Eight writers who repeat one request under one key make one record.
func TestWriters_withOneKey(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		var ids sync.Map
		eachWriter(func(int) {
			d := admin.Query(t, `mutation { createAccount(input: {name: "Oak"}, idempotencyKey: "k") { account { id } } }`, nil)
			ids.Store(d.At("createAccount.account.id").Text(), true)
		})
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		if total := admin.Query(t, `{ accounts { totalCount { value } } }`, nil).At("accounts.totalCount.value").Int(); n != 1 || total != 1 {
			t.Errorf("%d ids were told, and there are %d accounts", n, total)
		}
	})
}

// Two writers who hang two accounts below each other at once do not close a circle.
func TestWriters_closeNoCircle(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		a, b := e.Make(t, "Account", input.Object{"name": "A"}).String(), e.Make(t, "Account", input.Object{"name": "B"}).String()
		const document = `mutation($id: ID!, $to: ID) { updateAccount(id: $id, input: {parent: $to}) { account { id } } }`
		for range 5 {
			var applied atomic.Int64
			eachWriter(func(w int) {
				vars := farleytest.Vars{"id": a, "to": b}
				if w%2 == 1 {
					vars = farleytest.Vars{"id": b, "to": a}
				}
				r := admin.Do(t, document, vars)
				if len(r.Errors) == 0 {
					applied.Add(1)
				} else if v := r.Violations(); len(v) != 1 || v[0] != "input.parent CYCLE" {
					t.Errorf("the answer is %s", r.Raw)
				}
			})
			if n := admin.Query(t, `{ accounts(where: {parent: {id: {isNull: false}}}) { totalCount { value } } }`, nil).At("accounts.totalCount.value").Int(); n != 1 {
				t.Fatalf("%d accounts have a parent", n)
			}
			for _, x := range []string{a, b} {
				admin.Query(t, document, farleytest.Vars{"id": x, "to": nil})
			}
		}
	})
}

func eachWriter(fn func(w int)) {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { fn(w) })
	}
	wg.Wait()
}
