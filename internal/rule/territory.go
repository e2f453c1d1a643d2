package rule

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/text"
	"farley/internal/write"
)

// territory is what decides which records lie in a territory. Snapshots of it are kept in jobs, so the JSON names stay.
type territory struct {
	ID        id.ID           `json:"i"`
	Parent    id.ID           `json:"p,omitzero"`
	Priority  *int64          `json:"n,omitempty"`
	CreatedAt time.Time       `json:"c"`
	Rules     []territoryRule `json:"r,omitempty"`

	depth int
}

// territoryRule holds for the records that have all its values; texts are folded, "" is no condition.
type territoryRule struct {
	Country  string `json:"c,omitempty"`
	Region   string `json:"r,omitempty"`
	City     string `json:"t,omitempty"`
	Industry string `json:"i,omitempty"`
}

// territories are all that are not in the bin, the one that wins over others before them.
type territories []territory

// rulebook reads the territories, and remembers how their rules read. It is safe for concurrent use.
type rulebook struct {
	mu    sync.Mutex
	known map[string][]territoryRule // by their stored form
}

// maxKnown bounds what a rulebook remembers.
const maxKnown = 5000

// rules reads stored rules. The result must not be changed.
func (b *rulebook) rules(stored string) []territoryRule {
	if stored == "" {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if rules, ok := b.known[stored]; ok {
		return rules
	}
	if len(b.known) >= maxKnown || b.known == nil {
		b.known = map[string][]territoryRule{}
	}
	rules := []territoryRule{}
	for _, o := range write.Embedded(stored) {
		rules = append(rules, readRule(o))
	}
	b.known[stored] = rules
	return rules
}

// readRule folds a rule, or the part of an address that rules look at.
func readRule(o map[string]any) territoryRule {
	part := func(name string) string { return text.Fold(member(o, name)) }
	return territoryRule{Country: member(o, "country"), Region: part("region"), City: part("city"), Industry: part("industry")}
}

// load reads the territories with a lock: a record that is placed and a change of the rules take turns, so
// that the job which follows the change sees the record. (A record made while the first territory of all is made may
// come too early for both.)
func (b *rulebook) load(ctx context.Context, q db.Querier, lock string) (territories, error) {
	rows, err := q.QueryContext(ctx, "SELECT `id`, `parent_id`, `priority`, `created_at`, `rules` FROM `territories` WHERE `deleted_at` IS NULL ORDER BY `id`"+lock)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all territories
	for rows.Next() {
		var t territory
		var priority sql.NullInt64
		var rules sql.NullString
		if err := rows.Scan(&t.ID, &t.Parent, &priority, &t.CreatedAt, &rules); err != nil {
			return nil, err
		}
		if priority.Valid {
			t.Priority = &priority.Int64
		}
		t.CreatedAt = t.CreatedAt.UTC()
		t.Rules = b.rules(rules.String)
		all = append(all, t)
	}
	all.rank()
	return all, rows.Err()
}

// now is load for a record that is placed, once in a transaction.
func (b *rulebook) now(ctx context.Context, tx *write.Tx) (territories, error) {
	return write.Remember(tx, "territories", []string{"Territory"}, func() (territories, error) {
		return b.load(ctx, tx, tx.Dialect.ForShare())
	})
}

// rank orders by who wins: the deepest in the tree, then the smallest priority, then the oldest.
func (ts territories) rank() {
	parents := make(map[id.ID]id.ID, len(ts))
	for _, t := range ts {
		parents[t.ID] = t.Parent
	}
	for i := range ts {
		above := ts[i].Parent
		for ts[i].depth = 0; ts[i].depth < maxChain; ts[i].depth++ {
			next, live := parents[above]
			if !live { // what is in the bin is above nothing
				break
			}
			above = next
		}
	}
	slices.SortFunc(ts, func(a, b territory) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), comparePriority(a.Priority, b.Priority), a.CreatedAt.Compare(b.CreatedAt), a.ID.Compare(b.ID))
	})
}

// comparePriority has those without a number last.
func comparePriority(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*a, *b)
}

// place returns the territory in which a record lies by the rules, zero for none. addresses is a stored list.
func (ts territories) place(addresses, industry string) id.ID {
	var at map[string]any
	if list := write.Embedded(addresses); len(list) > 0 {
		at = list[0]
	}
	is := readRule(at)
	is.Industry = text.Fold(industry)
	if is == (territoryRule{}) {
		return id.ID{}
	}
	for _, t := range ts {
		if slices.ContainsFunc(t.Rules, func(r territoryRule) bool { return r.fits(is) }) {
			return t.ID
		}
	}
	return id.ID{}
}

