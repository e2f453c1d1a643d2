package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"farley/internal/id"
	"farley/internal/model"
)

// The actions that every kind has. Named actions (CONVERT_LEAD, MANAGE_USERS …) stand beside them.
const (
	Create = "CREATE"
	Read   = "READ"
	Update = "UPDATE"
	Delete = "DELETE"
)

// FieldRule says which scopes grant a field, all roles united and each set normal. The scopes of one field never grant
// more rows than the action they belong to.
type FieldRule struct {
	Read   Scopes // shows as it is on the rows of these scopes
	Masked Scopes // shows masked on these, where Read does not cover the row; unusable in filters and orders
	Write  Scopes // may be changed by an update on these
	Create Scopes // may be given by a create
}

// Shows reports whether the field shows on some row, be it masked.
func (r FieldRule) Shows() bool { return r.Read|r.Masked != None }

// Policy is what the roles of somebody allow together. It is immutable and safe for concurrent use.
type Policy struct {
	objects     map[string]map[string]Scopes // object, then action
	fields      map[string]map[string]FieldRule
	roles       []Role // sorted, for Explain
	custom      *model.Catalogue
	granted     []id.ID // definitions of custom fields of which something is granted, sorted
	denied      []id.ID // and those which the roles of their kind deny
	fingerprint string
	rights      string
}

// nobody may do nothing.
var nobody = Compile(model.NewSet(), nil)

// Roles returns the roles that the policy unites, by name.
func (p *Policy) Roles() []Role { return slices.Clone(p.roles) }

// Compile unites roles into a policy over the kinds of set. Objects that are no kinds ("SYSTEM") have actions only;
// permissions with unknown scopes and levels of unknown fields grant nothing. The order of roles does not matter.
func Compile(set *model.Set, roles []Role) *Policy { return compile(set.Kinds, nil, roles) }

// CompileWith is Compile with the fields that the firm has added.
func CompileWith(set *model.Set, custom *model.Catalogue, roles []Role) *Policy {
	return compile(set.Kinds, custom, roles)
}

func compile(kinds []*model.Kind, custom *model.Catalogue, roles []Role) *Policy {
	p := &Policy{
		objects: map[string]map[string]Scopes{},
		fields:  map[string]map[string]FieldRule{},
		roles:   slices.Clone(roles),
		custom:  custom,
	}
	slices.SortFunc(p.roles, func(a, b Role) int {
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
	for i := range p.roles {
		p.add(kinds, &p.roles[i])
	}
	p.normalise()
	p.lists(kinds)
	p.fingerprint = p.hash()
	p.rights = hashRights(roles)
	return p
}

// add unites one role with what is there.
func (p *Policy) add(kinds []*model.Kind, r *Role) {
	own := scopesOf(r)
	for _, k := range kinds {
		if k.Private {
			for action := range own[k.Const] {
				own[k.Const][action] = Own
			}
		}
	}
	for object, actions := range own {
		if p.objects[object] == nil {
			p.objects[object] = map[string]Scopes{}
		}
		for action, s := range actions {
			p.objects[object][action] |= s
		}
	}

	levels := map[[2]string]Level{}
	for _, f := range r.Fields {
		levels[[2]string{f.Object, f.Field}] = f.Level
	}
	for _, k := range kinds {
		actions := own[k.Const]
		if len(actions) == 0 {
			continue
		}
		if p.fields[k.Const] == nil {
			p.fields[k.Const] = map[string]FieldRule{}
		}
		for _, f := range k.Fields {
			explicit, given := levels[[2]string{k.Const, f.Const}]
			level := levelOf(f, actions, explicit, given)
			p.fields[k.Const][f.Const] = p.fields[k.Const][f.Const].with(f, level, actions)
		}
		p.addCustom(k, actions, levels)
	}
}

// scopesOf returns the scopes that one role grants, by object and action.
func scopesOf(r *Role) map[string]map[string]Scopes {
	own := map[string]map[string]Scopes{}
	for _, g := range r.Permissions {
		s := ParseScope(g.Scope)
		if s == None {
			continue
		}
		if own[g.Object] == nil {
			own[g.Object] = map[string]Scopes{}
		}
		own[g.Object][g.Action] |= s
	}
	return own
}

// levelOf returns the level of a field in one role, which grants actions on the field's kind.
func levelOf(f *model.Field, actions map[string]Scopes, explicit Level, given bool) Level {
	switch {
	case f.Internal:
		return LevelNone
	case f.System:
		return LevelRead
	case given:
		return explicit
	case f.Sensitive:
		return LevelNone
	case actions[Create]|actions[Update] != None:
		return LevelWrite
	}
	return LevelRead
}

// with returns r united with what one role grants at a level.
func (r FieldRule) with(f *model.Field, level Level, actions map[string]Scopes) FieldRule {
	switch level {
	case LevelMasked:
		r.Masked |= actions[Read]
	case LevelRead:
		r.Read |= actions[Read]
	case LevelWrite:
		r.Read |= actions[Read]
		if f.Write == model.Always {
			r.Write |= actions[Update]
		}
		if f.Write != model.Never {
			r.Create |= actions[Create]
		}
	}
	return r
}

func (p *Policy) normalise() {
	for _, actions := range p.objects {
		for action, s := range actions {
			actions[action] = s.Normal()
		}
	}
	for _, fields := range p.fields {
		for name, r := range fields {
			masked := r.Masked.Normal()
			if r.Read.Covers(masked) {
				masked = None
			}
			fields[name] = FieldRule{Read: r.Read.Normal(), Masked: masked, Write: r.Write.Normal(), Create: r.Create.Normal()}
		}
	}
}

// hash covers everything that decides, and not the names of the roles.
func (p *Policy) hash() string {
	var lines []string
	for object, actions := range p.objects {
		for action, s := range actions {
			lines = append(lines, fmt.Sprintf("%q %q %d", object, action, s))
		}
	}
	for object, fields := range p.fields {
		for field, r := range fields {
			lines = append(lines, fmt.Sprintf("%q.%q %d %d %d %d", object, field, r.Read, r.Masked, r.Write, r.Create))
		}
	}
	lines = append(lines, fmt.Sprintf("custom %x %x", p.granted, p.denied))
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:16])
}

