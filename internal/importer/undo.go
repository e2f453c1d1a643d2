package importer

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// undoLines is how many lines of import_rows are taken back in one transaction.
const undoLines = 200

// undo takes back what an import did, the last first. Each line goes with the transaction that takes it back.
func (s *Service) undo(ctx context.Context, run *job.Run) error {
	w := &work{s: s, run: run}
	var payload string
	if err := run.Decode(&payload); err != nil {
		return err
	}
	x, err := id.Parse(payload)
	if err != nil {
		return job.Permanent(err)
	}
	w.id = x
	st, err := s.load(ctx, x)
	if err != nil || st.status != undoing {
		return err
	}
	err = s.undoAll(ctx, w, st)
	if code := fault.CodeOf(err); err == nil || code == fault.Internal || code == fault.Unavailable {
		return err
	}
	// The starter has gone: what is left stays, and can be undone again once he is back.
	return w.end(ctx, failed, map[string]any{"message": "Who started it may no longer sign in."}, id.ID{})
}

func (s *Service) undoAll(ctx context.Context, w *work, st *state) error {
	for {
		ctx, err := w.become(ctx, st.starter)
		if err != nil {
			return err
		}
		left := 0
		err = w.run.Step(ctx, w.done, 0, func(ctx context.Context, dtx *db.Tx) error {
			return s.Writer.In(ctx, dtx, func(ctx context.Context, tx *write.Tx) (err error) {
				left, err = s.undoSome(ctx, tx, w)
				return err
			})
		})
		if err != nil {
			return err
		}
		w.done += int64(left)
		if left < undoLines {
			break
		}
	}
	return w.run.Finish(ctx, func(ctx context.Context, dtx *db.Tx) error {
		return s.Writer.In(write.AsSystem(access.With(ctx, w.actor)), dtx, func(ctx context.Context, tx *write.Tx) error {
			return tx.Set(ctx, s.kind, w.id, map[string]any{"status": undone, "ended_at": tx.Now, "undo_until": nil})
		})
	})
}

// undoSome takes back the last lines there are, and returns how many.
func (s *Service) undoSome(ctx context.Context, tx *write.Tx, w *work) (int, error) {
	r, err := tx.Lock(ctx, s.kind, w.id)
	if err != nil {
		return 0, err
	}
	if r == nil || r.Values["status"] != undoing {
		return 0, job.ErrCancelled
	}
	lines, numbers, err := lastLines(ctx, tx, w.id)
	if err != nil || len(lines) == 0 {
		return 0, err
	}
	var back, kept int64
	issues := map[int64][]Issue{}
	for i, l := range lines {
		problem, err := s.takeBack(ctx, tx, l)
		if err != nil {
			return 0, err
		}
		if problem == nil {
			back++
		} else {
			kept++
			issues[l.row] = append(issues[l.row], *problem)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM import_rows WHERE import_id = ? AND row_no = ? AND n = ?", w.id, l.row, numbers[i]); err != nil {
			return 0, err
		}
	}
	for row, list := range issues {
		if _, err := tx.ExecContext(ctx, "DELETE FROM import_errors WHERE import_id = ? AND row_no = ?", w.id, row); err != nil {
			return 0, err
		}
		if err := keepFailures(ctx, tx, w.id, []failure{{row: row, issues: list}}); err != nil {
			return 0, err
		}
	}
	number := func(column string) int64 { n, _ := r.Values[column].(int64); return n }
	return len(lines), tx.Set(ctx, s.kind, w.id, map[string]any{"undone": number("undone") + back, "kept": number("kept") + kept})
}

func lastLines(ctx context.Context, tx *write.Tx, x id.ID) (lines []line, numbers []int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT row_no, n, record_id, op, fields FROM import_rows WHERE import_id = ? ORDER BY row_no DESC, n DESC LIMIT ?", x, undoLines)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l line
		var n int64
		var fields sql.NullString
		if err := rows.Scan(&l.row, &n, &l.record, &l.op, &fields); err != nil {
			return nil, nil, err
		}
		if fields.Valid {
			if err := json.Unmarshal([]byte(fields.String), &l.fields); err != nil {
				return nil, nil, err
			}
		}
		lines, numbers = append(lines, l), append(numbers, n)
	}
	return lines, numbers, rows.Err()
}

var changedSince = Issue{Path: []any{}, Code: "CHANGED", Message: "Somebody has changed the record since, so it stays."}

