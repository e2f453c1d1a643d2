// Package clock is the one source of time of the application.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and waits. Instants are in UTC, cut to whole microseconds, because that is what both databases
// keep.
type Clock interface {
	// Now returns the present instant.
	Now() time.Time
	// After returns a channel that gets one value when d has passed.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
type System struct{}

// Now returns the machine's time.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// After waits in real time.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Test is a clock that stands still until it is moved. It is safe for concurrent use.
type Test struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

// NewTest returns a clock that stands at now.
func NewTest(now time.Time) *Test { return &Test{now: now.UTC().Truncate(time.Microsecond)} }

// Now returns the instant at which the clock stands.
func (t *Test) Now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// After returns a channel that gets one value when the clock has been moved by d.
func (t *Test) After(d time.Duration) <-chan time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := make(chan time.Time, 1)
	if d <= 0 {
		c <- t.now
		return c
	}
	t.waiting = append(t.waiting, waiter{t.now.Add(d), c})
	return c
}

// Advance moves the clock forward to the instant to and wakes who waited for it. It never moves backwards.
func (t *Test) Advance(to time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to = to.UTC().Truncate(time.Microsecond)
	if !to.After(t.now) {
		return
	}
	t.now = to
	still := t.waiting[:0]
	for _, w := range t.waiting {
		if w.at.After(to) {
			still = append(still, w)
			continue
		}
		w.c <- to
	}
	t.waiting = still
}
