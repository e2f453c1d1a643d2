package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/importer/tabular"
	"farley/internal/job"
	"farley/internal/write"
)

const (
	batchRows  = 2000    // that are looked up together
	batchBytes = 4 << 20 // of their cells
	maxGroups  = 4       // of one transaction: more make it no cheaper
)

// asError is errors.As.
func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// work is one run of an import.
type work struct {
	s      *Service
	run    *job.Run
	id     id.ID
	actor  *access.Actor
	plan   *plan
	source *opened
	total  int64
	done   int64 // number of the last row that was looked at
	ghosts *ghosts
}

// run does an import, from the row after the last that was committed.
func (s *Service) run(ctx context.Context, run *job.Run) error {
	w := &work{s: s, run: run}
	err := w.all(ctx)
	var f *fault.Error
	if err == nil || !errors.As(err, &f) || f.Code == fault.Internal || f.Code == fault.Unavailable {
		return err // lost, cancelled, or to be tried again
	}
	if ended := context.Cause(ctx); ended != nil {
		return ended
	}
	return w.fail(ctx, f)
}

// state is what is stored of an import.
type state struct {
	values  map[string]any
	mapping Mapping
	starter id.ID
	status  string
	file    id.ID
	trial   bool
	at      counts
	total   int64
}

func (s *Service) load(ctx context.Context, x id.ID) (*state, error) {
	var st *state
	err := s.Writer.DB.Find(ctx, func(dtx *db.Tx) error {
		return s.Writer.Reading(write.AsSystem(ctx), dtx, func(tx *write.Tx) error {
			r, err := tx.Look(ctx, s.kind, x)
			if err != nil {
				return err
			}
			if r == nil || r.InBin() {
				return job.Permanent(write.NotFound(s.kind))
			}
			st = &state{values: r.Values, trial: r.Values["trial"] == true}
			st.starter, _ = r.Values["created_by_id"].(id.ID)
			st.status, _ = r.Values["status"].(string)
			st.file, _ = r.Values["file_id"].(id.ID)
			number := func(column string) int64 { n, _ := r.Values[column].(int64); return n }
			st.at = counts{number("done"), number("created"), number("updated"), number("unchanged"), number("skipped"), number("failed")}
			st.total = number("total")
			request, _ := r.Values["request"].(string)
			return json.Unmarshal([]byte(request), &st.mapping)
		})
	})
	return st, err
}

func (w *work) all(ctx context.Context) error {
	var payload string
	if err := w.run.Decode(&payload); err != nil {
		return err
	}
	x, err := id.Parse(payload)
	if err != nil {
		return job.Permanent(err)
	}
	w.id = x
	st, err := w.s.load(ctx, x)
	if err != nil {
		return err
	}
	if st.status != pending && st.status != running {
		return nil // somebody has ended it meanwhile
	}
	if ctx, err = w.become(ctx, st.starter); err != nil {
		return err
	}
	if err := w.open(ctx, st); err != nil {
		return err
	}
	defer func() { _ = w.source.close() }()
	w.done = st.at.Done
	if st.trial {
		w.ghosts = &ghosts{map[string]bool{}, map[string]bool{}}
	}
	if err := w.count(ctx, st); err != nil {
		return err
	}
	if err := tabular.Skip(w.source, w.done); err != nil && !errors.Is(err, io.EOF) {
		return unreadable(err)
	}
	if err := w.rows(ctx); err != nil {
		return err
	}
	return w.finish(ctx)
}

// become gives ctx the starter with his rights of the moment.
func (w *work) become(ctx context.Context, starter id.ID) (context.Context, error) {
	a, err := w.s.Actor(ctx, starter)
	if err != nil {
		if code := fault.CodeOf(err); code == fault.Internal || code == fault.Unavailable {
			return ctx, err
		}
		return ctx, fault.Wrap(fault.Forbidden, err, "Who started it may no longer sign in.")
	}
	w.actor = a
	return access.With(ctx, a), nil
}

func (w *work) open(ctx context.Context, st *state) error {
	source, err := w.s.open(ctx, st.mapping, st.file)
	if err != nil {
		return err
	}
	w.source = source
	p, err := compile(st.mapping, w.s.Writer.Set, source.Columns())
	if err != nil {
		_ = source.close()
		return err
	}
	w.plan = p
	return nil
}

