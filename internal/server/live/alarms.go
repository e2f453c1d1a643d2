package live

import (
	"container/heap"
	"sync"
	"time"

	"farley/internal/clock"
)

// alarms wakes connections when something is due, all from one goroutine, which is there while there are any.
type alarms struct {
	clock clock.Clock

	mu     sync.Mutex
	due    queue
	next   time.Time // for which the goroutine waits
	awake  chan struct{}
	ticks  bool // there is a goroutine
	ticker *sync.WaitGroup
}

func newAlarms(c clock.Clock, running *sync.WaitGroup) *alarms {
	return &alarms{clock: c, awake: make(chan struct{}, 1), ticker: running}
}

// set has the connection woken at an instant, rather than at the one that was set before.
func (a *alarms) set(c *connection, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.due = at
	if c.place == 0 {
		heap.Push(&a.due, c)
	} else {
		heap.Fix(&a.due, c.place-1)
	}
	switch {
	case !a.ticks:
		a.ticks = true
		a.ticker.Add(1)
		go a.tick()
	case at.Before(a.next):
		a.wake()
	}
}

// drop has the connection not woken any more.
func (a *alarms) drop(c *connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.place > 0 {
		heap.Remove(&a.due, c.place-1)
	}
	if len(a.due) == 0 {
		a.wake()
	}
}

func (a *alarms) wake() {
	select {
	case a.awake <- struct{}{}:
	default:
	}
}

func (a *alarms) tick() {
	defer a.ticker.Done()
	for {
		some, next, more := a.take()
		for _, c := range some {
			c.tick()
		}
		if !more {
			return
		}
		if len(some) > 0 {
			continue // it may have set others
		}
		bell := a.clock.After(next.Sub(a.clock.Now()))
		if !a.clock.Now().Before(next) {
			continue // the clock has moved between reading it and setting the bell
		}
		select {
		case <-bell:
		case <-a.awake:
		}
	}
}

// take removes the connections that are due, and returns when the next one is; more is false when there is none, and then the
// goroutine has to end.
func (a *alarms) take() (some []*connection, next time.Time, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for len(a.due) > 0 && !now.Before(a.due[0].due) {
		c, _ := heap.Pop(&a.due).(*connection)
		some = append(some, c)
	}
	if len(a.due) > 0 {
		a.next = a.due[0].due
		return some, a.next, true
	}
	a.next = time.Time{} // nothing is before it, and what is set meanwhile is seen without being woken for
	a.ticks = len(some) > 0
	return some, a.next, a.ticks
}

// queue is a heap of connections by due; place is one more than the index, so that 0 is none.
type queue []*connection

// Len implements heap.Interface.
func (q queue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	c, _ := x.(*connection)
	*q = append(*q, c)
	c.place = len(*q)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	(*q)[last] = nil
	*q, c.place = (*q)[:last], 0
	return c
}
