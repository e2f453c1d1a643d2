package write_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/write"
)

// wide is an account of usual width.
func wide(i int) input.Object {
	return input.Object{
		"name": fmt.Sprintf("Company %d Trading", i), "legalName": fmt.Sprintf("Company %d Trading LLC", i), "industry": "retail", "website": fmt.Sprintf("https://www.company%d.example", i),
		"employees": int64(i % 5000), "annualRevenue": map[string]any{"amount": "1100040000", "currency": "USD"}, "kinds": []any{"CUSTOMER"},
		"phones": []any{fmt.Sprintf("+966112%06d", i)}, "emails": []any{fmt.Sprintf("info@company%d.example", i)}, "source": "import",
		"addresses": []any{map[string]any{"kind": "BILLING", "street": "King Fahd Road 1", "city": "Riyadh", "country": "SA", "postalCode": "11564"}},
	}
}

// BenchmarkBuffered measures creates that are written together, without the check for duplicates.
func BenchmarkBuffered(b *testing.B) {
	e := farleytest.New(b)
	admin := e.Admin(b)
	actor, err := e.Identity.Actor(b.Context(), admin.User)
	if err != nil {
		b.Fatal(err)
	}
	ctx := access.With(b.Context(), actor)
	k := e.Set.Kind("Account")
	const batch = 2000
	b.ResetTimer()
	cpu := spent()
	for n := 0; n < b.N; n += batch {
		err := e.Write.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
			return tx.Buffered(ctx, func(ctx context.Context) error {
				for i := n; i < n+batch; i++ {
					if _, err := tx.Create(ctx, k, wide(i), "ALLOW"); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((spent()-cpu).Microseconds())/float64(b.N), "cpu-µs/row")
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Records that wait are seen by whatever looks through the transaction, and come with links, keys, numbers and change rows.
func TestBuffered(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		actor, err := e.Identity.Actor(t.Context(), admin.User)
		if err != nil {
			t.Fatal(err)
		}
		tag := e.Make(t, "Tag", input.Object{"name": "big"})
		k := e.Set.Kind("Account")
		err = e.Write.Do(access.With(t.Context(), actor), func(ctx context.Context, tx *write.Tx) error {
			return tx.Buffered(ctx, func(ctx context.Context) error {
				for i := range 600 {
					in := wide(i)
					in["tags"] = []any{tag.String()}
					if _, err := tx.Create(ctx, k, in, "ALLOW"); err != nil {
						return err
					}
				}
				var n int
				if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM accounts", nil, &n); err != nil || n != 600 {
					t.Errorf("%d accounts are seen in the transaction (%v), want 600", n, err)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		for query, want := range map[string]int{
			"SELECT COUNT(*) FROM taggings": 600, "SELECT COUNT(DISTINCT record_id) FROM record_phones": 600, "SELECT COUNT(DISTINCT record_id) FROM match_keys WHERE kind = 16": 600,
			"SELECT COUNT(*) FROM changes WHERE kind = 16 AND op = 'CREATED' AND version = 1": 600, "SELECT COUNT(*) FROM accounts WHERE domain LIKE 'company%' AND country = 'SA' AND version = 1": 600,
		} {
			var n int
			if err := tx.QueryRow(t.Context(), query, nil, &n); err != nil || n != want {
				t.Errorf("%s: %d (%v), want %d", query, n, err, want)
			}
		}
	})
}

// A value that is taken shows only when rows are written together: then the work is done again record by record, and the one
// record fails alone.
func TestBuffered_clash(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		k := e.Set.Kind("Tag")
		names := []string{"a", "b", "A", "c"}
		var refused []int
		err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			err := tx.Alone(ctx, func(ctx context.Context) error {
				return tx.Buffered(ctx, func(ctx context.Context) error {
					for _, n := range names {
						if _, err := tx.Create(ctx, k, input.Object{"name": n}, "ALLOW"); err != nil {
							return err
						}
					}
					return nil
				})
			})
			if !errors.Is(err, write.ErrCareful) {
				t.Errorf("together: %v, want ErrCareful", err)
			}
			refused = nil
			for i, n := range names {
				err := tx.Alone(ctx, func(ctx context.Context) error {
					_, err := tx.Create(ctx, k, input.Object{"name": n}, "ALLOW")
					return err
				})
				if write.Refused(err) {
					refused = append(refused, i)
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var tags, changes int
		err = e.DB.Find(t.Context(), func(tx *db.Tx) error {
			if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM tags", nil, &tags); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM changes WHERE kind = ?", []any{int64(k.Code)}, &changes)
		})
		if err != nil || tags != 3 || changes != 3 || len(refused) != 1 || refused[0] != 2 {
			t.Errorf("%d tags, %d change rows, refused %v (%v); want 3, 3, the third", tags, changes, refused, err)
		}
	})
}

// Change rows that are written early are each written once, in order, and not at all for what was undone.
func TestEarly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		k := e.Set.Kind("Tag")
		undone := errors.New("undone")
		early, kept := 0, 0
		var last int64
		if err := e.DB.Find(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT COALESCE(MAX(seq), 0) FROM changes", nil, &last)
		}); err != nil {
			t.Fatal(err)
		}
		err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			tx.Early()
			tags := func(name string, n int) error {
				return tx.Buffered(ctx, func(ctx context.Context) error {
					for i := range n {
						if _, err := tx.Create(ctx, k, input.Object{"name": fmt.Sprint(name, i)}, "ALLOW"); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := tags("first", 700); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM changes WHERE seq > ?", []any{last}, &early); err != nil {
				return err
			}
			err := tx.Alone(ctx, func(context.Context) error { return errors.Join(tags("second", 1300), undone) })
			if !errors.Is(err, undone) {
				return err
			}
			return tags("third", 900)
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 500}[e.DB.Dialect == db.SQLite]; early != want {
			t.Errorf("%d change rows are written before the end, want %d", early, want)
		}
		err = e.DB.Find(t.Context(), func(tx *db.Tx) error {
			return db.Each(t.Context(), tx, "SELECT c.record_id, t.id, c.position FROM changes c LEFT JOIN tags t ON t.id = c.record_id WHERE c.seq > ? ORDER BY c.seq", []any{last}, func(rows *sql.Rows) error {
				var record, tag []byte
				var position sql.NullInt64
				if err := rows.Scan(&record, &tag, &position); err != nil {
					return err
				}
				kept++
				if !bytes.Equal(record, tag) {
					t.Errorf("change row %d is of a record that is not there", kept)
				}
				if e.DB.Dialect == db.SQLite && position.Int64 != last+int64(kept) {
					t.Errorf("change row %d has the position %d, want %d", kept, position.Int64, last+int64(kept))
				}
				return nil
			})
		})
		if err != nil || kept != 1600 {
			t.Errorf("%d change rows (%v), want 1600", kept, err)
		}
	})
}
