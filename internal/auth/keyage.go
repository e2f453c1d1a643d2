package auth

import "time"

// Signing returns the id of the key that signs at an instant, and since when it has.
func (r *Keyring) Signing(now time.Time) (kid string, since time.Time) {
	k := r.signer(now)
	return k.kid, k.signsFrom
}
