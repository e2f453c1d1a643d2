package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestThumbprint_isThatOfRFC8037(t *testing.T) {
	t.Parallel()
	public, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := thumbprint(public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRotate_overlaps(t *testing.T) {
	t.Parallel()
	const life = 15 * time.Minute
	r := NewKeyring(noon)
	old := r.signer(noon).kid
	if err := r.Rotate(noon, time.Hour, life); err != nil {
		t.Fatal(err)
	}
	takeover := noon.Add(time.Hour)
	young := r.signer(takeover).kid
	if young == old {
		t.Fatal("the new key never signs")
	}
	if got := r.signer(takeover.Add(-1)).kid; got != old {
		t.Errorf("before the lead is over %s signs, want the old key", got)
	}
	end := takeover.Add(life + verifyMargin)
	for _, c := range []struct {
		at         time.Time
		kid        string
		verifies   bool
		publishing []string
	}{
		{noon, young, false, []string{young, old}}, // it is known before it counts
		{takeover.Add(-Leeway - 1), young, false, []string{young, old}},
		{takeover.Add(-Leeway), young, true, []string{young, old}},
		{noon, old, true, []string{young, old}},
		{end.Add(-1), old, true, []string{young, old}},
		{end, old, false, []string{young}},
		{end, young, true, []string{young}},
	} {
		if _, ok := r.verifier(c.kid, c.at); ok != c.verifies {
			t.Errorf("%s at %s: verifies %v, want %v", c.kid, c.at, ok, c.verifies)
		}
		var published []string
		for _, k := range r.Public(c.at).Keys {
			published = append(published, k.KeyID)
		}
		if d := cmp.Diff(c.publishing, published); d != "" {
			t.Errorf("published at %s: %s", c.at, d)
		}
	}
	if _, ok := r.verifier("unknown", noon); ok {
		t.Error("an unknown key verifies")
	}
	// The next rotation drops what no longer verifies.
	if err := r.Rotate(end, 0, life); err != nil {
		t.Fatal(err)
	}
	if n := len(r.present.Load().keys); n != 2 {
		t.Errorf("%d keys kept, want 2", n)
	}
	if _, ok := r.verifier(young, end); !ok {
		t.Error("the key that signed until now does not verify")
	}
}

func TestRotate_atOnceOverridesAKeyThatWaits(t *testing.T) {
	t.Parallel()
	r := mustOpen(t, filepath.Join(t.TempDir(), "keys.json"))
	if err := r.Rotate(noon, time.Hour, time.Minute); err != nil {
		t.Fatal(err)
	}
	waiting := r.signer(noon.Add(time.Hour)).kid
	now := noon.Add(10 * time.Minute)
	if err := r.Rotate(now, 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.signer(noon.Add(time.Hour)).kid; got == waiting || got != r.signer(now).kid {
		t.Error("the key that waited takes over from the newer one")
	}
}

func TestRotate_ofForeignKeysIsRefused(t *testing.T) {
	t.Parallel()
	data, err := encodeKeyset(newKeyset(noon))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseKeyring(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rotate(noon, 0, time.Minute); !errors.Is(err, ErrFixed) {
		t.Errorf("got %v, want ErrFixed", err)
	}
	if err := r.Reload(); err != nil {
		t.Errorf("Reload: %v", err)
	}
}

func TestOpenKeyring_keepsKeysForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.json")
	first := mustOpen(t, file)
	second := mustOpen(t, file)
	if err := first.Rotate(noon, 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, ok := second.verifier(first.signer(noon).kid, noon); ok {
		t.Error("the second node knows the new key before it reloads")
	}
	if err := second.Reload(); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b signingKey) bool {
		return a.kid == b.kid && a.private.Equal(b.private) && a.signsFrom.Equal(b.signsFrom) && a.verifiesUntil.Equal(b.verifiesUntil)
	})
	if d := cmp.Diff(first.present.Load(), second.present.Load(), cmp.AllowUnexported(keyset{}), same); d != "" {
		t.Errorf("the file gives other keys: %s", d)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("mode %v, want -rw-------", mode)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

func TestOpenKeyring_togetherGivesOneKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	const nodes = 8
	var (
		wg   sync.WaitGroup
		kids [nodes]string
	)
	for i := range nodes {
		wg.Go(func() {
			r, err := OpenKeyring(file, noon)
			if err != nil {
				t.Error(err)
				return
			}
			kids[i] = r.signer(noon).kid
		})
	}
	wg.Wait()
	for _, kid := range kids {
		if kid != kids[0] {
			t.Errorf("nodes sign with different keys: %v", kids)
			break
		}
	}
}

func TestOpenKeyring_refusesUnsafeOrBrokenFiles(t *testing.T) {
	t.Parallel()
	good, err := encodeKeyset(newKeyset(noon))
	if err != nil {
		t.Fatal(err)
	}
	short := base64.StdEncoding.EncodeToString([]byte("short"))
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by all":   {string(good), 0o644, "others may use the keys"},
		"writable by group": {string(good), 0o660, "others may use the keys"},
		"empty":             {"", 0o600, "not JSON"},
		"truncated":         {string(good[:len(good)/2]), 0o600, "not JSON"},
		"other version":     {strings.Replace(string(good), `"version": 1`, `"version": 9`, 1), 0o600, "version 9"},
		"no keys":           {`{"version":1,"master":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`, 0o600, "lacks"},
		"short master":      {`{"version":1,"master":"` + short + `","keys":[{}]}`, 0o600, "lacks"},
		"short key": {`{"version":1,"master":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `","keys":[{"seed":"` +
			short + `"}]}`, 0o600, "wrong length"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "keys.json")
			if err := os.WriteFile(file, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := OpenKeyring(file, noon)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestReload_keepsThePresentKeysOnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	r := mustOpen(t, file)
	kid := r.signer(noon).kid
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil {
		t.Error("a broken file is accepted")
	}
	if got := r.signer(noon).kid; got != kid {
		t.Error("the keys are lost")
	}
}

func TestSecret_isStableAndByPurpose(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	a := mustOpen(t, file)
	cursor := a.Secret("cursor")
	if len(cursor) != SecretLen {
		t.Errorf("%d bytes, want %d", len(cursor), SecretLen)
	}
	if err := a.Rotate(noon, 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cursor, a.Secret("cursor")) || !bytes.Equal(cursor, mustOpen(t, file).Secret("cursor")) {
		t.Error("the secret changes with a rotation or a restart")
	}
	if bytes.Equal(cursor, a.Secret("ticket")) {
		t.Error("two purposes share a secret")
	}
	if bytes.Equal(cursor, NewKeyring(noon).Secret("cursor")) {
		t.Error("two keyrings share a secret")
	}
}

func TestHandler_publishesOnlyPublicKeys(t *testing.T) {
	t.Parallel()
	r := NewKeyring(noon)
	h := r.Handler(clock.NewTest(noon))
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
	if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Fatalf("%d %v", answer.Code, answer.Header())
	}
	var got map[string][]map[string]string
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	key := r.signer(noon)
	want := map[string][]map[string]string{"keys": {{
		"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid,
		"x": base64.RawURLEncoding.EncodeToString(key.private.Public().(ed25519.PublicKey)),
	}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/.well-known/jwks.json", nil))
	if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", answer.Code, answer.Header().Get("Allow"))
	}
}

func mustOpen(t *testing.T, file string) *Keyring {
	t.Helper()
	r, err := OpenKeyring(file, noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
