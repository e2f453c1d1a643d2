package server

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"farley/internal/clock"
	"farley/internal/fault"
)

// budgets gives each caller a refilling budget of cost. A caller who was not seen for long is forgotten, and then has
// a full budget again, as he would have had anyway.
type budgets struct {
	clock   clock.Clock
	limits  Limits
	mu      sync.Mutex // makes get-or-add one step
	callers *lru.Cache[string, *rate.Limiter]
}

func newBudgets(c clock.Clock, limits Limits) *budgets {
	callers, err := lru.New[string, *rate.Limiter](limits.Callers)
	if err != nil {
		panic("server: budgets: " + err.Error()) // only for a size below 1
	}
	return &budgets{clock: c, limits: limits, callers: callers}
}

// spend takes the cost from the caller's budget, or refuses with LIMITED and the seconds to wait (retryAfter).
func (b *budgets) spend(caller string, cost int) error {
	if b.limits.BudgetPerSecond < 0 || b.limits.Budget < 0 {
		return nil
	}
	now := b.clock.Now()
	r := b.limiter(caller).ReserveN(now, cost)
	wait := time.Duration(-1)
	if r.OK() {
		wait = r.DelayFrom(now)
	}
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	seconds := 1
	if wait > 0 {
		seconds = int((wait + time.Second - 1) / time.Second)
	}
	return fault.New(fault.Limited, "The budget is used up. Try again in %d s.", seconds).
		With("limit", "budget").With("retryAfter", seconds)
}

func (b *budgets) limiter(caller string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.callers.Get(caller)
	if !ok {
		l = rate.NewLimiter(rate.Limit(b.limits.BudgetPerSecond), b.limits.Budget)
		b.callers.Add(caller, l)
	}
	return l
}

// running counts the operations that each caller runs.
type running struct {
	max int
	mu  sync.Mutex
	n   map[string]int
}

// begin counts one operation in and returns what counts it out, which must be called once.
func (r *running) begin(caller string) (end func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if exceeds(r.n[caller]+1, r.max) {
		return nil, fault.New(fault.Limited, "Too many operations at a time: at most %d.", r.max).
			With("limit", "concurrent").With("max", r.max).With("retryAfter", 1)
	}
	r.n[caller]++
	return func() { r.end(caller) }, nil
}

func (r *running) end(caller string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n[caller]--
	if r.n[caller] <= 0 {
		delete(r.n, caller)
	}
}
