package audit

import (
	"context"
	"time"

	"farley/internal/id"
)

// Add hands an entry to the writer as a read does.
func Add(ctx context.Context, l *Log, e Entry) error {
	return l.add(ctx, e.complete(ctx, l.clock.Now()))
}

// Running reports whether the writer runs.
func Running(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running
}

// WriteID is the id of a write.
func WriteID(at time.Time, seq int64) id.ID { return writeID(at, seq) }

// SeqOf is its inverse.
func SeqOf(x id.ID) (int64, bool) { return seqOf(x) }
