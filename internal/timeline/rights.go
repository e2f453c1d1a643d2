package timeline

import (
	"database/sql"
	"strings"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

// rights are the reader's on the fields of one record.
type rights struct {
	plain, masked map[string]bool // of fields whose changes are told
	open          map[string]bool // to-many relations
}

// told reports whether changes of a field are entries: those that people make. What Farley keeps follows from them, and a
// stage of life has entries of its own, for those who may read them.
func told(f *model.Field) bool {
	return !f.System && !f.Internal && f.Write != model.Never && f.Name != "lifecycle"
}

// asking is one question about the fields of a record, with its answer for those records where it is not the same
// everywhere.
type asking struct {
	field *model.Field
	mask  bool
	cond  access.Cond
}

// readRights finds out what the reader may read of each record: at most one statement, and none where it is the same on
// every record.
func (r *reading) readRights() error {
	all := rights{plain: map[string]bool{}, masked: map[string]bool{}, open: map[string]bool{}}
	var asks []asking
	ask := func(f *model.Field) {
		if target := r.Set.Kind(f.Target); f.Target != "" && (target == nil || !r.a.Policy.Readable(target)) {
			return
		}
		cond, whole := r.a.FieldCond(r.Set, r.kind, f, "t", r.now)
		switch {
		case whole && f.Type == model.Many:
			all.open[f.Name] = true
			all.plain[f.Name] = told(f)
			return
		case whole:
			all.plain[f.Name] = true
			return
		case !cond.IsFalse():
			asks = append(asks, asking{f, false, cond})
		}
		if f.Type == model.String || f.Type == model.Text {
			if c := r.a.MaskedCond(r.Set, r.kind, f, "t", r.now); !c.IsFalse() {
				asks = append(asks, asking{f, true, c})
			}
		}
	}
	by := map[string]bool{}
	for _, s := range r.of[r.kind.Name] {
		by[s.By] = true
	}
	for _, f := range r.kind.Fields {
		if by[f.Name] || told(f) {
			ask(f)
		}
	}
	for i := range r.subjects {
		r.subjects[i].rights = &all
	}
	if len(asks) == 0 {
		return nil
	}
	return r.answer(all, asks)
}

// answer reads what differs from record to record.
func (r *reading) answer(all rights, asks []asking) error {
	var b strings.Builder
	var args []any
	b.WriteString("SELECT t.`id`")
	for _, k := range asks {
		if k.cond.IsTrue() {
			b.WriteString(", 1")
			continue
		}
		b.WriteString(", CASE WHEN " + k.cond.SQL + " THEN 1 ELSE 0 END")
		args = append(args, k.cond.Args...)
	}
	b.WriteString(" FROM `" + r.kind.Table + "` t WHERE t.`id` IN (?" + strings.Repeat(", ?", len(r.subjects)-1) + ")")
	of := map[id.ID]*subject{}
	for i := range r.subjects {
		s := &r.subjects[i]
		of[s.id] = s
		args = append(args, s.id)
	}
	return r.query(b.String(), args, func(rows *sql.Rows) error {
		var x id.ID
		answers := make([]int, len(asks))
		dests := []any{&x}
		for i := range answers {
			dests = append(dests, &answers[i])
		}
		if err := rows.Scan(dests...); err != nil || of[x] == nil {
			return err
		}
		own := rights{plain: clone(all.plain), masked: clone(all.masked), open: clone(all.open)}
		for i, k := range asks {
			switch {
			case answers[i] == 0:
			case k.mask:
				own.masked[k.field.Name] = true
			case k.field.Type == model.Many:
				own.open[k.field.Name] = true
				own.plain[k.field.Name] = told(k.field)
			default:
				own.plain[k.field.Name] = true
			}
		}
		of[x].rights = &own
		return nil
	})
}

func clone(m map[string]bool) map[string]bool {
	out := make(map[string]bool, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// query runs a statement.
func (r *reading) query(stmt string, args []any, each func(rows *sql.Rows) error) (err error) {
	rows, err := r.q.QueryContext(r.ctx, stmt, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
