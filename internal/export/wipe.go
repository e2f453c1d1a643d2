package export

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// wipe takes away the files that may hold a person who is erased: of all exports made until now of the kind of record, of
// the kinds that lead to it, and of those whose columns lead through it. Exports under way fail, as they may have read the
// person already. What was asked for goes too: a filter may name the person.
func (s *Service) wipe(ctx context.Context, tx *write.Tx, k *model.Kind, _ id.ID) error {
	if k == s.kind {
		return nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT `id`, `object`, COALESCE(`columns`, '[]') FROM `exports` WHERE `status` IN ('WAITING', 'RUNNING', 'DONE') OR `request` IS NOT NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var concerned []id.ID
	for rows.Next() {
		var x id.ID
		var object, columns string
		if err := rows.Scan(&x, &object, &columns); err != nil {
			return err
		}
		if s.mayHold(object, columns, k) {
			concerned = append(concerned, x)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_ = rows.Close()
	return tx.AsSystem(func() error {
		for _, x := range concerned {
			if err := s.wipeOne(ctx, tx, x); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) wipeOne(ctx context.Context, tx *write.Tx, x id.ID) error {
	r, err := tx.Lock(ctx, s.kind, x)
	if err != nil || r == nil {
		return err
	}
	switch r.Values["status"] {
	case waiting, running:
		err = s.stop(ctx, tx, r, failed, "A person was erased meanwhile. Start it anew.")
	case done:
		err = s.close(ctx, tx, r, expired, "A person was erased whom it may have held.")
	}
	if err != nil || r.Values["request"] == nil {
		return err
	}
	return tx.Set(ctx, s.kind, x, map[string]any{"request": nil})
}

// mayHold reports whether an export of an object, with columns, may hold something of records of k.
func (s *Service) mayHold(object, columns string, k *model.Kind) bool {
	set := s.Writer.Set
	from := set.Kind(object)
	if from == nil || from == k {
		return true
	}
	if slices.ContainsFunc(from.Fields, func(f *model.Field) bool {
		return (f.Type == model.Ref || f.Type == model.Many) && f.Target == k.Name || f.Type == model.ID && f.Name != "id"
	}) {
		return true
	}
	var names []string
	if err := json.Unmarshal([]byte(columns), &names); err != nil {
		return true
	}
	for _, name := range names {
		at := from
		for part := range strings.SplitSeq(name, ".") {
			f := at.Field(part)
			if f == nil || f.Target == "" {
				break
			}
			if at = set.Kind(f.Target); at == k {
				return true
			}
		}
	}
	return false
}
