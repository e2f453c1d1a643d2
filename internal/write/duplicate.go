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
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text/match"
)

// What is the same. There is one set of rules, for creates, upserts, imports, lists of duplicates and merges: the fields
// that tell (model.Field.Duplicate) become keys (package match), which are kept beside every live record (matchkeys.go).
// Records that share keys are candidates; the score combines, for each sort of evidence, the best that is shared.

// Duplicate is a record that seems to be the same as another one.
type Duplicate struct {
	ID     id.ID    `json:"id"`
	Score  int      `json:"score"`  // match.Least to 100
	Fields []string `json:"fields"` // model.Field.Const of what is equal, those of the record with this ID
}

// What a create does with duplicates.
const (
	rejectDuplicates = "REJECT"
	warnOfDuplicates = "WARN"
	allowDuplicates  = "ALLOW"
)

const (
	maxDuplicates = 5
	// maxSharers is how many records are looked at that share one key, those made first: a number that thousands share is
	// nobody's.
	maxSharers = 20
	// lookupKeys is how many keys are looked up by one statement.
	lookupKeys = 10_000
)

func duplicatePolicy(given *string) string {
	if given == nil {
		return warnOfDuplicates
	}
	return *given
}

// Candidate is what is known of a record by which it may be the same as others.
type Candidate struct {
	ID   id.ID // of the record that it is, or will be; may be zero
	keys []matchKey
}

// matchKey is a key with the field it was made of.
type matchKey struct {
	match.Key
	field *model.Field
}

func (k matchKey) weight() int { return k.Type.Weight(k.field.Duplicate) }

// leads reports whether records are looked up by the key.
func (k matchKey) leads() bool { return k.Type.Leads() && k.weight() >= match.Least }

// CandidateOf reads what tells of a record from an input object of the API. What is not in its form tells nothing.
func CandidateOf(k *model.Kind, x id.ID, in input.Object) Candidate {
	return Candidate{ID: x, keys: matchKeys(k, fromInput(in), true)}
}

// Likely returns for each of the candidates the records that seem to be the same, the likeliest first, at most 5: those in
// the actor's sight, compared by the fields of them that the actor may read, and candidates with an ID that come before it
// in the list. The number of statements does not depend on the number of candidates (two for every 10,000 keys; a record
// has about six). Nothing is locked.
//
// An import uses it once for a batch of rows, and creates the rows with ALLOW then:
//
//	candidates[i] = write.CandidateOf(k, id.New(k.Code, tx.Now), rows[i]) // the input names the same id
//	found, err := tx.Likely(ctx, k, candidates)
func (tx *Tx) Likely(ctx context.Context, k *model.Kind, candidates []Candidate) ([][]Duplicate, error) {
	if err := tx.flush(ctx); err != nil { // the records first, whose keys come then
		return nil, err
	}
	if err := tx.flushKeys(ctx); err != nil {
		return nil, err
	}
	out := make([][]Duplicate, len(candidates))
	sharers, err := tx.sharers(ctx, k, candidates)
	if err != nil {
		return nil, err
	}
	stored, err := tx.keysOf(ctx, k, sharers)
	if err != nil {
		return nil, err
	}
	earlier := map[int64][]int{} // of the candidates, by leading key
	for i, c := range candidates {
		score := map[id.ID]*evidence{}
		for _, key := range c.keys {
			if !key.leads() {
				continue
			}
			for _, x := range sharers[key.Value] {
				if score[x] == nil && x != c.ID {
					score[x] = compare(c.keys, stored[x])
				}
			}
			for _, j := range earlier[key.Value] {
				if x := candidates[j].ID; score[x] == nil && x != c.ID {
					score[x] = compare(c.keys, candidates[j].keys)
				}
			}
			if !c.ID.IsZero() && len(earlier[key.Value]) < maxSharers {
				earlier[key.Value] = append(earlier[key.Value], i)
			}
		}
		out[i] = likeliest(k, score)
	}
	return out, nil
}

// likeliest orders what was found, and leaves out what is not enough.
func likeliest(k *model.Kind, found map[id.ID]*evidence) []Duplicate {
	out := make([]Duplicate, 0, len(found))
	for x, e := range found {
		if score := e.score(); score >= match.Least {
			out = append(out, Duplicate{ID: x, Score: score, Fields: e.fields(k)})
		}
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.ID.Compare(b.ID))
	})
	return out[:min(len(out), maxDuplicates)]
}

