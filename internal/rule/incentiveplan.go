package rule

import (
	"context"
	"math/big"
	"slices"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/incentive"
	"farley/internal/money"
	"farley/internal/write"
)

// incentivePlanFits refuses an incentive plan that pays nothing that could be reckoned, and one for everybody by who may not speak
// for everybody.
func incentivePlanFits(_ context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	if c.Created() {
		c.SetText("currency", c.Tx.ReportingCurrency())
	}
	if from, to := c.Text("startsOn"), c.Text("endsOn"); to != "" && to < from && !c.Faulty("startsOn") && !c.Faulty("endsOn") {
		c.Refuse("endsOn", "RANGE", "The last day is before the first.")
	}
	if c.Flag("everybody") && c.Changes("everybody") && !c.Tx.System() && c.Tx.Actor.Policy.Scopes(c.Kind, access.Create)&access.All == 0 {
		return fault.New(fault.Forbidden, "You may not say what others get.").At("input", "everybody")
	}
	if !c.Faulty("tiers") {
		checkTiers(c)
	}
	return nil
}

// checkTiers refuses tiers that do not follow each other from 0 on, and those that pay nothing, or in two ways.
func checkTiers(c *write.Change) {
	basis, currency := incentive.Basis(c.Text("basis")), c.Text("currency")
	list := write.Embedded(c.Text("tiers"))
	if len(list) == 0 {
		c.Refuse("tiers", "REQUIRED", "Say what is paid.")
	}
	last := int64(-1)
	for i, in := range list {
		refuse := func(field, code, message string, args ...any) {
			c.Problems.Add([]any{"input", "tiers", i, field}, code, message, args...)
		}
		above, ok := measureOf(basis, currency, member(in, "above"))
		switch {
		case !ok:
			refuse("above", "RANGE", "A tier begins at an amount in the currency of the plan, or at a number of deals with at most 6 decimals.")
		case i == 0 && above != 0:
			refuse("above", "RANGE", "The first tier begins at 0.")
		case above <= last:
			refuse("above", "RANGE", "A tier begins above the one before it.")
		}
		last = max(last, above)
		percent, amount := member(in, "percent"), member(in, "perDeal")
		switch {
		case percent == "" && amount == "":
			refuse("percent", "REQUIRED", "Say what is paid.")
		case percent != "" && amount != "":
			refuse("perDeal", "FORMAT", "A tier pays a percentage or an amount for each deal.")
		case percent != "" && number(percent, 100, 6) == nil:
			refuse("percent", "RANGE", "This is no number from %d to %d with at most %d decimals.", 0, 100, 6)
		case amount != "":
			if minor, err := money.Minor(amount, currency); err != nil || minor < 0 || minor > maxMinor {
				refuse("perDeal", "RANGE", "This is no amount of 0 or more in %s.", currency)
			}
		}
	}
}

// measureOf reads what is reached, as it is written.
func measureOf(basis incentive.Basis, currency, text string) (int64, bool) {
	if basis == incentive.Revenue {
		minor, err := money.Minor(text, currency)
		return minor, err == nil && minor >= 0 && minor <= maxMinor
	}
	n := number(text, maxPlanDeals, 6)
	if n == nil {
		return 0, false
	}
	return new(big.Int).Quo(new(big.Int).Mul(n.Num(), big.NewInt(incentive.Whole)), n.Denom()).Int64(), true
}

// planParticipantFits refuses who is neither a user nor a team, or out of the reach of who names him, and a second one.
func planParticipantFits(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	user, team := c.Ref("user"), c.Ref("forTeam")
	switch {
	case c.Faulty("user") || c.Faulty("forTeam"):
	case user.IsZero() && team.IsZero():
		c.Refuse("user", "REQUIRED", "Who takes part is a user or a team.")
	case !user.IsZero() && !team.IsZero():
		c.Refuse("forTeam", "FORMAT", "Who takes part is a user or a team.")
	}
	if len(c.Problems) > 0 || !c.Created() && c.Op != change.Restored {
		return nil
	}
	at := "user"
	if user.IsZero() {
		at = "forTeam"
	}
	if !c.Tx.System() {
		a, scopes := c.Tx.Actor, c.Tx.Actor.Policy.Scopes(c.Kind, access.Create)
		leads := scopes&(access.Team|access.Shared) != 0
		if scopes&access.All == 0 && user != a.User && (!leads || !slices.Contains(a.Reports, user) && !slices.Contains(a.Teams, team)) {
			return fault.New(fault.Forbidden, "You may not say what others get.").At("input", at)
		}
	}
	return isNew(ctx, c, at, "This takes part already.", "plan", "user", "forTeam")
}

// splitFits refuses a share that is none, and more than the whole of a deal. The deal is held, see lineOfOpenDeal.
func splitFits(ctx context.Context, c *write.Change) error {
	if c.InBin() || c.Faulty("share") || c.Faulty("opportunity") {
		return nil
	}
	share := shareOf(c.Text("share"))
	if share == 0 {
		c.Refuse("share", "RANGE", "A share is more than 0 and at most 100, with at most 4 decimals.")
		return nil
	}
	others, err := splitsOf(ctx, c.Tx, c.Ref("opportunity"))
	if err != nil {
		return err
	}
	for _, s := range others {
		if s.split != c.ID {
			share += s.share
		}
	}
	if share > incentive.Whole {
		c.Refuse("share", "RANGE", "The shares of a deal are 100 together at most.")
	}
	return nil
}

// dealsMerged has the amount of a deal that others became one with follow the lines of all. CONFLICT where their shares are more than the
// whole together, or their lines of several currencies.
func dealsMerged(ctx context.Context, tx *write.Tx, survivor id.ID) error {
	splits, err := splitsOf(ctx, tx, survivor)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, s := range splits {
		sum += s.share
	}
	if sum > incentive.Whole {
		return fault.New(fault.Conflict, "The shares of a deal are 100 together at most.")
	}
	return AmountOfLines(ctx, tx, survivor)
}

// shareOf reads a share in percent into millionths; 0 for what is none.
func shareOf(text string) int64 {
	n := number(text, 100, 4)
	if n == nil {
		return 0
	}
	return new(big.Int).Quo(new(big.Int).Mul(n.Num(), big.NewInt(incentive.Whole/100)), n.Denom()).Int64()
}
