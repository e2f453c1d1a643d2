package access

import (
	"slices"

	"farley/internal/id"
	"farley/internal/model"
)

// grant covers the rows that hold one of ids in column.
type grant struct {
	column string
	ids    []id.ID
}

// The columns that scopes look at.
const (
	colID          = "id"
	colOwner       = "owner_id"
	colTeam        = "team_id"
	colPartner     = "partner_id"
	colUserPartner = "partner_account_id" // of users
	colBranch      = "branch_id"          // of placed records and of users
	colTerritory   = "territory_id"
)

// reach lists what scopes cover of k by the columns of the row itself, shares apart. The SQL and the decision in memory
// both come from it. Scopes holds no All.
func (a *Actor) reach(k *model.Kind, scopes Scopes) []grant {
	if scopes&All != 0 {
		return nil
	}
	var out []grant
	add := func(column string, ids ...id.ID) {
		ids = slices.DeleteFunc(slices.Clone(ids), id.ID.IsZero)
		if len(ids) > 0 {
			out = append(out, grant{column, ids})
		}
	}

	switch {
	case k.Sight == model.ByUser:
		add(colID, a.users(scopes)...)
		if scopes&PartnerScope != 0 {
			add(colUserPartner, a.PartnerAccount)
		}
		if scopes&BranchScope != 0 {
			add(colBranch, a.Branch)
		}
	case k.Owned:
		add(colOwner, a.users(scopes)...)
		if scopes&(Team|Shared) != 0 {
			add(colTeam, a.Teams...)
		}
		if scopes&PartnerScope != 0 {
			add(colPartner, a.PartnerAccount)
		}
	}
	if k.Placed {
		if scopes&BranchScope != 0 {
			add(colBranch, a.Branch)
		}
		if scopes&TerritoryScope != 0 {
			add(colTerritory, a.Territories...)
		}
	}
	if scopes&PartnerScope != 0 && k.PartnerSelf {
		add(colID, a.PartnerAccount)
	}
	if scopes&SelfScope != 0 {
		column, ids := a.self(k)
		add(column, ids...)
	}
	return out
}

// participants returns of whom somebody has to take part in a record of k for scopes to cover it; nobody where that does not
// count.
func (a *Actor) participants(k *model.Kind, scopes Scopes) []id.ID {
	if k.Participants == nil || scopes&All != 0 {
		return nil
	}
	return slices.DeleteFunc(a.users(scopes), id.ID.IsZero)
}

// users returns whose records scopes cover: me, with TEAM also who reports to me.
func (a *Actor) users(scopes Scopes) []id.ID {
	switch {
	case scopes&(Team|Shared) != 0:
		return append([]id.ID{a.User}, a.Reports...)
	case scopes&(Own|BranchScope|TerritoryScope|PartnerScope) != 0:
		return []id.ID{a.User}
	}
	return nil
}

// grantees returns with whom a record of k must be shared to meet n; nobody where shares do not count.
func (a *Actor) grantees(k *model.Kind, n need) []id.ID {
	switch {
	case !n.use.counts || !k.Shareable || k.Sight == model.ByUser:
		return nil
	case n.scopes&Shared != 0:
		return a.Grantees()
	case n.scopes&PartnerScope != 0:
		return slices.DeleteFunc([]id.ID{a.User, a.PartnerAccount}, id.ID.IsZero)
	}
	return nil
}