// evidence is the best that two records share, for each sort.
type evidence struct {
	sorts []match.Sort
	best  []matchKey // of the second record, with the weight below
	worth []int
}

func (e *evidence) add(key matchKey, weight int) {
	i := slices.Index(e.sorts, key.Type.Sort())
	switch {
	case i < 0:
		e.sorts, e.best, e.worth = append(e.sorts, key.Type.Sort()), append(e.best, key), append(e.worth, weight)
	case e.worth[i] < weight:
		e.best[i], e.worth[i] = key, weight
	}
}

// compare says what two records share, and by which fields of the second.
func compare(a, b []matchKey) *evidence {
	e := &evidence{}
	for _, x := range a {
		for _, y := range b {
			if x.Value == y.Value && x.Type.Sort() == y.Type.Sort() {
				e.add(y, min(x.weight(), y.weight()))
			}
		}
	}
	// An equal address says already what its domain would.
	if i := slices.Index(e.sorts, match.OfDomain); i >= 0 && e.worth[i] <= match.MailDomainWeight && slices.Contains(e.sorts, match.OfEmail) {
		e.sorts, e.best, e.worth = slices.Delete(e.sorts, i, i+1), slices.Delete(e.best, i, i+1), slices.Delete(e.worth, i, i+1)
	}
	return e
}

func (e *evidence) score() int {
	weights := slices.Clone(e.worth)
	slices.Sort(weights) // rounding must not depend on the order in which it was found
	score := 0
	for _, w := range weights {
		score = match.Combine(score, w)
	}
	return score
}

// fields returns the names of what is shared, in the order of the kind's fields.
func (e *evidence) fields(k *model.Kind) []string {
	var out []string
	for _, f := range k.Fields {
		if slices.ContainsFunc(e.best, func(key matchKey) bool { return key.field == f }) {
			out = append(out, f.Const)
		}
	}
	return out
}

