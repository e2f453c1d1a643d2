package access

import (
	"time"

	"farley/internal/model"
)

// FieldCond says on which of the rows in READ sight a field of k shows as it is. whole: on all of them, so the plain
// column will do; otherwise cond is for CASE WHEN cond THEN column END. A field that never shows gives a false cond.
func (a *Actor) FieldCond(set *model.Set, k *model.Kind, f *model.Field, alias string, now time.Time) (cond Cond, whole bool) {
	n := a.readNeed(k, f)
	if a.whole(k, n) {
		return Cond{}, true
	}
	r := rows{a, set, now}
	return r.cond(k, alias, []need{n}, false, nil), false
}

// MaskedCond is the condition under which a field of a row in READ sight shows masked: a role grants that on the row,
// and none grants to read it.
func (a *Actor) MaskedCond(set *model.Set, k *model.Kind, f *model.Field, alias string, now time.Time) Cond {
	masked := a.Policy.Field(k, f).Masked
	if masked == None {
		return never
	}
	plain, whole := a.FieldCond(set, k, f, alias, now)
	if whole {
		return never
	}
	r := rows{a, set, now}
	return And(r.cond(k, alias, []need{{masked, a.fieldUse(f, AnyShare)}}, false, nil), Not(plain))
}

// WriteCond is the condition under which an update may change the field of a row in UPDATE sight.
func (a *Actor) WriteCond(set *model.Set, k *model.Kind, f *model.Field, alias string, now time.Time) Cond {
	r := rows{a, set, now}
	return r.cond(k, alias, []need{a.writeNeed(k, f)}, false, nil)
}

func (a *Actor) readNeed(k *model.Kind, f *model.Field) need {
	return need{a.Policy.Field(k, f).Read, a.fieldUse(f, AnyShare)}
}

func (a *Actor) writeNeed(k *model.Kind, f *model.Field) need {
	return need{a.Policy.Field(k, f).Write, a.fieldUse(f, EditShare)}
}

// whole reports whether every row of k in READ sight meets n.
func (a *Actor) whole(k *model.Kind, n need) bool {
	scopes := a.Policy.Scopes(k, Read)
	if scopes == None || n.scopes == None {
		return false
	}
	if k.Sight == model.Reference {
		return true
	}
	in := need{scopes, AnyShare}
	if !k.Shareable || unowned(k) || scopes&(Shared|PartnerScope) == 0 {
		in.use = n.use // no row is in sight by way of a share of its own
	}
	return n.scopes == All || in.implies(n)
}
