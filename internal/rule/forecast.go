package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/write"
)

// rateFits refuses an exchange rate that is none, and a second one of a currency for a day.
func rateFits(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	reporting := c.Tx.ReportingCurrency()
	currency := c.Text("currency")
	switch {
	case currency == "" || c.Faulty("currency"):
	case !money.Known(currency):
		c.Refuse("currency", "FORMAT", "This is not an ISO 4217 currency.")
	case currency == reporting && c.Created():
		c.Refuse("currency", "FORMAT", "This is the reporting currency.")
	}
	if c.Created() {
		if c.Text("reportingCurrency") == "" {
			c.SetText("reportingCurrency", reporting)
		} else if c.Text("reportingCurrency") != reporting {
			c.Refuse("reportingCurrency", "FORMAT", "The reporting currency is %s.", reporting)
		}
	}
	if text := c.Text("rate"); text != "" && (c.Created() || c.Changes("rate")) {
		if _, err := money.ParseRate(text); err != nil {
			c.Refuse("rate", "RANGE", "A rate is more than 0, at most 1,000,000,000, and has at most 12 decimals.")
		}
	}
	if len(c.Problems) > 0 || !c.Created() && c.Op != change.Restored {
		return nil
	}
	return isNew(ctx, c, "validFrom", "There is a rate of the currency for this day already.", "currency", "reportingCurrency", "validFrom")
}

// isNew refuses a record of which there is another one with the same values in the fields, empty ones among them.
func isNew(ctx context.Context, c *write.Change, at, message string, fields ...string) error {
	query, args := "SELECT `id` FROM `"+c.Kind.Table+"` WHERE `deleted_at` IS NULL AND `id` <> ?", []any{c.ID}
	names := make([]string, len(fields))
	for i, name := range fields {
		f := c.Kind.Field(name)
		column, v := f.Column, c.Get(name)
		if x := c.Ref(name); !x.IsZero() {
			if _, err := c.Tx.Hold(ctx, c.KindOf(f.Target), x); err != nil { // writes of equal records at once wait here
				return err
			}
		}
		if v == nil {
			query += " AND `" + column + "` IS NULL"
			continue
		}
		names[i] = fmt.Sprint(v)
		query, args = query+" AND `"+column+"` = ?", append(args, v)
	}
	if err := c.Tx.HoldName(ctx, c.Kind, names...); err != nil {
		return err
	}
	found, err := c.Tx.IDs(ctx, query+" LIMIT 1", args...)
	if err == nil && len(found) > 0 {
		c.Refuse(at, "TAKEN", message)
	}
	return err
}

// targetOwned gives the target of a user to the user unless it names another owner, and that of a team to the team, before rights
// are decided on it.
func targetOwned(_ context.Context, c *write.Change) error {
	if c.Kind.Name != "SalesTarget" {
		return nil
	}
	user, team := c.Ref("user"), c.Ref("forTeam")
	if !user.IsZero() && !c.Given("owner") {
		c.Set("owner", user)
		if !c.Given("team") {
			c.Set("team", nil)
		}
	}
	if !team.IsZero() && !c.Given("team") {
		c.Set("team", team)
	}
	return nil
}

// startsPeriod refuses a day on which no period of the length begins.
func startsPeriod(c *write.Change) {
	day, err := time.Parse(time.DateOnly, c.Text("startsOn"))
	if err != nil || c.Faulty("startsOn") {
		return
	}
	ok := day.Day() == 1
	switch c.Text("length") {
	case "QUARTER":
		ok = ok && day.Month()%3 == 1
	case "YEAR":
		ok = ok && day.Month() == time.January
	}
	if !ok {
		c.Refuse("startsOn", "FORMAT", "No period of this length begins on this day.")
	}
}

// maxTarget is the largest number of deals or activities that can be a target.
const maxTarget = 1_000_000

