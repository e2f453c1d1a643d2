package write

import (
	"context"
	"encoding/json"
	"time"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// ErrReadOnlyShare refuses remarks on what is shared for reading only.
var ErrReadOnlyShare = fault.New(fault.Forbidden, "The record is shared with you for reading only.")

// Kinds returns the kinds.
func (tx *Tx) Kinds() *model.Set { return tx.w.Set }

// System reports whether the write is Farley's own.
func (tx *Tx) System() bool { return tx.system }

// May reports whether the actor may do the action to a locked record.
func (tx *Tx) May(r *Record, action string) bool { return tx.may(r, action) }

// Given reports whether the caller sets the field himself, be it to the value that it has.
func (c *Change) Given(field string) bool { return c.given[c.Kind.Field(field)] }

// KindOf returns a kind by name.
func (c *Change) KindOf(name string) *model.Kind { return c.Tx.w.Set.Kind(name) }

// InBin reports whether the record is in the bin after the change.
func (c *Change) InBin() bool { return c.column("deleted_at") != nil }

// SetText gives a text field a value that Farley keeps, with the columns beside it; "" empties it.
func (c *Change) SetText(field, value string) {
	f := c.Kind.Field(field)
	if value == c.Text(field) {
		return
	}
	if value == "" {
		c.set(f.Column, nil)
	} else {
		c.set(f.Column, value)
	}
	c.shadows(f, value)
}

// IDs runs a query for ids.
func (tx *Tx) IDs(ctx context.Context, query string, args ...any) ([]id.ID, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanIDs(rows)
}

// Set changes columns of a record through the hooks, as a consequence of another write: no rights are asked for.
func (tx *Tx) Set(ctx context.Context, k *model.Kind, x id.ID, columns map[string]any) error {
	was := tx.system
	tx.system = true
	defer func() { tx.system = was }()
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	c, save := tx.updating(k, old)
	for column, v := range columns {
		c.set(column, v)
	}
	return save(ctx)
}

// MoveOn moves an instant that Farley keeps of a record forward, unless it stands later already. It is no change of the record:
// it makes no change row and no new version, because it follows something that was told itself, may come very often, and must
// not turn those away who change the record meanwhile.
func (tx *Tx) MoveOn(ctx context.Context, k *model.Kind, x id.ID, field string, at time.Time) error {
	column := k.Field(field).Column
	at = at.UTC().Truncate(time.Microsecond)
	_, err := tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET `"+column+"` = ? WHERE `id` = ? AND (`"+column+"` IS NULL OR `"+column+"` < ?)", at, x, at)
	if r := tx.locked[x]; r != nil && err == nil {
		if was, ok := r.Values[column].(time.Time); !ok || was.Before(at) {
			r.Values[column] = at
		}
	}
	return err
}

// Make makes a record of a kind that callers do not make by themselves, from columns. The actor needs the right to create
// it; what is in its fields is Farley's, so that they are not asked for.
func (tx *Tx) Make(ctx context.Context, k *model.Kind, columns map[string]any) (id.ID, error) {
	c, save := tx.creating(k)
	x := id.New(k.Code, tx.Now)
	c.set("id", x)
	for column, v := range columns {
		if v != nil {
			c.set(column, v)
		}
	}
	return x, save(context.WithValue(ctx, extraKey{}, &extra{of: c.m, given: map[*model.Field]bool{}}))
}

// MayComment reports whether the actor may add remarks to a record: to what he sees by his roles, and to what is shared
// with him for more than reading.
func (tx *Tx) MayComment(ctx context.Context, x id.ID) (bool, error) {
	if tx.system {
		return true, nil
	}
	k := tx.w.Set.Of(x)
	r, err := tx.InSight(ctx, k, x)
	if err != nil {
		return false, err
	}
	scopes := tx.Actor.Policy.Scopes(k, access.Read)
	if tx.Actor.Covers(tx.w.Set, k, r.Keys, scopes, access.NoShare, tx.Now) {
		return true, nil
	}
	mine := map[id.ID]bool{}
	for _, g := range tx.Actor.Grantees() {
		mine[g] = true
	}
	for _, s := range r.Keys.Shares {
		if mine[s.Grantee] && s.Level != "READ" && (s.Until.IsZero() || s.Until.After(tx.Now)) {
			return true, nil
		}
	}
	return false, nil
}

// Reshared gives a record a new version and a change row after its shares, or those who take part in it, have changed.
func (tx *Tx) Reshared(ctx context.Context, k *model.Kind, x id.ID) error {
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	return tx.reshared(ctx, old, old.Keys)
}

// Turned gives a record a new version and a change row when the day has come on which somebody begins or ceases to take
// part in it, so that those who begin or cease to see it are told.
func (tx *Tx) Turned(ctx context.Context, k *model.Kind, x id.ID, day time.Time) error {
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	before := *old.Keys
	before.Participants = nil
	for _, p := range old.Keys.Participants {
		if p.Counts(day.Add(-time.Microsecond)) {
			// Without days: what was in sight the day before is judged at the instant of this change.
			before.Participants = append(before.Participants, access.ParticipantKey{User: p.User})
		}
	}
	return tx.reshared(ctx, old, &before)
}

func (tx *Tx) reshared(ctx context.Context, old *Record, before *access.Keys) error {
	k, x := old.Kind, old.ID
	shares, err := tx.shares(ctx, x)
	if err != nil {
		return err
	}
	participants := old.Keys.Participants
	if k.Participants != nil {
		if participants, err = tx.participants(ctx, k, x); err != nil {
			return err
		}
	}
	version := old.Version() + 1
	_, err = tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET `version` = ?, `updated_at` = ? WHERE `id` = ?", version, tx.Now, x)
	if err != nil {
		return err
	}
	after := *old.Keys
	after.Shares, after.Participants = shares, participants
	if tx.ranOut {
		before = seenUntilNow(before, shares)
	}
	tx.append(ctx, change.Row{Kind: k.Code, Record: x, Op: change.Updated, Version: version, Before: before, After: &after})
	values := make(map[string]any, len(old.Values))
	for column, v := range old.Values {
		values[column] = v
	}
	values["version"], values["updated_at"] = version, tx.Now
	tx.locked[x] = &Record{Kind: k, ID: x, Values: values, Keys: &after}
	return nil
}

// Keys returns what decides who sees a record, as it is now. NOT_FOUND when there is none.
func (w *Writer) Keys(ctx context.Context, k *model.Kind, x id.ID) (*access.Keys, error) {
	dtx, err := w.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dtx.Close() }()
	return w.KeysIn(ctx, dtx, k, x)
}