// Scopes returns the rows of k on which action may be done.
func (p *Policy) Scopes(k *model.Kind, action string) Scopes { return p.objects[k.Const][action] }

// Field returns what grants a field of k; the zero rule, which grants nothing, for an unknown one.
func (p *Policy) Field(k *model.Kind, f *model.Field) FieldRule { return p.fields[k.Const][f.Const] }

// Readable reports whether some record of k may be read.
func (p *Policy) Readable(k *model.Kind) bool { return p.Scopes(k, Read) != None }

// Personal reports whether which rows of k, or which of their fields, may be read depends on who reads, beyond the policy.
func (p *Policy) Personal(k *model.Kind) bool {
	if s := p.Scopes(k, Read); s != None && s != All {
		return true
	}
	for _, r := range p.fields[k.Const] {
		if r.Read != None && r.Read != All || r.Masked != None && r.Masked != All {
			return true
		}
	}
	return false
}

// May reports whether action is granted on object in any scope. An object is a kind's enum value or a word of its own.
func (p *Policy) May(object, action string) bool { return p.objects[object][action] != None }

// Includes reports whether everything that q allows is allowed by p as well: each action and each field in a scope that
// covers the other for certain.
func (p *Policy) Includes(q *Policy) bool {
	for object, actions := range q.objects {
		for action, s := range actions {
			if !p.objects[object][action].Covers(s) {
				return false
			}
		}
	}
	for object, fields := range q.fields {
		for name, r := range fields {
			own := p.fields[object][name]
			if !own.Read.Covers(r.Read) || !(own.Read | own.Masked).Covers(r.Masked) || !own.Write.Covers(r.Write) || !own.Create.Covers(r.Create) {
				return false
			}
		}
	}
	return true
}

// Fingerprint identifies what the policy allows: equal policies have equal fingerprints, whatever roles they come from
// and in whatever order.
func (p *Policy) Fingerprint() string { return p.fingerprint }

// Rights identifies what the roles grant, by their own words: unlike Fingerprint it stays the same when a release adds
// fields or kinds to the model. What somebody holds for long, such as a cursor, is bound to it.
func (p *Policy) Rights() string { return p.rights }

func hashRights(roles []Role) string {
	var all []string
	for i := range roles {
		var lines []string
		for object, actions := range scopesOf(&roles[i]) {
			for action, s := range actions {
				lines = append(lines, fmt.Sprintf("%q %q %d", object, action, s.Normal()))
			}
		}
		for _, f := range roles[i].Fields {
			lines = append(lines, fmt.Sprintf("%q.%q %v", f.Object, f.Field, f.Level))
		}
		slices.Sort(lines)
		all = append(all, strings.Join(slices.Compact(lines), "\n"))
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(all), "\n\n")))
	return hex.EncodeToString(sum[:16])
}
