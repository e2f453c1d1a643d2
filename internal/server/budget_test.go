package server

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"
	"farley/internal/fault"
)

func TestBudget_refills(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Limits = Limits{Cost: 10, Budget: 10, BudgetPerSecond: 2}
		c.Caller = func(ctx context.Context) string { user, _ := ctx.Value(userKey{}).(string); return user }
	}, nil)
	query := "{name a:name b:name c:name d:name}" // costs 5
	for range 2 {
		if _, body := b.query(t, query); code(t, body) != "" {
			t.Fatalf("within the budget: %s", body)
		}
	}
	resp, body := b.query(t, query, "Accept", typeResponse)
	want := map[string]any{"code": "LIMITED", "limit": "budget", "retryAfter": 3.0} // 5 of cost at 2 a second
	if diff := cmp.Diff(want, decode(t, body).Errors[0].Extensions); diff != "" {
		t.Error(diff)
	}
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3" {
		t.Errorf("status %d Retry-After %q, want 429 3", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if _, body := b.query(t, query, "Authorization", "Bearer good"); code(t, body) != "" {
		t.Errorf("another caller: %s", body)
	}
	b.clock.Advance(b.clock.Now().Add(2499 * time.Millisecond))
	if _, body := b.query(t, query); code(t, body) != "LIMITED" {
		t.Errorf("too early: %s", body)
	}
	b.clock.Advance(b.clock.Now().Add(time.Millisecond))
	if _, body := b.query(t, query); code(t, body) != "" {
		t.Errorf("after the wait: %s", body)
	}
}

func TestBudget_boundsItsMemory(t *testing.T) {
	t.Parallel()
	b := newBudgets(clock.NewTest(time.Unix(0, 0)), Limits{Callers: 2}.withDefaults())
	for _, caller := range []string{"a", "b", "c", "d"} {
		if err := b.spend(caller, 1); err != nil {
			t.Fatal(err)
		}
	}
	if b.callers.Len() != 2 {
		t.Errorf("%d callers kept, want 2", b.callers.Len())
	}
}

func TestBudget_canBeSwitchedOff(t *testing.T) {
	t.Parallel()
	b := newBudgets(clock.NewTest(time.Unix(0, 0)), Limits{BudgetPerSecond: -1}.withDefaults())
	if err := b.spend("a", 1<<40); err != nil {
		t.Errorf("spend: %v", err)
	}
}

func TestBudget_isAtLeastTheCostLimit(t *testing.T) {
	t.Parallel()
	if got := (Limits{Cost: 500, Budget: 10}).withDefaults().Budget; got != 500 {
		t.Errorf("budget %d, want 500", got)
	}
}

func TestRunning(t *testing.T) {
	t.Parallel()
	r := &running{max: 2, n: map[string]int{}}
	end, err := r.begin("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.begin("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.begin("a"); fault.CodeOf(err) != fault.Limited {
		t.Errorf("third: %v, want LIMITED", err)
	}
	end()
	end2, err := r.begin("a")
	if err != nil {
		t.Errorf("after one ended: %v", err)
	}
	end2()
	r.end("a")
	if len(r.n) != 0 {
		t.Errorf("callers without operations are kept: %v", r.n)
	}
}