// KeysIn is Keys in a transaction that is under way.
func (w *Writer) KeysIn(ctx context.Context, dtx *db.Tx, k *model.Kind, x id.ID) (*access.Keys, error) {
	tx := &Tx{Tx: dtx, w: w, Now: w.Clock.Now()}
	values, err := tx.row(ctx, k, x, "")
	if err != nil {
		return nil, err
	}
	if values == nil {
		return nil, NotFound(k)
	}
	return tx.keys(ctx, k, x, values, true)
}

// HasRightsOf reports whether the actor has all rights that a role gives.
func (tx *Tx) HasRightsOf(ctx context.Context, role id.ID) (bool, error) {
	k, err := tx.kind("Role")
	if err != nil {
		return false, err
	}
	r, err := tx.Lock(ctx, k, role)
	if err != nil || r == nil {
		return r == nil, err // that there is no such role is told elsewhere
	}
	var given access.Role
	for column, into := range map[string]any{"permissions": &given.Permissions, "field_levels": &given.Fields} {
		stored, _ := r.Values[column].(string)
		if stored == "" {
			continue
		}
		if err := json.Unmarshal([]byte(stored), into); err != nil {
			return false, err
		}
	}
	return tx.Actor.Policy.Includes(access.CompileWith(tx.w.Set, tx.Actor.Policy.Catalogue(), []access.Role{given})), nil
}
