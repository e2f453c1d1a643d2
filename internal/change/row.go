package change

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"farley/internal/access"
	"farley/internal/id"
)

// Op says what happened to a record, or to what a reader sees of it.
type Op string

// The operations that change rows hold.
const (
	Created  Op = "CREATED"
	Updated  Op = "UPDATED" // sharing and unsharing too
	Deleted  Op = "DELETED" // into the bin
	Restored Op = "RESTORED"
	Merged   Op = "MERGED"
	Erased   Op = "ERASED"
)

// The operations that only readers meet.
const (
	Entered    Op = "ENTERED"    // came into sight
	Left       Op = "LEFT"       // out of sight, or no longer what the subscription asked for
	Checkpoint Op = "CHECKPOINT" // nothing happened; the cursor moved on
)

// FieldChange is the change of one field, with its values as in the API's JSON.
type FieldChange struct {
	Field string          `json:"f"` // model.Field.Name
	Old   json.RawMessage `json:"o"`
	New   json.RawMessage `json:"n"`
}

// Row is one change of one record.
type Row struct {
	Position int64 // set by the sequencer, from 1 on without gaps
	Kind     id.Kind
	Record   id.ID
	Op       Op
	Version  int64 // of the record after the change
	Actor    id.ID // zero for the system
	Request  string
	// From where the change came, for the audit trail; readers of the log do not get it back.
	Operation, Address string
	Session            id.ID
	At                 time.Time
	Fields             []FieldChange
	// Before and After decide who saw the record before the change and who sees it now; nil when it did not or does not
	// exist.
	Before, After *access.Keys
}

// visibility is the column vis.
type visibility struct {
	Before *access.Keys `json:"b"`
	After  *access.Keys `json:"a"`
}

const columns = "position, kind, record_id, op, version, actor_id, request_id, at, fields, vis"

// scan reads one row of columns.
func scan(rows *sql.Rows) (*Row, error) {
	var r Row
	var fields, vis []byte
	err := rows.Scan(&r.Position, &r.Kind, &r.Record, &r.Op, &r.Version, &r.Actor, &r.Request, &r.At, &fields, &vis)
	if err != nil {
		return nil, err
	}
	r.At = r.At.UTC()
	if err := json.Unmarshal(fields, &r.Fields); err != nil {
		return nil, fmt.Errorf("change %d: fields: %w", r.Position, err)
	}
	var v visibility
	if err := json.Unmarshal(vis, &v); err != nil {
		return nil, fmt.Errorf("change %d: visibility: %w", r.Position, err)
	}
	r.Before, r.After = v.Before, v.After
	return &r, nil
}

// values returns the arguments of an INSERT of the row, all columns but the position.
func (r *Row) values() ([]any, error) {
	fields := []byte("[]")
	if len(r.Fields) > 0 {
		var err error
		if fields, err = json.Marshal(r.Fields); err != nil {
			return nil, fmt.Errorf("change of %s: fields: %w", r.Record, err)
		}
	}
	vis, err := json.Marshal(visibility{r.Before, r.After})
	if err != nil {
		return nil, fmt.Errorf("change of %s: visibility: %w", r.Record, err)
	}
	at := r.At.UTC().Truncate(time.Microsecond)
	return []any{int64(r.Kind), r.Record, string(r.Op), r.Version, r.Actor, r.Request, at, string(fields), string(vis),
		orNull(r.Operation), r.Session, orNull(r.Address)}, nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
