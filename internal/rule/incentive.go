package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/incentive"
	"farley/internal/money"
	"farley/internal/write"
)

// incentiveMoves books what people get for a deal when it is won, and takes it back when it is so no more: when it is reopened, or
// moved to the bin.
func incentiveMoves(_ context.Context, c *write.Change) error {
	if len(c.Problems) > 0 {
		return nil
	}
	was := c.Old != nil && !c.Old.InBin() && c.Old.Values["status"] == stageWon
	switch won := !c.InBin() && c.Text("status") == stageWon; {
	case won && !was:
		c.Then(func(ctx context.Context) error {
			return c.Tx.AsSystem(func() error { return book(ctx, c) })
		})
	case was && !won:
		c.Then(func(ctx context.Context) error {
			return c.Tx.AsSystem(func() error { return takeBack(ctx, c.Tx, c.ID) })
		})
	}
	return nil
}

// payingPlan is an incentive plan that books.
type payingPlan struct {
	id                id.ID
	basis             incentive.Basis
	length            string
	from, to          string // days; to may be ""
	currency          string
	tiers             []incentive.Tier
	told              []map[string]any // the tiers as they are written
	everybody         bool
	pipeline, product id.ID
	users, teams      []id.ID
}

// payingPlans returns the plans that book, in the order of their ids, which is that in which they are locked.
func payingPlans(ctx context.Context, tx *write.Tx) ([]*payingPlan, error) {
	return write.Remember(tx, "paying plans", []string{"IncentivePlan", "IncentiveParticipant"}, func() ([]*payingPlan, error) {
		rows, err := tx.QueryContext(ctx, "SELECT `id`, `basis`, `length`, `starts_on`, `ends_on`, `currency`, `tiers`, `everybody`, `pipeline_id`, `product_id` FROM `incentive_plans`"+
			" WHERE `active` = ? AND `trigger` = 'WON' AND `deleted_at` IS NULL ORDER BY `id`", true)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		var plans []*payingPlan
		for rows.Next() {
			p := &payingPlan{}
			var to, currency, tiers sql.NullString
			if err := rows.Scan(&p.id, &p.basis, &p.length, &p.from, &to, &currency, &tiers, &p.everybody, &p.pipeline, &p.product); err != nil {
				return nil, err
			}
			p.to, p.currency, p.told = to.String, currency.String, write.Embedded(tiers.String)
			p.readTiers()
			plans = append(plans, p)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(plans) == 0 {
			return nil, err
		}
		return plans, planParticipants(ctx, tx, plans)
	})
}

// readTiers reads the tiers of a plan, which the rules have checked.
func (p *payingPlan) readTiers() {
	for _, in := range p.told {
		t := incentive.Tier{}
		t.Above, _ = measureOf(p.basis, p.currency, member(in, "above"))
		if percent := member(in, "percent"); percent != "" {
			t.Percent, _ = new(big.Rat).SetString(percent)
		}
		if t.Percent == nil {
			minor, _ := money.Minor(member(in, "perDeal"), p.currency)
			t.PerDeal = big.NewInt(minor)
		}
		p.tiers = append(p.tiers, t)
	}
}

func planParticipants(ctx context.Context, tx *write.Tx, plans []*payingPlan) error {
	rows, err := tx.QueryContext(ctx, "SELECT `plan_id`, `user_id`, `for_team_id` FROM `incentive_participants` WHERE `deleted_at` IS NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var plan, user, team id.ID
		if err := rows.Scan(&plan, &user, &team); err != nil {
			return err
		}
		for _, p := range plans {
			switch {
			case p.id != plan:
			case !user.IsZero():
				p.users = append(p.users, user)
			case !team.IsZero():
				p.teams = append(p.teams, team)
			}
		}
	}
	return rows.Err()
}

// wonDeal is a deal that was won, as plans see it.
type wonDeal struct {
	id       id.ID
	pipeline id.ID
	at       time.Time
	day      time.Time // in the time zone of the firm, as a midnight of UTC
	known    bool      // what it is worth in reporting currency
	value    int64
	currency string // the reporting currency
	rate     string
	owners   []id.ID // whose it is, the zero id for nobody
	shares   []int64 // millionths, Whole together
}

// book writes the entries for a deal that was won: for each plan, in the order of their ids, and each of those who have a share.
func book(ctx context.Context, c *write.Change) error {
	plans, err := payingPlans(ctx, c.Tx)
	if err != nil || len(plans) == 0 {
		return err
	}
	d := &wonDeal{id: c.ID, pipeline: c.Ref("pipeline"), currency: c.Tx.ReportingCurrency(), rate: c.Text("closingRate")}
	d.at, _ = c.Get("closedAt").(time.Time)
	if c.Currency("closedAmount") == d.currency {
		d.value, d.known = c.Get("closedAmount").(int64)
	}
	zone, err := firmZone(ctx, c.Tx)
	if err != nil {
		return err
	}
	local := d.at.In(zone)
	d.day = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	day := d.day.Format(time.DateOnly)
	for _, p := range plans {
		if p.from > day || p.to != "" && p.to < day || p.currency != d.currency || !p.pipeline.IsZero() && p.pipeline != d.pipeline {
			continue
		}
		if d.owners == nil {
			if err := d.divide(ctx, c.Tx, c.Ref("owner")); err != nil {
				return err
			}
		}
		if err := d.bookBy(ctx, c.Tx, p); err != nil {
			return err
		}
	}
	return nil
}

// splitOf is a share of somebody in a deal.
type splitOf struct {
	split, user id.ID
	share       int64 // millionths
}

// splitsOf returns the shares in a deal, in the order of the users' ids.
func splitsOf(ctx context.Context, tx *write.Tx, deal id.ID) ([]splitOf, error) {
	rows, err := tx.QueryContext(ctx, "SELECT `id`, `user_id`, `share` FROM `opportunity_splits` WHERE `opportunity_id` = ? AND `deleted_at` IS NULL ORDER BY `user_id`", deal)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []splitOf
	for rows.Next() {
		var s splitOf
		var share string
		if err := rows.Scan(&s.split, &s.user, &share); err != nil {
			return nil, err
		}
		s.share = shareOf(share)
		out = append(out, s)
	}
	return out, rows.Err()
}

// divide says who has which share: what is given to nobody is the owner's.
func (d *wonDeal) divide(ctx context.Context, tx *write.Tx, owner id.ID) error {
	splits, err := splitsOf(ctx, tx, d.id)
	if err != nil {
		return err
	}
	left := int64(incentive.Whole)
	shares := map[id.ID]int64{}
	for _, s := range splits {
		share := min(s.share, left)
		shares[s.user] += share
		left -= share
	}
	shares[owner] += left
	for user, share := range shares {
		if share > 0 {
			d.owners = append(d.owners, user)
		}
	}
	slices.SortFunc(d.owners, id.ID.Compare)
	for _, user := range d.owners {
		d.shares = append(d.shares, shares[user])
	}
	return nil
}

// bookBy writes the entries of one plan. The plan is held, so that of two deals of somebody that are won at once the second one is
// reckoned from where the first one ends.
func (d *wonDeal) bookBy(ctx context.Context, tx *write.Tx, p *payingPlan) error {
	value, known := d.value, d.known
	if !p.product.IsZero() {
		var sold bool
		var err error
		if value, known, sold, err = d.ofProduct(ctx, tx, p.product); err != nil || !sold {
			return err
		}
	}
	if p.basis == incentive.Revenue && (!known || value == 0) {
		return nil
	}
	values := incentive.Split(value, d.shares)
	held := false
	for i, user := range d.owners {
		part := incentive.Part{Value: values[i], Share: d.shares[i]}
		size := part.Share
		if p.basis == incentive.Revenue {
			size = part.Value
		}
		takes, err := p.takes(ctx, tx, user)
		if err != nil {
			return err
		}
		if !takes || size == 0 {
			continue
		}
		if !held {
			if _, err := tx.Hold(ctx, tx.Kinds().Kind("IncentivePlan"), p.id); err != nil {
				return err
			}
			held = true
		}
		if err := d.entry(ctx, tx, p, user, part, size, known); err != nil {
			return err
		}
	}
	return nil
}

// ofProduct returns what the lines of a product are worth together, at the rate of when the deal was closed; sold is false without any.
func (d *wonDeal) ofProduct(ctx context.Context, tx *write.Tx, product id.ID) (value int64, known, sold bool, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT `total`, `total_currency` FROM `opportunity_lines` WHERE `opportunity_id` = ? AND `product_id` = ? AND `deleted_at` IS NULL", d.id, product)
	if err != nil {
		return 0, false, false, err
	}
	defer func() { _ = rows.Close() }()
	sum, currency := new(big.Int), ""
	for rows.Next() {
		var total int64
		if err := rows.Scan(&total, &currency); err != nil {
			return 0, false, false, err
		}
		sum.Add(sum, big.NewInt(total))
	}
	if currency == "" {
		return 0, false, false, rows.Err()
	}
	value, known = tx.ReportingAt(sum, currency, d.rate)
	return value, known, true, rows.Err()
}

// takes reports whether a user takes part in a plan: as everybody, by name, or in a team or one below it.
func (p *payingPlan) takes(ctx context.Context, tx *write.Tx, user id.ID) (bool, error) {
	switch {
	case user.IsZero():
		return false, nil
	case p.everybody || slices.Contains(p.users, user):
		return true, nil
	case len(p.teams) == 0:
		return false, nil
	}
	above, err := write.Remember(tx, "teams of "+user.String(), []string{"User", "Team"}, func() (out []id.ID, err error) {
		team, err := upOne(ctx, tx, "SELECT `team_id` FROM `users` WHERE `id` = ?", user)
		for range maxChain {
			if err != nil || team.IsZero() {
				break
			}
			out = append(out, team)
			team, err = upOne(ctx, tx, "SELECT `parent_id` FROM `teams` WHERE `id` = ?", team)
		}
		return out, err
	})
	return slices.ContainsFunc(above, func(team id.ID) bool { return slices.Contains(p.teams, team) }), err
}

// upOne reads one id, the zero one where there is none.
func upOne(ctx context.Context, tx *write.Tx, query string, x id.ID) (above id.ID, err error) {
	err = tx.QueryRow(ctx, query, []any{x}, &above)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return above, err
}

// entry writes what somebody gets by a plan.
func (d *wonDeal) entry(ctx context.Context, tx *write.Tx, p *payingPlan, user id.ID, part incentive.Part, size int64, known bool) error {
	period := periodStart(d.day, p.length)
	taken, err := p.taken(ctx, tx, user, period)
	if err != nil {
		return err
	}
	spans := incentive.Free(taken, size)
	steps, ok := incentive.Reckon(p.basis, p.tiers, spans, part)
	sum := new(big.Int)
	for _, s := range steps {
		sum.Add(sum, big.NewInt(s.Amount))
	}
	end := spans[len(spans)-1].To
	if !ok || !sum.IsInt64() || sum.Int64() > maxMinor || end > maxMinor {
		return fault.New(fault.Conflict, "An incentive for the deal is too large: look at the plan.")
	}
	told, err := json.Marshal(p.steps(tx, steps))
	if err != nil {
		return err
	}
	columns := map[string]any{
		"plan_id": p.id, "user_id": user, "owner_id": user, "opportunity_id": d.id, "occurred_at": d.at, "period_starts_on": period, "share": shareText(part.Share),
		"amount": sum.Int64(), "amount_currency": p.currency, "steps": string(told), "measure": size, "reached": end,
	}
	if known {
		columns["basis_amount"], columns["basis_amount_currency"] = part.Value, p.currency
	}
	_, err = tx.Make(ctx, tx.Kinds().Kind("IncentiveEntry"), columns)
	return err
}

// periodStart returns the first day of the month, quarter or year in which a day lies.
func periodStart(day time.Time, length string) string {
	month := day.Month()
	switch length {
	case "QUARTER":
		month -= (month - 1) % 3
	case "YEAR":
		month = time.January
	}
	return time.Date(day.Year(), month, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// taken returns what somebody has reached by a plan in a period, as spans. Where nothing was taken back it is one, from 0 on.
func (p *payingPlan) taken(ctx context.Context, tx *write.Tx, user id.ID, period string) ([]incentive.Span, error) {
	const live = " +e.`reversal_of_id` IS NULL AND NOT EXISTS (SELECT 1 FROM `incentive_entries` r WHERE r.`reversal_of_id` = e.`id`)"
	const of = " FROM `incentive_entries` e WHERE e.`plan_id` = ? AND e.`user_id` = ? AND e.`period_starts_on` = ?"
	args := []any{p.id, user, period}
	var sum, end int64
	err := tx.QueryRow(ctx, "SELECT COALESCE(SUM(e.`measure`), 0), COALESCE(MAX(CASE WHEN"+live+" THEN e.`reached` END), 0)"+of, args, &sum, &end)
	if err != nil || end == 0 {
		return nil, err
	}
	if sum == end {
		return []incentive.Span{{From: 0, To: end}}, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT e.`steps`"+of+" AND"+live, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []incentive.Span
	for rows.Next() {
		var steps string
		if err := rows.Scan(&steps); err != nil {
			return nil, err
		}
		for _, s := range write.Embedded(steps) {
			from, _ := measureOf(p.basis, p.currency, member(s, "from"))
			to, _ := measureOf(p.basis, p.currency, member(s, "to"))
			out = append(out, incentive.Span{From: from, To: to})
		}
	}
	return out, rows.Err()
}

// steps writes steps as the API has them.
func (p *payingPlan) steps(tx *write.Tx, steps []incentive.Step) []map[string]any {
	out := []map[string]any{}
	measure := func(n int64) string {
		if p.basis == incentive.Revenue {
			return tx.Amount(n, p.currency)
		}
		return decimalText(n, 6)
	}
	for _, s := range steps {
		one := map[string]any{"from": measure(s.From), "to": measure(s.To), "amount": tx.Amount(s.Amount, p.currency)}
		for _, name := range []string{"percent", "perDeal"} {
			if text := member(p.told[s.Tier], name); text != "" {
				one[name] = text
			}
		}
		out = append(out, one)
	}
	return out
}

func shareText(millionths int64) string { return decimalText(millionths, 4) }

// decimalText writes a whole number, 0 or more, with so many decimals in its shortest form.
func decimalText(n int64, decimals int) string {
	text := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)).FloatString(decimals)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// takeBack writes, for each entry for a deal that was not taken back, one that takes back exactly what it says. The plans are held in
// the order of their ids.
func takeBack(ctx context.Context, tx *write.Tx, deal id.ID) error {
	const booked = " FROM `incentive_entries` e WHERE e.`opportunity_id` = ? AND +e.`reversal_of_id` IS NULL AND NOT EXISTS (SELECT 1 FROM `incentive_entries` r WHERE r.`reversal_of_id` = e.`id`)"
	plans, err := tx.IDs(ctx, "SELECT DISTINCT e.`plan_id`"+booked, deal)
	if err != nil || len(plans) == 0 {
		return err
	}
	slices.SortFunc(plans, id.ID.Compare)
	for _, p := range plans {
		if _, err := tx.Hold(ctx, tx.Kinds().Kind("IncentivePlan"), p); err != nil {
			return err
		}
	}
	entries, err := tx.IDs(ctx, "SELECT e.`id`"+booked, deal)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, id.ID.Compare)
	k := tx.Kinds().Kind("IncentiveEntry")
	for _, x := range entries {
		r, err := tx.Lock(ctx, k, x)
		if err != nil {
			return err
		}
		columns := map[string]any{"occurred_at": tx.Now, "reversal_of_id": x}
		for _, column := range []string{"plan_id", "user_id", "owner_id", "team_id", "opportunity_id", "period_starts_on", "share", "steps", "basis_amount_currency", "amount_currency"} {
			columns[column] = r.Values[column]
		}
		for _, column := range []string{"basis_amount", "amount", "measure"} {
			if n, ok := r.Values[column].(int64); ok {
				columns[column] = -n
			}
		}
		if _, err := tx.Make(ctx, k, columns); err != nil {
			return err
		}
	}
	return nil
}

// firmZone returns the time zone of the firm: that of its working calendar, or else UTC.
func firmZone(ctx context.Context, tx *write.Tx) (*time.Location, error) {
	return write.Remember(tx, "zone of the firm", []string{"WorkingCalendar"}, func() (*time.Location, error) {
		var name string
		err := tx.QueryRow(ctx, "SELECT `time_zone` FROM `working_calendars` WHERE `deleted_at` IS NULL AND `user_id` IS NULL AND `for_team_id` IS NULL ORDER BY `id` DESC LIMIT 1", nil, &name)
		if errors.Is(err, sql.ErrNoRows) {
			return time.UTC, nil
		}
		if err != nil {
			return nil, err
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			return time.UTC, nil //nolint:nilerr // zones that were withdrawn are as good as none
		}
		return zone, nil
	})
}
