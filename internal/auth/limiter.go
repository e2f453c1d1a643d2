package auth

import (
	"container/list"
	"crypto/sha256"
	"math"
	"net/netip"
	"sync"
	"time"

	"farley/internal/fault"
)

// Failed sign-ins allowed for one e-mail from one address, and what the limiter remembers at most.
const (
	DefaultFailures   = 10
	DefaultFailWindow = 5 * time.Minute
	limiterEntries    = 20_000
	ipv6Network       = 64 // bits that one customer of a provider has for himself
)

// limiter counts failed sign-ins in memory, by e-mail and address, in windows that begin with the first failure. It
// knows e-mails only as hashes and counts those without an account alike. When it is full it forgets the oldest window.
// It is safe for concurrent use.
type limiter struct {
	limit  int
	window time.Duration
	size   int

	mu      sync.Mutex
	entries map[limiterKey]*list.Element
	byAge   *list.List // of *limiterEntry, the oldest window first
}

type limiterKey [sha256.Size]byte

type limiterEntry struct {
	key      limiterKey
	since    time.Time
	failures int
	pending  int // attempts under way; they count as failures until they end
}

func newLimiter(limit int, window time.Duration, size int) *limiter {
	return &limiter{limit: limit, window: window, size: size, entries: map[limiterKey]*list.Element{}, byAge: list.New()}
}

func keyOf(email string, address netip.Addr) limiterKey {
	address = address.Unmap()
	if address.Is6() {
		if p, err := address.Prefix(ipv6Network); err == nil {
			address = p.Addr()
		}
	}
	return sha256.Sum256([]byte(address.String() + "\n" + email))
}

// blocked returns how long sign-ins for the key stay refused, 0 when they are not.
func (l *limiter) blocked(key limiterKey, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.current(key, now)
	if e == nil || e.failures < l.limit {
		return 0
	}
	return e.since.Add(l.window).Sub(now)
}

// begin takes one attempt, to be ended by end, or returns how long to wait.
func (l *limiter) begin(key limiterKey, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.current(key, now)
	if e == nil {
		e = l.add(key, now)
	}
	if e.failures+e.pending >= l.limit {
		return max(e.since.Add(l.window).Sub(now), time.Second)
	}
	e.pending++
	return 0
}

// outcome is how an attempt ended.
type outcome int

const (
	undecided outcome = iota // the database was away, the caller left
	failed
	succeeded
)

func (l *limiter) end(key limiterKey, now time.Time, how outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.current(key, now)
	if e == nil { // forgotten for want of room
		if how != failed {
			return
		}
		e = l.add(key, now)
	}
	e.pending = max(e.pending-1, 0)
	switch how {
	case failed:
		e.failures++
	case succeeded:
		e.failures = 0
	}
	if e.failures == 0 && e.pending == 0 {
		l.remove(e.key)
	}
}

// current returns the entry, with a fresh window when its own is over.
func (l *limiter) current(key limiterKey, now time.Time) *limiterEntry {
	el, ok := l.entries[key]
	if !ok {
		return nil
	}
	e := el.Value.(*limiterEntry)
	if now.Sub(e.since) >= l.window {
		e.since, e.failures = now, 0
		l.byAge.MoveToBack(el)
	}
	return e
}

func (l *limiter) add(key limiterKey, now time.Time) *limiterEntry {
	for len(l.entries) >= l.size {
		l.remove(l.byAge.Front().Value.(*limiterEntry).key)
	}
	e := &limiterEntry{key: key, since: now}
	l.entries[key] = l.byAge.PushBack(e)
	return e
}

func (l *limiter) remove(key limiterKey) {
	if el, ok := l.entries[key]; ok {
		l.byAge.Remove(el)
		delete(l.entries, key)
	}
}

// seconds rounds up, so that who waits that long is not refused again.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func limited(wait time.Duration) error {
	n := seconds(wait)
	return fault.New(fault.Limited, "Too many failed sign-ins. Try again in %d seconds.", n).With("retryAfter", n)
}
