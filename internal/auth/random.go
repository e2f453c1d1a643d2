package auth

import (
	"crypto/rand"
	"encoding/base64"
)

// randomBytes fills b.
func randomBytes(b []byte) { _, _ = rand.Read(b) } // never fails

// randomText returns n random bytes in base64url.
func randomText(n int) string {
	b := make([]byte, n)
	randomBytes(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
