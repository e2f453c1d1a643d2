// Package stored has the type that ent's generated code uses for ids: generated code names variables "id", so it cannot
// use a type of a package of that name. Everything else uses id.ID; the two convert freely.
package stored

import (
	"database/sql/driver"

	"farley/internal/id"
)

// ID is an id.ID in ent's columns.
type ID id.ID

// Value stores x as 16 bytes, the zero ID as NULL.
func (x ID) Value() (driver.Value, error) { return id.ID(x).Value() }

// Scan reads 16 bytes; NULL gives the zero ID.
func (x *ID) Scan(src any) error { return (*id.ID)(x).Scan(src) }

// String returns the text form.
func (x ID) String() string { return id.ID(x).String() }
