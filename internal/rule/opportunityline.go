package rule

import (
	"context"
	"database/sql"
	"errors"
	"math/big"
	"regexp"
	"strings"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/write"
)

// maxMinor bounds what lines are worth, so that every amount can be read, written and summed.
const maxMinor = 99_999_999_999_999_999

var decimalForm = regexp.MustCompile(`^[0-9]{1,10}(\.[0-9]{1,6})?$`)

// lineOfOpenDeal refuses what would change a closed deal. The deal is held: the amount is the sum of lines that stay as they
// are until it is written.
func lineOfOpenDeal(ctx context.Context, c *write.Change) error {
	deal := c.Ref("opportunity")
	if deal.IsZero() || c.Faulty("opportunity") {
		return nil
	}
	r, err := c.Tx.Hold(ctx, c.KindOf("Opportunity"), deal)
	if err != nil || r == nil || c.Tx.System() {
		return err
	}
	if status, _ := r.Values["status"].(string); status != stageOpen {
		return fault.New(fault.Conflict, "The deal is closed: reopen it first.").At("input", "opportunity")
	}
	return nil
}

// lineFollowsProduct completes a line from its product.
func lineFollowsProduct(ctx context.Context, c *write.Change) error {
	product := c.Ref("product")
	if c.Op == change.Deleted || c.Op == change.Restored || c.Faulty("product") {
		return nil
	}
	if !product.IsZero() && (c.Changes("product") || c.Get("name") == nil || c.Get("unitPrice") == nil) {
		var name string
		var active bool
		var minor sql.NullInt64
		var currency sql.NullString
		err := c.Tx.QueryRow(ctx, "SELECT `name`, `active`, `list_price`, `list_price_currency` FROM `products` WHERE `id` = ?", []any{product}, &name, &active, &minor, &currency)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if !active && c.Changes("product") {
			c.Refuse("product", "FORMAT", "The product is not sold any more.")
		}
		fresh := c.Changes("product") && c.Old != nil
		if c.Get("name") == nil || fresh && !c.Given("name") {
			c.SetText("name", name)
		}
		if (c.Get("unitPrice") == nil || fresh && !c.Given("unitPrice")) && minor.Valid && !c.Faulty("unitPrice") {
			c.SetMoney("unitPrice", minor.Int64, currency.String)
		}
	}
	if c.Get("name") == nil {
		c.Refuse("name", "REQUIRED", "Name a product, or say what is offered.")
	}
	if c.Get("unitPrice") == nil {
		c.Refuse("unitPrice", "REQUIRED", "This field is required.")
	}
	return nil
}

// lineTotal works out what a line is worth.
func lineTotal(_ context.Context, c *write.Change) error {
	if c.Op == change.Deleted || c.Op == change.Restored {
		return nil
	}
	if c.Get("quantity") == nil && !c.Faulty("quantity") {
		c.Set("quantity", "1")
	}
	quantity := decimal(c, "quantity", 1_000_000_000)
	if quantity != nil && quantity.Sign() == 0 {
		c.Refuse("quantity", "RANGE", "The quantity is more than 0.")
	}
	rest := big.NewRat(1, 1)
	if c.Get("discount") != nil {
		if discount := decimal(c, "discount", 100); discount != nil {
			rest.Sub(rest, discount.Mul(discount, big.NewRat(1, 100)))
		}
	}
	price, _ := c.Get("unitPrice").(int64)
	if price < 0 {
		c.Refuse("unitPrice", "RANGE", "The amount is less than 0.")
	}
	if len(c.Problems) > 0 {
		return nil
	}
	total, ok := money.Times(price, rest.Mul(rest, quantity))
	if !ok || total > maxMinor {
		c.Refuse("quantity", "RANGE", "The amount is too large.")
		return nil
	}
	if c.Get("total") != total || c.Currency("total") != c.Currency("unitPrice") {
		c.SetMoney("total", total, c.Currency("unitPrice"))
	}
	return nil
}

