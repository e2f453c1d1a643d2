package write

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"entgo.io/ent"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

var errOutside = errors.New("write: records are written in Writer.Do only")

// errUnchanged ends a write that would change nothing; the uniform operations take it for success.
var errUnchanged = errors.New("write: nothing changes")

// hook is what every write of a record passes through.
func hook(ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
		tx := fromContext(ctx)
		if tx == nil {
			return nil, errOutside
		}
		c, err := begin(ctx, tx, m)
		if err != nil {
			return nil, err
		}
		fields, err := c.prepare(ctx)
		if err != nil {
			return nil, err
		}
		if tx.queue != nil && c.Created() {
			if err := tx.enqueue(ctx, c, fields); err != nil {
				return nil, err
			}
			return nil, errOurs
		}
		if err := c.write(ctx); err != nil {
			return nil, clash(c, err)
		}
		if err := c.finish(ctx, fields); err != nil {
			return nil, err
		}
		for _, fn := range c.after {
			if err := fn(ctx); err != nil {
				return nil, err
			}
		}
		return nil, errOurs
	})
}

// creating returns a change that makes a record, and the function that runs it through the hooks.
func (tx *Tx) creating(k *model.Kind) (*Change, func(context.Context) error) {
	m, save := records().CreateRecord(k.EntName())
	return &Change{Tx: tx, Kind: k, m: m, now: map[string]any{}}, ours(save)
}

// updating returns a change of a locked record, and the function that runs it through the hooks.
func (tx *Tx) updating(k *model.Kind, old *Record) (*Change, func(context.Context) error) {
	m, save := records().UpdateRecord(k.EntName(), old.ID)
	return &Change{Tx: tx, Kind: k, m: m, Old: old, now: map[string]any{}}, ours(save)
}

// errOurs ends a mutation at the point where ent would write the row: it is written, or waits to be written with others, by
// this package.
var errOurs = errors.New("write: the row is ours")

func ours(save func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := save(ctx)
		if errors.Is(err, errOurs) {
			return nil
		}
		return err
	}
}

// write writes the row.
func (c *Change) write(ctx context.Context) error {
	var columns []string
	var args []any
	for _, f := range c.Kind.Fields {
		for _, column := range storedColumns(f) {
			v, ok := c.now[column]
			if column == "id" {
				v, ok = c.ID, c.Created()
			}
			if ok {
				columns, args = append(columns, column), append(args, v)
			}
		}
	}
	query := insertInto(c.Kind.Table, columns, 1)
	if !c.Created() {
		query = "UPDATE `" + c.Kind.Table + "` SET `" + strings.Join(columns, "` = ?, `") + "` = ? WHERE `id` = ?"
		args = append(args, c.ID)
	}
	_, err := c.Tx.ExecContext(ctx, query, args...)
	return err
}

// prepare runs what comes before the row is written.
func (c *Change) prepare(ctx context.Context) ([]change.FieldChange, error) {
	if err := c.defaults(ctx); err != nil {
		return nil, err
	}
	if err := c.allowed(ctx); err != nil {
		return nil, err
	}
	c.normalise()
	for _, kind := range []string{"", c.Kind.Name} {
		for _, rule := range c.Tx.w.Rules[kind] {
			if err := rule(ctx, c); err != nil {
				return nil, err
			}
		}
	}
	c.require()
	if err := c.Problems.Err(); err != nil {
		return nil, err
	}
	fields := c.diff()
	if c.Op == change.Updated && len(fields) == 0 && !c.internalChange() {
		return nil, errUnchanged
	}
	c.stamp()
	return fields, nil
}

// internalChange reports whether a field changes that the API does not know (a password).
func (c *Change) internalChange() bool {
	for _, f := range c.Kind.Fields {
		if f.Internal && f.Column != "" && c.Changes(f.Name) {
			return true
		}
	}
	return false
}

