package testdb

import (
	"context"
	"slices"
	"sync"
	"time"

	"farley/internal/stream"
)

// Counter remembers the statements of one handle's transactions, BEGIN and COMMIT not among them. It is safe for
// concurrent use.
type Counter struct {
	mu         sync.Mutex
	statements []string
	asked      []string
}

// Reset forgets all statements.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements, c.asked = nil, nil
}

// N returns the number of statements since the last Reset.
func (c *Counter) N() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.statements)
}

// Statements returns the statements since the last Reset, in the order in which they ended.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.statements)
}

// Asked returns the statements since the last Reset that requests to the server ran, without those that it runs by itself beside
// them: by these, what an operation costs is told apart from when it was asked for.
func (c *Counter) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

func (c *Counter) observe(ctx context.Context, statement string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, statement)
	if stream.RequestID(ctx) != "" {
		c.asked = append(c.asked, statement)
	}
}
