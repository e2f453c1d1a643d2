package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/money"
	"farley/internal/scalar"
	"farley/internal/write"
)

// The kinds of stages, which are the statuses of deals too.
const (
	stageOpen = "OPEN"
	stageWon  = "WON"
	stageLost = "LOST"
)

// stage is a stage as deals see it.
type stage struct {
	id, pipeline id.ID
	name, kind   string
	probability  int64
	category     string
	demands      []string // what a deal must have to enter
	there        bool     // it and its pipeline are not in the bin
	archived     bool     // the pipeline takes no deals
}

// stageOf returns a stage, nil when there is none. It stays as it is until the transaction ends: who removes it waits.
func stageOf(ctx context.Context, tx *write.Tx, x id.ID) (*stage, error) {
	return write.Remember(tx, "stage "+x.String(), []string{"Stage", "Pipeline"}, func() (*stage, error) {
		s := &stage{id: x}
		var probability sql.NullInt64
		var category, demands sql.NullString
		err := tx.QueryRow(ctx, "SELECT s.`pipeline_id`, s.`name`, s.`kind`, s.`probability`, s.`forecast_category`, s.`required_fields`, s.`deleted_at` IS NULL AND p.`deleted_at` IS NULL, p.`archived`"+
			" FROM `stages` s JOIN `pipelines` p ON p.`id` = s.`pipeline_id` WHERE s.`id` = ?"+tx.Dialect.ForShare(), []any{x},
			&s.pipeline, &s.name, &s.kind, &probability, &category, &demands, &s.there, &s.archived)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil //nolint:nilnil // absence is one case among several
		}
		s.probability, s.category = probability.Int64, category.String
		if err == nil && demands.String != "" {
			err = json.Unmarshal([]byte(demands.String), &s.demands)
		}
		return s, err
	})
}

// byPosition orders pipelines and stages; what has no position comes last.
const byPosition = " ORDER BY COALESCE(`position`, 2147483647), `id`"

// firstStage returns the first open stage of a pipeline, the zero id when it has none.
func firstStage(ctx context.Context, tx *write.Tx, pipeline id.ID) (id.ID, error) {
	found, err := write.Remember(tx, "first stage of "+pipeline.String(), []string{"Stage"}, func() ([]id.ID, error) {
		return tx.IDs(ctx, "SELECT `id` FROM `stages` WHERE `pipeline_id` = ? AND `kind` = 'OPEN' AND `deleted_at` IS NULL"+byPosition+" LIMIT 1", pipeline)
	})
	if err != nil || len(found) == 0 {
		return id.ID{}, err
	}
	return found[0], nil
}

// opportunityEnters gives a new deal its stage before rights are decided on it: the first one of its pipeline, and that is the
// first one unless it is named.
func opportunityEnters(ctx context.Context, c *write.Change) error {
	if c.Kind.Name != "Opportunity" {
		return nil
	}
	if err := opportunityLies(ctx, c); err != nil || !c.Ref("stage").IsZero() {
		return err
	}
	pipeline := c.Ref("pipeline")
	if pipeline.IsZero() {
		found, err := write.Remember(c.Tx, "first pipeline", []string{"Pipeline"}, func() ([]id.ID, error) {
			return c.Tx.IDs(ctx, "SELECT `id` FROM `pipelines` WHERE `archived` = ? AND `deleted_at` IS NULL"+byPosition+" LIMIT 1", false)
		})
		if err != nil || len(found) == 0 {
			return err
		}
		pipeline = found[0]
	}
	first, err := firstStage(ctx, c.Tx, pipeline)
	if err != nil || first.IsZero() {
		return err
	}
	c.Set("stage", first)
	return nil
}

// opportunityLies gives a new deal the territory of its account.
func opportunityLies(ctx context.Context, c *write.Change) error {
	account := c.Ref("account")
	if account.IsZero() || !c.Ref("territory").IsZero() {
		return nil
	}
	at, err := write.Remember(c.Tx, "territory of "+account.String(), []string{"Account"}, func() (at id.ID, err error) {
		err = c.Tx.QueryRow(ctx, "SELECT `territory_id` FROM `accounts` WHERE `id` = ?", []any{account}, &at)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return at, err
	})
	if err == nil && !at.IsZero() {
		c.Set("territory", at)
	}
	return err
}

// untouched are the fields of a closed deal that may change: who looks after it.
var untouched = []string{"owner", "team", "partner", "branch", "territory"}

