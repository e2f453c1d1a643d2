package access

import (
	"slices"
	"strings"

	"farley/internal/model"
)

// Scopes is a set of row scopes, united.
type Scopes uint16

// The row scopes. Each of Own, Team, Shared and All includes the ones before it; Branch and Territory include Own;
// PartnerScope and SelfScope stand apart.
const (
	Own            Scopes = 1 << iota // I own it or take part in it
	Team                              // my team's subtree and everybody who reports to me
	Shared                            // shared with me, my team or my partner account
	All                               // every record
	PartnerScope                      // owned by or shared with my partner account
	SelfScope                         // my contact's records
	BranchScope                       // my own, and those of my branch
	TerritoryScope                    // my own, and those in my territories and below

	None Scopes = 0
)

var scopeNames = []struct {
	scope Scopes
	name  string
}{
	{Own, "OWN"}, {Team, "TEAM"}, {Shared, "SHARED"}, {BranchScope, "BRANCH"}, {TerritoryScope, "TERRITORY"}, {All, "ALL"},
	{PartnerScope, "PARTNER"}, {SelfScope, "SELF"},
}

// ParseScope reads one scope as roles write it; NONE and unknown names give None.
func ParseScope(name string) Scopes {
	for _, s := range scopeNames {
		if s.name == name {
			return s.scope
		}
	}
	return None
}

// Normal returns the smallest set that covers the same rows: All absorbs everything, Shared absorbs Team and Own, and Team,
// Branch and Territory absorb Own.
func (s Scopes) Normal() Scopes {
	switch {
	case s&All != 0:
		return All
	case s&Shared != 0:
		return s &^ (Own | Team)
	case s&(Team|BranchScope|TerritoryScope) != 0:
		return s &^ Own
	}
	return s
}

// Covers reports whether every row covered by t is covered by s for certain.
func (s Scopes) Covers(t Scopes) bool { return (s | t).Normal() == s.Normal() }

// String lists the scopes as roles write them, "NONE" for the empty set.
func (s Scopes) String() string {
	var names []string
	for _, n := range scopeNames {
		if s&n.scope != 0 {
			names = append(names, n.name)
		}
	}
	if names == nil {
		return "NONE"
	}
	return strings.Join(names, "|")
}

// Fits reports whether a scope covers, by itself, some records of the kind that another one does not: BRANCH and TERRITORY
// need records that have a branch or a territory, be it by way of their parents. ALL, NONE and the scopes of persons fit
// every kind.
func Fits(set *model.Set, k *model.Kind, s Scopes) bool {
	if s&(BranchScope|TerritoryScope) == 0 {
		return true
	}
	return fits(set, k, s, nil)
}

func fits(set *model.Set, k *model.Kind, s Scopes, path []*model.Kind) bool {
	if k == nil || slices.Contains(path, k) {
		return false
	}
	switch {
	case k.Sight == model.Reference:
		return true
	case k.Sight == model.ByUser:
		return s == BranchScope
	case k.Placed:
		return true
	case !unowned(k):
		return false
	}
	path = append(path[:len(path):len(path)], k)
	return slices.ContainsFunc(k.Parents, func(name string) bool {
		f := k.Field(name)
		return f != nil && fits(set, set.Kind(f.Target), s, path)
	})
}
