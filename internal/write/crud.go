package write

import (
	"context"
	"errors"
	"fmt"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// Verb names a uniform operation.
type Verb string

// The uniform operations.
const (
	Create  Verb = "create"
	Update  Verb = "update"
	Delete  Verb = "delete"
	Restore Verb = "restore"
	Upsert  Verb = "upsert"
)

// Request is one uniform operation as the API gives it.
type Request struct {
	Verb            Verb
	Kind            string
	ID              *id.ID
	External        input.Object
	Input           input.Object
	OnDuplicate     *string
	ExpectedVersion *int64
	DryRun          *bool
	Key             *string
}

// Outcome is what a uniform operation did. With an idempotency key it is kept, and what is selected of the record is
// read anew when the request is repeated.
type Outcome struct {
	ID         id.ID       `json:"id"`
	Version    int64       `json:"version"`
	Created    bool        `json:"created,omitempty"`
	Duplicates []Duplicate `json:"duplicates,omitempty"`
}

// errAgain ends an upsert that lost a race to make the same record; it is tried again.
var errAgain = errors.New("write: somebody else made it just now")

// errDryRun rolls back a dry run after its answer is made.
var errDryRun = errors.New("write: dry run")

// Run does the operation and calls answer in the same transaction, so that the answer sees exactly what was written. A dry
// run does the same and keeps nothing.
func (w *Writer) Run(ctx context.Context, r Request, key string, answer func(ctx context.Context, tx *Tx, o Outcome) error) error {
	k := w.Set.Kind(r.Kind)
	if k == nil {
		return fmt.Errorf("write: no kind %q", r.Kind)
	}
	dry := r.DryRun != nil && *r.DryRun
	asked := r
	asked.Key = nil // the rest is what the key stands for
	var err error
	for range 3 {
		err = w.Do(ctx, func(ctx context.Context, tx *Tx) error {
			o, err := idempotent(ctx, tx, key, asked, dry, func() (Outcome, error) { return tx.run(ctx, k, r) })
			if err != nil {
				return err
			}
			if err := answer(ctx, tx, o); err != nil {
				return err
			}
			if dry {
				return errDryRun
			}
			return nil
		})
		if !errors.Is(err, errAgain) {
			break
		}
	}
	if errors.Is(err, errDryRun) {
		return nil
	}
	if errors.Is(err, errAgain) {
		return fault.Wrap(fault.Conflict, err, "Somebody else is writing the same record. Try again.")
	}
	return err
}

func (tx *Tx) run(ctx context.Context, k *model.Kind, r Request) (Outcome, error) {
	switch r.Verb {
	case Create:
		return tx.Create(ctx, k, r.Input, duplicatePolicy(r.OnDuplicate))
	case Upsert:
		return tx.upsert(ctx, k, r)
	}
	x, err := tx.target(ctx, k, r)
	if err != nil {
		return Outcome{}, err
	}
	if r.Verb == Update {
		if x, err = tx.present(ctx, k, x); err != nil {
			return Outcome{}, err
		}
	}
	old, err := tx.InSight(ctx, k, x)
	if err != nil {
		return Outcome{}, err
	}
	if err := tx.expected(old, r); err != nil {
		return Outcome{}, err
	}
	switch r.Verb {
	case Update:
		return tx.Update(ctx, k, x, r.Input)
	case Delete:
		return tx.bin(ctx, k, x, change.Deleted)
	case Restore:
		return tx.bin(ctx, k, x, change.Restored)
	}
	return Outcome{}, fmt.Errorf("write: no operation %q", r.Verb)
}

// present returns the record to change by the id that is given: the survivor for a record that was merged.
func (tx *Tx) present(ctx context.Context, k *model.Kind, x id.ID) (id.ID, error) {
	if !k.Mergeable() {
		return x, nil
	}
	if r, err := tx.Lock(ctx, k, x); err != nil || r != nil && !r.InBin() {
		return x, err
	}
	to, err := Redirect(ctx, tx, x)
	if err != nil || to.IsZero() {
		return x, err
	}
	return to, nil
}

// expected refuses a write on a version that the caller has not seen. What the caller may do at all is said first: not in
// sight, then not writable, then another version.
func (tx *Tx) expected(old *Record, r Request) error {
	action := access.Update
	if r.Verb == Delete || r.Verb == Restore {
		action = access.Delete
	}
	if !tx.may(old, action) {
		return fault.New(fault.Forbidden, "You may not do this to this %s.", old.Kind.Name)
	}
	if r.ExpectedVersion != nil && *r.ExpectedVersion != old.Version() {
		return fault.New(fault.Conflict, "The record has been changed meanwhile.").With("currentVersion", old.Version())
	}
	return nil
}

// target finds the record that a request names by id or by the key of an outside system.
func (tx *Tx) target(ctx context.Context, k *model.Kind, r Request) (id.ID, error) {
	if (r.ID == nil) == (r.External == nil) {
		var p fault.Violations
		p.Add([]any{"id"}, "REQUIRED", "Give either id or external.")
		return id.ID{}, p.Err()
	}
	if r.ID != nil {
		if r.ID.Kind() != k.Code {
			return id.ID{}, NotFound(k)
		}
		return *r.ID, nil
	}
	system, key, err := external(r.External)
	if err != nil {
		return id.ID{}, err
	}
	x, err := External(ctx, tx, k, system, key)
	if err != nil {
		return id.ID{}, err
	}
	if x.IsZero() {
		return id.ID{}, NotFound(k)
	}
	return x, nil
}

// Create makes a record from an input object of the API.
func (tx *Tx) Create(ctx context.Context, k *model.Kind, in input.Object, onDuplicate string) (Outcome, error) {
	d, err := tx.decode(ctx, k, in, true)
	if err != nil {
		return Outcome{}, err
	}
	c, save := tx.creating(k)
	if d.id.IsZero() {
		d.id = id.New(k.Code, tx.Now)
	}
	c.set("id", d.id)
	for _, v := range d.columns {
		if v.value != nil {
			c.set(v.column, v.value)
		}
	}
	var duplicates []Duplicate
	if len(d.problems) == 0 {
		if duplicates, err = tx.duplicates(ctx, k, c, onDuplicate); err != nil {
			return Outcome{}, err
		}
	}
	if err := tx.save(ctx, k, d, c, save); err != nil {
		return Outcome{}, err
	}
	return Outcome{ID: d.id, Version: 1, Created: true, Duplicates: duplicates}, nil
}

// Update changes a record by an input object of the API.
func (tx *Tx) Update(ctx context.Context, k *model.Kind, x id.ID, in input.Object) (Outcome, error) {
	d, err := tx.decode(ctx, k, in, false)
	if err != nil {
		return Outcome{}, err
	}
	old, err := tx.Lock(ctx, k, x)
	if err != nil {
		return Outcome{}, err
	}
	if old == nil {
		return Outcome{}, NotFound(k)
	}
	if old.InBin() {
		return Outcome{}, fault.New(fault.Conflict, "The record is in the bin. Restore it first.")
	}
	d.id = x
	c, save := tx.updating(k, old)
	for _, v := range d.columns {
		if !equal(old.Values[v.column], v.value) {
			c.set(v.column, v.value)
		}
	}
	if err := tx.save(ctx, k, d, c, save); err != nil && !errors.Is(err, errUnchanged) {
		return Outcome{}, err
	}
	return Outcome{ID: x, Version: tx.locked[x].Version()}, nil
}

// bin moves a record to the bin or takes it out.
func (tx *Tx) bin(ctx context.Context, k *model.Kind, x id.ID, op change.Op) (Outcome, error) {
	old, err := tx.Lock(ctx, k, x)
	if err != nil {
		return Outcome{}, err
	}
	if old.InBin() == (op == change.Deleted) {
		if op == change.Deleted {
			return Outcome{}, NotFound(k)
		}
		return Outcome{}, fault.New(fault.Conflict, "The record is not in the bin.")
	}
	if op == change.Restored && k.Mergeable() {
		if to, err := Redirect(ctx, tx, x); err != nil {
			return Outcome{}, err
		} else if !to.IsZero() {
			return Outcome{}, fault.New(fault.Conflict, "The record was merged into another one: it cannot be restored.")
		}
	}
	c, save := tx.updating(k, old)
	if op == change.Deleted {
		c.set("deleted_at", tx.Now)
	} else {
		c.set("deleted_at", nil)
	}
	if err := save(ctx); err != nil {
		return Outcome{}, err
	}
	return Outcome{ID: x, Version: tx.locked[x].Version()}, nil
}

// save runs the mutation and writes the links that belong to it.
func (tx *Tx) save(ctx context.Context, k *model.Kind, d *decoded, c *Change, save func(context.Context) error) error {
	plans, err := tx.planLinks(ctx, k, d, c.Old == nil)
	if err != nil {
		return err
	}
	var rows []change.FieldChange
	for _, p := range plans {
		rows = append(rows, p.change())
	}
	given := map[*model.Field]bool{}
	for _, v := range d.columns {
		given[v.field] = given[v.field] || v.value != nil || c.Old != nil
	}
	for f := range d.links {
		given[f] = true
	}
	if err := save(context.WithValue(ctx, extraKey{}, &extra{of: c.m, links: rows, given: given, problems: d.problems})); err != nil {
		return err
	}
	for _, p := range plans {
		if err := p.write(ctx, tx, d.id); err != nil {
			return err
		}
	}
	return nil
}

// upsert makes or changes the record with a key of an outside system.
func (tx *Tx) upsert(ctx context.Context, k *model.Kind, r Request) (Outcome, error) {
	system, key, err := external(r.External)
	if err != nil {
		return Outcome{}, err
	}
	x, err := External(ctx, tx, k, system, key)
	if err != nil {
		return Outcome{}, err
	}
	if x.IsZero() {
		o, err := tx.Create(ctx, k, r.Input, duplicatePolicy(r.OnDuplicate))
		if err != nil {
			return Outcome{}, err
		}
		return o, tx.addExternal(ctx, k, system, key, o.ID)
	}
	old, err := tx.Lock(ctx, k, x)
	if err != nil {
		return Outcome{}, err
	}
	if old == nil || !tx.may(old, access.Read) {
		// The one wording for a key that belongs to a record out of sight.
		return Outcome{}, fault.New(fault.Conflict, "This key of the outside system is taken.")
	}
	if err := tx.expected(old, r); err != nil {
		return Outcome{}, err
	}
	return tx.Update(Outside(ctx), k, x, r.Input)
}
