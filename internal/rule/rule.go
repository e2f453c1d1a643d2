// Package rule has what holds for every write of a kind, whoever makes it: one file a kind, one function a rule. The
// table below is read by package write.
package rule

import (
	"context"

	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// Sessions ends the sessions of users who may no longer sign in.
type Sessions interface {
	// EndSessions ends all sessions of a user in the transaction of the write.
	EndSessions(ctx context.Context, tx *write.Tx, user id.ID) error
}

// Rules returns the rules of all kinds. jobs takes what rules leave for later; without it that is not done (see
// RegisterPlacement).
func Rules(sessions Sessions, jobs Jobs) write.Rules {
	book := &rulebook{}
	return write.Rules{
		write.Defaults:          {leadWaits, opportunityEnters, targetOwned, book.placedByRule},
		"":                      {erasedStays, acyclic, customValues, placeDerived, book.placedAnew, write.KeepMatches},
		"Account":               {accountDerived, phones, lifecycleStep, lifecycleHistory},
		"Territory":             {territoryRules, book.territoryMoves(jobs)},
		"Contact":               {contactDerived, contactHasName, partnerNeedsConsent, phones},
		"AccountContact":        {linkDates, linkIsNew, linkPrimary},
		"Note":                  {noteHasOneSubject, noteMayComment, noteMentions, noteIsActivity},
		"Lead":                  {leadIsOpen, leadDerived, leadHasName, leadStatus, leadQueue, partnerNeedsConsent, phones},
		"AccountTeamMember":     {linkDates, teamAppointed, teamIsNew, teamTouchesAccount, teamTurns(jobs)},
		"Preference":            {preferenceIsNew},
		"Relationship":          {relationshipEnds, linkDates, relationshipIsNew},
		"Consent":               {consentHasOneSubject, consentGivenNow, notInFuture("givenAt"), consentEndsSharing},
		"LocationEvent":         {notInFuture("seenAt"), locationNeedsConsent},
		"CustomField":           {customKey, customChoices, customDefinition, customUnique},
		"Tag":                   {tagColour},
		"User":                  {userStanding, userBelongs, userSessions(sessions), userLeavesAdministrator},
		"Stage":                 {stageFits, stagesInOrder, unused("stage_id", "The stage has deals: removeStage moves them to another one.")},
		"Pipeline":              {unused("pipeline_id", "The pipeline has deals: archive it instead.")},
		"Opportunity":           {opportunityIsOpen, opportunityStands, opportunityHistory, opportunityEnds, incentiveMoves},
		"OpportunityLine":       {lineOfOpenDeal, lineFollowsProduct, lineTotal, lineCurrency, lineCounts},
		"OpportunityContact":    {partIsNew("contact")},
		"OpportunityCompetitor": {partIsNew("competitor")},
		"Role":                  {roleIsOpen, roleRows, roleScreens, roleLeavesAdministrator},
		"RoleGrant":             {grantIsNew, grantWithinOwn, grantLeavesAdministrator},
		"Share":                 {shareSubject, shareFields, shareNeedsConsent, shareTouchesRecord},
		"RetentionRule":         {retentionFits},
		"Activity":              {activityKeepsSeries, activityStatus, activityTimes, activityAt, activityDealt, activityMoves(jobs), invitationMoves(jobs)},
		"ActivityParticipant":   {participantIsOne, participantIsNew, participantAnswers, participantTouchesActivity, invitationEnds(jobs)},
		"Reminder":              {reminderTimes(jobs)},
		"Recurrence":            {seriesMoves(jobs)},
		"ContactPlan":           {contactPlanFits},
		"WorkingCalendar":       {calendarFits, calendarWhose},
		"ExchangeRate":          {rateFits},
		"SalesTarget":           {targetFits},
		"ForecastAdjustment":    {adjustmentFits},
		"CompetitorProfile":     {profileFits},
		"SalesPlan":             {salesPlanFits},
		"IncentivePlan":         {incentivePlanFits},
		"IncentiveParticipant":  {planParticipantFits},
		"OpportunitySplit":      {lineOfOpenDeal, partIsNew("user"), splitFits},
	}
}

// Merged returns what follows when records have become one, by kind.
func Merged() map[string]func(ctx context.Context, tx *write.Tx, survivor id.ID) error {
	return map[string]func(ctx context.Context, tx *write.Tx, survivor id.ID) error{"Opportunity": dealsMerged}
}

// maxChain bounds the height of hierarchies.
const maxChain = 50

// acyclic refuses a parent that leads back to the record. The chain is held on the way, and the record itself, so that two
// writes at once cannot close a circle together.
func acyclic(ctx context.Context, c *write.Change) error {
	for _, f := range c.Kind.Fields {
		if !f.Acyclic || !c.Changes(f.Name) {
			continue
		}
		above := c.Ref(f.Name)
		if !c.Created() && !above.IsZero() { // nothing of another write is below a new record
			if _, err := c.Tx.Hold(ctx, c.Kind, c.ID); err != nil {
				return err
			}
		}
		for range maxChain {
			if above.IsZero() {
				break
			}
			if above == c.ID {
				c.Refuse(f.Name, "CYCLE", "This would lead back to the record itself.")
				return nil
			}
			r, err := c.Tx.Hold(ctx, c.Kind, above)
			if err != nil {
				return err
			}
			if r == nil {
				above = id.ID{}
				continue
			}
			above, _ = r.Values[f.Column].(id.ID)
		}
		if !above.IsZero() {
			c.Refuse(f.Name, "RANGE", "There are more than %d levels.", maxChain)
		}
	}
	return nil
}

// live counts the live records of a kind, other than the changed one, in which the columns have the values.
func live(ctx context.Context, c *write.Change, k *model.Kind, columns []string, values []any) (int, error) {
	query := "SELECT COUNT(*) FROM `" + k.Table + "` WHERE `deleted_at` IS NULL AND `id` <> ?"
	for _, column := range columns {
		query += " AND `" + column + "` = ?"
	}
	var n int
	err := c.Tx.QueryRow(ctx, query, append([]any{c.ID}, values...), &n)
	return n, err
}
