// Package transfer gives records, and on request what hangs on them, another owner.
package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

const (
	maxRecords = 100
	// maxFollowing is how many records one transfer takes along.
	maxFollowing = 1000
)

// What a transfer takes along.
const (
	contacts = "CONTACTS"
	children = "CHILD_ACCOUNTS"
)

// Transferred is the outcome of Transfer.
type Transferred struct {
	Records   []id.ID       `json:"records"`
	Relations []write.Moved `json:"relations,omitempty"`
}

// transfer is the work on one.
type transfer struct {
	tx       *write.Tx
	in       input.Object // what changes
	problems fault.Violations
	denied   fault.Violations
	done     map[id.ID]bool
	out      Transferred
}

// Transfer gives up to 100 records another owner, and on request what is open below them and has their old owner. Each is a
// write of its own with its rights and its change row; all problems are told together, and nothing is kept then.
func Transfer(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Transferred) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Transferred, error) {
		t := &transfer{tx: tx, in: input.Object{"owner": c.Input["to"]}, done: map[id.ID]bool{}}
		if team, given := c.Input["team"]; given {
			t.in["team"] = team
		}
		err := t.run(ctx, c)
		return t.out, err
	}, answer)
}

func (t *transfer) run(ctx context.Context, c write.Command) error {
	ids := t.records(c)
	if err := t.problems.Err(); err != nil {
		return err
	}
	owners := map[id.ID]id.ID{}
	for i, x := range ids {
		owner, err := t.one(ctx, x, "input", "records", i)
		if err != nil {
			return err
		}
		owners[x] = owner
	}
	t.out.Records = ids
	cascade, _ := c.Input["cascade"].([]any)
	if s, ok := c.Input["cascade"].(string); ok {
		cascade = []any{s}
	}
	above := ids
	if slices.Contains(cascade, any(children)) {
		below, err := t.below(ctx, above, owners)
		if err != nil {
			return err
		}
		above = append(slices.Clone(above), below...)
	}
	if slices.Contains(cascade, any(contacts)) {
		found, err := t.following(ctx, "Contact", "SELECT DISTINCT l.`contact_id`, l.`account_id` FROM `account_contacts` l WHERE l.`deleted_at` IS NULL AND l.`account_id` IN ", above, owners)
		if err != nil {
			return err
		}
		if err := t.take(ctx, "contacts", found, owners); err != nil {
			return err
		}
	}
	switch {
	case len(t.problems) > 0:
		return (append(t.problems, t.denied...)).Err()
	case len(t.denied) > 0:
		return &fault.Error{Code: fault.Forbidden, Message: "The input is not allowed.", Violations: t.denied}
	}
	return nil
}

// records reads the ids of the input.
func (t *transfer) records(c write.Command) []id.ID {
	list, ok := c.Input["records"].([]any)
	if !ok {
		list = []any{c.Input["records"]}
	}
	var ids []id.ID
	if len(list) == 0 || len(list) > maxRecords {
		t.problems.Add([]any{"input", "records"}, "RANGE", "Name 1 to %d records.", maxRecords)
		return nil
	}
	for i, v := range list {
		var x id.ID
		if err := x.UnmarshalGQL(v); err != nil {
			t.problems.Add([]any{"input", "records", i}, "FORMAT", "This is not an id.")
			continue
		}
		k := t.tx.Kinds().Of(x)
		switch {
		case k == nil || !k.Owned || k.Field("owner") == nil || k.Field("owner").Write != model.Always:
			t.problems.Add([]any{"input", "records", i}, "FORMAT", "This is not an id of the right kind.")
		case slices.Contains(ids, x):
			t.problems.Add([]any{"input", "records", i}, "TAKEN", "This record is named twice.")
		default:
			ids = append(ids, x)
		}
	}
	return ids
}

// one gives a record its new owner and returns the old one. What stands against it is kept with the others' problems.
func (t *transfer) one(ctx context.Context, x id.ID, path ...any) (id.ID, error) {
	k := t.tx.Kinds().Of(x)
	r, err := t.tx.InSight(ctx, k, x)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	var owner id.ID
	if err == nil {
		owner, _ = r.Values["owner_id"].(id.ID)
		if !t.tx.May(r, access.Update) {
			err = fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		} else {
			_, err = t.tx.Update(ctx, k, x, t.in)
		}
	}
	t.done[x] = true
	return owner, t.note(err, path)
}

