package change

import (
	"time"

	"farley/internal/id"
)

// Event is what a reader is told of one change. It is shared by all members of a group and never changed once delivered.
//
// LEFT and DELETED tell Position, Op, Kind, Record and At only; CHECKPOINT tells Position and At only.
type Event struct {
	Position int64
	Op       Op
	Kind     id.Kind
	Record   id.ID
	Version  int64 // of the change; 0 when withheld
	At       time.Time
	Actor    id.ID
	Changed  []string // names of the changed fields that the reader may read, in the order of the change row
	Node     any      // what Load returned: the present state, which may be newer than the change; nil for LEFT and DELETED
	Payload  any      // what Render returned
}
