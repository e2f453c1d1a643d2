package testdb

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Counter remembers the statements of one handle's transactions, BEGIN and COMMIT not among them. It is safe for
// concurrent use.
type Counter struct {
	mu         sync.Mutex
	statements []string
}

// Reset forgets all statements.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = nil
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

func (c *Counter) observe(_ context.Context, statement string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, statement)
}