// takeBack takes back one line. What cannot be taken back is told.
func (s *Service) takeBack(ctx context.Context, tx *write.Tx, l line) (*Issue, error) {
	if l.op == opGone {
		return &changedSince, nil
	}
	var issue *Issue
	err := tx.Alone(ctx, func(ctx context.Context) (err error) {
		if l.op == opUpdated {
			issue, err = s.restore(ctx, tx, l)
		} else {
			err = s.remove(ctx, tx, l)
		}
		if err != nil || l.fields.System == "" {
			return err
		}
		k := tx.Kinds().Of(l.record)
		_, err = tx.ExecContext(ctx, "DELETE FROM external_refs WHERE kind = ? AND system_name = ? AND external_id = ? AND record_id = ?",
			int64(k.Code), l.fields.System, l.fields.Key, l.record)
		return err
	})
	if err != nil {
		if !write.Refused(err) {
			return nil, err
		}
		var f *fault.Error
		if asError(err, &f) {
			return &Issue{Path: []any{}, Code: string(f.Code), Message: f.Message, Args: f.Args}, nil
		}
	}
	return issue, nil
}

// remove moves a record that was made to the bin, unless it is there.
func (s *Service) remove(ctx context.Context, tx *write.Tx, l line) error {
	k := tx.Kinds().Of(l.record)
	r, err := tx.Lock(ctx, k, l.record)
	if err != nil || r == nil || r.InBin() {
		return err
	}
	return tx.Delete(ctx, k, l.record)
}

// restore gives a record its former values in the fields that nobody has changed since.
func (s *Service) restore(ctx context.Context, tx *write.Tx, l line) (*Issue, error) {
	k := tx.Kinds().Of(l.record)
	r, err := tx.InSight(ctx, k, l.record)
	if err != nil {
		return nil, err
	}
	if r.InBin() {
		return &changedSince, nil
	}
	var issue *Issue
	in := input.Object{}
	for _, c := range l.fields.Fields {
		f := k.Field(c.Field)
		if f == nil || f.Write != model.Always {
			continue // it follows from others
		}
		if f.Type == model.Many {
			if in[f.Name], err = relinked(ctx, tx, f, l.record, c); err != nil {
				return nil, err
			}
			continue
		}
		if !tx.Is(r, f, c.New) {
			issue = &Issue{Path: []any{f.Name}, Code: changedSince.Code, Message: "Somebody has changed the field since, so it stays."}
			continue
		}
		var old any
		if err := json.Unmarshal(c.Old, &old); err != nil {
			return nil, err
		}
		in[f.Name] = old
	}
	if len(in) == 0 {
		return issue, nil
	}
	if !tx.May(r, access.Update) {
		return nil, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
	}
	_, err = tx.Update(write.Outside(ctx), k, l.record, in)
	return issue, err
}

// relinked returns the links of a record without those that were added, and with those that were removed.
func relinked(ctx context.Context, tx *write.Tx, f *model.Field, x id.ID, c change.FieldChange) ([]any, error) {
	var old, new []string
	if err := json.Unmarshal(c.Old, &old); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(c.New, &new); err != nil {
		return nil, err
	}
	now, err := tx.Linked(ctx, f, x)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, y := range now {
		if s := y.String(); !slices.Contains(new, s) || slices.Contains(old, s) {
			out = append(out, s)
		}
	}
	for _, s := range old {
		if !slices.Contains(new, s) && !slices.Contains(out, any(s)) {
			out = append(out, s)
		}
	}
	return out, nil
}

func forgetImport(ctx context.Context, tx *db.Tx, x id.ID) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM import_rows WHERE import_id = ?", x); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM import_errors WHERE import_id = ?", x)
	return err
}

// forget drops what imports did to a record that is purged, and everything that an import did which is purged itself.
func (s *Service) forget(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if k == s.kind {
		if _, err := tx.ExecContext(ctx, "DELETE FROM import_errors WHERE import_id = ?", x); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM import_rows WHERE import_id = ?", x); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM import_rows WHERE record_id = ?", x)
	return err
}

// wipe removes what imports hold of a person who is erased: the files from which the record came, those of the rows that could
// not be taken, the cells of these rows, and the values that undoing would bring back.
func (s *Service) wipe(ctx context.Context, tx *write.Tx, _ *model.Kind, x id.ID) error {
	imports, err := tx.IDs(ctx, "SELECT DISTINCT import_id FROM import_rows WHERE record_id = ?", x)
	if err != nil {
		return err
	}
	for _, i := range imports {
		r, err := tx.Lock(ctx, s.kind, i)
		if err != nil {
			return err
		}
		if r != nil {
			for _, column := range []string{"file_id", "error_file_id"} {
				f, _ := r.Values[column].(id.ID)
				if f.IsZero() {
					continue
				}
				if err := s.Files.Drop(ctx, tx, f); err != nil {
					return err
				}
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE import_errors SET cells = NULL WHERE import_id = ?", i); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE import_rows SET op = ?, fields = NULL WHERE record_id = ?", opGone, x)
	return err
}

// move lets what imports did to a record that is merged be told of the survivor. It can no longer be taken back.
func move(ctx context.Context, tx *write.Tx, _ *model.Kind, from, to id.ID) (int, error) {
	result, err := tx.ExecContext(ctx, "UPDATE import_rows SET record_id = ?, op = ?, fields = NULL WHERE record_id = ?", to, opGone, from)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