// duplicates finds records that seem to be the one that c makes.
func (tx *Tx) duplicates(ctx context.Context, k *model.Kind, c *Change, policy string) ([]Duplicate, error) {
	if policy == allowDuplicates || tx.system {
		return nil, nil
	}
	found, err := tx.Likely(ctx, k, []Candidate{{ID: c.ID, keys: matchKeys(k, fromChange(c), true)}})
	if err != nil {
		return nil, err
	}
	out := found[0]
	if policy == rejectDuplicates {
		refused := slices.DeleteFunc(slices.Clone(out), func(d Duplicate) bool { return d.Score < match.Refuses })
		if len(refused) > 0 {
			return nil, fault.New(fault.Duplicate, "A %s that seems to be the same exists already.", k.Name).With("duplicates", idTexts(duplicateIDs(refused)))
		}
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

// sharers returns the records in sight that share the leading keys of the candidates, by key.
func (tx *Tx) sharers(ctx context.Context, k *model.Kind, candidates []Candidate) (map[int64][]id.ID, error) {
	out := map[int64][]id.ID{}
	var wanted []int64
	for _, c := range candidates {
		for _, key := range c.keys {
			if _, asked := out[key.Value]; key.leads() && !asked {
				out[key.Value] = nil
				wanted = append(wanted, key.Value)
			}
		}
	}
	cond, needsRecord := tx.comparable(k)
	if cond.IsFalse() {
		return out, nil
	}
	from := "`match_keys` m"
	if needsRecord {
		from += " JOIN `" + k.Table + "` t ON t.`id` = m.`record_id`"
	}
	for part := range slices.Chunk(wanted, lookupKeys) {
		where := access.And(access.Cond{SQL: "m.`kind` = ? AND m.`value` IN (?" + strings.Repeat(",?", len(part)-1) + ") AND m.`type` <> ?",
			Args: append(append([]any{int64(k.Code)}, anys(part)...), int64(match.MailDomain))}, cond)
		rows, err := tx.QueryContext(ctx, "SELECT `value`, `record_id` FROM (SELECT m.`value`, m.`record_id`, ROW_NUMBER() OVER (PARTITION BY m.`value` ORDER BY m.`record_id`) AS n FROM "+
			from+" WHERE "+where.SQL+") s WHERE n <= ? ORDER BY `value`, `record_id`", append(where.Args, maxSharers)...)
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
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// comparable returns the condition under which a key m of a record t may tell the actor something: the record is in sight,
// and shows the field that the key was made of. needsRecord reports whether the condition speaks of t.
func (tx *Tx) comparable(k *model.Kind) (cond access.Cond, needsRecord bool) {
	if tx.system {
		return access.Cond{}, false
	}
	sight := tx.Actor.Sight(tx.w.Set, k, "t", access.Read, tx.Now)
	if sight.IsFalse() {
		return sight, false
	}
	var whole []any
	var shown []access.Cond
	all := true
	for _, f := range k.Fields {
		if f.Duplicate == 0 {
			continue
		}
		shows, everywhere := tx.Actor.FieldCond(tx.w.Set, k, f, "t", tx.Now)
		switch {
		case everywhere:
			whole = append(whole, fieldCode(f))
			continue
		case !shows.IsFalse():
			needsRecord = true
			shown = append(shown, access.And(access.Cond{SQL: "m.`field` = ?", Args: []any{fieldCode(f)}}, shows))
		}
		all = false
	}
	needsRecord = needsRecord || !sight.IsTrue()
	if all {
		return sight, needsRecord
	}
	if len(whole) > 0 {
		shown = append(shown, access.Cond{SQL: "m.`field` IN (?" + strings.Repeat(",?", len(whole)-1) + ")", Args: whole})
	}
	if len(shown) == 0 {
		return access.Not(access.Cond{}), false
	}
	return access.And(sight, access.Or(shown...)), needsRecord
}

// keysOf returns the keys of records that may tell the actor something.
func (tx *Tx) keysOf(ctx context.Context, k *model.Kind, sharers map[int64][]id.ID) (map[id.ID][]matchKey, error) {
	out := map[id.ID][]matchKey{}
	var ids []id.ID
	for _, xs := range sharers {
		for _, x := range xs {
			if _, known := out[x]; !known {
				out[x] = nil
				ids = append(ids, x)
			}
		}
	}
	slices.SortFunc(ids, id.ID.Compare)
	fields := map[int64]*model.Field{}
	for _, f := range k.Fields {
		if f.Duplicate > 0 {
			fields[fieldCode(f)] = f
		}
	}
	cond, needsRecord := tx.comparable(k)
	from := "`match_keys` m"
	if needsRecord {
		from += " JOIN `" + k.Table + "` t ON t.`id` = m.`record_id`"
	}
	for part := range slices.Chunk(ids, lookupKeys) {
		where := access.And(access.Cond{SQL: "m.`record_id` IN (?" + strings.Repeat(",?", len(part)-1) + ")", Args: anys(part)}, cond)
		rows, err := tx.QueryContext(ctx, "SELECT m.`record_id`, m.`value`, m.`type`, m.`field` FROM "+from+" WHERE "+where.SQL+" ORDER BY m.`record_id`, m.`value`", where.Args...)
		if err != nil {
			return nil, err
		}
		err = eachRow(rows, func() error {
			var x id.ID
			var key matchKey
			var field int64
			if err := rows.Scan(&x, &key.Value, &key.Type, &field); err != nil {
				return err
			}
			if key.field = fields[field]; key.field != nil {
				out[x] = append(out[x], key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
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

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// eachRow calls fn for every row and closes rows.
func eachRow(rows *sql.Rows, fn func() error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanIDs(rows *sql.Rows) ([]id.ID, error) {
	var ids []id.ID
	err := eachRow(rows, func() error {
		var x id.ID
		err := rows.Scan(&x)
		ids = append(ids, x)
		return err
	})
	return ids, err
}

// derived are the values of fields that Farley keeps, from the fields that they are kept from. The rules use them too.
var derived = map[string]func(from teller) string{
	"domain":      func(t teller) string { s, _ := Format("URL", t.text("website")); return Domain(s) },
	"displayName": displayName,
}

// DisplayName returns the name to show for a person: given and family name, or else the native one, or else the primary
// e-mail address.
func DisplayName(c *Change) string {
	return cmp.Or(displayName(fromChange(c)), Primary(c.Text("emails"), "address"))
}

// displayName returns the name of a person, or else of the company.
func displayName(t teller) string {
	full := strings.TrimSpace(strings.TrimSpace(t.text("givenName")) + " " + strings.TrimSpace(t.text("familyName")))
	return cmp.Or(full, strings.TrimSpace(t.text("nativeName")), strings.TrimSpace(t.text("company")))
}