// defaults gives a new record its owner, what follows from the owner, and default values, before rights are decided on
// it.
func (c *Change) defaults(ctx context.Context) error {
	if !c.Created() {
		return nil
	}
	for _, f := range c.Kind.Fields {
		if f.Default != "" && !c.touched(f) {
			if f.Type == model.Bool {
				c.set(f.Column, f.Default == "true")
				continue
			}
			c.set(f.Column, f.Default)
		}
		if f.Type == model.Bool && c.column(f.Column) == nil {
			c.set(f.Column, false)
		}
	}
	if c.Kind.Owned {
		if err := c.ownerDefaults(ctx); err != nil {
			return err
		}
	}
	for _, rule := range c.Tx.w.Rules[Defaults] {
		if err := rule(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// ownerDefaults gives a new record its owner and what follows from the owner: the team, and the branch of a placed one.
func (c *Change) ownerDefaults(ctx context.Context) error {
	a := c.Tx.Actor
	if !c.touched(c.Kind.Field("owner")) {
		c.Set("owner", a.User)
	}
	if !c.touched(c.Kind.Field("partner")) {
		c.Set("partner", a.PartnerAccount)
	}
	team := !c.touched(c.Kind.Field("team"))
	branch := c.Kind.Placed && !c.touched(c.Kind.Field("branch"))
	owner := c.Ref("owner")
	if owner.IsZero() || !team && !branch {
		return nil
	}
	ofTeam, ofBranch := a.Team, a.Branch
	if owner != a.User || c.Tx.system {
		// Farley acting for somebody knows only who that is.
		at, err := Remember(c.Tx, "places "+owner.String(), []string{"User", "Branch"}, func() (p [2]id.ID, err error) {
			p[0], p[1], err = c.Tx.places(ctx, owner)
			return p, err
		})
		if err != nil {
			return err
		}
		ofTeam, ofBranch = at[0], at[1]
	}
	if team {
		c.Set("team", ofTeam)
	}
	if branch {
		c.Set("branch", ofBranch)
	}
	return nil
}

// places returns the team and the branch of a user; a branch in the bin is none.
func (tx *Tx) places(ctx context.Context, user id.ID) (team, branch id.ID, err error) {
	err = tx.QueryRow(ctx, "SELECT u.`team_id`, b.`id` FROM `users` u LEFT JOIN `branches` b ON b.`id` = u.`branch_id` AND b.`deleted_at` IS NULL WHERE u.`id` = ?",
		[]any{user}, &team, &branch)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return team, branch, err
}

// allowed decides on the locked record (or on the new one as it will be) whether the actor may do this.
func (c *Change) allowed(ctx context.Context) error {
	if c.Tx.system {
		return nil
	}
	if c.Created() && c.lacksParent() {
		// Without it nothing can be decided, and with it nothing may be told.
		return c.Problems.Err()
	}
	if !c.Kind.Link {
		if err := c.allowedRow(ctx); err != nil {
			return err
		}
	}
	if c.decoded {
		return nil
	}
	return c.refsInSight(ctx)
}

// lacksParent reports whether a record that is in sight by its parents names one that is not there.
func (c *Change) lacksParent() bool { return slices.ContainsFunc(c.Kind.Parents, c.Faulty) }

func (c *Change) allowedRow(ctx context.Context) error {
	tx, set := c.Tx, c.Tx.w.Set
	var writes func(f *model.Field) bool
	if c.Created() {
		keys, err := tx.keys(ctx, c.Kind, c.ID, c.values(), false)
		if err != nil {
			return err
		}
		if !tx.Actor.May(set, c.Kind, keys, access.Create, tx.Now) {
			return fault.New(fault.Forbidden, "You may not make such a %s.", c.Kind.Name)
		}
		writes = func(f *model.Field) bool {
			return tx.Actor.Covers(set, c.Kind, keys, tx.Actor.Policy.Field(c.Kind, f).Create, access.NoShare, tx.Now)
		}
	} else {
		if !tx.may(c.Old, access.Read) {
			return NotFound(c.Kind)
		}
		action := access.Update
		if c.Op != change.Updated {
			action = access.Delete
		}
		if c.Kind.Lasting && action == access.Delete {
			return fault.New(fault.Forbidden, "You may not do this to this %s.", c.Kind.Name)
		}
		if !tx.may(c.Old, action) {
			return fault.New(fault.Forbidden, "You may not do this to this %s.", c.Kind.Name)
		}
		writes = func(f *model.Field) bool { return tx.Actor.WritesField(set, c.Kind, f, c.Old.Keys, tx.Now) }
	}
	return c.allowedFields(writes)
}

// allowedFields refuses fields that the actor may not write, and notes those that nobody may.
func (c *Change) allowedFields(writes func(*model.Field) bool) error {
	var denied fault.Violations
	for _, f := range c.Kind.Fields {
		switch {
		case !c.given[f]:
		case f.Write == model.Never || f.Write == model.OnCreate && !c.Created() && c.Changes(f.Name):
			c.Refuse(f.Name, "IMMUTABLE", "This field cannot be set.")
		case !writes(f):
			denied.Add([]any{"input", f.Name}, "FORBIDDEN", "You may not write this field.")
		}
	}
	if len(denied) > 0 {
		return &fault.Error{Code: fault.Forbidden, Message: "The input is not allowed.", Violations: denied}
	}
	return nil
}

// refsInSight refuses ids of records that the actor cannot see, in the same words whether they exist or not.
func (c *Change) refsInSight(ctx context.Context) error {
	for _, f := range c.Kind.Fields {
		if !c.given[f] || !c.Changes(f.Name) {
			continue
		}
		problem, err := c.Tx.related(ctx, &columnValue{f, f.Column, c.column(f.Column)})
		if err != nil {
			return err
		}
		if problem.Code != "" {
			c.Problems = append(c.Problems, problem)
		}
	}
	return nil
}

// require refuses records that lack a required value.
func (c *Change) require() {
	for _, f := range c.Kind.Fields {
		if f.Required && f.Column != "" && c.column(f.Column) == nil {
			c.Refuse(f.Name, "REQUIRED", "This field is required.")
		}
	}
}

// stamp sets what every write sets.
func (c *Change) stamp() {
	var version int64
	if c.Created() {
		c.set("created_at", c.Tx.Now)
		c.set("created_by_id", c.Tx.Actor.User)
	} else {
		version = c.Old.Version()
	}
	c.set("version", version+1)
	c.set("updated_at", c.Tx.Now)
	c.set("updated_by_id", c.Tx.Actor.User)
}

// clash words a violated unique key: a value that another record has, in sight or not.
func clash(c *Change, err error) error {
	if !db.Clash(err) {
		return err
	}
	for _, f := range c.Kind.Fields {
		if f.Unique && c.Changes(f.Name) {
			return &fault.Error{Code: fault.Invalid, Message: "The input is not valid.", Violations: []fault.Violation{{
				Path: []any{"input", f.Name}, Code: "TAKEN", Message: "This value is taken.",
			}}}
		}
	}
	return fault.Wrap(fault.Conflict, err, "The id is taken.")
}
