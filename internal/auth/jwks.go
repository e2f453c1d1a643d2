package auth

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"farley/internal/clock"
)

// JWK is one public key (RFC 7517, RFC 8037).
type JWK struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// JWKS is the published set of public keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// Public returns the keys whose signatures count now or will, youngest first.
func (r *Keyring) Public(now time.Time) JWKS {
	set := JWKS{Keys: []JWK{}}
	keys := r.present.Load().keys
	for i := len(keys) - 1; i >= 0; i-- {
		if !keys[i].verifies(now) {
			continue
		}
		set.Keys = append(set.Keys, JWK{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(keys[i].public()),
			KeyID: keys[i].kid, Use: "sig", Algorithm: "EdDSA",
		})
	}
	return set
}

// Handler serves the published keys, for /.well-known/jwks.json. Readers may keep the answer for five minutes.
func (r *Keyring) Handler(c clock.Clock) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		body, err := json.Marshal(r.Public(c.Now()))
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body) // the reader has gone: nothing to do
	})
}
