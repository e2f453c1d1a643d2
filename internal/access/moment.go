package access

import (
	"database/sql/driver"
	"time"
)

// Moment is an argument of a condition that depends on when it is asked. Whoever keeps a condition for later puts another
// moment in its place.
type Moment struct{ time.Time }

// Value implements driver.Valuer: the instant.
func (m Moment) Value() (driver.Value, error) { return m.Time, nil }

// Today is the same where only the day counts.
type Today struct{ time.Time }

// Value implements driver.Valuer: the day in UTC.
func (t Today) Value() (driver.Value, error) { return Day(t.Time), nil }