func (r territoryRule) fits(is territoryRule) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	return r != (territoryRule{}) && fits(r.Country, is.Country) && fits(r.Region, is.Region) && fits(r.City, is.City) && fits(r.Industry, is.Industry)
}

// placing are the fields that place a record.
var placing = []string{"addresses", "industry"}

// placedByRule gives a new record the territory in which it lies by the rules.
func (b *rulebook) placedByRule(ctx context.Context, c *write.Change) error {
	if !c.Kind.Placed || !c.Created() || !c.Ref("territory").IsZero() || c.Text("addresses") == "" && c.Text("industry") == "" {
		return nil
	}
	ts, err := b.now(ctx, c.Tx)
	if err != nil {
		return err
	}
	c.Set("territory", ts.place(c.Text("addresses"), c.Text("industry")))
	return nil
}

// placedAnew follows a record that had been placed by the rules to where it lies now. A territory that somebody gave it
// stays.
func (b *rulebook) placedAnew(ctx context.Context, c *write.Change) error {
	if !c.Kind.Placed || c.Created() || c.Given("territory") {
		return nil
	}
	moved := slices.ContainsFunc(placing, func(name string) bool { return c.Kind.Field(name) != nil && c.Changes(name) })
	if !moved {
		return nil
	}
	ts, err := b.now(ctx, c.Tx)
	if err != nil {
		return err
	}
	if c.Ref("territory") == ts.of(c.Old) {
		c.Set("territory", ts.place(c.Text("addresses"), c.Text("industry")))
	}
	return nil
}

// of is place of a stored record.
func (ts territories) of(r *write.Record) id.ID {
	addresses, _ := r.Values["addresses"].(string)
	industry, _ := r.Values["industry"].(string)
	return ts.place(addresses, industry)
}

// Jobs takes work to be done after the transaction is committed. *job.Runner is one.
type Jobs interface {
	Enqueue(ctx context.Context, tx *db.Tx, j job.Job) (id.ID, error)
}

// PlacementJob is the kind of the jobs that move records after the rules of territories have changed.
const PlacementJob = "territory-placement"

// placement is the payload of a PlacementJob: the territories before the change, as zipped JSON.
type placement struct {
	Before []byte `json:"before"`
}

// territoryMoves has a job move the records that had been placed by the rules, when these change.
func (b *rulebook) territoryMoves(jobs Jobs) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		if jobs == nil || !c.Created() && !slices.ContainsFunc([]string{"rules", "parent", "priority", "deletedAt"}, c.Changes) || c.Created() && c.Text("rules") == "" {
			return nil
		}
		before, err := b.load(ctx, c.Tx, c.Tx.Dialect.ForUpdate())
		if err != nil {
			return err
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		if err := json.NewEncoder(z).Encode(before); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		c.Then(func(ctx context.Context) error {
			_, err := jobs.Enqueue(ctx, c.Tx.Tx, job.Job{Kind: PlacementJob, Payload: placement{zipped.Bytes()}, CreatedBy: c.Tx.Actor.User})
			return err
		})
		return nil
	}
}

// territoryRules refuses rules without a condition, and the same rule twice.
func territoryRules(_ context.Context, c *write.Change) error {
	if !c.Changes("rules") {
		return nil
	}
	seen := map[territoryRule]bool{}
	for i, o := range write.Embedded(c.Text("rules")) {
		r := readRule(o)
		switch {
		case r == (territoryRule{}):
			c.Problems.Add([]any{"input", "rules", i, "country"}, "REQUIRED", "A rule needs at least one condition.")
		case seen[r]:
			c.Problems.Add([]any{"input", "rules", i}, "TAKEN", "This value is taken.")
		}
		seen[r] = true
	}
	return nil
}

const (
	placeBatch = 500 // records looked at in one statement
	placeWrite = 50  // records moved in one transaction
)

