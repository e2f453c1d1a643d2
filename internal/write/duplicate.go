package write

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
)

// Duplicate is a record that seems to be the same as a new one.
type Duplicate struct {
	ID     id.ID    `json:"id"`
	Score  int      `json:"score"`  // 1 to 100
	Fields []string `json:"fields"` // model.Field.Const of what is equal
}

// What a create does with duplicates.
const (
	rejectDuplicates = "REJECT"
	warnOfDuplicates = "WARN"
	allowDuplicates  = "ALLOW"
)

const maxDuplicates = 5

func duplicatePolicy(given *string) string {
	if given == nil {
		return warnOfDuplicates
	}
	return *given
}

// duplicates finds records that seem to be the one that c makes. It looks at records in the actor's sight, and only at
// the fields of them that the actor may read.
func (tx *Tx) duplicates(ctx context.Context, k *model.Kind, c *Change, policy string) ([]Duplicate, error) {
	if policy == allowDuplicates || tx.system {
		return nil, nil
	}
	found := map[id.ID]*Duplicate{}
	for _, f := range k.Fields {
		if f.Duplicate == 0 {
			continue
		}
		value := likeness(c, f)
		if value == "" {
			continue
		}
		ids, err := tx.equal(ctx, k, f, value)
		if err != nil {
			return nil, err
		}
		for _, x := range ids {
			d := found[x]
			if d == nil {
				d = &Duplicate{ID: x}
				found[x] = d
			}
			d.Fields = append(d.Fields, f.Const)
			d.Score = 100 - (100-d.Score)*(100-f.Duplicate)/100 // as of independent evidence
		}
	}
	out := make([]Duplicate, 0, len(found))
	for _, d := range found {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.ID.Compare(b.ID))
	})
	out = out[:min(len(out), maxDuplicates)]
	if policy == rejectDuplicates && len(out) > 0 {
		return nil, fault.New(fault.Duplicate, "A %s that seems to be the same exists already.", k.Name).With("duplicates", idTexts(duplicateIDs(out)))
	}
	return out, nil
}

func duplicateIDs(ds []Duplicate) []id.ID {
	ids := make([]id.ID, len(ds))
	for i, d := range ds {
		ids[i] = d.ID
	}
	return ids
}

// likeness returns the value by which a new record is compared. Fields that Farley keeps are worked out from what they
// are kept from, since the rules have not run yet.
func likeness(c *Change, f *model.Field) string {
	s := c.Text(f.Name)
	if from := derived[f.Name]; s == "" && from != nil {
		s = from(c)
	}
	s, problem := Format(f.Scalar, s)
	if problem != "" {
		return ""
	}
	if f.Fold != "" {
		return cut(text.Fold(s), maxShadow)
	}
	return s
}

// equal returns live records in sight with an equal value in a field that shows to the actor.
func (tx *Tx) equal(ctx context.Context, k *model.Kind, f *model.Field, value string) ([]id.ID, error) {
	sight := tx.Actor.Sight(tx.w.Set, k, "t", access.Read, tx.Now)
	shows, whole := tx.Actor.FieldCond(tx.w.Set, k, f, "t", tx.Now)
	cond := sight
	if !whole {
		cond = access.And(sight, shows)
	}
	if cond.IsFalse() {
		return nil, nil
	}
	query := "SELECT t.`id` FROM `" + k.Table + "` t WHERE t.`" + f.Compared() + "` = ? AND t.`deleted_at` IS NULL"
	args := []any{value}
	if !cond.IsTrue() {
		query, args = query+" AND ("+cond.SQL+")", append(args, cond.Args...)
	}
	rows, err := tx.QueryContext(ctx, query+" ORDER BY t.`id` LIMIT 20", args...)
	if err != nil {
		return nil, err
	}
	return scanIDs(rows)
}

// Shown returns those of the records that the actor may read now, with what decides which of their fields show.
func (tx *Tx) Shown(ctx context.Context, k *model.Kind, ids []id.ID) (map[id.ID]*access.Keys, error) {
	seen, err := tx.Visible(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]*access.Keys, len(seen))
	for x := range seen {
		values, err := tx.row(ctx, k, x, "")
		if err != nil {
			return nil, err
		}
		if out[x], err = tx.keys(ctx, k, x, values, true); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scanIDs(rows *sql.Rows) ([]id.ID, error) {
	defer func() { _ = rows.Close() }()
	var ids []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		ids = append(ids, x)
	}
	return ids, rows.Err()
}

// derived are the values of fields that Farley keeps, from the fields that they are kept from. The rules use them too.
var derived = map[string]func(*Change) string{
	"domain":       func(c *Change) string { s, _ := Format("URL", c.Text("website")); return Domain(s) },
	"displayName":  DisplayName,
	"primaryEmail": func(c *Change) string { return Primary(c.Text("emails"), "address") },
	"primaryPhone": func(c *Change) string { return Primary(c.Text("phones"), "number") },
}

// DisplayName returns the name to show for a person: given and family name, or else the native one, or else the primary
// e-mail address.
func DisplayName(c *Change) string {
	full := strings.TrimSpace(c.Text("givenName") + " " + c.Text("familyName"))
	return cmp.Or(full, strings.TrimSpace(c.Text("nativeName")), Primary(c.Text("emails"), "address"))
}
