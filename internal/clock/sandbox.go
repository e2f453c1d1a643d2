package clock

import (
	"sync"
	"time"
)

// Sandbox is the machine's clock, moved forward by hand: for trying out what happens later. It is safe for concurrent
// use.
type Sandbox struct {
	mu      sync.Mutex
	ahead   time.Duration
	waiting map[*sleeper]struct{}
}

type sleeper struct {
	at    time.Time
	c     chan time.Time
	timer *time.Timer
}

// NewSandbox returns a clock that shows the machine's time until it is moved.
func NewSandbox() *Sandbox { return &Sandbox{waiting: map[*sleeper]struct{}{}} }

// Now returns the machine's time and what the clock has been moved by.
func (s *Sandbox) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Sandbox) now() time.Time { return System{}.Now().Add(s.ahead) }

// After returns a channel that gets one value when d has passed, be it by itself or by Advance.
func (s *Sandbox) After(d time.Duration) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &sleeper{at: s.now().Add(d), c: make(chan time.Time, 1)}
	s.waiting[w] = struct{}{}
	w.timer = time.AfterFunc(d, func() { s.wake(w) })
	return w.c
}

func (s *Sandbox) wake(w *sleeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.waiting[w]; !ok {
		return
	}
	delete(s.waiting, w)
	w.c <- s.now()
}

// Advance moves the clock forward to the instant to and wakes who waited for it. It never moves backwards.
func (s *Sandbox) Advance(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !to.After(now) {
		return
	}
	s.ahead += to.Sub(now)
	for w := range s.waiting {
		if w.at.After(to) {
			left := w.at.Sub(to)
			if w.timer.Stop() {
				w.timer.Reset(left)
			}
			continue
		}
		if w.timer.Stop() {
			delete(s.waiting, w)
			w.c <- to
		}
	}
}
