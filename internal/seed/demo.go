package seed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/viewer"
	"farley/internal/write"
)

// DemoPassword is the password of all users of the demo firm.
const DemoPassword = "farley-demo-2026" //nolint:gosec // it is meant to be known

// DemoEmail returns the address with which the demo user of a shipped role signs in.
func DemoEmail(role string) string { return strings.ReplaceAll(role, "_", ".") + "@demo.example" }

// People are the users of the demo firm.
type People struct {
	ByRole map[string]id.ID // key of a shipped role → its user
}

// EmptyDatabase reports whether nobody could ever sign in: there has never been a user.
func EmptyDatabase(ctx context.Context, d *db.DB) (bool, error) {
	tx, err := d.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Close() }()
	var n int
	err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM users", nil, &n)
	return n == 0, err
}

// Demo fills in "Cedar & Palm Trading", a firm with a user for every shipped role, and returns those users. Where they
// exist already it changes nothing but the shipped roles. hash makes what is stored of a password; all users share one.
// What it makes is the same every time but for ids; dates are told from now.
//
// The users come last, so an attempt that was cut short is made anew, beside what it left behind.
func Demo(ctx context.Context, w *write.Writer, hash func(password string) (string, error), now time.Time) (*People, error) {
	roles, err := Ensure(ctx, w)
	if err != nil {
		return nil, err
	}
	people, err := demoPeople(ctx, w, roles)
	if err != nil || people != nil {
		return people, err
	}
	password, err := hash(DemoPassword)
	if err != nil {
		return nil, fmt.Errorf("seed: hash the demo password: %w", err)
	}
	f := newFirm(w.Set, now, roles)
	if err := f.findTags(ctx, w); err != nil {
		return nil, err
	}
	if err := f.findPlaces(ctx, w); err != nil {
		return nil, err
	}
	if err := f.findProducts(ctx, w); err != nil {
		return nil, err
	}
	for _, b := range f.batches() {
		if err := b.write(ctx, w); err != nil {
			return nil, fmt.Errorf("seed: demo: %s: %w", b.what, err)
		}
	}
	if err := f.hire(ctx, w, password); err != nil {
		return nil, fmt.Errorf("seed: demo: users: %w", err)
	}
	people = &People{ByRole: map[string]id.ID{}}
	for key := range roles {
		people.ByRole[key] = f.users[key]
	}
	return people, nil
}

// demoPeople returns the demo users that there are, nil when there are none.
func demoPeople(ctx context.Context, w *write.Writer, roles map[string]id.ID) (*People, error) {
	tx, err := w.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	emails := map[string]string{}
	args := make([]any, 0, len(roles))
	for key := range roles {
		emails[DemoEmail(key)] = key
		args = append(args, DemoEmail(key))
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, email FROM users WHERE email IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	people := &People{ByRole: map[string]id.ID{}}
	for rows.Next() {
		var x id.ID
		var email string
		if err := rows.Scan(&x, &email); err != nil {
			return nil, err
		}
		people.ByRole[emails[email]] = x
	}
	if len(people.ByRole) == 0 {
		return nil, rows.Err()
	}
	return people, rows.Err()
}

// findTags looks up the tags that there are already, whose names cannot be used again.
func (f *firm) findTags(ctx context.Context, w *write.Writer) error {
	tx, err := w.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(ctx, "SELECT id, name_key FROM tags WHERE name_key IS NOT NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x id.ID
		var key string
		if err := rows.Scan(&x, &key); err != nil {
			return err
		}
		f.tagged[key] = x
	}
	return rows.Err()
}

// findProducts looks up the numbers of products that there are already.
func (f *firm) findProducts(ctx context.Context, w *write.Writer) error {
	tx, err := w.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(ctx, "SELECT id, sku FROM products WHERE sku_key IS NOT NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x id.ID
		var sku string
		if err := rows.Scan(&x, &sku); err != nil {
			return err
		}
		f.products[sku], f.taken[strings.ToLower(sku)] = x, true
	}
	return rows.Err()
}

// record is a record to be made.
type record struct {
	kind string
	in   input.Object
}

// batch is what one user makes in one transaction.
type batch struct {
	what    string
	maker   id.ID
	records []record
}

// maxBatch is about the most records of one transaction.
const maxBatch = 60

// write makes the records of the batch, in as many transactions as it takes.
func (b *batch) write(ctx context.Context, w *write.Writer) error {
	ctx = acting(ctx, b.maker)
	for start := 0; start < len(b.records); start += maxBatch {
		part := b.records[start:min(start+maxBatch, len(b.records))]
		err := w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
			for _, r := range part {
				if err := create(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes one record.
func create(ctx context.Context, tx *write.Tx, r record) error {
	_, err := tx.Create(ctx, tx.Kinds().Kind(r.kind), r.in, "ALLOW")
	if err != nil {
		return fmt.Errorf("%s %v: %w", r.kind, r.in["name"], err)
	}
	return nil
}

// acting has Farley write, in the name of a user.
func acting(ctx context.Context, user id.ID) context.Context {
	nothing := access.Compile(model.NewSet(), nil)
	return access.With(write.AsSystem(ctx), &access.Actor{Viewer: viewer.Viewer{User: user}, Policy: nothing})
}

// hire makes the users in one transaction, with roles and password, and gives the teams their leads, the branches
// their managers and the territories their members.
func (f *firm) hire(ctx context.Context, w *write.Writer, password string) error {
	return w.Do(acting(ctx, f.users["administrator"]), func(ctx context.Context, tx *write.Tx) error {
		k := tx.Kinds().Kind("User")
		if err := f.regionalRole(ctx, tx); err != nil {
			return err
		}
		for _, p := range demoUsers {
			if err := create(ctx, tx, record{"User", f.user(&p)}); err != nil {
				return err
			}
			if p.kind == "SERVICE" {
				continue // programs sign in with keys, not with passwords
			}
			if err := tx.Set(ctx, k, f.users[p.key], map[string]any{"password_hash": password}); err != nil {
				return err
			}
		}
		for _, t := range demoTeams {
			in := input.Object{"lead": f.users[t.lead].String()}
			if _, err := tx.Update(ctx, tx.Kinds().Kind("Team"), f.teams[t.key], in); err != nil {
				return err
			}
		}
		if err := f.accountTeams(ctx, tx); err != nil {
			return err
		}
		return f.staff(ctx, tx)
	})
}
