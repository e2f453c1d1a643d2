package clock_test

import (
	"testing"
	"time"

	"farley/internal/clock"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func fired(c <-chan time.Time) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestTest_firesWhatIsDue(t *testing.T) {
	t.Parallel()
	c := clock.NewTest(start)
	soon, late := c.After(time.Minute), c.After(time.Hour)
	c.Advance(start.Add(time.Minute))
	if !fired(soon) || fired(late) {
		t.Error("after a minute the first only is due")
	}
	c.Advance(start)
	if got := c.Now(); !got.Equal(start.Add(time.Minute)) {
		t.Errorf("the clock moved backwards to %v", got)
	}
	c.Advance(start.Add(2 * time.Hour))
	if !fired(late) {
		t.Error("the second is due by now")
	}
}

func TestSandbox_movesForward(t *testing.T) {
	t.Parallel()
	c := clock.NewSandbox()
	tomorrow := c.Now().Add(24 * time.Hour)
	due, later := c.After(23*time.Hour), c.After(48*time.Hour)
	c.Advance(tomorrow)
	if c.Now().Before(tomorrow) {
		t.Error("the clock did not move")
	}
	if !fired(due) || fired(later) {
		t.Error("what is due within the day fires, and nothing else")
	}
	c.Advance(tomorrow.Add(25 * time.Hour))
	if !fired(later) {
		t.Error("what was set before a move fires after the next one")
	}
	if d := c.After(0); !waits(d) {
		t.Error("no time is no wait")
	}
}

func waits(c <-chan time.Time) bool {
	select {
	case <-c:
		return true
	case <-time.After(10 * time.Second):
		return false
	}
}
