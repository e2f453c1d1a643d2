package access

import "farley/internal/model"

// ShareUse says which shares count where a scope includes what is shared. The zero ShareUse: none.
type ShareUse struct {
	counts bool
	edit   bool   // only shares of level EDIT
	field  string // only shares that include this field (model.Field.Const), "" for any
}

// The uses of shares: none (DELETE and named actions), any (READ), those of level EDIT (UPDATE).
var (
	NoShare   = ShareUse{}
	AnyShare  = ShareUse{counts: true}
	EditShare = ShareUse{counts: true, edit: true}
)

// FieldShare returns the use of shares of any level which include the field with the enum value c.
func FieldShare(c string) ShareUse { return ShareUse{counts: true, field: c} }

// useFor returns which shares grant an action.
func useFor(action string) ShareUse {
	switch action {
	case Read:
		return AnyShare
	case Update:
		return EditShare
	}
	return NoShare
}

// implies reports whether every share that counts for u counts for v.
func (u ShareUse) implies(v ShareUse) bool {
	if !u.counts {
		return true
	}
	return v.counts && (u.edit || !v.edit) && (v.field == "" || u.field == v.field)
}

// need is a demand on a row: some scope of scopes covers it.
type need struct {
	scopes Scopes
	use    ShareUse
}

// implies reports whether every row that meets n meets m for certain.
func (n need) implies(m need) bool { return m.scopes.Covers(n.scopes) && n.use.implies(m.use) }

// tighten drops the needs that always hold or follow from others. It never changes its argument.
func tighten(needs []need) []need {
	kept := make([]need, 0, len(needs))
	for i, n := range needs {
		if n.scopes == All || follows(needs, i) {
			continue
		}
		kept = append(kept, n)
	}
	return kept
}

// follows reports whether needs[i] follows from another one; of two equal ones only the later does.
func follows(needs []need, i int) bool {
	for j, m := range needs {
		if j == i || !m.implies(needs[i]) {
			continue
		}
		if j < i || !needs[i].implies(m) {
			return true
		}
	}
	return false
}

// fieldUse returns which shares show a field of a kind to a: all of them where a has no share limited to fields.
func (a *Actor) fieldUse(f *model.Field, base ShareUse) ShareUse {
	if a.LimitedShares && !f.System {
		base.field = f.Const
		if f.Custom != nil {
			base.field = customFields // a share includes all of them or none
		}
	}
	return base
}

// split separates the needs of one scope from those of several, which it lists scope by scope.
func split(needs []need) (single []need, several [][]need) {
	for _, n := range needs {
		var choice []need
		for _, s := range scopeNames {
			if n.scopes&s.scope != 0 {
				choice = append(choice, need{s.scope, n.use})
			}
		}
		if len(choice) == 1 {
			single = append(single, choice[0])
			continue
		}
		several = append(several, choice)
	}
	return single, several
}