// RegisterPlacement has the runner do PlacementJobs. A job walks all live records that have a territory or might, and
// moves, as Farley itself, those whose territory is the one that the rules gave them before the change. Repeating it
// changes nothing, so it may be cut short anywhere.
func RegisterPlacement(runner *job.Runner, w *write.Writer) {
	book := &rulebook{}
	runner.Register(PlacementJob, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		var payload placement
		if err := run.Decode(&payload); err != nil {
			return err
		}
		before, err := payload.territories()
		if err != nil {
			return job.Permanent(err)
		}
		p := &placer{w: w, book: book, run: run, before: before}
		return p.all(write.AsSystem(ctx))
	})
}

func (p *placement) territories() (territories, error) {
	z, err := gzip.NewReader(bytes.NewReader(p.Before))
	if err != nil {
		return nil, err
	}
	var ts territories
	if err := json.NewDecoder(z).Decode(&ts); err != nil {
		return nil, err
	}
	ts.rank()
	return ts, z.Close()
}

// placer is one run of a PlacementJob.
type placer struct {
	w           *write.Writer
	book        *rulebook
	run         *job.Run
	before      territories
	done, total int64
}

func (p *placer) all(ctx context.Context) error {
	var kinds []*model.Kind
	for _, k := range p.w.Set.Kinds {
		if k.Placed && k.Field("addresses") != nil { // a deal lies where its account lay
			kinds = append(kinds, k)
		}
	}
	for _, k := range kinds {
		n, err := p.count(ctx, k)
		if err != nil {
			return err
		}
		p.total += n
	}
	for _, k := range kinds {
		for last := (id.ID{}); ; {
			moving, next, err := p.look(ctx, k, last)
			if err != nil {
				return err
			}
			for part := range slices.Chunk(moving, placeWrite) {
				if err := p.move(ctx, k, part); err != nil {
					return err
				}
			}
			if err := p.run.Progress(ctx, min(p.done, p.total), p.total); err != nil {
				return err
			}
			if last = next; last.IsZero() {
				break
			}
		}
	}
	return nil
}

func (p *placer) count(ctx context.Context, k *model.Kind) (n int64, err error) {
	tx, err := p.w.DB.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Close() }()
	return n, tx.QueryRow(ctx, "SELECT COUNT(*) FROM `"+k.Table+"` WHERE `deleted_at` IS NULL", nil, &n)
}

// look reads the batch of records after one and returns those that have to move, and the last of them; zero at the end.
func (p *placer) look(ctx context.Context, k *model.Kind, after id.ID) (moving []id.ID, last id.ID, err error) {
	tx, err := p.w.DB.Snapshot(ctx)
	if err != nil {
		return nil, last, err
	}
	defer func() { _ = tx.Close() }()
	now, err := p.book.load(ctx, tx, "")
	if err != nil {
		return nil, last, err
	}
	industry := "NULL"
	if k.Field("industry") != nil {
		industry = "`industry`"
	}
	query, args := "SELECT `id`, `territory_id`, `addresses`, "+industry+" FROM `"+k.Table+"` WHERE `deleted_at` IS NULL", []any{}
	if !after.IsZero() {
		query, args = query+" AND `id` > ?", append(args, after)
	}
	rows, err := tx.QueryContext(ctx, query+" ORDER BY `id` LIMIT ?", append(args, placeBatch)...)
	if err != nil {
		return nil, last, err
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for rows.Next() {
		var x, at id.ID
		var addresses, industry sql.NullString
		if err := rows.Scan(&x, &at, &addresses, &industry); err != nil {
			return nil, last, err
		}
		if at == p.before.place(addresses.String, industry.String) && at != now.place(addresses.String, industry.String) {
			moving = append(moving, x)
		}
		last = x
		n++
	}
	p.done += int64(n)
	if n < placeBatch {
		last = id.ID{}
	}
	return moving, last, rows.Err()
}

// move moves records in one transaction, as far as they have to when they are locked.
func (p *placer) move(ctx context.Context, k *model.Kind, ids []id.ID) error {
	return p.w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		now, err := p.book.load(ctx, tx, tx.Dialect.ForShare())
		if err != nil {
			return err
		}
		for _, x := range ids {
			r, err := tx.Lock(ctx, k, x)
			if err != nil {
				return err
			}
			if r == nil || r.InBin() {
				continue
			}
			at, _ := r.Values["territory_id"].(id.ID)
			to := now.of(r)
			if at != p.before.of(r) || at == to {
				continue
			}
			in := input.Object{"territory": nil}
			if !to.IsZero() {
				in["territory"] = to.String()
			}
			if _, err := tx.Update(ctx, k, x, in); err != nil {
				return err
			}
		}
		return nil
	})
}
