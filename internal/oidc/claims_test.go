package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

// Whatever a token says, it brings no role but those that the map has for a value that stands, whole and alone, where the
// role claim is.
func TestNamed_neverMoreThanTheMap(t *testing.T) {
	t.Parallel()
	i := &trusted{Issuer: &Issuer{RoleClaim: Path{"realm_access", "roles"}}, targets: map[string]target{
		"reader": {name: "readers"}, "writer": {name: "writers"}, "администратор": {name: "chiefs"},
	}}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.SampledFrom([]string{
			"reader", "writer", "reader ", "READER", "reader,writer", "reader writer", "readers", "roles", "realm_access", "realm_access.roles",
			"администратор", "*", "", "__proto__", "readers\x00",
		}), rapid.String())
		var value func(depth int) *rapid.Generator[any]
		value = func(depth int) *rapid.Generator[any] {
			options := []*rapid.Generator[any]{
				rapid.Map(word, func(s string) any { return s }), rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any](1.5),
			}
			if depth > 0 {
				options = append(options,
					rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(l []any) any { return l }),
					rapid.Map(rapid.MapOfN(word, value(depth-1), 0, 4), func(m map[string]any) any { return m }))
			}
			return rapid.OneOf(options...)
		}
		claims := jwt.MapClaims(rapid.MapOfN(word, value(3), 0, 5).Draw(t, "claims"))
		claims["realm_access"] = value(2).Draw(t, "realm_access")
		if rapid.Bool().Draw(t, "in place") {
			claims["realm_access"] = map[string]any{"roles": value(1).Draw(t, "roles")}
		}

		// What the values are, said again in another way: as JSON, read into exactly the shapes that count.
		var stated []string
		var outer struct {
			Access json.RawMessage `json:"realm_access"`
		}
		b, err := json.Marshal(map[string]any{"realm_access": claims["realm_access"]})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &outer); err != nil {
			t.Fatal(err)
		}
		inner := map[string]json.RawMessage{}
		if json.Unmarshal(outer.Access, &inner) == nil {
			var list []json.RawMessage
			if json.Unmarshal(inner["roles"], &list) != nil {
				list = []json.RawMessage{inner["roles"]}
			}
			for _, raw := range list {
				var s *string
				if json.Unmarshal(raw, &s) == nil && s != nil {
					stated = append(stated, *s)
				}
			}
		}
		var want []target
		for _, value := range []string{"reader", "writer", "администратор"} {
			if slices.Contains(stated, value) {
				want = append(want, i.targets[value])
			}
		}
		got := i.named(statement{roles: texts(at(claims, i.RoleClaim))})
		less := func(a, b target) int {
			return slices.Compare([]byte(a.name), []byte(b.name))
		}
		slices.SortFunc(got, less)
		slices.SortFunc(want, less)
		if !slices.Equal(got, want) {
			t.Fatalf("%v brings %v, want %v", claims, got, want)
		}
	})
}

// The session is stable, and another one for whatever differs, parts that run into each other included.
func TestSessionID(t *testing.T) {
	t.Parallel()
	one := sessionID("https://a.example", statement{subject: "ab", session: "c"})
	if one != sessionID("https://a.example", statement{subject: "ab", session: "c", email: "x", name: "y"}) || one.Kind() != auth.KindSession {
		t.Errorf("the session is %s of kind %d", one, one.Kind())
	}
	for _, other := range []struct {
		issuer string
		st     statement
	}{
		{"https://b.example", statement{subject: "ab", session: "c"}}, {"https://a.example", statement{subject: "a", session: "bc"}},
		{"https://a.example", statement{subject: "abc"}}, {"https://a.examplea", statement{subject: "b", session: "c"}},
	} {
		if sessionID(other.issuer, other.st) == one {
			t.Errorf("%v has the same session", other)
		}
	}
}

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"fd00::1": false, "fe80::1": false, "fe80::1%eth0": false, "::": false, "ff02::1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::": false, "198.18.0.1": false, "192.0.0.8": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v, want %v", address, got, want)
		}
	}
}

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Ann Oak": "Ann Oak", "  Ann\n\tOak\x00 ": "Ann Oak", "": "a@example.com", " \r\n": "a@example.com", "آن": "آن",
		string(make([]byte, 300)): "a@example.com", "\xff": "a@example.com",
	} {
		if got := displayName(given, "a@example.com"); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
	if got := displayName(string(slices.Repeat([]rune{'ع'}, 300)), ""); len([]rune(got)) != maxName {
		t.Errorf("a long name has %d characters", len([]rune(got)))
	}
}

// A public issuer is fetched from public addresses only: decided on the address of the connection, whatever the name was.
func TestNewClient_publicAddressesOnly(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	defer srv.Close()
	byName := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	for _, address := range []string{srv.URL, byName} {
		var v any
		if err := get(t.Context(), newClient(false), address, &v); !errors.Is(err, errPrivate) {
			t.Errorf("%s is fetched for a public issuer: %v", address, err)
		}
		if err := get(t.Context(), newClient(true), address, &v); err != nil {
			t.Errorf("%s cannot be fetched for one inside: %v", address, err)
		}
	}
}

func TestInside(t *testing.T) {
	t.Parallel()
	for want, list := range map[bool][]Issuer{
		true: {
			{Issuer: "http://localhost:1"}, {Issuer: "http://127.0.0.1"}, {Issuer: "https://10.0.0.1"}, {Issuer: "https://[fd00::1]"},
			{Issuer: "https://a.example", JWKSURI: "https://192.168.0.1/keys"}, {Issuer: "https://a.example", PrivateAddresses: true},
		},
		false: {{Issuer: "https://a.example"}, {Issuer: "https://93.184.216.34", JWKSURI: "https://a.example/keys"}},
	} {
		for _, i := range list {
			if i.inside() != want {
				t.Errorf("%s %s is inside: %v", i.Issuer, i.JWKSURI, !want)
			}
		}
	}
}

// A user is taken for another subject, not for the one that has him: two first requests may come at once.
func TestFree(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		user := id.New(32, time.Unix(1_800_000_000, 0))
		i := &trusted{Issuer: &Issuer{Issuer: "https://a.example"}}
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO outside_identities (issuer, subject, user_id, linked_at) VALUES (?, ?, ?, ?)",
				"https://a.example", "s1", user, time.Unix(1_800_000_000, 0).UTC())
			if err != nil {
				return err
			}
			if err := i.free(ctx, tx, user, statement{subject: "s1"}); err != nil {
				t.Errorf("the subject itself: %v", err)
			}
			// Spaces at the end make another subject, whatever collations think of them.
			for _, other := range []string{"s2", "s1 ", "S1"} {
				if err := i.free(ctx, tx, user, statement{subject: other}); fault.CodeOf(err) != fault.Unauthenticated {
					t.Errorf("subject %q: %v", other, err)
				}
				if l, err := readLink(ctx, tx, "https://a.example", other); err != nil || !l.user.IsZero() {
					t.Errorf("subject %q has the user %v, %v", other, l.user, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