// targetFits refuses a target that cannot be measured, and a second one of the same.
func targetFits(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	user, team := c.Ref("user"), c.Ref("forTeam")
	switch {
	case !c.Created():
	case user.IsZero() && team.IsZero() && !c.Faulty("user") && !c.Faulty("forTeam"):
		c.Refuse("user", "REQUIRED", "A target is that of a user or of a team.")
	case !user.IsZero() && !team.IsZero():
		c.Refuse("forTeam", "FORMAT", "A target is that of a user or of a team.")
	}
	startsPeriod(c)
	amount, hasAmount := c.Get("amount").(int64)
	count, hasCount := c.Get("count").(int64)
	if c.Text("measure") == "REVENUE" {
		targetAmount(c, amount, hasAmount)
		if hasCount {
			c.Refuse("count", "FORMAT", "Revenue is an amount.")
		}
	} else {
		if hasAmount {
			c.Refuse("amount", "FORMAT", "Deals and activities are counted.")
		}
		switch {
		case !hasCount:
			c.Refuse("count", "REQUIRED", "Say how many.")
		case count < 0 || count > maxTarget:
			c.Refuse("count", "RANGE", "The number must be from %d to %d.", 0, maxTarget)
		}
	}
	if len(c.Problems) > 0 {
		return nil
	}
	if err := targetWhose(c, user, team); err != nil || !c.Created() && c.Op != change.Restored {
		return err
	}
	return isNew(ctx, c, "startsOn", "There is such a target already.", "user", "forTeam", "startsOn", "length", "measure")
}

func targetAmount(c *write.Change, amount int64, has bool) {
	if !has {
		c.Refuse("amount", "REQUIRED", "Say how much.")
		return
	}
	if amount < 0 {
		c.Refuse("amount", "RANGE", "The amount is less than 0.")
		return
	}
	if _, _, ok := c.Tx.Reporting(amount, c.Currency("amount")); !ok && c.Changes("amount") {
		c.Refuse("amount", "CURRENCY", "There is no exchange rate for %s.", c.Currency("amount"))
	}
}

// targetWhose refuses the target of somebody who is not in the actor's reach: one's own may be set by who may make targets at all,
// those of users and teams below by who may in the scope TEAM, all by who may in the scope ALL.
func targetWhose(c *write.Change, user, team id.ID) error {
	if !c.Created() || c.Tx.System() {
		return nil
	}
	a, scopes := c.Tx.Actor, c.Tx.Actor.Policy.Scopes(c.Kind, access.Create)
	leads := scopes&(access.Team|access.Shared) != 0
	switch {
	case scopes&access.All != 0, !user.IsZero() && user == a.User:
	case leads && !user.IsZero() && slices.Contains(a.Reports, user):
	case leads && !team.IsZero() && slices.Contains(a.Teams, team):
	default:
		return fault.New(fault.Forbidden, "You may not say what others are to reach.")
	}
	return nil
}

// adjustmentFits refuses an adjustment of somebody who does not report to who makes it, and a second one of the same.
func adjustmentFits(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	startsPeriod(c)
	if amount, ok := c.Get("amount").(int64); ok && amount < 0 {
		c.Refuse("amount", "RANGE", "The amount is less than 0.")
	}
	if len(c.Problems) > 0 {
		return nil
	}
	if c.Created() && !c.Tx.System() && c.Tx.Actor.Policy.Scopes(c.Kind, access.Create)&access.All == 0 {
		below, err := reportsTo(ctx, c.Tx, c.Ref("user"), c.Tx.Actor.User)
		if err != nil {
			return err
		}
		if !below {
			return fault.New(fault.Forbidden, "The user does not report to you.").At("input", "user")
		}
	}
	if !c.Created() && c.Op != change.Restored {
		return nil
	}
	return isNew(ctx, c, "startsOn", "There is such an adjustment already.", "user", "owner", "startsOn", "length", "figure", "rolledUp")
}

// reportsTo reports whether a user reports to another one, directly or not, or is the same.
func reportsTo(ctx context.Context, tx *write.Tx, user, manager id.ID) (bool, error) {
	k := tx.Kinds().Kind("User")
	for range maxChain {
		if user == manager {
			return true, nil
		}
		if user.IsZero() {
			return false, nil
		}
		r, err := tx.Lock(ctx, k, user)
		if err != nil || r == nil {
			return false, err
		}
		user, _ = r.Values["manager_id"].(id.ID)
	}
	return false, nil
}

// profileFits refuses a profile of an account that competes with nobody, and of a day to come.
func profileFits(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	if day := c.Text("asOf"); day > access.Day(c.Tx.Now) && c.Changes("asOf") {
		c.Refuse("asOf", "RANGE", "The day is in the future.")
	}
	account := c.Ref("account")
	if !c.Created() || account.IsZero() || c.Faulty("account") {
		return nil
	}
	r, err := c.Tx.Hold(ctx, c.KindOf("Account"), account)
	if err != nil || r == nil {
		return err
	}
	if kinds, _ := r.Values["kinds"].(string); !strings.Contains(kinds, "|COMPETITOR|") {
		c.Refuse("account", "FORMAT", "The account is not of the kind COMPETITOR.")
	}
	return nil
}
