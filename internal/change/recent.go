package change

import (
	"sync"

	"farley/internal/id"
)

// keepRecent is how many rows at the end of the log are kept in memory for groups.
const keepRecent = 4096

// recent are the last rows of the log, without gaps.
type recent struct {
	mu   sync.RWMutex
	rows []*Row
}

func (c *recent) add(rows []*Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows = append(c.rows, rows...)
	if over := len(c.rows) - keepRecent; over > 0 {
		clear(c.rows[:over]) // the array stays until append moves on
		c.rows = c.rows[over:]
	}
}

func (c *recent) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows = nil
}

// after returns at most limit of the rows of kinds behind a position, and the position up to which these are all. ok is
// false when rows behind the position are not remembered any more.
func (c *recent) after(position int64, limit int, kinds []id.Kind) (found []*Row, upTo int64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.rows) == 0 || position+1 < c.rows[0].Position {
		return nil, 0, false
	}
	upTo = position
	for _, row := range c.rows[min(position+1-c.rows[0].Position, int64(len(c.rows))):] {
		upTo = row.Position
		if !of(kinds, row.Kind) {
			continue
		}
		found = append(found, row)
		if len(found) == limit {
			break
		}
	}
	return found, upTo, true
}
