package importer

import (
	"context"
	"errors"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/write"
)

// A transaction takes another group that is ready as long as nobody waits to write, and it has not had its share.
func TestAnother(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		one := []group{{}}
		takes := func(w *work, dtx *db.Tx, given []group, ready bool) bool {
			more := make(chan group, 1)
			if ready {
				more <- group{last: 7}
			}
			g, ok := w.another(&write.Tx{Tx: dtx}, given, more)
			return ok && g.last == 7
		}
		waiting := make(chan error, 1)
		err := d.Write(t.Context(), func(ctx context.Context, dtx *db.Tx) error {
			if got := takes(&work{}, dtx, one, true); got != (d.Dialect == db.SQLite) {
				t.Errorf("one that is ready is taken: %t", got)
			}
			if takes(&work{}, dtx, one, false) {
				t.Error("one is taken that is not ready")
			}
			if takes(&work{}, dtx, make([]group, maxGroups), true) {
				t.Error("more are taken than a transaction may have")
			}
			if takes(&work{ghosts: &ghosts{}}, dtx, one, true) {
				t.Error("a trial takes several")
			}
			if d.Dialect != db.SQLite {
				waiting <- nil
				return nil
			}
			go func() {
				waiting <- d.Write(t.Context(), func(context.Context, *db.Tx) error { return nil })
			}()
			for !dtx.Waited() {
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
			if takes(&work{}, dtx, one, true) {
				t.Error("one is taken while somebody waits to write")
			}
			return nil
		})
		if err := errors.Join(err, <-waiting); err != nil {
			t.Error(err)
		}
	})
}