// decimal reads a decimal number of 0 to most and brings it into its shortest form; nil when it is none.
func decimal(c *write.Change, field string, most int64) *big.Rat {
	if c.Faulty(field) {
		return nil
	}
	text := c.Text(field)
	n, ok := new(big.Rat).SetString(text)
	switch {
	case !decimalForm.MatchString(text) || !ok:
		c.Refuse(field, "FORMAT", "This is not a decimal number with at most 6 decimals.")
		return nil
	case n.Cmp(big.NewRat(most, 1)) > 0:
		c.Refuse(field, "RANGE", "The number must be from %d to %d.", 0, most)
		return nil
	}
	short := strings.TrimLeft(text, "0")
	if strings.Contains(short, ".") {
		short = strings.TrimRight(strings.TrimRight(short, "0"), ".")
	}
	if short == "" || short[0] == '.' {
		short = "0" + short
	}
	if short != text {
		c.Set(field, short)
	}
	return n
}

// lineCurrency refuses a second currency in a deal: that of a line has to be that of the others, or of the amount that was
// entered before there were any.
func lineCurrency(ctx context.Context, c *write.Change) error {
	currency := c.Currency("unitPrice")
	if c.Op == change.Deleted || currency == "" || c.Faulty("unitPrice") {
		return nil
	}
	var other sql.NullString
	err := c.Tx.QueryRow(ctx, "SELECT COALESCE((SELECT MAX(l.`total_currency`) FROM `opportunity_lines` l WHERE l.`opportunity_id` = o.`id` AND l.`id` <> ? AND l.`deleted_at` IS NULL), "+
		"CASE WHEN NOT EXISTS (SELECT 1 FROM `opportunity_lines` m WHERE m.`opportunity_id` = o.`id`) THEN o.`amount_currency` END) FROM `opportunities` o WHERE o.`id` = ?",
		[]any{c.ID, c.Ref("opportunity")}, &other)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if other.Valid && other.String != currency {
		c.Refuse("unitPrice", "CURRENCY", "The deal is in %s.", other.String)
	}
	return nil
}

// lineCounts has the amount of the deal follow its lines.
func lineCounts(_ context.Context, c *write.Change) error {
	deal := c.Ref("opportunity")
	if len(c.Problems) > 0 || deal.IsZero() {
		return nil
	}
	c.Then(func(ctx context.Context) error { return AmountOfLines(ctx, c.Tx, deal) })
	return nil
}

// AmountOfLines gives a deal the sum of its lines for its amount; without lines it keeps the one that it has. CONFLICT for
// lines of several currencies, which come together only when deals are merged.
func AmountOfLines(ctx context.Context, tx *write.Tx, deal id.ID) error {
	k := tx.Kinds().Kind("Opportunity")
	r, err := tx.Lock(ctx, k, deal)
	if err != nil || r == nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT `total`, `total_currency` FROM `opportunity_lines` WHERE `opportunity_id` = ? AND `deleted_at` IS NULL", deal)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	sum, currency := new(big.Int), ""
	for rows.Next() {
		var total int64
		var code string
		if err := rows.Scan(&total, &code); err != nil {
			return err
		}
		if currency != "" && code != currency {
			return fault.New(fault.Conflict, "The lines are in different currencies.")
		}
		currency = code
		sum.Add(sum, big.NewInt(total))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || currency == "" {
		return err
	}
	if !sum.IsInt64() || sum.Int64() > maxMinor {
		var p fault.Violations
		p.Add([]any{"input", "quantity"}, "RANGE", "The amount is too large.")
		return p.Err()
	}
	if r.Values["amount"] == sum.Int64() && r.Values["amount_currency"] == currency {
		return nil
	}
	return tx.Set(ctx, k, deal, map[string]any{"amount": sum.Int64(), "amount_currency": currency})
}
