package write

import (
	"context"
	"errors"
	"slices"
	"time"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// ErrHeld is returned for a record that cannot be purged, because a record that stays cannot be without it. Nothing of the
// transaction may be committed then.
var ErrHeld = errors.New("write: a record that stays needs it")

// Purge removes for good a record that was moved to the bin before an instant, and with it everything that cannot be
// without it: links, records that are in sight through it, those that require it. Other relations to it are emptied, with
// change rows of their own. Each removed record gets a change row ERASED without values.
//
// It writes budget records at most (what follows within the rules of one write not counted): when done is false the
// transaction is committed and Purge is called again in the next one. A record that was restored, or is gone, is done. It
// returns ErrHeld.
func (tx *Tx) Purge(ctx context.Context, k *model.Kind, x id.ID, before time.Time, budget int) (removed int, done bool, err error) {
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil {
		return 0, err == nil, err
	}
	if at, ok := r.Values["deleted_at"].(time.Time); !ok || !at.Before(before) {
		return 0, true, nil
	}
	was := tx.system
	tx.system = true
	defer func() { tx.system = was }()
	p := purge{tx: tx, budget: budget}
	done, err = p.record(ctx, k, x)
	return p.removed, done, err
}

// purge is the work on one record in one transaction.
type purge struct {
	tx      *Tx
	budget  int
	removed int
	path    []id.ID // the records that go, from the first one down to the present one
}

// purgeBatch is how many referring records are looked up at once.
const purgeBatch = 200

// record removes a record after everything that refers to it. done is false when the budget ended before.
func (p *purge) record(ctx context.Context, k *model.Kind, x id.ID) (done bool, err error) {
	if k.Kept || slices.Contains(p.path, x) {
		return false, ErrHeld
	}
	p.path = append(p.path, x)
	defer func() { p.path = p.path[:len(p.path)-1] }()
	// What is only emptied comes first: there it shows whether a record that stays needs this one.
	for _, essential := range []bool{false, true} {
		for _, ref := range references(p.tx.w.Set, k) {
			if ref.essential() != essential {
				continue
			}
			if done, err := p.referring(ctx, ref, x); err != nil || !done {
				return false, err
			}
		}
	}
	if p.budget <= 0 {
		return false, nil
	}
	p.budget--
	return true, p.erase(ctx, k, x)
}

// reference is a field by which records refer to others.
type reference struct {
	kind  *model.Kind
	field *model.Field
}

// essential reports whether a record cannot be without what the field leads to.
func (r reference) essential() bool {
	if r.kind.Kept && r.field.Required {
		return true // a ledger says for good what it is about
	}
	if r.field.Write == model.Never && !slices.Contains(r.kind.Parents, r.field.Name) {
		return false // kept by Farley: who made it, who reviewed it
	}
	return r.kind.Link || r.field.Required || slices.Contains(r.kind.Parents, r.field.Name)
}

// references returns the fields that may lead to records of k.
func references(set *model.Set, k *model.Kind) []reference {
	var out []reference
	for _, d := range set.Kinds {
		for _, f := range d.Fields {
			if f.Type == model.Ref && f.Target == k.Name || f.Type == model.ID && f.Name != "id" {
				out = append(out, reference{d, f})
			}
		}
	}
	return out
}

// referring deals with all records that refer to x by one field.
func (p *purge) referring(ctx context.Context, ref reference, x id.ID) (done bool, err error) {
	query := "SELECT `id` FROM `" + ref.kind.Table + "` WHERE `" + ref.field.Column + "` = ? LIMIT ?" + p.tx.Dialect.ForUpdate()
	for {
		ids, err := p.tx.IDs(ctx, query, x, purgeBatch)
		if err != nil {
			return false, err
		}
		for _, y := range ids {
			if p.budget <= 0 {
				return false, nil
			}
			if !ref.essential() {
				if err := p.detach(ctx, ref, y); err != nil {
					return false, err
				}
				continue
			}
			if err := p.bin(ctx, ref.kind, y); err != nil {
				return false, err
			}
			if done, err := p.record(ctx, ref.kind, y); err != nil || !done {
				return false, err
			}
		}
		if len(ids) < purgeBatch {
			return true, nil
		}
	}
}

// bin moves a live record that goes along to the bin first, so that its rules see it go: the end of a share is told to
// those who saw by it, and that of a grant takes the rights. Records in sight by their parents have been out of sight
// since the parent was deleted.
func (p *purge) bin(ctx context.Context, k *model.Kind, x id.ID) error {
	r, err := p.tx.Lock(ctx, k, x)
	if err != nil || r == nil || r.InBin() || k.Sight == model.ByParents {
		return err
	}
	if k.Kept {
		return ErrHeld
	}
	p.budget--
	return p.tx.Set(ctx, k, x, map[string]any{"deleted_at": p.tx.Now})
}

// detach empties a relation. A live record is changed by the rules that hold for it, and one that they do not let go holds
// the purged one; what is in the bin is past them.
func (p *purge) detach(ctx context.Context, ref reference, x id.ID) error {
	p.budget--
	k, f, tx := ref.kind, ref.field, p.tx
	if f.Write == model.Never {
		_, err := tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET `"+f.Column+"` = NULL WHERE `id` = ?", x)
		delete(tx.locked, x)
		return err
	}
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	if !old.InBin() {
		err := tx.Set(ctx, k, x, map[string]any{f.Column: nil})
		if code := fault.CodeOf(err); code == fault.Invalid || code == fault.Conflict {
			return ErrHeld
		}
		return err
	}
	values := make(map[string]any, len(old.Values))
	for column, v := range old.Values {
		values[column] = v
	}
	version := old.Version() + 1
	values[f.Column], values["version"], values["updated_at"] = nil, version, tx.Now
	_, err = tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET `"+f.Column+"` = NULL, `version` = ?, `updated_at` = ? WHERE `id` = ?", version, tx.Now, x)
	if err != nil {
		return err
	}
	after, err := tx.keys(ctx, k, x, values, true)
	if err != nil {
		return err
	}
	tx.append(ctx, change.Row{
		Kind: k.Code, Record: x, Op: change.Updated, Version: version, Before: old.Keys, After: after,
		Fields: []change.FieldChange{{Field: f.Name, Old: mustJSON(idOf(old.Values[f.Column]).String()), New: mustJSON(nil)}},
	})
	tx.locked[x] = &Record{Kind: k, ID: x, Values: values, Keys: after}
	return nil
}

// erase removes a record to which nothing refers any more.
func (p *purge) erase(ctx context.Context, k *model.Kind, x id.ID) error {
	tx := p.tx
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM external_refs WHERE record_id = ?", x); err != nil {
		return err
	}
	var next int64
	for {
		// What is no more has no past with values either.
		if next, err = change.Wipe(ctx, tx.Tx, x, func(name string) bool { return !leads(k.Field(name)) }, next, historyBatch); err != nil {
			return err
		}
		if next == 0 {
			break
		}
	}
	for _, forget := range tx.w.Forget {
		if err := forget(ctx, tx, k, x); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM `"+k.Table+"` WHERE `id` = ?", x); err != nil {
		return err
	}
	tx.append(ctx, change.Row{Kind: k.Code, Record: x, Op: change.Erased, Version: old.Version() + 1, Before: old.Keys})
	delete(tx.locked, x)
	p.removed++
	return nil
}
