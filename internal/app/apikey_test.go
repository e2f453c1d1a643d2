package app_test

import (
	"hash/crc32"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const (
	createKey = `mutation($u: ID!, $n: String!, $e: DateTime, $a: [String!]) { createApiKey(input: {user: $u, name: $n, expiresAt: $e, addresses: $a}) {
		apiKey { id userId name prefix createdAt createdBy { id } expiresAt lastUsedAt addresses revokedAt } secret } }`
	listKeys  = `query($u: ID!) { apiKeys(user: $u) { id userId name prefix createdAt createdBy { id } expiresAt lastUsedAt addresses revokedAt } }`
	revokeKey = `mutation($k: ID!) { revokeApiKey(input: {apiKey: $k}) { apiKey { revokedAt } } }`
	who       = `{ viewer { user { id } } }`
)

// program is a SERVICE user of a team, with its manager.
type program struct {
	e           *farleytest.Env
	boss, robot *farleytest.Client
	team        id.ID
}

func newProgram(t *testing.T, e *farleytest.Env) program {
	t.Helper()
	team := e.Make(t, "Team", input.Object{"name": "One"})
	boss := e.User(t, input.Object{"team": team.String()}, manager(e, t))
	robot := e.User(t, input.Object{"kind": "SERVICE", "team": team.String()}, e.Role(t, farleytest.Everything(e, access.Own)))
	return program{e, boss, robot, team}
}

// key makes a key and returns its id and its secret.
func (p program) key(t *testing.T, vars farleytest.Vars) (id.ID, string) {
	t.Helper()
	all := farleytest.Vars{"u": p.robot.User.String(), "n": "sync"}
	for name, v := range vars {
		all[name] = v
	}
	d := p.boss.Query(t, createKey, all).At("createApiKey")
	return d.At("apiKey.id").ID(), d.At("secret").Text()
}

func TestAPIKey_actsAsItsUser(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		key, secret := p.key(t, farleytest.Vars{"e": "2026-12-01T00:00:00Z", "a": []string{"127.0.0.9/8", "::1"}})
		if !regexp.MustCompile(`^fk_[0-9a-hjkmnp-tv-z]{8}_[0-9a-hjkmnp-tv-z]{59}$`).MatchString(secret) {
			t.Errorf("the key reads %q", secret)
		}
		c := e.WithToken(secret)
		if got := c.Query(t, who, nil).At("viewer.user.id").ID(); got != p.robot.User {
			t.Errorf("the key acts as %s", got)
		}
		c.Query(t, `mutation { createAccount(input: {name: "Oak"}) { account { id } } }`, nil)
		if err := e.Auth.StoreUses(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		want := `[{"addresses":["127.0.0.0/8","::1/128"],"createdAt":"2026-11-22T09:00:00Z","createdBy":{"id":"` + p.boss.User.String() +
			`"},"expiresAt":"2026-12-01T00:00:00Z","id":"` + key.String() + `","lastUsedAt":"2026-11-22T09:00:00Z","name":"sync","prefix":"` + secret[:11] +
			`","revokedAt":null,"userId":"` + p.robot.User.String() + `"}]`
		if got := p.boss.Query(t, listKeys, farleytest.Vars{"u": p.robot.User.String()}).At("apiKeys").JSON(); got != want {
			t.Errorf("the keys are\n%s, want\n%s", got, want)
		}
		s := c.Subscribe(t, follow, farleytest.Vars{"after": after(t, e, c)})
		e.Make(t, "Account", input.Object{"name": "Elm", "owner": p.robot.User.String()})
		s.Event(t)
		c.Do(t, `mutation { logout { done } }`, nil).Want(t, "FORBIDDEN")
		c.Do(t, `mutation { createStreamTicket { ticket } }`, nil).Want(t, "FORBIDDEN")
		if got := c.Query(t, `{ sessions { id current } }`, nil).At("sessions"); got.Len() != 1 || got.At("0.current").V != false {
			t.Errorf("the sessions are %s", got.JSON())
		}
		if res := get(t, e, secret, nil); res.StatusCode != http.StatusOK {
			t.Errorf("GET is answered by %s", res.Status)
		}
		p.boss.Query(t, revokeKey, farleytest.Vars{"k": key.String()})
		if err := s.Refused(t); err.Extensions.Code != "UNAUTHENTICATED" {
			t.Errorf("the stream ends with %s", err.Extensions.Code)
		}
		c.Do(t, who, nil).Want(t, "UNAUTHENTICATED")
		if d := cmp.Diff([]string{"API_KEY_CREATED", "API_KEY_REVOKED", "API_KEY_REFUSED"}, e.Recorder.(*heard).take()); d != "" {
			t.Error(d)
		}
	}, recorded)
}