// opportunityIsOpen refuses changes of a closed deal. Notes and tags are records of their own, and what Farley does itself is
// no change of the deal as it was made.
func opportunityIsOpen(ctx context.Context, c *write.Change) error {
	if c.Created() || c.Tx.System() || c.Op != change.Updated {
		return nil
	}
	if m := write.MoveOf(ctx); m != nil && m.Reopens {
		return nil
	}
	if status, _ := c.Old.Values["status"].(string); status == stageOpen {
		return nil
	}
	for _, f := range c.Kind.Fields {
		if f.Column != "" && !slices.Contains(untouched, f.Name) && c.Changes(f.Name) {
			return errClosed(c.Old.Version(), f.Name)
		}
	}
	return nil
}

func errClosed(version int64, field string) error {
	return fault.New(fault.Conflict, "The deal is closed: reopen it first.").At("input", field).With("currentVersion", version)
}

// opportunityStands is what follows from the stage of a deal, and from its amount.
func opportunityStands(ctx context.Context, c *write.Change) error {
	if c.Op == change.Deleted || c.Op == change.Restored || c.Faulty("stage") {
		return nil
	}
	s, err := stageOf(ctx, c.Tx, c.Ref("stage"))
	if err != nil {
		return err
	}
	entering := c.Created() || c.Changes("stage")
	if entering {
		if err := stageTakes(ctx, c, s); err != nil || s == nil || c.Faulty("stage") {
			return err
		}
		c.Set("pipeline", s.pipeline)
		c.Set("status", s.kind)
		opportunityOpens(c)
	}
	if s == nil {
		return nil // a stage that was purged by hand: what does not depend on it may change
	}
	opportunityFollowsStage(c, s, entering)
	if err := opportunityAmount(ctx, c); err != nil {
		return err
	}
	opportunityCloses(c, s, entering)
	if entering {
		c.Set("stageEnteredAt", enteredAt(c))
	}
	if entering && (write.MoveOf(ctx) == nil || !write.MoveOf(ctx).Free) {
		return demanded(ctx, c, s)
	}
	return nil
}

// opportunityOpens gives a new deal the instant at which it was begun; what comes closed was begun then at the latest.
func opportunityOpens(c *write.Change) {
	if !c.Created() || c.Faulty("openedAt") {
		return
	}
	switch at, given := c.Get("openedAt").(time.Time); {
	case !given:
		at = c.Tx.Now
		if closed, ok := c.Get("closedAt").(time.Time); ok && closed.Before(at) {
			at = closed
		}
		c.Set("openedAt", at)
	case at.After(c.Tx.Now):
		c.Refuse("openedAt", "RANGE", "The instant is in the future.")
	}
}

// enteredAt is when a deal enters the stage that it is given: as it was told of, for what was begun or closed before Farley heard of it.
// A history goes forward, so nothing is entered before the stage that it left.
func enteredAt(c *write.Change) time.Time {
	if at, closed := c.Get("closedAt").(time.Time); closed {
		if c.Created() {
			return at
		}
		if since, ok := c.Old.Values["stage_entered_at"].(time.Time); ok && at.Before(since) {
			return since
		}
		return at
	}
	if at, given := c.Get("openedAt").(time.Time); given && c.Created() {
		return at
	}
	return c.Tx.Now
}

// stageTakes refuses a stage that a deal cannot enter.
func stageTakes(ctx context.Context, c *write.Change, s *stage) error {
	switch {
	case s == nil && c.Ref("stage").IsZero():
		c.Refuse("stage", "REQUIRED", "There is no stage that the deal could enter.")
	case s == nil || !s.there:
		c.Refuse("stage", "NOT_FOUND", "There is no %s with this id.", "Stage")
	case !c.Created() && !c.Tx.System() && write.MoveOf(ctx) == nil && !write.IsOutside(ctx):
		c.Refuse("stage", "IMMUTABLE", "A deal enters another stage by moveOpportunity.")
	case c.Created() && c.Given("pipeline") && c.Ref("pipeline") != s.pipeline:
		c.Refuse("stage", "FORMAT", "The stage belongs to another pipeline.")
	case s.archived && (c.Created() || c.Old.Values["pipeline_id"] != s.pipeline):
		return fault.New(fault.Conflict, "The pipeline is archived: deals cannot enter it.").At("input", "stage")
	}
	return nil
}

