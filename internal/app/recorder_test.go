package app_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
)

// What happens around sign-in is in the trail: who acted, when somebody had shown to be somebody, and whose access it was.
func TestAuditTrail_signIn(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		reader := auditor(t, e, "ALL", nil)
		noor := e.Make(t, "User", input.Object{"email": "noor@example.com", "name": "Noor"})
		program := e.Make(t, "User", input.Object{"email": "sap@example.com", "name": "SAP", "kind": "SERVICE"})
		manage := e.Admin(t)

		manage.Query(t, `mutation($u: ID!) { setPassword(input: {user: $u, password: "battery staple horse"}) { user { id } } }`, farleytest.Vars{"u": noor.String()})
		wait(e, time.Second)
		e.Anonymous().Do(t, wrongLogin, farleytest.Vars{"e": "noor@example.com"}).Want(t, "UNAUTHENTICATED")
		wait(e, time.Second)
		e.Anonymous().Do(t, wrongLogin, farleytest.Vars{"e": "nobody@example.com"}).Want(t, "UNAUTHENTICATED")
		wait(e, time.Second)
		token := e.Anonymous().Query(t, login, farleytest.Vars{"e": "noor@example.com", "p": "battery staple horse"}).At("login.accessToken").V.(string)
		wait(e, time.Second)
		e.WithToken(token).Query(t, `mutation { logout { done } }`, nil)
		wait(e, time.Second)
		e.Anonymous().Query(t, forgot, farleytest.Vars{"e": "noor@example.com"})
		wait(e, time.Second)
		key := manage.Query(t, createKey, farleytest.Vars{"u": program.String(), "n": "nightly"}).At("createApiKey.apiKey.id").ID()
		wait(e, time.Second)
		manage.Query(t, revokeKey, farleytest.Vars{"k": key.String()})
		wait(e, time.Second)

		trail := func(record string) (out []string) {
			d := entries(t, e, reader, farleytest.Vars{"record": record})
			for i := range d.Len() {
				if slices.Contains([]string{"CREATED", "UPDATED"}, d.Texts("node.action")[i]) {
					continue // the writes of the users themselves
				}
				node := d.At(strconv.Itoa(i) + ".node")
				who := "nobody"
				if u := node.At("user"); u.V != nil {
					who = u.At("id").ID().String()
				}
				if a := node.At("address").V; a != "127.0.0.1" {
					t.Errorf("%s comes from %v", node.At("action").JSON(), a)
				}
				out = append(out, node.At("action").V.(string)+" "+who)
			}
			slices.Reverse(out)
			return out
		}
		if d := cmp.Diff([]string{
			"PASSWORD_CHANGED " + manage.User.String(), "SIGN_IN_REFUSED nobody", "SIGN_IN " + noor.String(), "SIGN_OUT " + noor.String(), "PASSWORD_RESET_REQUESTED nobody",
		}, trail(noor.String())); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"API_KEY_CREATED " + manage.User.String(), "API_KEY_REVOKED " + manage.User.String()}, trail(program.String())); d != "" {
			t.Error(d)
		}
	})
}
