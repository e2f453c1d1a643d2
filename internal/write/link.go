package write

import (
	"context"
	"database/sql"
	"slices"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// linkPlan is what has to happen to the link records of one relation.
type linkPlan struct {
	field    *model.Field
	old, new []id.ID
	links    map[id.ID]id.ID // other side → link record
}

// planLinks compares the wanted links of the input with those there are; a new record has none.
func (tx *Tx) planLinks(ctx context.Context, k *model.Kind, d *decoded, created bool) ([]*linkPlan, error) {
	var plans []*linkPlan
	for _, f := range k.Fields {
		wanted, ok := d.links[f]
		if !ok {
			continue
		}
		p := &linkPlan{field: f, links: map[id.ID]id.ID{}}
		if !created {
			var err error
			if p, err = tx.plan(ctx, f, d.id); err != nil {
				return nil, err
			}
		}
		p.new = wanted
		if err := tx.checkLinks(ctx, f, p, &d.problems); err != nil {
			return nil, err
		}
		if !slices.Equal(sorted(p.old), sorted(p.new)) {
			plans = append(plans, p)
		}
	}
	return plans, nil
}

// plan begins with the links there are.
func (tx *Tx) plan(ctx context.Context, f *model.Field, x id.ID) (*linkPlan, error) {
	p := &linkPlan{field: f, links: map[id.ID]id.ID{}}
	link := tx.w.Set.Kind(f.Through.Link)
	from, to := link.Field(f.Through.From), link.Field(f.Through.To)
	rows, err := tx.QueryContext(ctx, "SELECT `id`, `"+to.Column+"` FROM `"+link.Table+"` WHERE `"+from.Column+"` = ? AND `deleted_at` IS NULL ORDER BY `id`", x)
	if err != nil {
		return nil, err
	}
	return p, p.read(rows)
}

func (p *linkPlan) read(rows *sql.Rows) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var link, other id.ID
		if err := rows.Scan(&link, &other); err != nil {
			return err
		}
		p.old = append(p.old, other)
		p.links[other] = link
	}
	return rows.Err()
}

// checkLinks refuses new links to records out of sight. Links to such records that exist stay, since the caller cannot
// mean them.
func (tx *Tx) checkLinks(ctx context.Context, f *model.Field, p *linkPlan, problems *fault.Violations) error {
	k := tx.w.Set.Kind(f.Target)
	ids := append(slices.Clone(p.new), p.old...)
	seen := map[id.ID]bool{}
	for _, x := range ids {
		if known, ok := tx.seen[x]; ok {
			seen[x] = known
		}
	}
	if len(seen) < len(ids) {
		var err error
		if seen, err = tx.Visible(ctx, k, ids); err != nil {
			return err
		}
	}
	for i, x := range p.new {
		if !seen[x] {
			problems.Add([]any{"input", f.Name, i}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		}
	}
	for _, x := range p.old {
		if !seen[x] && !slices.Contains(p.new, x) {
			p.new = append(p.new, x)
		}
	}
	return nil
}

func sorted(ids []id.ID) []id.ID { return slices.SortedFunc(slices.Values(ids), id.ID.Compare) }

func (p *linkPlan) change() change.FieldChange {
	return change.FieldChange{Field: p.field.Name, Old: mustJSON(idTexts(p.old)), New: mustJSON(idTexts(p.new))}
}

func idTexts(ids []id.ID) []string {
	out := make([]string, len(ids))
	for i, x := range sorted(ids) {
		out[i] = x.String()
	}
	return out
}

func (p *linkPlan) write(ctx context.Context, tx *Tx, from id.ID) error {
	link := tx.w.Set.Kind(p.field.Through.Link)
	if link.Link {
		// Both sides have been decided on; and who gives a new record to somebody else does not see it any more.
		was := tx.system
		tx.system = true
		defer func() { tx.system = was }()
	}
	for _, x := range p.old {
		if slices.Contains(p.new, x) {
			continue
		}
		if _, err := tx.bin(ctx, link, p.links[x], change.Deleted); err != nil {
			return err
		}
	}
	for _, x := range p.new {
		if slices.Contains(p.old, x) {
			continue
		}
		in := input.Object{p.field.Through.From: from.String(), p.field.Through.To: x.String()}
		if _, err := tx.Create(ctx, link, in, allowDuplicates); err != nil {
			return err
		}
	}
	return nil
}

// Linked returns the records to which a to-many relation of the record leads before the change, whoever sees them.
func (c *Change) Linked(ctx context.Context, field string) ([]id.ID, error) {
	p, err := c.Tx.plan(ctx, c.Kind.Field(field), c.ID)
	if err != nil {
		return nil, err
	}
	return p.old, nil
}

// Link has a to-many relation that Farley keeps lead to exactly these records, as part of the change under way: its rows are
// written after the record, and the change row tells of it.
func (c *Change) Link(ctx context.Context, field string, to []id.ID) error {
	p, err := c.Tx.plan(ctx, c.Kind.Field(field), c.ID)
	if err != nil {
		return err
	}
	p.new = to
	if slices.Equal(sorted(p.old), sorted(p.new)) {
		return nil
	}
	c.links = append(c.links, p.change())
	c.Then(func(ctx context.Context) error { return p.write(ctx, c.Tx, c.ID) })
	return nil
}
