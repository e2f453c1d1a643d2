package change

import (
	"context"
	"fmt"
	"time"

	"farley/internal/id"
	"farley/internal/model"
)

// Load reads the present state of records as their reader asked for it, in one go. Records that are not there, out of
// sight, or do not match the reader's filter are missing in its answer. What it returns is shared by a whole group and
// must not be changed.
type Load func(ctx context.Context, r Reader, ids []id.ID) (map[id.ID]any, error)

// Seen tells which records are in the reader's sight, in one go: what relations of changed records led to and lead to. The
// change of a relation that led from nothing in sight to nothing in sight is not told.
type Seen func(ctx context.Context, r Reader, ids []id.ID) (map[id.ID]bool, error)

// audience turns rows into the events of one reader, or of many with the same rights.
type audience struct {
	set    *model.Set
	filter map[string]bool // fields that the filter reads
	load   Load            // nil: events have no node, and every record in sight matches
	seen   Seen            // nil: every relation shows
	render func(*Event) any
}

// tell returns the events of rows, in their order, with one load.
func (a *audience) tell(ctx context.Context, r Reader, rows []*Row, now time.Time) ([]*Event, error) {
	verdicts := make([]verdict, len(rows))
	var ids []id.ID
	asked := map[id.ID]bool{}
	for i, row := range rows {
		verdicts[i] = decide(a.set, r, row, a.filter, now)
		if verdicts[i].load && !asked[row.Record] {
			asked[row.Record] = true
			ids = append(ids, row.Record)
		}
	}
	if err := a.hideRelations(ctx, r, rows, verdicts); err != nil {
		return nil, err
	}
	nodes, err := a.nodes(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	var events []*Event
	for i, row := range rows {
		e := a.event(row, verdicts[i], nodes)
		if e == nil {
			continue
		}
		if a.render != nil {
			e.Payload = a.render(e)
		}
		events = append(events, e)
	}
	return events, nil
}

func (a *audience) nodes(ctx context.Context, r Reader, ids []id.ID) (map[id.ID]any, error) {
	if len(ids) == 0 || a.load == nil {
		return nil, nil //nolint:nilnil // no ids, no nodes
	}
	nodes, err := a.load(ctx, r, ids)
	if err != nil {
		return nil, fmt.Errorf("load changed records: %w", err)
	}
	return nodes, nil
}

// event returns nil when the reader is told nothing.
func (a *audience) event(row *Row, v verdict, nodes map[id.ID]any) *Event {
	if v.op == "" {
		return nil
	}
	e := &Event{Position: row.Position, Op: v.op, Kind: row.Kind, Record: row.Record, At: row.At}
	if v.withheld {
		return e
	}
	node, found := nodes[row.Record]
	if v.load && a.load != nil && !found {
		if !v.leave {
			return nil
		}
		e.Op = Left
		return e
	}
	e.Version, e.Actor, e.Changed, e.Node = row.Version, row.Actor, v.changed, node
	return e
}

func names(fields []string) map[string]bool {
	if len(fields) == 0 {
		return nil
	}
	m := make(map[string]bool, len(fields))
	for _, f := range fields {
		m[f] = true
	}
	return m
}
