package write

import (
	"cmp"
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text/match"
)

// Pair are two records that seem to be the same.
type Pair struct {
	A, B  id.ID // A is the smaller one
	Score int
	Sorts []match.Sort // of what they share, what tells most first
}

// maxShared is how many values of records are looked at for pairs: those that tell most first.
const maxShared = 20_000

// Pairs returns pairs of records in the actor's sight that seem to be the same, with a score of at least minScore, the
// likeliest first: compared by the fields that the actor may read, without those that somebody has decided about. The work
// is bounded: a value that more than 20 records share makes no pairs, and 20,000 values at most are looked at.
func (w *Writer) Pairs(ctx context.Context, dtx *db.Tx, a *access.Actor, k *model.Kind, minScore int) ([]Pair, error) {
	tx := &Tx{Tx: dtx, w: w, Actor: a, Now: w.Clock.Now()}
	sharers, err := tx.sharersOfEach(ctx, k)
	if err != nil {
		return nil, err
	}
	stored, err := tx.keysOf(ctx, k, sharers)
	if err != nil {
		return nil, err
	}
	decided, err := tx.decided(ctx, sharers)
	if err != nil {
		return nil, err
	}
	var out []Pair
	seen := map[[2]id.ID]bool{}
	for _, ids := range sharers {
		for i, x := range ids {
			for _, y := range ids[i+1:] {
				p := pairOf(x, y)
				if p[0] == p[1] || seen[p] || decided[p] {
					continue
				}
				seen[p] = true
				e := compare(stored[p[0]], stored[p[1]])
				if score := e.score(); score >= max(minScore, match.Least) {
					out = append(out, Pair{p[0], p[1], score, e.kindsOf()})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.A.Compare(b.A), a.B.Compare(b.B))
	})
	return out, nil
}

func pairOf(x, y id.ID) [2]id.ID {
	if x.Compare(y) > 0 {
		return [2]id.ID{y, x}
	}
	return [2]id.ID{x, y}
}

// kindsOf returns the sorts of what is shared, what tells most first.
func (e *evidence) kindsOf() []match.Sort {
	order := make([]int, len(e.sorts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(e.worth[j], e.worth[i]), cmp.Compare(e.sorts[i], e.sorts[j]))
	})
	var out []match.Sort
	for _, i := range order {
		out = append(out, e.sorts[i])
	}
	return out
}

// sharersOfEach returns the records in sight that share each value that several do, but not many.
func (tx *Tx) sharersOfEach(ctx context.Context, k *model.Kind) (map[int64][]id.ID, error) {
	out := map[int64][]id.ID{}
	cond, needsRecord := tx.comparable(k)
	if cond.IsFalse() {
		return out, nil
	}
	from := "`match_keys` m"
	if needsRecord {
		from += " JOIN `" + k.Table + "` t ON t.`id` = m.`record_id`"
	}
	where := access.And(access.Cond{SQL: "m.`kind` = ? AND m.`type` <> ?", Args: []any{int64(k.Code), int64(match.MailDomain)}}, cond)
	args := slices.Concat(where.Args, []any{maxSharers}, where.Args, []any{maxShared})
	rows, err := tx.QueryContext(ctx, "SELECT m.`value`, m.`record_id` FROM "+from+
		" JOIN (SELECT m.`value` AS v, MIN(m.`type`) AS best FROM "+from+" WHERE "+where.SQL+" GROUP BY m.`value` HAVING COUNT(*) BETWEEN 2 AND ?) g ON g.v = m.`value`"+
		" WHERE "+where.SQL+" ORDER BY g.best, m.`value`, m.`record_id` LIMIT ?", args...)
	if err != nil {
		return nil, err
	}
	err = eachRow(rows, func() error {
		var value int64
		var x id.ID
		err := rows.Scan(&value, &x)
		out[value] = append(out[value], x)
		return err
	})
	return out, err
}

// decided returns the pairs among records that somebody has decided are not the same.
func (tx *Tx) decided(ctx context.Context, sharers map[int64][]id.ID) (map[[2]id.ID]bool, error) {
	out := map[[2]id.ID]bool{}
	asked := map[id.ID]bool{}
	var ids []id.ID
	for _, xs := range sharers {
		for _, x := range xs {
			if !asked[x] {
				asked[x] = true
				ids = append(ids, x)
			}
		}
	}
	for part := range slices.Chunk(ids, lookupKeys) {
		rows, err := tx.QueryContext(ctx, "SELECT `a_id`, `b_id` FROM `not_duplicates` WHERE `a_id` IN "+placeholders(len(part)), anys(part)...)
		if err != nil {
			return nil, err
		}
		err = eachRow(rows, func() error {
			var p [2]id.ID
			err := rows.Scan(&p[0], &p[1])
			out[p] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