// opportunityFollowsStage has probability and forecast category be those of the stage, unless they are given.
func opportunityFollowsStage(c *write.Change, s *stage, entering bool) {
	taken := func(field string) bool { return c.Get(field) != nil && (!entering || c.Given(field)) }
	if !taken("probability") {
		c.Set("probability", s.probability)
	}
	if !taken("forecastCategory") && s.category != "" {
		c.Set("forecastCategory", s.category)
	}
	probability, _ := c.Get("probability").(int64)
	if probability < 0 || probability > 100 {
		c.Refuse("probability", "RANGE", "The number must be from %d to %d.", 0, 100)
	}
	if s.kind == stageOpen {
		return
	}
	if probability != s.probability {
		c.Refuse("probability", "RANGE", "What is closed has the probability of its stage.")
	}
	if c.Text("forecastCategory") != s.category {
		c.Refuse("forecastCategory", "RANGE", "What is closed has the category of its stage.")
	}
}

// opportunityAmount keeps the amount to the lines where there are any, and the expected revenue to the amount.
func opportunityAmount(ctx context.Context, c *write.Change) error {
	amount, has := c.Get("amount").(int64)
	if has && amount < 0 {
		c.Refuse("amount", "RANGE", "The amount is less than 0.")
		return nil
	}
	if c.Given("amount") && amountChanges(c) && !c.Created() && !c.Tx.System() {
		lines, err := c.Tx.IDs(ctx, "SELECT `id` FROM `opportunity_lines` WHERE `opportunity_id` = ? AND `deleted_at` IS NULL LIMIT 1", c.ID)
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			c.Refuse("amount", "IMMUTABLE", "The amount is the sum of the lines.")
			return nil
		}
	}
	if !has {
		c.SetMoney("expectedRevenue", 0, "")
		return nil
	}
	probability, _ := c.Get("probability").(int64)
	expected, ok := money.Times(amount, big.NewRat(probability, 100))
	if ok && (c.Get("expectedRevenue") != expected || c.Currency("expectedRevenue") != c.Currency("amount")) {
		c.SetMoney("expectedRevenue", expected, c.Currency("amount"))
	}
	return nil
}

// amountChanges reports whether the amount itself changes: what it is in reporting currency follows the rates.
func amountChanges(c *write.Change) bool {
	var was, currency any
	if c.Old != nil {
		was, currency = c.Old.Values["amount"], c.Old.Values["amount_currency"]
	}
	now, _ := currency.(string)
	return was != c.Get("amount") || now != c.Currency("amount")
}

// opportunityCloses sets what a deal has while it is closed, and takes it when it is open.
func opportunityCloses(c *write.Change, s *stage, entering bool) {
	if s.kind == stageOpen {
		for _, field := range []string{"reason", "closedAt"} {
			if c.Given(field) && c.Get(field) != nil {
				c.Refuse(field, "FORMAT", "An open deal has no such value.")
			}
		}
		c.SetText("reason", "")
		c.Set("closedAt", nil)
		c.SetMoney("closedAmount", 0, "")
		c.SetText("closingRate", "")
		return
	}
	if s.kind == stageLost && c.Text("reason") == "" && (entering || c.Changes("reason") && !c.Tx.System()) {
		c.Refuse("reason", "REQUIRED", "Say why the deal is lost.")
	}
	if !c.Created() && c.Old.Values["status"] == s.kind {
		return // it stays closed as it was
	}
	at, given := c.Get("closedAt").(time.Time)
	switch {
	case !given || !c.Given("closedAt"):
		c.Set("closedAt", c.Tx.Now)
	case at.After(c.Tx.Now):
		c.Refuse("closedAt", "RANGE", "The instant is in the future.")
	default:
		opened, ok := c.Get("openedAt").(time.Time)
		switch {
		case !ok || !at.Before(opened):
		case c.Created():
			c.Refuse("closedAt", "RANGE", "The instant is before the deal was begun.")
		default:
			c.Set("openedAt", at) // it was made later than it was begun
		}
	}
	c.SetMoney("closedAmount", 0, "")
	c.SetText("closingRate", "")
	if amount, ok := c.Get("amount").(int64); ok {
		closed := c.Tx.Now
		if on, ok := c.Get("closedAt").(time.Time); ok {
			closed = on
		}
		if worth, rate, code, ok := c.Tx.ReportingOn(amount, c.Currency("amount"), closed.UTC().Format(time.DateOnly)); ok {
			c.SetMoney("closedAmount", worth, code)
			c.SetText("closingRate", rate)
		}
	}
}

