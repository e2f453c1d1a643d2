package auth

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// SecretLen is the length of what Keyring.Secret returns, in bytes.
const SecretLen = 32

// verifyMargin is added to the longest life of a token before a retired key is dropped: clocks of nodes differ.
const verifyMargin = time.Minute

// ErrFixed is returned by Rotate for a Keyring from ParseKeyring.
var ErrFixed = errors.New("auth: these keys are not kept by this program; rotate them where they come from")

// Keyring holds the Ed25519 keys that sign access tokens and the master secret from which the nodes derive the keys
// that they share. One key signs; older ones verify until the last token they signed has expired. It is safe for
// concurrent use.
type Keyring struct {
	file  string // "" when the keys are not kept in a file
	fixed bool   // the keys come from elsewhere and are not changed here

	mu      sync.Mutex // one change at a time
	present atomic.Pointer[keyset]
}

// keyset is one state of a Keyring. It is never changed.
type keyset struct {
	master []byte
	keys   []signingKey // by signsFrom, oldest first
}

// signingKey signs from signsFrom until a younger key does, and verifies until verifiesUntil (zero: no end is set).
type signingKey struct {
	kid           string
	private       ed25519.PrivateKey
	signsFrom     time.Time
	verifiesUntil time.Time
}

func (k signingKey) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

func (k signingKey) verifies(now time.Time) bool {
	return k.verifiesUntil.IsZero() || now.Before(k.verifiesUntil)
}

// NewKeyring returns a Keyring with new keys that live in memory only.
func NewKeyring(now time.Time) *Keyring {
	r := &Keyring{}
	r.present.Store(newKeyset(now))
	return r
}

func newKeyset(now time.Time) *keyset {
	s := &keyset{master: make([]byte, SecretLen), keys: []signingKey{newSigningKey(now)}}
	randomBytes(s.master)
	return s
}

func newSigningKey(signsFrom time.Time) signingKey {
	seed := make([]byte, ed25519.SeedSize)
	randomBytes(seed)
	return signingKeyFrom(seed, signsFrom, time.Time{})
}

func signingKeyFrom(seed []byte, signsFrom, verifiesUntil time.Time) signingKey {
	private := ed25519.NewKeyFromSeed(seed)
	k := signingKey{private: private, signsFrom: signsFrom, verifiesUntil: verifiesUntil}
	k.kid = thumbprint(k.public())
	return k
}

// thumbprint is the key's name: RFC 7638 for the key types of RFC 8037.
func thumbprint(public ed25519.PublicKey) string {
	x := base64.RawURLEncoding.EncodeToString(public)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Rotate adds a new key that signs from now+lead on, has the older ones verify until tokens of the longest life
// tokenLife signed by them have expired, drops those whose time has passed, and writes the file. With several nodes,
// lead is longer than the interval at which they Reload, so that every node knows the key before it signs. Rotate from
// one place at a time: the file has no lock.
func (r *Keyring) Rotate(now time.Time, lead, tokenLife time.Duration) error {
	if r.fixed {
		return ErrFixed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != "" {
		if err := r.reload(); err != nil { // another node may have rotated
			return err
		}
	}
	next := r.present.Load().rotated(now, now.Add(max(lead, 0)), tokenLife)
	if r.file != "" {
		if err := writeKeyset(r.file, next); err != nil {
			return err
		}
	}
	r.present.Store(next)
	return nil
}

func (s *keyset) rotated(now, from time.Time, tokenLife time.Duration) *keyset {
	next := &keyset{master: s.master}
	for _, k := range s.keys {
		// The second is a key that has not signed yet; it would take over from the new one.
		if !k.verifies(now) || k.signsFrom.After(now) && !k.signsFrom.Before(from) {
			continue
		}
		if k.verifiesUntil.IsZero() {
			k.verifiesUntil = from.Add(tokenLife + verifyMargin)
		}
		next.keys = append(next.keys, k)
	}
	next.keys = append(next.keys, newSigningKey(from))
	return next
}

// Secret returns 32 bytes for one purpose ("cursor"), the same on every node with the same keys and through rotations.
func (r *Keyring) Secret(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, r.present.Load().master, nil, "farley/"+purpose, SecretLen)
	if err != nil {
		panic(fmt.Sprintf("auth: derive: %v", err)) // only for lengths beyond 255 hashes
	}
	return key
}

// signer returns the key that signs now: of those whose time has come the youngest.
func (r *Keyring) signer(now time.Time) signingKey {
	keys := r.present.Load().keys
	for i := len(keys) - 1; i > 0; i-- {
		if !keys[i].signsFrom.After(now) {
			return keys[i]
		}
	}
	return keys[0]
}

// verifier returns the public key named kid when its signatures count: no longer after its end, and not before it signs,
// as far as clocks agree.
func (r *Keyring) verifier(kid string, now time.Time) (ed25519.PublicKey, bool) {
	keys := r.present.Load().keys
	for i, k := range keys {
		if k.kid == kid {
			signs := i == 0 || !k.signsFrom.After(now.Add(Leeway)) // the oldest signs when no other does: see signer
			return k.public(), k.verifies(now) && signs
		}
	}
	return nil, false
}
