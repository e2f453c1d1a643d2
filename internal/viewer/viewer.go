// Package viewer says who acts.
package viewer

import (
	"farley/internal/id"
)

// Kind is what sort of user acts.
type Kind string

// The kinds of users.
const (
	Staff   Kind = "STAFF"
	Partner Kind = "PARTNER"
	Portal  Kind = "PORTAL"
	Service Kind = "SERVICE"
)

// Viewer is a signed-in user with what row scopes depend on. It is a value of one moment: it is loaded anew for every
// operation (from a cache that changes empty), and for every event of a subscription.
type Viewer struct {
	User           id.ID
	Name           string
	Kind           Kind
	Session        id.ID
	Locale         string
	TimeZone       string
	Roles          []id.ID
	Team           id.ID   // the user's own team, may be zero
	Teams          []id.ID // the team and all teams below it, sorted: shares with and records of these are TEAM's
	Reports        []id.ID // all users who report to the user, directly or not, and the members of Teams, sorted; without the user
	Branch         id.ID   // the branch the user works at, zero for none and for one in the bin
	Territories    []id.ID // the user's territories and all below them, sorted, without those in the bin
	PartnerAccount id.ID   // for Partner
	Contact        id.ID   // for Portal
	SelfAccounts   []id.ID // accounts that Contact belongs to, sorted
	// LimitedShares is true when some live share with this viewer grants only certain fields: then what a share shows
	// is decided per field.
	LimitedShares bool
	// Epoch is a hash of all of the above that decides which rows and fields are in sight, LimitedShares excepted, and of
	// the definitions of the roles. A change cursor carries it: with another epoch the reader has to start again.
	Epoch string
}

// Grantees returns the ids with which something may be shared so that this viewer sees it as SHARED: the user, the own
// team, the partner account, the branch, and the territories, those below the user's own included: whoever answers for a
// territory is shown what is shared with a part of it.
func (v *Viewer) Grantees() []id.ID {
	g := make([]id.ID, 0, 4+len(v.Territories))
	for _, x := range []id.ID{v.User, v.Team, v.PartnerAccount, v.Branch} {
		if !x.IsZero() {
			g = append(g, x)
		}
	}
	return append(g, v.Territories...)
}