// demanded refuses a deal that lacks what its stage demands, all at once.
func demanded(ctx context.Context, c *write.Change, s *stage) error {
	for _, name := range s.demands {
		if key := model.CustomKey(name); key != "" {
			if !hasCustom(c, key) {
				c.Problems.Add([]any{"input", model.CustomFields, key}, "REQUIRED", "The stage %s demands this.", s.name)
			}
			continue
		}
		f := c.Kind.ByConst(name)
		if f == nil {
			continue // it was known when the stage was written
		}
		missing := f.Type != model.Many && empty(c.Get(f.Name))
		if f.Type == model.Many {
			n := 0
			if !c.Created() {
				k := c.KindOf(f.Target)
				if err := c.Tx.QueryRow(ctx, "SELECT COUNT(*) FROM `"+k.Table+"` WHERE `"+k.Field(f.Back).Column+"` = ? AND `deleted_at` IS NULL", []any{c.ID}, &n); err != nil {
					return err
				}
			}
			missing = n == 0
		}
		if missing {
			c.Refuse(f.Name, "REQUIRED", "The stage %s demands this.", s.name)
		}
	}
	return nil
}

// empty reports whether a stored value says nothing.
func empty(v any) bool { return v == nil || v == "" || v == "[]" || v == "||" }

// hasCustom reports whether the deal has a value in a field that the firm has added.
func hasCustom(c *write.Change, key string) bool {
	return slices.ContainsFunc(entries(c.Text(model.CustomFields)), func(e entry) bool { return e.key == key && e.value != nil })
}