// only returns the events of some kinds.
func only(e *farleytest.Env, kinds ...string) []string {
	return slices.DeleteFunc(e.Recorder.(*heard).take(), func(k string) bool { return !slices.Contains(kinds, k) })
}

// An event stream is opened with a key like a request.
func TestAPIKey_opensEventStreams(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		_, secret := p.key(t, nil)
		body := mustJSON(t, map[string]string{"query": `subscription { accountChanged { op } }`})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "text/event-stream")
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("the stream is answered by %s %s", res.Status, res.Header.Get("Content-Type"))
		}
	})
}

func TestAPIKey_isManagedByThoseWhoManageItsUser(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		key, secret := p.key(t, nil)
		bob := e.User(t, nil, manager(e, t)) // of no team
		none := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "ALL"}}}))
		user, of := farleytest.Vars{"u": p.robot.User.String(), "n": "x"}, farleytest.Vars{"k": key.String()}
		const rename = `mutation($k: ID!) { updateApiKey(input: {apiKey: $k, name: "other"}) { apiKey { name } } }`
		for _, document := range []string{createKey, listKeys} {
			bob.Do(t, document, user).Want(t, "FORBIDDEN")
			none.Do(t, document, user).Want(t, "FORBIDDEN")
			e.Anonymous().Do(t, document, user).Want(t, "UNAUTHENTICATED")
		}
		for _, document := range []string{rename, revokeKey} {
			hidden := bob.Do(t, document, of).Want(t, "NOT_FOUND")
			absent := bob.Do(t, document, farleytest.Vars{"k": id.New(key.Kind(), farleytest.Start).String()}).Want(t, "NOT_FOUND")
			other := bob.Do(t, document, farleytest.Vars{"k": bob.User.String()}).Want(t, "NOT_FOUND")
			if hidden.Raw != absent.Raw || hidden.Raw != other.Raw {
				t.Errorf("a key of another is told from none:\n%s\n%s\n%s", hidden.Raw, absent.Raw, other.Raw)
			}
			none.Do(t, document, of).Want(t, "FORBIDDEN")
			e.Anonymous().Do(t, document, of).Want(t, "UNAUTHENTICATED")
		}
		e.WithToken(secret).Query(t, who, nil)

		human := e.User(t, input.Object{"team": p.team.String()})
		p.boss.Do(t, createKey, farleytest.Vars{"u": human.User.String(), "n": "x"}).Want(t, "CONFLICT")
		second, _ := p.key(t, nil)
		r := p.boss.Do(t, createKey, user).Want(t, "CONFLICT")
		if want := "The user has 2 keys already. Revoke one first."; r.Errors[0].Message != want {
			t.Errorf("a third key is refused by %q", r.Errors[0].Message)
		}
		p.boss.Query(t, revokeKey, farleytest.Vars{"k": second.String()})
		p.boss.Query(t, revokeKey, farleytest.Vars{"k": second.String()}) // twice is no error
		p.boss.Do(t, rename, farleytest.Vars{"k": second.String()}).Want(t, "CONFLICT")
		third, _ := p.key(t, farleytest.Vars{"e": "2026-11-22T10:00:00Z"})
		wait(e, time.Hour)
		p.boss = e.SignIn(t, p.boss.User)
		p.key(t, nil) // one that has expired does not count
		list := p.boss.Query(t, listKeys, user).At("apiKeys")
		if list.Len() != 4 || list.At("0.createdAt").Text() != "2026-11-22T10:00:00Z" || !slices.Contains(list.Texts("id"), third.String()) {
			t.Errorf("the keys are %s", list.JSON())
		}
	})
}