// note keeps a refusal at the place of its record, and returns any other error.
func (t *transfer) note(err error, path []any) error {
	var f *fault.Error
	if err == nil || !errors.As(err, &f) {
		return err
	}
	switch f.Code {
	case fault.NotFound, fault.Conflict:
		t.problems.Add(path, string(f.Code), f.Message, f.Args...)
	case fault.Forbidden:
		if len(f.Violations) == 0 {
			t.denied.Add(path, "FORBIDDEN", f.Message, f.Args...)
		}
		for _, v := range f.Violations {
			t.denied.Add(path, v.Code, v.Message, v.Args...)
		}
	case fault.Invalid:
		for _, v := range f.Violations {
			switch at := v.Path[1:]; {
			case len(at) > 0 && (at[0] == "owner" || at[0] == "team"):
				name := map[any]any{"owner": "to", "team": "team"}[at[0]]
				if !slices.ContainsFunc(t.problems, func(o fault.Violation) bool { return len(o.Path) == 2 && o.Path[1] == name }) {
					t.problems.Add([]any{"input", name}, v.Code, v.Message, v.Args...)
				}
			default:
				t.problems.Add(path, v.Code, v.Message, v.Args...)
			}
		}
	default:
		return err
	}
	return nil
}

// below transfers the accounts below accounts, level by level, as far as each has the old owner of the one above it.
func (t *transfer) below(ctx context.Context, ids []id.ID, owners map[id.ID]id.ID) ([]id.ID, error) {
	var all []id.ID
	for level := ids; ; {
		found, err := t.following(ctx, "Account", "SELECT `id`, `parent_id` FROM `accounts` WHERE `deleted_at` IS NULL AND `parent_id` IN ", level, owners)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return all, nil
		}
		if err := t.take(ctx, "accounts", found, owners); err != nil {
			return nil, err
		}
		all, level = append(all, found...), found
	}
}

// following returns the records in sight of a query for records and what is above them, that have the old owner of that.
func (t *transfer) following(ctx context.Context, kind, query string, above []id.ID, owners map[id.ID]id.ID) ([]id.ID, error) {
	k := t.tx.Kinds().Kind(kind)
	var accounts []any
	for _, x := range above {
		if x.Kind() == t.tx.Kinds().Kind("Account").Code {
			accounts = append(accounts, x)
		}
	}
	if len(accounts) == 0 {
		return nil, nil
	}
	rows, err := t.tx.QueryContext(ctx, query+"(?"+strings.Repeat(",?", len(accounts)-1)+") ORDER BY 1, 2 LIMIT ?", append(accounts, 10*maxFollowing)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	under := map[id.ID][]id.ID{}
	var ids []id.ID
	for rows.Next() {
		var x, of id.ID
		if err := rows.Scan(&x, &of); err != nil {
			return nil, err
		}
		if under[x] == nil && !t.done[x] {
			ids = append(ids, x)
		}
		under[x] = append(under[x], of)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	_ = rows.Close()
	seen, err := t.tx.Visible(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	var out []id.ID
	for _, x := range ids {
		if !seen[x] {
			continue
		}
		r, err := t.tx.Lock(ctx, k, x)
		if err != nil {
			return nil, err
		}
		owner, _ := r.Values["owner_id"].(id.ID)
		if !owner.IsZero() && slices.ContainsFunc(under[x], func(of id.ID) bool { return owners[of] == owner }) {
			out = append(out, x)
		}
	}
	if len(t.done)+len(out) > maxFollowing+maxRecords {
		return nil, fault.New(fault.Limited, "More than %d records would follow. Transfer fewer at once.", maxFollowing)
	}
	return out, nil
}

// take transfers what follows.
func (t *transfer) take(ctx context.Context, relation string, ids []id.ID, owners map[id.ID]id.ID) error {
	for _, x := range ids {
		owner, err := t.one(ctx, x, "input", "cascade", x.String())
		if err != nil {
			return err
		}
		owners[x] = owner
	}
	if len(ids) == 0 {
		return nil
	}
	i := slices.IndexFunc(t.out.Relations, func(m write.Moved) bool { return m.Relation == relation })
	if i < 0 {
		t.out.Relations = append(t.out.Relations, write.Moved{Relation: relation, Count: len(ids)})
		return nil
	}
	t.out.Relations[i].Count += len(ids)
	return nil
}