// opportunityHistory writes a row of the history for what changes of stage, amount, probability, close date and category.
func opportunityHistory(_ context.Context, c *write.Change) error {
	if c.Op == change.Deleted || c.Op == change.Restored || len(c.Problems) > 0 {
		return nil
	}
	var changed []any
	for _, what := range []struct{ name, field string }{
		{"STAGE", "stage"}, {"AMOUNT", "amount"}, {"PROBABILITY", "probability"}, {"CLOSE_DATE", "closeDate"}, {"CATEGORY", "forecastCategory"},
	} {
		if changes := c.Changes(what.field); changes && (what.field != "amount" || amountChanges(c)) {
			changed = append(changed, what.name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	at := c.Tx.Now
	if c.Created() || c.Changes("stage") {
		at, _ = c.Get("stageEnteredAt").(time.Time)
	}
	in := input.Object{"opportunity": c.ID.String(), "changed": changed, "at": at.Format(scalar.Layout), "stage": c.Ref("stage").String(), "secondsInStage": int64(0)}
	if c.Old != nil {
		if since, ok := c.Old.Values["stage_entered_at"].(time.Time); ok {
			in["secondsInStage"] = min(max(0, int64(at.Sub(since)/time.Second)), math.MaxInt32)
		}
		if from, ok := c.Old.Values["stage_id"].(id.ID); ok && c.Changes("stage") {
			in["fromStage"] = from.String()
		}
	}
	for _, field := range []string{"amount", "expectedRevenue", "probability", "closeDate", "forecastCategory"} {
		v := c.Get(field)
		if v == nil {
			continue
		}
		if minor, ok := v.(int64); ok && c.Kind.Field(field).Type == model.Money {
			v = map[string]any{"amount": c.Tx.Amount(minor, c.Currency(field)), "currency": c.Currency(field)}
		}
		in[field] = v
	}
	c.Then(func(ctx context.Context) error {
		return c.Tx.AsSystem(func() error {
			_, err := c.Tx.Create(ctx, c.KindOf("OpportunityStep"), in, "ALLOW")
			return err
		})
	})
	return nil
}

// opportunityEnds does what follows when a deal is won, lost or reopened: the account becomes a customer, and competitors
// are told how it ended.
func opportunityEnds(_ context.Context, c *write.Change) error {
	if c.Op == change.Deleted || c.Op == change.Restored || len(c.Problems) > 0 || !c.Changes("status") {
		return nil
	}
	switch status := c.Text("status"); {
	case status == stageWon:
		account, at := c.Ref("account"), c.Get("closedAt")
		c.Then(func(ctx context.Context) error {
			if err := competitors(ctx, c, []string{"PENDING"}, "BEATEN"); err != nil {
				return err
			}
			day, _ := at.(time.Time)
			return c.Tx.AsSystem(func() error { return becomesCustomer(ctx, c.Tx, account, day) })
		})
	case status == stageOpen && !c.Created():
		c.Then(func(ctx context.Context) error { return competitors(ctx, c, []string{"BEATEN", "LOST_TO"}, "PENDING") })
	}
	return nil
}

// competitors gives those of a deal's competitors who have one of the results another one.
func competitors(ctx context.Context, c *write.Change, from []string, to string) error {
	if c.Created() {
		return nil
	}
	args := []any{c.ID}
	for _, result := range from {
		args = append(args, result)
	}
	found, err := c.Tx.IDs(ctx, "SELECT `id` FROM `opportunity_competitors` WHERE `opportunity_id` = ? AND `deleted_at` IS NULL AND `result` IN (?"+strings.Repeat(", ?", len(from)-1)+") ORDER BY `id`", args...)
	if err != nil {
		return err
	}
	for _, x := range found {
		if err := c.Tx.Set(ctx, c.KindOf("OpportunityCompetitor"), x, map[string]any{"result": to}); err != nil {
			return err
		}
	}
	return nil
}

// becomesCustomer makes a customer of the account with which a deal was won.
func becomesCustomer(ctx context.Context, tx *write.Tx, x id.ID, day time.Time) error {
	k := tx.Kinds().Kind("Account")
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil || r.InBin() {
		return err
	}
	in := input.Object{}
	stored, _ := r.Values["kinds"].(string)
	kinds := strings.FieldsFunc(stored, func(r rune) bool { return r == '|' })
	if !slices.Contains(kinds, "CUSTOMER") {
		list := []any{"CUSTOMER"}
		for _, kind := range kinds {
			if kind != "PROSPECT" {
				list = append(list, kind)
			}
		}
		in["kinds"] = list
	}
	if r.Values["customer_since"] == nil {
		in["customerSince"] = day.UTC().Format(time.DateOnly)
	}
	current, _ := r.Values["lifecycle_id"].(id.ID)
	next, err := afterWon(ctx, tx, current)
	if err != nil {
		return err
	}
	if !next.IsZero() {
		in["lifecycle"] = next.String()
	}
	if len(in) == 0 {
		return nil
	}
	_, err = tx.Update(write.WithReason(ctx, "A deal was won."), k, x, in)
	return err
}

// afterWon returns the stage of life that an account enters when a deal with it is won, the zero id when it stays where it is.
func afterWon(ctx context.Context, tx *write.Tx, current id.ID) (id.ID, error) {
	query, args := "", []any{true, false}
	if !current.IsZero() {
		var phase string
		var steps int
		err := tx.QueryRow(ctx, "SELECT l.`phase`, (SELECT COUNT(*) FROM `lifecycle_steps` s JOIN `lifecycle_stages` n ON n.`id` = s.`next_id` WHERE s.`stage_id` = l.`id` AND s.`deleted_at` IS NULL AND n.`deleted_at` IS NULL)"+
			" FROM `lifecycle_stages` l WHERE l.`id` = ?", []any{current}, &phase, &steps)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return id.ID{}, err
		}
		if phase == "KEEP" {
			return id.ID{}, nil
		}
		query, args = " AND `id` <> ?", append(args, current)
		if steps > 0 {
			query += " AND `id` IN (SELECT s.`next_id` FROM `lifecycle_steps` s WHERE s.`stage_id` = ? AND s.`deleted_at` IS NULL)"
			args = append(args, current)
		}
	}
	found, err := tx.IDs(ctx, "SELECT `id` FROM `lifecycle_stages` WHERE `after_won` = ? AND `archived` = ? AND `deleted_at` IS NULL"+query+byPosition+" LIMIT 1", args...)
	if err != nil || len(found) == 0 {
		return id.ID{}, err
	}
	return found[0], nil
}

// partIsNew refuses a second live record of what is there once in a deal. The deal is held, so that two writes at once see each
// other.
func partIsNew(of string) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		deal, other := c.Ref("opportunity"), c.Ref(of)
		if c.InBin() || len(c.Problems) > 0 || !c.Created() && c.Op != change.Restored {
			return nil
		}
		if _, err := c.Tx.Hold(ctx, c.KindOf("Opportunity"), deal); err != nil {
			return err
		}
		n, err := live(ctx, c, c.Kind, []string{"opportunity_id", c.Kind.Field(of).Column}, []any{deal, other})
		if err == nil && n > 0 {
			c.Refuse(of, "TAKEN", "The deal has it already.")
		}
		return err
	}
}
