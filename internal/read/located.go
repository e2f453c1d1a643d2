package read

import (
	"context"
	"database/sql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// Box bounds latitudes and longitudes in millionths of a degree, the edges included.
type Box struct{ South, North, West, East int64 }

// Place is where a record lies, in millionths of a degree.
type Place struct {
	ID                  id.ID
	Latitude, Longitude int64
}

// Located returns the records of k in sight that lie in one of boxes by their fields latitude and longitude, and that a
// decoded `where`, which may be nil, lets through: at most limit, in no order. It runs one statement, a branch for each box.
// It returns Forbidden to whom the fields never show; where they show on some rows, those count.
func (e *Engine) Located(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, where any, boxes []Box, limit int) ([]Place, error) {
	r := e.run(ctx, q, a)
	lat, err := r.comparable(k, k.Field("latitude"), base, k.Field("latitude").Column, []any{"latitude"})
	if err != nil {
		return nil, err
	}
	lon, err := r.comparable(k, k.Field("longitude"), base, k.Field("longitude").Column, []any{"longitude"})
	if err != nil {
		return nil, err
	}
	cond := access.Cond{}
	if where != nil {
		if cond, err = r.where(k, base, where, []any{"where"}); err != nil {
			return nil, err
		}
	}
	if !binned(where) {
		cond = access.And(live(base), cond)
	}
	cond = access.And(cond, a.Sight(e.Set, k, base, access.Read, r.now))
	if cond.IsFalse() {
		return nil, nil
	}
	var s statement
	for i, b := range boxes {
		if i > 0 {
			s.WriteString(" UNION ")
		}
		s.WriteString("SELECT " + name(base, "id") + ", ")
		s.add(lat)
		s.WriteString(", ")
		s.add(lon)
		s.WriteString(" FROM " + table(k) + " " + base)
		s.where(access.And(between(lat, b.South, b.North), between(lon, b.West, b.East), cond))
	}
	s.WriteString(" LIMIT ?")
	s.args = append(s.args, limit)
	var out []Place
	err = r.once(&s, nil, func(rows *sql.Rows) error {
		var p Place
		err := rows.Scan(&p.ID, &p.Latitude, &p.Longitude)
		out = append(out, p)
		return err
	})
	if w := r.witness(); w != nil && err == nil {
		ids := make([]id.ID, len(out))
		for i, p := range out {
			ids[i] = p.ID
		}
		tellCompared(w, a, k, r.compared, ids)
	}
	return out, err
}

func between(expr access.Cond, from, to int64) access.Cond {
	args := append(append([]any{}, expr.Args...), from)
	return access.Cond{SQL: expr.SQL + " >= ? AND " + expr.SQL + " <= ?", Args: append(append(args, expr.Args...), to)}
}
