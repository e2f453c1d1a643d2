package write

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// ownKeys returns what a record itself says of who sees it.
func ownKeys(k *model.Kind, x id.ID, values map[string]any) *access.Keys {
	keys := &access.Keys{ID: x, Deleted: values["deleted_at"] != nil}
	if k.Owned {
		keys.Owner, keys.Team, keys.Partner = idOf(values["owner_id"]), idOf(values["team_id"]), idOf(values["partner_id"])
	}
	if k.Placed {
		keys.Branch, keys.Territory = idOf(values["branch_id"]), idOf(values["territory_id"])
	}
	if k.Sight == model.ByUser {
		keys.UserPartner, keys.Branch = idOf(values["partner_account_id"]), idOf(values["branch_id"])
	}
	if k.Name == "CustomField" {
		keys.Sensitive, _ = values["sensitive"].(bool)
	}
	return keys
}

// keysMany is keys for many stored records, by a number of statements that depends on the kinds above theirs alone.
func (tx *Tx) keysMany(ctx context.Context, k *model.Kind, rows []map[string]any) (map[id.ID]*access.Keys, error) {
	out := make(map[id.ID]*access.Keys, len(rows))
	ids := make([]id.ID, 0, len(rows))
	for _, values := range rows {
		x := idOf(values["id"])
		out[x] = ownKeys(k, x, values)
		ids = append(ids, x)
	}
	if k.Shareable {
		if err := tx.sharesMany(ctx, ids, out); err != nil {
			return nil, err
		}
	}
	if k.Participants != nil {
		if err := tx.participantsMany(ctx, k, ids, out); err != nil {
			return nil, err
		}
	}
	for _, name := range k.Parents {
		f := k.Field(name)
		pk := tx.w.Set.Kind(f.Target)
		var wanted []id.ID
		asked := map[id.ID]bool{}
		for _, values := range rows {
			if x := idOf(values[f.Column]); !x.IsZero() && !asked[x] {
				asked[x] = true
				wanted = append(wanted, x)
			}
		}
		parents := map[id.ID]*access.Keys{}
		for part := range slices.Chunk(wanted, manyIDs) {
			found, err := tx.rows(ctx, pk, "`id` IN "+placeholders(len(part)), anys(part)...)
			if err != nil {
				return nil, err
			}
			keys, err := tx.keysMany(ctx, pk, found)
			if err != nil {
				return nil, err
			}
			for x, one := range keys {
				parents[x] = one
			}
		}
		for _, values := range rows {
			x := idOf(values[f.Column])
			if x.IsZero() {
				continue
			}
			keys := parents[x]
			if keys == nil {
				keys = ownKeys(pk, x, map[string]any{"deleted_at": time.Time{}})
			}
			own := out[idOf(values["id"])]
			own.Parents = append(own.Parents, access.ParentKeys{Kind: pk.Name, Keys: *keys})
		}
	}
	return out, nil
}

func (tx *Tx) sharesMany(ctx context.Context, ids []id.ID, out map[id.ID]*access.Keys) error {
	for part := range slices.Chunk(ids, manyIDs) {
		rows, err := tx.QueryContext(ctx, "SELECT record_id, grantee_id, level, fields, expires_at FROM shares WHERE record_id IN "+placeholders(len(part))+" AND deleted_at IS NULL ORDER BY id", anys(part)...)
		if err != nil {
			return err
		}
		err = eachRow(rows, func() error {
			var x id.ID
			s, err := scanShare(rows, &x)
			if err == nil {
				out[x].Shares = append(out[x].Shares, s)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scanShare reads a share whose columns follow those that before takes.
func scanShare(rows *sql.Rows, before ...any) (access.ShareKey, error) {
	var s access.ShareKey
	var fields sql.NullString
	var until sql.NullTime
	if err := rows.Scan(append(before, &s.Grantee, &s.Level, &fields, &until)...); err != nil {
		return s, err
	}
	if fields.Valid {
		s.Fields = access.ShareFields(&fields.String)
	}
	if until.Valid {
		s.Until = until.Time.UTC()
	}
	return s, nil
}

func (tx *Tx) participantsMany(ctx context.Context, k *model.Kind, ids []id.ID, out map[id.ID]*access.Keys) error {
	for part := range slices.Chunk(ids, manyIDs) {
		rows, err := tx.QueryContext(ctx, participantsQuery(tx.w.Set, k)+placeholders(len(part))+" AND `deleted_at` IS NULL ORDER BY `id`", anys(part)...)
		if err != nil {
			return err
		}
		err = eachRow(rows, func() error {
			var x id.ID
			var one access.ParticipantKey
			var from, to sql.NullString
			if err := rows.Scan(&x, &one.User, &from, &to); err != nil {
				return err
			}
			one.From, one.To = from.String, to.String
			out[x].Participants = append(out[x].Participants, one)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// participantsQuery selects who takes part in records of k whose ids follow.
func participantsQuery(set *model.Set, k *model.Kind) string {
	p := k.Participants
	link := set.Kind(p.Kind)
	column := func(name string) string {
		if name == "" {
			return "NULL"
		}
		return "`" + link.Field(name).Column + "`"
	}
	return "SELECT " + column(p.Record) + ", " + column(p.User) + ", " + column(p.From) + ", " + column(p.To) + " FROM `" + link.Table + "` WHERE " + column(p.Record) + " IN "
}
