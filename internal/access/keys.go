package access

import (
	"slices"
	"strings"
	"time"

	"farley/internal/id"
	"farley/internal/model"
)

// Keys are what decides who sees a record, as they were at one moment. The change log keeps them, so the JSON names are
// short and stay.
type Keys struct {
	ID          id.ID      `json:"i"`
	Owner       id.ID      `json:"o,omitzero"`
	Team        id.ID      `json:"t,omitzero"`
	Partner     id.ID      `json:"p,omitzero"`
	UserPartner id.ID      `json:"u,omitzero"` // of a user: the partner account
	Branch      id.ID      `json:"b,omitzero"` // of a placed record or a user
	Territory   id.ID      `json:"y,omitzero"` // of a placed record
	Self        id.ID      `json:"m,omitzero"` // what the Ref field named by model.Kind.Self holds
	Shares      []ShareKey `json:"s,omitempty"`
	// Participants are those who take part in it by live links, whatever their days.
	Participants []ParticipantKey `json:"w,omitempty"`
	Parents      []ParentKeys     `json:"a,omitempty"` // one for each of model.Kind.Parents that is set
	// Deleted: the record is in the bin (or, of a parent, gone). Sees heeds it for parents only, as Sight does.
	Deleted bool `json:"d,omitempty"`
	// Sensitive: the record defines a field that is sensitive.
	Sensitive bool `json:"z,omitempty"`
}

// ShareKey is one share that is not deleted.
type ShareKey struct {
	Grantee id.ID     `json:"g"`
	Level   string    `json:"l"`          // READ COMMENT EDIT
	Fields  []string  `json:"f,omitzero"` // model.Field.Const; nil: all fields, empty: none
	Until   time.Time `json:"e,omitzero"` // it counts before this; zero: always
}

// ParticipantKey is somebody who takes part in a record, from one day to another in UTC, both included.
type ParticipantKey struct {
	User id.ID  `json:"u"`
	From string `json:"f,omitzero"` // "2006-01-02", "" for always
	To   string `json:"t,omitzero"`
}

// Counts reports whether he takes part at an instant.
func (p ParticipantKey) Counts(at time.Time) bool {
	day := Day(at)
	return p.From <= day && (p.To == "" || day <= p.To)
}

// Day returns the day of an instant in UTC, by which participation is reckoned.
func Day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// ParentKeys are the keys of a parent.
type ParentKeys struct {
	Kind string `json:"k"` // model.Kind.Name
	Keys
}

// ShareFields reads the column shares.fields: nil, for all fields, for NULL, otherwise what "|NAME|PHONE|" lists.
func ShareFields(column *string) []string {
	if column == nil {
		return nil
	}
	fields := []string{}
	for name := range strings.SplitSeq(*column, "|") {
		if name != "" {
			fields = append(fields, name)
		}
	}
	return fields
}

// Sees reports whether the record is in READ sight: what Sight says in SQL.
func (a *Actor) Sees(set *model.Set, k *model.Kind, keys *Keys, now time.Time) bool {
	return a.May(set, k, keys, Read, now)
}

// May reports whether action may be done on the record: what Sight says in SQL.
func (a *Actor) May(set *model.Set, k *model.Kind, keys *Keys, action string, now time.Time) bool {
	m := memory{a, set, now}
	return m.meets(k, keys, []need{{a.Policy.Scopes(k, action), useFor(action)}}, true, nil)
}

// Covers reports whether one of scopes covers the record: what Within says in SQL.
func (a *Actor) Covers(set *model.Set, k *model.Kind, keys *Keys, scopes Scopes, use ShareUse, now time.Time) bool {
	m := memory{a, set, now}
	return m.meets(k, keys, []need{{scopes.Normal(), use}}, false, nil)
}

// ReadsField reports whether the field shows as it is on a record in READ sight: what FieldCond says in SQL.
func (a *Actor) ReadsField(set *model.Set, k *model.Kind, f *model.Field, keys *Keys, now time.Time) bool {
	n := a.readNeed(k, f)
	if a.whole(k, n) {
		return true
	}
	m := memory{a, set, now}
	return m.meets(k, keys, []need{n}, false, nil)
}

// MasksField reports whether the field shows masked on a record in READ sight: what MaskedCond says in SQL.
func (a *Actor) MasksField(set *model.Set, k *model.Kind, f *model.Field, keys *Keys, now time.Time) bool {
	masked := a.Policy.Field(k, f).Masked
	if masked == None || a.ReadsField(set, k, f, keys, now) {
		return false
	}
	m := memory{a, set, now}
	return m.meets(k, keys, []need{{masked, a.fieldUse(f, AnyShare)}}, false, nil)
}

