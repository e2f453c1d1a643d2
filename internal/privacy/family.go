package privacy

import (
	"context"
	"slices"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// step is a way from people to what is about them: the records of a kind by one of their fields.
type step struct {
	kind  *model.Kind
	field *model.Field
	via   *step // the field leads to records that are about the person, nil: to the person
}

// about lists the ways from people of a kind.
func about(set *model.Set, k *model.Kind) []step {
	var out []step
	for _, d := range set.Kinds {
		for _, name := range d.About {
			if f := d.Field(name); f.Type == model.ID || f.Target == k.Name {
				out = append(out, step{d, f, nil})
			}
		}
	}
	direct := out
	for _, d := range set.Kinds {
		for _, name := range d.About {
			for i, w := range direct {
				if f := d.Field(name); f.Type == model.Ref && f.Target == w.kind.Name && !w.kind.Person {
					out = append(out, step{d, f, &direct[i]})
				}
			}
		}
	}
	return out
}

// from is the part of a statement, from FROM on, that finds the records about one person.
func (s step) from(x id.ID) (string, []any) {
	query, args := " FROM `"+s.kind.Table+"` WHERE `"+s.field.Column+"` = ?", []any{x}
	if s.via != nil {
		from, of := s.via.from(x)
		query, args = " FROM `"+s.kind.Table+"` WHERE `"+s.field.Column+"` IN (SELECT `id`"+from+")", of
	}
	if column, value := s.kind.AboutIf(); column != "" {
		query, args = query+" AND `"+column+"` = ?", append(args, value)
	}
	return query, args
}

// pending is the condition that something personal is left in a record of a kind.
func pending(k *model.Kind) (string, []any) {
	if k.GoesAlong {
		return "", nil
	}
	query, args := "", []any(nil)
	add := func(cond string, more ...any) {
		if query != "" {
			query += " OR "
		}
		query, args = query+cond, append(args, more...)
	}
	for _, f := range k.Fields {
		if !f.Personal {
			continue
		}
		column := "`" + f.Column + "`"
		word := write.ErasedValue(k, f, id.ID{})
		switch {
		case f.Unique && f.Required:
			add(column+" NOT LIKE ?", write.ErasedPrefix+"%")
		case word != "":
			add("("+column+" IS NULL OR "+column+" <> ?)", word)
		default:
			add(column + " IS NOT NULL")
		}
	}
	if k.Person {
		add("`erased_at` IS NULL")
	}
	if query == "" {
		return " AND 1 = 0", nil
	}
	return " AND (" + query + ")", args
}

// member is a record that is about a person, or is one.
type member struct {
	kind *model.Kind
	id   id.ID
}

// queryIDs runs a query for ids.
func queryIDs(ctx context.Context, tx *db.Tx, query string, args ...any) ([]id.ID, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// maxPeople bounds the records that are one person: leads that became a contact, users of a portal, records merged into it.
const maxPeople = 1000

// same returns the person's record with the others that are the same person: leads that became it, users of a portal, and
// records merged into one of these.
func (s *Service) same(ctx context.Context, tx *db.Tx, k *model.Kind, x id.ID) ([]member, error) {
	out := []member{{k, x}}
	for i := 0; i < len(out) && len(out) < maxPeople; i++ {
		m := out[i]
		for _, w := range about(s.Writer.Set, m.kind) {
			if !w.kind.Person && w.kind.Sight != model.ByUser {
				continue
			}
			query, args := w.from(m.id)
			ids, err := queryIDs(ctx, tx, "SELECT `id`"+query+" ORDER BY `id` LIMIT ?", append(args, maxPeople)...)
			if err != nil {
				return nil, err
			}
			for _, y := range ids {
				out = add(out, member{w.kind, y})
			}
		}
		if s.Aliases == nil {
			continue
		}
		others, err := s.Aliases(ctx, tx, m.id)
		if err != nil {
			return nil, err
		}
		for _, y := range others {
			if k := s.Writer.Set.Of(y); k != nil {
				out = add(out, member{k, y})
			}
		}
	}
	return out, nil
}

func add(list []member, m member) []member {
	if slices.Contains(list, m) {
		return list
	}
	return append(list, m)
}
