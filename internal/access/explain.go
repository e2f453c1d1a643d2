package access

import (
	"time"

	"farley/internal/model"
)

// Explanation says whether an action is allowed, and why.
type Explanation struct {
	Allowed bool
	// Level is what may be done with the field that was asked about, "" when none was.
	Level   Level
	Because []Reason
}

// Reason is one cause of an answer.
type Reason struct {
	Role string // name of the role, "" when it is not about one
	// Scope is the scope of the role that covers the record; where none does, all that the role grants; "" when it is not
	// about them.
	Scope string
	Share bool // covered by a share only
	Rule  Rule
}

// Rule says which rule a reason is about.
type Rule string

// The rules.
const (
	RuleGranted    Rule = "GRANTED"      // the role grants it on this record
	RuleNoRole     Rule = "NO_ROLE"      // no role grants the action at all
	RuleOutOfScope Rule = "OUT_OF_SCOPE" // the role grants the action, but its scope does not cover the record
	RuleFieldLevel Rule = "FIELD_LEVEL"  // the role grants the action on the record, but not with this field
	RuleParent     Rule = "PARENT"       // a record that this one belongs to is out of sight
)

// Explain answers whether a may do action on a record of k, with one field of it when f is not nil, and lists what each
// of a's roles has to do with it. For CREATE the record counts as covered. A field that shows masked only is not allowed
// to be read; Level tells.
func (a *Actor) Explain(set *model.Set, k *model.Kind, keys *Keys, action string, f *model.Field, now time.Time) Explanation {
	e := explainer{a, set, k, keys, action, f, now}
	out := Explanation{Allowed: e.allowed(), Because: []Reason{}}
	if f != nil {
		out.Level = e.level()
	}
	m := memory{a, set, now}
	if action != Create && !m.meets(k, keys, nil, true, nil) {
		out.Because = append(out.Because, Reason{Rule: RuleParent})
	}
	for i := range a.Policy.roles {
		if r, ok := e.role(&a.Policy.roles[i]); ok {
			out.Because = append(out.Because, r)
		}
	}
	if !a.Policy.May(k.Const, action) {
		out.Because = append(out.Because, Reason{Rule: RuleNoRole})
	}
	return out
}

type explainer struct {
	a      *Actor
	set    *model.Set
	k      *model.Kind
	keys   *Keys
	action string
	f      *model.Field
	now    time.Time
}

func (e explainer) allowed() bool {
	if e.action == Create {
		return e.a.Policy.May(e.k.Const, Create) && (e.f == nil || e.a.Policy.Field(e.k, e.f).Create != None)
	}
	if !e.a.May(e.set, e.k, e.keys, e.action, e.now) {
		return false
	}
	switch {
	case e.f == nil:
		return true
	case e.action == Update:
		return e.a.WritesField(e.set, e.k, e.f, e.keys, e.now)
	}
	return e.a.ReadsField(e.set, e.k, e.f, e.keys, e.now)
}

func (e explainer) level() Level {
	sees := e.a.Sees(e.set, e.k, e.keys, e.now)
	switch {
	case e.a.May(e.set, e.k, e.keys, Update, e.now) && e.a.WritesField(e.set, e.k, e.f, e.keys, e.now):
		return LevelWrite
	case sees && e.a.ReadsField(e.set, e.k, e.f, e.keys, e.now):
		return LevelRead
	case sees && e.a.MasksField(e.set, e.k, e.f, e.keys, e.now):
		return LevelMasked
	}
	return LevelNone
}

// role says what one role has to do with it; ok is false when that is nothing.
func (e explainer) role(r *Role) (reason Reason, ok bool) {
	one := compile([]*model.Kind{e.k}, e.a.Policy.custom, []Role{*r})
	scopes := one.Scopes(e.k, e.action)
	if scopes == None {
		return Reason{}, false
	}
	reason = Reason{Role: r.Name, Scope: scopes.String()}

	covered, byShare := e.covers(need{scopes, useFor(e.action)})
	if !covered {
		reason.Rule = RuleOutOfScope
		return reason, true
	}
	if e.f != nil {
		n := e.fieldNeed(one)
		if covered, byShare = e.covers(n); !covered {
			reason.Rule = RuleFieldLevel
			return reason, true
		}
	}
	reason.Share, reason.Rule, reason.Scope = byShare, RuleGranted, e.covering(scopes).String()
	return reason, true
}

// covering returns the first of several scopes that covers the record.
func (e explainer) covering(scopes Scopes) Scopes {
	for _, s := range scopeNames {
		if scopes&s.scope == 0 {
			continue
		}
		if covered, _ := e.covers(need{s.scope, useFor(e.action)}); covered {
			return s.scope
		}
	}
	return scopes
}

// fieldNeed is what a role's policy demands for the action with the field.
func (e explainer) fieldNeed(p *Policy) need {
	rule := p.Field(e.k, e.f)
	switch e.action {
	case Create:
		return need{rule.Create, NoShare}
	case Update:
		return need{rule.Write, e.a.fieldUse(e.f, EditShare)}
	}
	return need{rule.Read, e.a.fieldUse(e.f, AnyShare)}
}

// covers reports whether the record meets n, and whether it does so by a share only.
func (e explainer) covers(n need) (covered, byShare bool) {
	if e.action == Create {
		return n.scopes != None, false
	}
	if e.a.Covers(e.set, e.k, e.keys, n.scopes, NoShare, e.now) {
		return true, false
	}
	covered = e.a.Covers(e.set, e.k, e.keys, n.scopes, n.use, e.now)
	return covered, covered
}