func TestAPIKey_inputsAreChecked(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		r := p.boss.Do(t, createKey, farleytest.Vars{
			"u": p.robot.User.String(), "n": strings.Repeat("x", 101), "e": "2026-11-22T09:00:00Z", "a": []string{"10.0.0.0/8", "office", "10.0.0.0/40", "fe80::1%eth0"},
		}).Want(t, "INVALID")
		want := []string{"input.name TOO_LONG", "input.expiresAt RANGE", "input.addresses.1 FORMAT", "input.addresses.2 FORMAT", "input.addresses.3 FORMAT"}
		if d := cmp.Diff(want, r.Violations()); d != "" {
			t.Error(d)
		}
		p.boss.Do(t, createKey, farleytest.Vars{"u": p.robot.User.String(), "n": " ", "a": slices.Repeat([]string{"10.0.0.1"}, 51)}).Want(t, "INVALID")
		key, _ := p.key(t, farleytest.Vars{"e": "2026-12-01T00:00:00Z", "a": []string{"127.0.0.1"}})
		const update = `mutation($in: UpdateApiKeyInput!) { updateApiKey(input: $in) { apiKey { name expiresAt addresses } } }`
		for _, c := range []struct {
			in   map[string]any
			want string
		}{
			{map[string]any{"name": "other"}, `{"addresses":["127.0.0.1/32"],"expiresAt":"2026-12-01T00:00:00Z","name":"other"}`},
			{map[string]any{"expiresAt": nil}, `{"addresses":["127.0.0.1/32"],"expiresAt":null,"name":"other"}`},
			{map[string]any{"addresses": nil, "expiresAt": "2027-01-01T00:00:00Z"}, `{"addresses":[],"expiresAt":"2027-01-01T00:00:00Z","name":"other"}`},
			{map[string]any{"addresses": []string{"10.1.1.1/8", "10.2.2.2/8"}}, `{"addresses":["10.0.0.0/8"],"expiresAt":"2027-01-01T00:00:00Z","name":"other"}`},
		} {
			c.in["apiKey"] = key.String()
			if got := p.boss.Query(t, update, farleytest.Vars{"in": c.in}).At("updateApiKey.apiKey").JSON(); got != c.want {
				t.Errorf("%v gives %s, want %s", c.in, got, c.want)
			}
		}
		p.boss.Do(t, update, farleytest.Vars{"in": map[string]any{"apiKey": key.String(), "name": nil}}).Want(t, "INVALID")
	})
}

// Each of these ends the streams of a key and refuses it.
func TestAPIKey_endsWithWhatItHangsOn(t *testing.T) {
	t.Parallel()
	const update = `mutation($in: UpdateApiKeyInput!) { updateApiKey(input: $in) { apiKey { id } } }`
	ends := map[string]func(t *testing.T, p program, key id.ID){
		"its networks change": func(t *testing.T, p program, key id.ID) {
			p.boss.Query(t, update, farleytest.Vars{"in": map[string]any{"apiKey": key.String(), "addresses": []string{"192.0.2.1"}}})
		},
		"it expires": func(_ *testing.T, p program, _ id.ID) { wait(p.e, time.Hour) },
		"the user is deactivated": func(t *testing.T, p program, _ id.ID) {
			p.e.Change(t, p.robot.User, input.Object{"active": false})
		},
		"the user is deleted": func(t *testing.T, p program, _ id.ID) {
			p.e.Admin(t).Query(t, `mutation($id: ID!) { deleteUser(id: $id) { id } }`, farleytest.Vars{"id": p.robot.User.String()})
		},
		"another node revokes it": func(t *testing.T, p program, key id.ID) {
			exec(t, p.e, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", p.e.Clock.Now(), key)
			look(t, p.e)
		},
		"another node changes its networks": func(t *testing.T, p program, key id.ID) {
			exec(t, p.e, `UPDATE api_keys SET addresses = '["192.0.2.1/32"]', changed_at = ? WHERE id = ?`, p.e.Clock.Now().Add(time.Second), key)
			look(t, p.e)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
				p := newProgram(t, e)
				key, secret := p.key(t, farleytest.Vars{"e": "2026-11-22T10:00:00Z"})
				c := e.WithToken(secret)
				s := c.Subscribe(t, follow, farleytest.Vars{"after": after(t, e, c)})
				e.Make(t, "Account", input.Object{"name": "Oak", "owner": p.robot.User.String()})
				s.Event(t)
				end(t, p, key)
				m := s.Next(t)
				for m.Type == "next" && strings.Contains(string(m.Payload), "CHECKPOINT") { // the clock has moved
					m = s.Next(t)
				}
				if m.Type != "error" || !strings.Contains(string(m.Payload), `"UNAUTHENTICATED"`) {
					t.Errorf("the stream ends with %s %s", m.Type, m.Payload)
				}
				c.Do(t, who, nil).Want(t, "UNAUTHENTICATED")
			}, watching)
		})
	}
}

