package write

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
)

// MaxLosers is how many records are merged into another one at once.
const MaxLosers = 50

// mergeAction is the named action that merging needs on all records concerned.
const mergeAction = "MERGE"

// Take says that a field of the survivor gets the value that another one of the merged records has.
type Take struct {
	Field string // model.Field.Const
	From  id.ID
}

// MergeRequest says which records become one.
type MergeRequest struct {
	Kind            *model.Kind
	Survivor        id.ID
	Losers          []id.ID
	Take            []Take
	ExpectedVersion *int64 // of the survivor
}

// Moved counts records, or rows beside the records, that pointed at the losers.
type Moved struct {
	Relation string `json:"relation"`
	Count    int    `json:"count"`
}

// Merge makes one record of several: everything that pointed at the losers points at the survivor, each with one change row;
// what would be there twice becomes one; the survivor gets what it lacks of the losers' values; the losers go to the bin for
// good, and their ids stand for the survivor from then on. It counts what the actor sees of what moved.
//
// The number of statements depends on the number of kinds and on batches, not on the number of records that move. It
// returns NOT_FOUND for what is not in sight, FORBIDDEN without the action MERGE on each of the records.
func (tx *Tx) Merge(ctx context.Context, r MergeRequest) ([]Moved, error) {
	m := &merge{tx: tx, MergeRequest: r, loser: map[id.ID]bool{}, kinds: map[*model.Kind]*movedKind{}}
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	values, err := m.values(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{m.gather, m.plan, m.write, m.aside, m.retire} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.survive(ctx, values); err != nil {
		return nil, err
	}
	if err := m.tell(ctx); err != nil {
		return nil, err
	}
	if follow := tx.w.Merged[m.Kind.Name]; follow != nil {
		if err := follow(ctx, tx, m.Survivor); err != nil {
			return nil, err
		}
	}
	return m.moved, nil
}

// merge is the work on one merge.
type merge struct {
	MergeRequest
	tx       *Tx
	loser    map[id.ID]bool
	survivor *Record
	losers   []*Record
	kinds    map[*model.Kind]*movedKind
	order    []*movedKind
	moved    []Moved
}

// movedKind are the records of one kind that point at the losers.
type movedKind struct {
	kind   *model.Kind
	fields []*model.Field // by which they do
	rows   []*movedRow
	byID   map[id.ID]*movedRow
	known  map[id.ID]*movedRow // with those that point at the survivor already, where doubles count
	fill   map[id.ID]map[string]any
}

// movedRow is one of them.
type movedRow struct {
	id      id.ID
	old     map[string]any
	new     map[string]any
	before  *access.Keys
	moves   bool
	changes map[*model.Field]bool
}

func (r *movedRow) set(f *model.Field, v any) {
	r.new[f.Column] = v
	r.changes[f] = true
}

func (r *movedRow) live() bool { return r.new["deleted_at"] == nil }

// check looks at the request alone.
func (m *merge) check() error {
	var p fault.Violations
	if m.Survivor.Kind() != m.Kind.Code {
		p.Add([]any{"input", "survivor"}, "FORMAT", "This is not an id of the right kind.")
	}
	switch {
	case len(m.Losers) == 0:
		p.Add([]any{"input", "losers"}, "REQUIRED", "This field is required.")
	case len(m.Losers) > MaxLosers:
		p.Add([]any{"input", "losers"}, "TOO_LONG", "The list is longer than %d.", MaxLosers)
	}
	for i, x := range m.Losers {
		switch {
		case i >= MaxLosers:
		case x.Kind() != m.Kind.Code:
			p.Add([]any{"input", "losers", i}, "FORMAT", "This is not an id of the right kind.")
		case x == m.Survivor || m.loser[x]:
			p.Add([]any{"input", "losers", i}, "TAKEN", "This record is named twice.")
		}
		m.loser[x] = true
	}
	return p.Err()
}

// lock locks the merged records, in the order of their ids so that two merges do not wait for each other, and decides
// whether the actor may merge them.
func (m *merge) lock(ctx context.Context) error {
	tx := m.tx
	all := append([]id.ID{m.Survivor}, m.Losers...)
	for _, x := range sorted(all) {
		if err := tx.claim(ctx, x); err != nil { // see Hold
			return err
		}
	}
	found, err := tx.lockAll(ctx, m.Kind, all)
	if err != nil {
		return err
	}
	for i, x := range all {
		r := found[x]
		if r == nil || r.InBin() || !tx.may(r, access.Read) {
			if i == 0 {
				return fault.New(fault.NotFound, "There is no %s with this id.", m.Kind.Name).At("input", "survivor")
			}
			return fault.New(fault.NotFound, "There is no %s with this id.", m.Kind.Name).At("input", "losers", i-1)
		}
		if i == 0 {
			m.survivor = r
			continue
		}
		m.losers = append(m.losers, r)
	}
	for _, r := range append([]*Record{m.survivor}, m.losers...) {
		if !tx.may(r, mergeAction) {
			return fault.New(fault.Forbidden, "You may not do this to this %s.", m.Kind.Name)
		}
		if r.Values["status"] == "CONVERTED" {
			return fault.New(fault.Conflict, "A converted lead cannot be merged.")
		}
		if s := r.Values["status"]; s == "WON" || s == "LOST" {
			return fault.New(fault.Conflict, "A closed deal cannot be merged: reopen it first.")
		}
	}
	return ExpectVersion(m.survivor, m.ExpectedVersion)
}

// lockAll locks records and reads them by few statements.
func (tx *Tx) lockAll(ctx context.Context, k *model.Kind, ids []id.ID) (map[id.ID]*Record, error) {
	out := map[id.ID]*Record{}
	for part := range slices.Chunk(ids, manyIDs) {
		rows, err := tx.rows(ctx, k, "`id` IN "+placeholders(len(part))+" ORDER BY `id`"+tx.Dialect.ForUpdate(), anys(part)...)
		if err != nil {
			return nil, err
		}
		keys, err := tx.keysMany(ctx, k, rows)
		if err != nil {
			return nil, err
		}
		for _, values := range rows {
			x := idOf(values["id"])
			out[x] = &Record{Kind: k, ID: x, Values: values, Keys: keys[x]}
			tx.locked[x] = out[x]
		}
	}
	return out, nil
}

// manyIDs is how many ids stand in one statement.
const manyIDs = 2000

func placeholders(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }

// gather reads what points at the losers.
func (m *merge) gather(ctx context.Context) error {
	for _, ref := range references(m.tx.w.Set, m.Kind) {
		k := m.kinds[ref.kind]
		if k == nil {
			k = &movedKind{kind: ref.kind, byID: map[id.ID]*movedRow{}, known: map[id.ID]*movedRow{}, fill: map[id.ID]map[string]any{}}
			m.kinds[ref.kind] = k
			m.order = append(m.order, k)
		}
		k.fields = append(k.fields, ref.field)
		if err := m.pointing(ctx, k, ref.field, m.Losers, true); err != nil {
			return err
		}
	}
	for _, k := range m.order {
		if len(k.kind.Once) > 0 && len(k.rows) > 0 {
			for _, f := range k.fields {
				if err := m.pointing(ctx, k, f, []id.ID{m.Survivor}, false); err != nil {
					return err
				}
			}
		}
		values := make([]map[string]any, len(k.rows))
		for i, r := range k.rows {
			values[i] = r.old
		}
		keys, err := m.tx.keysMany(ctx, k.kind, values)
		if err != nil {
			return err
		}
		for _, r := range k.rows {
			r.before = keys[r.id]
		}
	}
	return nil
}

// pointing reads the records that point at one of the ids by a field: those that move, or those that are there.
func (m *merge) pointing(ctx context.Context, k *movedKind, f *model.Field, ids []id.ID, move bool) error {
	rows, err := m.tx.rows(ctx, k.kind, "`"+f.Column+"` IN "+placeholders(len(ids))+" ORDER BY `id`"+m.tx.Dialect.ForUpdate(), anys(ids)...)
	if err != nil {
		return err
	}
	for _, values := range rows {
		x := idOf(values["id"])
		if k.known[x] != nil || m.loser[x] || x == m.Survivor {
			continue // what the merged records say of each other is theirs
		}
		r := &movedRow{id: x, old: values, new: maps.Clone(values), moves: move, changes: map[*model.Field]bool{}}
		k.known[x] = r
		if move {
			k.rows, k.byID[x] = append(k.rows, r), r
		}
	}
	return nil
}

// soles are truth values that hold of one live record at most among those that a field leads to the same from.
var soles = map[string][2]string{"AccountContact": {"isPrimary", "contact"}}

// ends are instants at which what is kept of a loser ends.
var ends = map[string]string{"StageHistory": "leftAt"}

// plan decides what becomes of what points at the losers.
func (m *merge) plan(context.Context) error {
	for _, k := range m.order {
		for _, r := range k.rows {
			for _, f := range k.fields {
				if m.loser[idOf(r.old[f.Column])] {
					r.set(f, m.Survivor)
				}
			}
			if f := k.kind.Field(ends[k.kind.Name]); f != nil && r.new[f.Column] == nil && r.live() {
				r.set(f, m.tx.Now)
			}
			if r.live() && m.self(k.kind, r) {
				r.set(k.kind.Field("deletedAt"), m.tx.Now)
			}
		}
		m.count(k)
		m.doubles(k)
		if sole, ok := soles[k.kind.Name]; ok {
			m.sole(k, k.kind.Field(sole[0]), k.kind.Field(sole[1]))
		}
	}
	return nil
}

// self reports whether a record relates the survivor to itself now.
func (m *merge) self(k *model.Kind, r *movedRow) bool {
	n := 0
	for _, name := range k.Parents {
		if idOf(r.new[k.Field(name).Column]) == m.Survivor {
			n++
		}
	}
	return n > 1
}

// count counts what moves of what the actor may know of: records in sight that show him the relation.
func (m *merge) count(k *movedKind) {
	for _, f := range k.fields {
		n := 0
		for _, r := range k.rows {
			if m.loser[idOf(r.old[f.Column])] && r.old["deleted_at"] == nil && m.knows(k.kind, f, r) {
				n++
			}
		}
		if n > 0 {
			m.moved = append(m.moved, Moved{k.kind.Plural + "." + f.Name, n})
		}
	}
}

func (m *merge) knows(k *model.Kind, f *model.Field, r *movedRow) bool {
	tx := m.tx
	if tx.system {
		return true
	}
	if !k.Link {
		return tx.Actor.May(tx.w.Set, k, r.before, access.Read, tx.Now) && tx.Actor.ReadsField(tx.w.Set, k, f, r.before, tx.Now)
	}
	for _, other := range k.Fields {
		if other.Type != model.Ref || other == f || other.Write == model.Never {
			continue
		}
		if to := tx.w.Set.Kind(other.Target); to.Sight != model.Reference || !tx.Actor.Policy.Readable(to) {
			return false
		}
	}
	return true
}

// doubles moves to the bin what is there twice now: live records with equal values in all of model.Kind.Once, whose titles
// do not contradict each other. One that was the survivor's stays, else the oldest; it gets the texts and truth values that
// it lacks.
func (m *merge) doubles(k *movedKind) {
	if len(k.kind.Once) == 0 {
		return
	}
	kept := map[string][]*movedRow{}
	for _, r := range slices.SortedFunc(maps.Values(k.known), func(a, b *movedRow) int {
		if a.moves != b.moves {
			if b.moves {
				return -1
			}
			return 1
		}
		return a.id.Compare(b.id)
	}) {
		if !r.live() {
			continue
		}
		key := onceKey(k.kind, r.new)
		i := slices.IndexFunc(kept[key], func(o *movedRow) bool { return !contradict(k.kind, o.new, r.new) })
		if i < 0 || !r.moves {
			kept[key] = append(kept[key], r)
			continue
		}
		into := kept[key][i]
		for _, f := range k.kind.Fields {
			if f.Write == model.Never || f.Internal || into.new[f.Column] != nil && into.new[f.Column] != false {
				continue
			}
			if (f.Type == model.String || f.Type == model.Text) && r.new[f.Column] != nil || f.Type == model.Bool && r.new[f.Column] == true {
				if k.fill[into.id] == nil {
					k.fill[into.id] = map[string]any{}
				}
				k.fill[into.id][f.Column], into.new[f.Column] = r.new[f.Column], r.new[f.Column]
				if f.Type == model.Bool {
					r.set(f, false)
				}
			}
		}
		for _, f := range k.kind.Fields {
			if f.Unique {
				r.new[f.Key] = nil
			}
		}
		r.set(k.kind.Field("deletedAt"), m.tx.Now)
	}
}

func onceKey(k *model.Kind, values map[string]any) string {
	var b strings.Builder
	for _, name := range k.Once {
		for _, column := range k.Field(name).Columns() {
			switch v := values[column].(type) {
			case nil:
			case string:
				b.WriteString(text.Fold(v))
			case id.ID:
				b.WriteString(v.String())
			case time.Time:
				b.WriteString(v.Format(time.RFC3339Nano))
			default:
				b.Write(mustJSON(v))
			}
			b.WriteByte(0)
		}
	}
	return b.String()
}

func contradict(k *model.Kind, a, b map[string]any) bool {
	f := k.Field(k.Title)
	if f == nil || f.Type != model.String {
		return false
	}
	x, _ := a[f.Column].(string)
	y, _ := b[f.Column].(string)
	return x != "" && y != "" && text.Fold(x) != text.Fold(y)
}

// sole leaves a truth value with one of the live records.
func (m *merge) sole(k *movedKind, flag, of *model.Field) {
	taken := map[id.ID]bool{}
	for _, there := range []bool{true, false} {
		for _, r := range slices.SortedFunc(maps.Values(k.known), func(a, b *movedRow) int { return a.id.Compare(b.id) }) {
			if r.moves == there || !r.live() || r.new[flag.Column] != true {
				continue
			}
			x := idOf(r.new[of.Column])
			if taken[x] && r.moves {
				r.set(flag, false)
			}
			taken[x] = true
		}
	}
}

// write changes what points at the losers, in batches.
func (m *merge) write(ctx context.Context) error {
	for _, k := range m.order {
		extra := map[string][]*movedRow{} // by what changes beside the relation
		for _, r := range k.rows {
			var what []string
			for _, f := range k.kind.Fields {
				if r.changes[f] && !slices.Contains(k.fields, f) {
					what = append(what, f.Name)
				}
			}
			key := strings.Join(what, ",")
			extra[key] = append(extra[key], r)
		}
		for _, key := range slices.Sorted(maps.Keys(extra)) {
			for part := range slices.Chunk(extra[key], manyIDs) {
				if err := m.update(ctx, k, part, key); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (m *merge) update(ctx context.Context, k *movedKind, rows []*movedRow, extra string) error {
	tx := m.tx
	var set []string
	var args []any
	for _, f := range k.fields {
		set = append(set, "`"+f.Column+"` = CASE WHEN `"+f.Column+"` IN "+placeholders(len(m.Losers))+" THEN ? ELSE `"+f.Column+"` END")
		args = append(append(args, anys(m.Losers)...), m.Survivor)
	}
	for name := range strings.SplitSeq(extra, ",") {
		f := k.kind.Field(name)
		if f == nil {
			continue
		}
		set, args = append(set, "`"+f.Column+"` = ?"), append(args, rows[0].new[f.Column])
		if f.Name != "deletedAt" {
			continue
		}
		for _, u := range k.kind.Fields {
			if u.Unique {
				set = append(set, "`"+u.Key+"` = NULL")
			}
		}
	}
	set = append(set, "`version` = `version` + 1", "`updated_at` = ?", "`updated_by_id` = ?")
	args = append(args, tx.Now, orNull(tx.Actor.User))
	for _, r := range rows {
		args = append(args, r.id)
		delete(tx.locked, r.id)
		version, _ := r.old["version"].(int64)
		r.new["version"], r.new["updated_at"], r.new["updated_by_id"] = version+1, tx.Now, orNull(tx.Actor.User)
	}
	_, err := tx.ExecContext(ctx, "UPDATE `"+k.kind.Table+"` SET "+strings.Join(set, ", ")+" WHERE `id` IN "+placeholders(len(rows)), args...)
	return err
}

func orNull(x id.ID) any {
	if x.IsZero() {
		return nil
	}
	return x
}

// aside lets the tables follow that hold no records.
func (m *merge) aside(ctx context.Context) error {
	tx := m.tx
	args := append([]any{m.Survivor}, anys(m.Losers)...)
	done, err := tx.ExecContext(ctx, "UPDATE external_refs SET record_id = ? WHERE record_id IN "+placeholders(len(m.Losers)), args...)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err != nil {
		return err
	}
	if n > 0 {
		m.moved = append(m.moved, Moved{"externalRefs", int(n)})
	}
	for _, mover := range tx.w.Move {
		total := 0
		for _, x := range m.Losers {
			n, err := mover.Move(ctx, tx, m.Kind, x, m.Survivor)
			if err != nil {
				return err
			}
			total += n
		}
		if total > 0 && mover.Relation != "" {
			m.moved = append(m.moved, Moved{mover.Relation, total})
		}
	}
	slices.SortStableFunc(m.moved, func(a, b Moved) int { return cmp.Compare(a.Relation, b.Relation) })
	return m.decisions(ctx)
}

// decisions lets the decisions that records are not the same follow. Those about two of the merged records are gone.
func (m *merge) decisions(ctx context.Context) error {
	tx := m.tx
	in := placeholders(len(m.Losers))
	where := " FROM `not_duplicates` WHERE `a_id` IN " + in + " OR `b_id` IN " + in
	args := append(anys(m.Losers), anys(m.Losers)...)
	rows, err := tx.QueryContext(ctx, "SELECT `a_id`, `b_id`, `decided_by`, `decided_at`"+where, args...)
	if err != nil {
		return err
	}
	type decision struct {
		a, b, by id.ID
		at       time.Time
	}
	var all []decision
	err = eachRow(rows, func() error {
		var d decision
		err := rows.Scan(&d.a, &d.b, &d.by, &d.at)
		all = append(all, d)
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE"+where, args...); err != nil {
		return err
	}
	for part := range slices.Chunk(all, insertKeys) {
		var values []any
		n := 0
		for _, d := range part {
			for _, x := range []*id.ID{&d.a, &d.b} {
				if m.loser[*x] {
					*x = m.Survivor
				}
			}
			if d.a == d.b {
				continue
			}
			if d.a.Compare(d.b) > 0 {
				d.a, d.b = d.b, d.a
			}
			values = append(values, d.a, d.b, d.by, d.at)
			n++
		}
		if n == 0 {
			continue
		}
		_, err := tx.ExecContext(ctx, tx.insertIgnore()+" INTO `not_duplicates` (`a_id`, `b_id`, `decided_by`, `decided_at`) VALUES (?,?,?,?)"+strings.Repeat(",(?,?,?,?)", n-1), values...)
		if err != nil {
			return err
		}
	}
	return nil
}

// retire moves the losers to the bin for good, and has their ids lead to the survivor.
func (m *merge) retire(ctx context.Context) error {
	tx, k := m.tx, m.Kind
	set := []string{"`deleted_at` = ?", "`version` = `version` + 1", "`updated_at` = ?", "`updated_by_id` = ?"}
	args := []any{tx.Now, tx.Now, orNull(tx.Actor.User)}
	for _, f := range k.Fields {
		switch {
		case f.Unique:
			set = append(set, "`"+f.Key+"` = NULL")
		case f.Type == model.Ref && f.Target == k.Name: // nothing leads to a loser any more, not even another one
			set = append(set, "`"+f.Column+"` = CASE WHEN `"+f.Column+"` IN "+placeholders(len(m.Losers))+" THEN ? ELSE `"+f.Column+"` END")
			args = append(append(args, anys(m.Losers)...), m.Survivor)
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET "+strings.Join(set, ", ")+" WHERE `id` IN "+placeholders(len(m.Losers)), append(args, anys(m.Losers)...)...)
	if err != nil {
		return err
	}
	if err := tx.flushKeys(ctx); err != nil {
		return err
	}
	for _, table := range []string{"match_keys", "record_phones"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM `"+table+"` WHERE `record_id` IN "+placeholders(len(m.Losers)), anys(m.Losers)...); err != nil {
			return err
		}
	}
	for _, r := range m.losers {
		tx.append(ctx, change.Row{Kind: k.Code, Record: r.ID, Op: change.Merged, Version: r.Version() + 1, Before: r.Keys})
		delete(tx.locked, r.ID)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE `record_redirects` SET `to_id` = ? WHERE `to_id` IN "+placeholders(len(m.Losers)), append([]any{m.Survivor}, anys(m.Losers)...)...); err != nil {
		return err
	}
	var rows []any
	for _, x := range m.Losers {
		rows = append(rows, x, m.Survivor, m.Survivor, tx.Actor.User, tx.Now)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO `record_redirects` (`from_id`, `to_id`, `into_id`, `merged_by`, `merged_at`) VALUES (?,?,?,?,?)"+strings.Repeat(",(?,?,?,?,?)", len(m.Losers)-1), rows...)
	return err
}

// survive gives the survivor its values, and one change row with who sees it now.
func (m *merge) survive(ctx context.Context, values map[string]any) error {
	tx, x := m.tx, m.Survivor
	at := len(tx.changes)
	err := tx.Set(ctx, m.Kind, x, values)
	if errors.Is(err, errUnchanged) {
		err = tx.reshared(ctx, m.survivor, m.survivor.Keys)
	}
	if err != nil {
		return err
	}
	fields := m.linksOf()
	for i := at; i < len(tx.changes); i++ {
		row := &tx.changes[i]
		if row.Record != x {
			continue
		}
		row.Fields = append(row.Fields, fields...)
		fields = nil
		if row.After == nil {
			continue
		}
		after := *row.After
		if m.Kind.Shareable {
			if after.Shares, err = tx.shares(ctx, x); err != nil {
				return err
			}
		}
		if m.Kind.Participants != nil {
			if after.Participants, err = tx.participants(ctx, m.Kind, x); err != nil {
				return err
			}
		}
		row.After = &after
		if r := tx.locked[x]; r != nil {
			r.Keys = &after
		}
	}
	return nil
}

// linksOf says which written relations of the survivor have changed by what moved.
func (m *merge) linksOf() []change.FieldChange {
	var out []change.FieldChange
	for _, f := range m.Kind.Fields {
		if f.Through == nil || f.Write == model.Never {
			continue
		}
		link := m.tx.w.Set.Kind(f.Through.Link)
		k := m.kinds[link]
		if k == nil {
			continue
		}
		from, to := link.Field(f.Through.From).Column, link.Field(f.Through.To).Column
		var before, after []id.ID
		for _, r := range k.known {
			if !r.moves && r.live() && idOf(r.old[from]) == m.Survivor {
				before = append(before, idOf(r.old[to]))
			}
			if r.live() && idOf(r.new[from]) == m.Survivor {
				after = append(after, idOf(r.new[to]))
			}
		}
		if len(after) > len(before) {
			out = append(out, change.FieldChange{Field: f.Name, Old: mustJSON(idTexts(before)), New: mustJSON(idTexts(after))})
		}
	}
	return out
}

// tell writes a change row for every record that moved, and completes what stays of doubles.
func (m *merge) tell(ctx context.Context) error {
	tx := m.tx
	for _, k := range m.order {
		values := make([]map[string]any, len(k.rows))
		for i, r := range k.rows {
			values[i] = r.new
		}
		keys, err := tx.keysMany(ctx, k.kind, values)
		if err != nil {
			return err
		}
		for _, r := range k.rows {
			version, _ := r.new["version"].(int64)
			row := change.Row{Kind: k.kind.Code, Record: r.id, Op: change.Updated, Version: version, Before: r.before, After: keys[r.id]}
			for _, f := range k.kind.Fields {
				if !r.changes[f] {
					continue
				}
				row.Fields = append(row.Fields, change.FieldChange{
					Field: f.Name, Old: tx.json(f, func(c string) any { return r.old[c] }), New: tx.json(f, func(c string) any { return r.new[c] }),
				})
				if f.Name == "deletedAt" {
					row.Op = change.Deleted
				}
			}
			tx.append(ctx, row)
		}
		for _, x := range slices.SortedFunc(maps.Keys(k.fill), id.ID.Compare) {
			if err := tx.Set(ctx, k.kind, x, k.fill[x]); err != nil && !errors.Is(err, errUnchanged) {
				return err
			}
		}
	}
	return nil
}

// Redirect returns the record for which the id of a merged one stands, the zero ID for any other id. It says nothing about
// who may see it.
func Redirect(ctx context.Context, q Querier, x id.ID) (id.ID, error) {
	var to id.ID
	err := q.QueryRow(ctx, "SELECT `to_id` FROM `record_redirects` WHERE `from_id` = ?", []any{x}, &to)
	if isNoRows(err) {
		err = nil
	}
	return to, err
}

// Redirects is Redirect for several ids.
func Redirects(ctx context.Context, q db.Querier, ids []id.ID) (map[id.ID]id.ID, error) {
	rows, err := q.QueryContext(ctx, "SELECT `from_id`, `to_id` FROM `record_redirects` WHERE `from_id` IN "+placeholders(len(ids)), anys(ids)...)
	if err != nil {
		return nil, err
	}
	out := map[id.ID]id.ID{}
	err = eachRow(rows, func() error {
		var from, to id.ID
		err := rows.Scan(&from, &to)
		out[from] = to
		return err
	})
	return out, err
}

// MergedInto returns, for each of the ids, the records that were merged into it, the last ones first, at most 500 in all.
func MergedInto(ctx context.Context, q db.Querier, ids []id.ID) (map[id.ID][]id.ID, error) {
	rows, err := q.QueryContext(ctx, "SELECT `from_id`, `to_id` FROM `record_redirects` WHERE `to_id` IN "+placeholders(len(ids))+
		" ORDER BY `merged_at` DESC, `from_id` LIMIT ?", append(anys(ids), maxMergedInto)...)
	if err != nil {
		return nil, err
	}
	out := map[id.ID][]id.ID{}
	err = eachRow(rows, func() error {
		var from, to id.ID
		err := rows.Scan(&from, &to)
		out[to] = append(out[to], from)
		return err
	})
	return out, err
}

const maxMergedInto = 500

// ForgetRedirects drops the ids that stand for a record that is purged: for Writer.Forget. The id of a merged record stands
// for its survivor when the merged one itself has been purged.
func ForgetRedirects(ctx context.Context, tx *Tx, k *model.Kind, x id.ID) error {
	if !k.Mergeable() {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM `record_redirects` WHERE `to_id` = ?", x); err != nil {
		return err
	}
	for _, column := range []string{"a_id", "b_id"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM `not_duplicates` WHERE `"+column+"` = ?", x); err != nil {
			return err
		}
	}
	return nil
}
