package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"farley/internal/fault"
)

// The cost of a password hash: argon2id as OWASP recommends it (Password Storage Cheat Sheet, 2024).
const (
	DefaultMemory  = 19456 // KiB
	DefaultTime    = 2     // passes
	DefaultThreads = 1
)

const (
	saltLen    = 16
	digestLen  = 32
	maxWaiting = 256 // hashes in the queue; more than that is an attack or an outage, and better refused at once
	// maxPassword, in bytes as sent, is far above what MaxPassword characters take, and keeps hashing from becoming a way to
	// burn processor time.
	maxPassword = 4096
)

// Cost says how dear one hash is.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// Passwords hashes and verifies passwords. Only a few hashes are computed at a time, since each one takes Cost.Memory.
// It is safe for concurrent use.
type Passwords struct {
	cost    Cost
	slots   chan struct{}
	waiting atomic.Int64
	derive  func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
}

// NewPasswords returns a Passwords. Zero parts of the cost take the defaults; atOnce bounds the hashes computed at the
// same time, 0 means one for each processor and at most 4.
func NewPasswords(cost Cost, atOnce int) *Passwords {
	if cost.Memory == 0 {
		cost.Memory = DefaultMemory
	}
	if cost.Time == 0 {
		cost.Time = DefaultTime
	}
	if cost.Threads == 0 {
		cost.Threads = DefaultThreads
	}
	if atOnce <= 0 {
		atOnce = min(runtime.GOMAXPROCS(0), 4)
	}
	return &Passwords{cost: cost, slots: make(chan struct{}, atOnce), derive: argon2.IDKey}
}

// Hash returns the hash of a new password as a PHC string. It returns Invalid for an empty password or one of more than
// 4,096 bytes, and Unavailable when too many hashes are waiting already.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", fault.New(fault.Invalid, "The password is empty.")
	}
	if len(password) > maxPassword {
		return "", fault.New(fault.Invalid, "The password is longer than %d bytes.", maxPassword)
	}
	release, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return p.hash(password), nil
}

// Verify reports whether the password is the one hashed in stored. It returns Internal when stored is not a hash, and
// Unavailable when too many hashes are waiting already.
func (p *Passwords) Verify(ctx context.Context, stored, password string) (bool, error) {
	release, err := p.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	ok, err := p.verify(stored, password)
	if err != nil {
		return false, fault.Wrap(fault.Internal, err, "internal error")
	}
	return ok, nil
}

// Burn does the work of Verify for nobody, so that an account that does not exist takes as long to refuse as one that
// does.
func (p *Passwords) Burn(ctx context.Context, password string) error {
	release, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	p.burn(password)
	return nil
}

// NeedsRehash reports whether stored was made with another cost than the present one, or is no hash at all.
func (p *Passwords) NeedsRehash(stored string) bool {
	h, err := parsePHC(stored)
	return err != nil || h.cost != p.cost || len(h.salt) != saltLen || len(h.digest) != digestLen
}

// acquire waits for a free slot. The caller releases it.
func (p *Passwords) acquire(ctx context.Context) (release func(), err error) {
	if p.waiting.Add(1) > maxWaiting {
		p.waiting.Add(-1)
		return nil, fault.New(fault.Unavailable, "Too many sign-ins at once. Try again in a moment.")
	}
	defer p.waiting.Add(-1)
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "Too many sign-ins at once. Try again in a moment.")
	}
}

// hash, verify and burn want a slot to be held.

func (p *Passwords) hash(password string) string {
	h := phc{cost: p.cost, salt: make([]byte, saltLen)}
	randomBytes(h.salt)
	h.digest = p.compute(h, password, digestLen)
	return h.String()
}

func (p *Passwords) verify(stored, password string) (bool, error) {
	h, err := parsePHC(stored)
	if err != nil {
		p.burn(password)
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	got := p.compute(h, password, len(h.digest))
	return subtle.ConstantTimeCompare(got, h.digest) == 1 && len(password) <= maxPassword, nil
}

func (p *Passwords) burn(password string) {
	p.compute(phc{cost: p.cost, salt: make([]byte, saltLen)}, password, digestLen)
}

func (p *Passwords) compute(h phc, password string, length int) []byte {
	if len(password) > maxPassword {
		password = password[:maxPassword]
	}
	return p.derive([]byte(normalPassword(password)), h.salt, h.cost.Time, h.cost.Memory, h.cost.Threads, uint32(length))
}
