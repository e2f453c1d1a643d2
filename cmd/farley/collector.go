package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// headroom is what may be allocated between two collections while little is alive: so much that collecting costs next to
	// nothing. With much alive (ten thousand open sockets) a fixed share of that would be the larger part of all memory.
	headroom = 128 << 20
	// The bounds of GOGC, in percent of what is alive.
	leastGrowth, mostGrowth = 100, 400
)

// tuneRuntime sets the collector for a server with a small live heap, unless the environment says otherwise, and follows that
// heap when it grows.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(mostGrowth)
		c := &cycle{growth: mostGrowth, alive: []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}}
		runtime.SetFinalizer(c, (*cycle).end)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(400 << 20)
	}
}

// cycle is garbage, which each collection finds.
type cycle struct {
	growth int
	alive  []metrics.Sample // also: what has no pointer and less than 16 bytes may never be found
}

// end sets the growth until the next collection.
func (c *cycle) end() {
	metrics.Read(c.alive)
	var sum uint64
	for _, s := range c.alive {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	if now := growth(sum); now != c.growth {
		c.growth = now
		debug.SetGCPercent(now)
	}
	runtime.SetFinalizer(c, (*cycle).end)
}

// growth is by how many percent of what is alive, in bytes, the heap may grow before it is collected: in steps of 25, so that it
// is set seldom.
func growth(alive uint64) int {
	const step = 25
	percent := int(headroom * 100 / max(alive, 1<<20)) //nolint:gosec // at most 12,800
	return min(max(percent/step*step, leastGrowth), mostGrowth)
}