// count finds out how many rows there are, and notes that the import has begun.
func (w *work) count(ctx context.Context, st *state) error {
	w.total = st.total
	if st.status == running && w.total > 0 {
		return nil
	}
	for w.total = 0; ; {
		row, err := w.source.Next()
		var bad *tabular.RowError
		switch {
		case errors.As(err, &bad):
			row = bad.Row
		case errors.Is(err, io.EOF):
		case err != nil:
			return unreadable(err)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if w.total = row.Number; w.total%100_000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := w.source.close(); err != nil {
		return err
	}
	if err := w.open(ctx, st); err != nil {
		return err
	}
	return w.step(ctx, func(ctx context.Context, tx *write.Tx) error {
		columns := map[string]any{"status": running, "total": w.total}
		if st.values["started_at"] == nil {
			columns["started_at"] = tx.Now
		}
		return tx.Set(ctx, w.s.kind, w.id, columns)
	})
}

// step runs fn in a transaction that takes place only while this run holds the job, and the import has not been stopped.
func (w *work) step(ctx context.Context, fn func(ctx context.Context, tx *write.Tx) error) error {
	return w.run.StepTo(ctx, func(ctx context.Context, dtx *db.Tx) (int64, int64, error) {
		err := w.s.Writer.In(ctx, dtx, func(ctx context.Context, tx *write.Tx) error {
			if err := w.going(ctx, tx); err != nil {
				return err
			}
			return fn(ctx, tx)
		})
		return w.done, w.total, err
	})
}

// going locks the import and refuses to go on when somebody has ended it.
func (w *work) going(ctx context.Context, tx *write.Tx) error {
	r, err := tx.Lock(ctx, w.s.kind, w.id)
	if err != nil {
		return err
	}
	if r == nil || r.InBin() {
		return job.Permanent(write.NotFound(w.s.kind))
	}
	if r.Values["status"] != pending && r.Values["status"] != running {
		return job.ErrCancelled
	}
	return nil
}

// group is some rows on their way from reading to writing.
type group struct {
	rows []*converted
	last int64
	err  error
}

// rows reads and converts rows beside the transactions that write them.
func (w *work) rows(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	groups := make(chan group, 2)
	go func() {
		defer close(groups)
		for {
			g := w.read()
			select {
			case groups <- g:
			case <-ctx.Done():
				return
			}
			if g.err != nil {
				return
			}
		}
	}()
	var ended error
	for g := range groups {
		if ended = g.err; len(g.rows) == 0 {
			break
		}
		given := []group{g}
		if err := w.write(ctx, &given, groups); err != nil {
			stop()
			for range groups { //nolint:revive // until the reader has left the file alone
			}
			return err
		}
		ended = given[len(given)-1].err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if errors.Is(ended, io.EOF) {
		return nil
	}
	return unreadable(ended)
}

func (w *work) read() group {
	var g group
	size := 0
	excel := w.source.Options().Format == tabular.XLSX
	for len(g.rows) < batchRows && size < batchBytes {
		row, err := w.source.Next()
		var bad *tabular.RowError
		if errors.As(err, &bad) {
			c := &converted{number: bad.Row.Number, cells: slices.Clone(bad.Row.Cells)}
			c.problems.Add([]any{"input"}, "FORMAT", bad.Message)
			g.rows, g.last = append(g.rows, c), c.number
			continue
		}
		if err != nil {
			g.err = err
			return g
		}
		row.Cells = slices.Clone(row.Cells)
		g.rows, g.last = append(g.rows, w.plan.convert(row, excel)), row.Number
		for _, c := range row.Cells {
			size += len(c)
		}
	}
	return g
}

// write commits groups of rows: together, those that are ready while nobody else wants to write, since pages of indexes are
// then written once for many rows; or, when something goes wrong of which it is not known where, each by itself. The groups
// that it took are added to those given.
func (w *work) write(ctx context.Context, given *[]group, more <-chan group) error {
	ctx, err := w.become(ctx, w.actor.User)
	if err != nil {
		return err
	}
	err = w.commit(ctx, given, more, false)
	if !errors.Is(err, write.ErrCareful) {
		return err
	}
	for _, g := range *given {
		if len(g.rows) == 0 {
			break
		}
		one := []group{g}
		if err = w.commit(ctx, &one, nil, false); errors.Is(err, write.ErrCareful) {
			err = w.commit(ctx, &one, nil, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// another is a group that is ready, when the transaction may take one more.
func (w *work) another(tx *write.Tx, given []group, more <-chan group) (group, bool) {
	// It pays where pages are written at COMMIT. What a trial would have made in groups that are gone is known only once they are.
	if tx.Dialect != db.SQLite || len(given) >= maxGroups || w.ghosts != nil || tx.Waited() {
		return group{}, false
	}
	select {
	case g, ok := <-more:
		return g, ok
	default:
		return group{}, false
	}
}

// commit writes groups in one transaction. Tried again, it takes those that it took before.
func (w *work) commit(ctx context.Context, given *[]group, more <-chan group, careful bool) error {
	before := w.done
	var b *batch
	err := w.step(ctx, func(ctx context.Context, tx *write.Tx) error {
		tx.Early()
		var sum counts
		for i := 0; i < len(*given); i++ {
			g := (*given)[i]
			b = &batch{tx: tx, plan: w.plan, given: g.rows, ghosts: w.ghosts}
			if err := w.take(ctx, b, careful); err != nil {
				return err
			}
			sum.add(b.counts)
			if len(g.rows) > 0 {
				w.done = g.last
			}
			if i+1 == len(*given) {
				if g, ok := w.another(tx, *given, more); ok {
					*given = append(*given, g)
				}
			}
		}
		return w.progressed(ctx, tx, sum)
	})
	if err != nil {
		w.done = before
		return err
	}
	if w.ghosts != nil {
		for _, k := range b.newKeys {
			w.ghosts.keys[k] = true
		}
		for _, n := range b.names {
			w.ghosts.names[n] = true
		}
	}
	return nil
}

// take does what is to be done with the rows of a batch, and keeps what was.
func (w *work) take(ctx context.Context, b *batch, careful bool) error {
	keep := func(ctx context.Context) error { return b.keep(ctx, w.id) }
	if w.ghosts == nil {
		return b.run(ctx, careful, keep)
	}
	if err := b.try(ctx, careful); err != nil {
		return err
	}
	return keep(ctx)
}

// progressed adds what became of rows to the import's record.
func (w *work) progressed(ctx context.Context, tx *write.Tx, n counts) error {
	r, err := tx.Lock(ctx, w.s.kind, w.id)
	if err != nil {
		return err
	}
	number := func(column string) int64 { n, _ := r.Values[column].(int64); return n }
	return tx.Set(ctx, w.s.kind, w.id, map[string]any{
		"done": w.done, "created": number("created") + n.Created, "updated": number("updated") + n.Updated,
		"unchanged": number("unchanged") + n.Unchanged, "skipped": number("skipped") + n.Skipped, "failed": number("failed") + n.Failed,
	})
}

func nothing(context.Context) error { return nil }

var errTried = errors.New("importer: it was only tried")

// try does everything that run does, and keeps nothing of it but what is known of it.
func (b *batch) try(ctx context.Context, careful bool) error {
	err := b.tx.Alone(ctx, func(ctx context.Context) error {
		if err := b.run(ctx, careful, nothing); err != nil {
			return err
		}
		return errTried
	})
	if !errors.Is(err, errTried) {
		return err
	}
	b.lines = nil
	return nil
}

// fail ends an import that cannot go on.
func (w *work) fail(ctx context.Context, f *fault.Error) error {
	message := fmt.Sprintf(f.Message, f.Args...)
	for i, v := range f.Violations {
		if i < 3 {
			message += " " + fmt.Sprintf(v.Message, v.Args...)
		}
	}
	if r := []rune(message); len(r) > 500 {
		message = string(r[:500])
	}
	return w.end(ctx, failed, map[string]any{"message": message}, id.ID{})
}

// finish writes the file of the rows that could not be taken, and ends the import.
func (w *work) finish(ctx context.Context) error {
	content, name, err := w.errorFile(ctx)
	if err != nil {
		return err
	}
	if content == nil {
		return w.end(ctx, done, map[string]any{}, id.ID{})
	}
	err = w.run.Finish(ctx, func(ctx context.Context, dtx *db.Tx) error {
		return w.s.Writer.In(write.AsSystem(ctx), dtx, func(ctx context.Context, tx *write.Tx) error {
			x, err := w.s.Files.Make(ctx, tx, file.Record{Name: name, Purpose: file.Errors, Expires: tx.Now.Add(w.s.KeepUndo)}, content)
			if err != nil {
				return err
			}
			return w.ended(ctx, tx, done, map[string]any{"error_file_id": x})
		})
	})
	if err != nil {
		w.s.Files.Discard(ctx, *content)
	}
	return err
}

func (w *work) end(ctx context.Context, status string, columns map[string]any, _ id.ID) error {
	return w.run.Finish(ctx, func(ctx context.Context, dtx *db.Tx) error {
		return w.s.Writer.In(write.AsSystem(ctx), dtx, func(ctx context.Context, tx *write.Tx) error { return w.ended(ctx, tx, status, columns) })
	})
}

func (w *work) ended(ctx context.Context, tx *write.Tx, status string, columns map[string]any) error {
	r, err := tx.Lock(ctx, w.s.kind, w.id)
	if err != nil || r == nil {
		return err
	}
	columns["status"], columns["ended_at"] = status, tx.Now
	columns["undo_until"] = w.s.undoUntil(r, tx.Now)
	return tx.Set(ctx, w.s.kind, w.id, columns)
}

// problemColumn is the column of an error file that says what is wrong. A mapping does not name it, so that the file can be
// imported again once its rows are right.
const problemColumn = "farley_problem"

// errorFile puts the rows that could not be taken into the store; nil when there are none.
func (w *work) errorFile(ctx context.Context) (*file.Content, string, error) {
	first, _, err := w.failures(ctx, 0, 1)
	if err != nil || len(first) == 0 {
		return nil, "", err
	}
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := w.writeErrors(ctx, writer)
		_ = writer.CloseWithError(err) // a pipe closes
		written <- err
	}()
	content, err := w.s.Files.Save(ctx, reader, 0)
	_ = reader.Close() // a pipe closes
	if failed := <-written; err == nil && failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		err = failed
	}
	if err != nil {
		w.s.Files.Discard(ctx, content)
		return nil, "", err
	}
	base := strings.TrimSuffix(w.source.info.Name, path.Ext(w.source.info.Name))
	return &content, base + ".problems" + tabular.Extension(w.source.Options().Format), nil
}

func (w *work) failures(ctx context.Context, after int64, first int) (out []Problem, more bool, err error) {
	err = w.s.Writer.DB.Find(ctx, func(tx *db.Tx) (err error) {
		out, more, err = problems(ctx, tx, w.id, after, first)
		return err
	})
	return out, more, err
}

func (w *work) writeErrors(ctx context.Context, to io.Writer) error {
	columns := slices.DeleteFunc(slices.Clone(w.source.Columns()), func(name string) bool { return name == problemColumn })
	reason := slices.Index(w.source.Columns(), problemColumn)
	out, err := tabular.NewWriter(to, w.source.Options(), append(columns, problemColumn))
	if err != nil {
		return err
	}
	for after, more := int64(0), true; more; {
		var rows []Problem
		if rows, more, err = w.failures(ctx, after, 500); err != nil {
			return err
		}
		for _, p := range rows {
			cells := make([]string, len(columns), len(columns)+1)
			n := 0
			for i := range w.source.Columns() {
				if i == reason {
					continue
				}
				if i < len(p.Cells) {
					cells[n] = p.Cells[i]
				}
				n++
			}
			if err := out.Write(append(cells, reasons(p.Issues))); err != nil {
				return err
			}
			after = p.Row
		}
	}
	return out.Close()
}

// reasons writes what is wrong with a row in one cell.
func reasons(issues []Issue) string {
	var out []string
	for _, i := range issues {
		text := fmt.Sprintf(i.Message, i.Args...)
		if at := strings.Join(i.PathTexts(), "."); at != "" {
			text = at + ": " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// Clean forgets what imports did that can no longer be undone, and the rows that they could not take.
func (s *Service) Clean(ctx context.Context, now time.Time) error {
	for {
		var old []id.ID
		err := s.Writer.DB.Find(ctx, func(tx *db.Tx) error {
			rows, err := tx.QueryContext(ctx, "SELECT `id` FROM `"+s.kind.Table+"` i WHERE COALESCE(`undo_until`, `ended_at`) < ? AND (EXISTS (SELECT 1 FROM import_rows r WHERE r.import_id = i.`id`) OR EXISTS (SELECT 1 FROM import_errors e WHERE e.import_id = i.`id`)) ORDER BY `id` LIMIT 20", now)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var x id.ID
				if err := rows.Scan(&x); err != nil {
					return err
				}
				old = append(old, x)
			}
			return rows.Err()
		})
		if err != nil || len(old) == 0 {
			return err
		}
		for _, x := range old {
			if err := s.Writer.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return forgetImport(ctx, tx, x) }); err != nil {
				return err
			}
		}
	}
}