// A key of a user who has become a human counts no more.
func TestAPIKey_isForProgramsAlone(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		_, secret := p.key(t, nil)
		e.WithToken(secret).Query(t, who, nil)
		e.Change(t, p.robot.User, input.Object{"kind": "STAFF"})
		e.WithToken(secret).Do(t, who, nil).Want(t, "UNAUTHENTICATED")
	})
}

// The time of the last use is stored off the requests, once a minute.
func TestAPIKey_usesAreStoredOnceAMinute(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		_, secret := p.key(t, nil)
		used := func() string {
			return p.boss.Query(t, listKeys, farleytest.Vars{"u": p.robot.User.String()}).At("apiKeys.0.lastUsedAt").Text()
		}
		use := func() { e.WithToken(secret).Query(t, who, nil) }
		use()
		e.DB.Counter.Reset()
		use()
		for _, s := range e.DB.Counter.Asked() {
			if strings.Contains(s, "api_keys") {
				t.Errorf("a request says %s", s)
			}
		}
		look(t, e)
		if got := used(); got != "2026-11-22T09:00:00Z" {
			t.Errorf("used at %q", got)
		}
		use()
		look(t, e)
		if got := used(); got != "2026-11-22T09:00:00Z" {
			t.Errorf("stored again within the minute: %q", got)
		}
		last := e.Clock.Now()
		use()
		wait(e, time.Minute)
		look(t, e)
		if got := used(); got != last.Format(time.RFC3339) {
			t.Errorf("used at %q, want %s", got, last)
		}
	}, watching)
}

// Where a key may be used from is decided by the address that trusted proxies tell.
func TestAPIKey_isBoundToItsNetworks(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newProgram(t, e)
		_, secret := p.key(t, farleytest.Vars{"a": []string{"192.0.2.0/24"}})
		c := e.WithToken(secret)
		c.Do(t, who, nil, "X-Forwarded-For", "192.0.2.77").Want(t, "")
		c.Do(t, who, nil, "X-Forwarded-For", "192.0.2.77, 198.51.100.1").Want(t, "UNAUTHENTICATED")
		c.Do(t, who, nil).Want(t, "UNAUTHENTICATED")
		if d := cmp.Diff([]string{"API_KEY_REFUSED"}, only(e, "API_KEY_REFUSED")); d != "" {
			t.Error("two refusals within a minute are one event: ", d)
		}
	}, recorded, func(c *app.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
}

// The checksum is what the guide says: CRC-32 of all before it.
func TestAPIKey_checksumIsPublic(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	_, secret := newProgram(t, e).key(t, nil)
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	sum := uint64(crc32.ChecksumIEEE([]byte(secret[:64]))) << 3
	var check string
	for shift := 30; shift >= 0; shift -= 5 {
		check += string(alphabet[sum>>shift&31])
	}
	if len(secret) != 71 || secret[64:] != check {
		t.Errorf("the key ends in %q, want %q", secret[64:], check)
	}
}