// WritesField reports whether an update may change the field of a record in UPDATE sight: what WriteCond says in SQL.
func (a *Actor) WritesField(set *model.Set, k *model.Kind, f *model.Field, keys *Keys, now time.Time) bool {
	m := memory{a, set, now}
	return m.meets(k, keys, []need{a.writeNeed(k, f)}, false, nil)
}

// memory decides on keys as rows does in SQL; the two are kept alike function by function.
type memory struct {
	a   *Actor
	set *model.Set
	now time.Time
}

func (m memory) meets(k *model.Kind, keys *Keys, needs []need, sight bool, path []*model.Kind) bool {
	if hopeless(needs) || slices.Contains(path, k) || len(path) == len(aliases) {
		return false
	}
	path = append(path[:len(path):len(path)], k)

	if unowned(k) {
		return m.byParents(k, keys, tighten(needs), sight, path)
	}
	own := m.own(k, keys, tighten(needs))
	if k.Sight != model.ByParents || !sight {
		return own
	}
	return own && m.parents(k, keys, nil, true, path)
}

func (m memory) own(k *model.Kind, keys *Keys, needs []need) bool {
	if k.Sight == model.Reference {
		return m.a.knowsDefinition(k, keys)
	}
	for _, n := range needs {
		if !m.reached(k, keys, n) && !m.shared(k, keys, n) {
			return false
		}
	}
	return true
}

func (m memory) byParents(k *model.Kind, keys *Keys, needs []need, sight bool, path []*model.Kind) bool {
	single, several := split(needs)
	if !m.parents(k, keys, single, sight, path) {
		return false
	}
	for _, choice := range several {
		if !slices.ContainsFunc(choice, func(n need) bool { return m.parents(k, keys, []need{n}, false, path) }) {
			return false
		}
	}
	return true
}

func (m memory) parents(k *model.Kind, keys *Keys, needs []need, sight bool, path []*model.Kind) bool {
	needs = tighten(needs)
	for i := range needs {
		needs[i].use.field = ""
	}
	if !sight && len(needs) == 0 {
		return true
	}
	for i := range keys.Parents {
		parent := &keys.Parents[i]
		p := m.set.Kind(parent.Kind)
		if p == nil || parent.Deleted {
			return false
		}
		all := needs
		if sight {
			all = append(needs[:len(needs):len(needs)], need{m.a.Policy.Scopes(p, Read), AnyShare})
		}
		if !m.meets(p, &parent.Keys, all, sight, path) {
			return false
		}
	}
	return len(keys.Parents) > 0
}

func (m memory) reached(k *model.Kind, keys *Keys, n need) bool {
	for _, g := range m.a.reach(k, n.scopes) {
		if x := keys.column(k, g.column); !x.IsZero() && slices.Contains(g.ids, x) {
			return true
		}
	}
	return m.participates(k, keys, n)
}

func (m memory) participates(k *model.Kind, keys *Keys, n need) bool {
	users := m.a.participants(k, n.scopes)
	return slices.ContainsFunc(keys.Participants, func(p ParticipantKey) bool {
		return p.Counts(m.now) && slices.Contains(users, p.User)
	})
}

func (m memory) shared(k *model.Kind, keys *Keys, n need) bool {
	grantees := m.a.grantees(k, n)
	return slices.ContainsFunc(keys.Shares, func(s ShareKey) bool {
		return slices.Contains(grantees, s.Grantee) &&
			(s.Until.IsZero() || s.Until.After(m.now)) &&
			(!n.use.edit || s.Level == "EDIT") &&
			(n.use.field == "" || s.Fields == nil || slices.Contains(s.Fields, n.use.field))
	})
}

// column returns what the record of k holds in a column that scopes look at.
func (keys *Keys) column(k *model.Kind, name string) id.ID {
	switch name {
	case colID:
		return keys.ID
	case colOwner:
		return keys.Owner
	case colTeam:
		return keys.Team
	case colPartner:
		return keys.Partner
	case colUserPartner:
		return keys.UserPartner
	case colBranch:
		return keys.Branch
	case colTerritory:
		return keys.Territory
	case selfColumn(k):
		return keys.Self
	}
	return id.ID{}
}
