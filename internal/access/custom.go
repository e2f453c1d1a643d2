package access

import (
	"slices"

	"farley/internal/id"
	"farley/internal/model"
)

// Fields that the firm has added have levels like any other. One without a level of its own has that of customFields in the
// same role, and a sensitive one that of SensitiveCustom, otherwise NONE. A field of which the roles grant nothing is unknown to their holder: its key names
// nothing, and its definition is out of sight for everybody who may not change definitions.

// SensitiveCustom names, in a role, all sensitive custom fields of a kind that have no level of their own there. Without it
// nobody could be given what nobody has: who defines fields after the roles have been written needs them to be somebody's.
const SensitiveCustom = "CUSTOM_FIELDS.*"

// customFields is the enum value of the field that holds them, and definitions that of the kind that defines them.
const (
	customFields = "CUSTOM_FIELDS"
	definitions  = "CUSTOM_FIELD"
)

// addCustom unites what one role grants of the custom fields of a kind. customFields itself may be used where any of them
// may; what it holds is decided key by key.
func (p *Policy) addCustom(k *model.Kind, actions map[string]Scopes, levels map[[2]string]Level) {
	all := k.ByConst(customFields)
	if all == nil {
		return
	}
	explicit, given := levels[[2]string{k.Const, all.Const}]
	otherwise := levelOf(all, actions, explicit, given)
	sensitive, given := levels[[2]string{k.Const, SensitiveCustom}]
	if !given {
		sensitive = LevelNone
	}
	for _, f := range p.custom.Of(k) {
		level := otherwise
		if own, given := levels[[2]string{k.Const, f.Const}]; given {
			level = own
		} else if f.Sensitive {
			level = sensitive
		}
		p.fields[k.Const][f.Const] = p.fields[k.Const][f.Const].with(f, level, actions)
		p.fields[k.Const][all.Const] = p.fields[k.Const][all.Const].with(all, level, actions)
	}
}

// lists notes of which definitions something is granted, and which are denied though they are not sensitive.
func (p *Policy) lists(kinds []*model.Kind) {
	for _, k := range kinds {
		for _, f := range p.custom.Of(k) {
			switch {
			case p.Knows(k, f):
				p.granted = append(p.granted, f.Custom.ID)
			case p.fields[k.Const] != nil && !f.Sensitive: // sensitive ones are told from others by their records
				p.denied = append(p.denied, f.Custom.ID)
			}
		}
	}
	slices.SortFunc(p.granted, id.ID.Compare)
	slices.SortFunc(p.denied, id.ID.Compare)
}

// Catalogue returns the custom fields that the policy was compiled with.
func (p *Policy) Catalogue() *model.Catalogue { return p.custom }

// Knows reports whether anything at all is granted of a field.
func (p *Policy) Knows(k *model.Kind, f *model.Field) bool {
	r := p.Field(k, f)
	return r.Read|r.Masked|r.Write|r.Create != None
}

// Custom returns the custom fields of a kind that are not unknown, in their order.
func (p *Policy) Custom(k *model.Kind) []*model.Field {
	var out []*model.Field
	for _, f := range p.custom.Of(k) {
		if p.Knows(k, f) {
			out = append(out, f)
		}
	}
	return out
}

// CustomField returns the custom field with a key, nil when there is none or it is unknown.
func (p *Policy) CustomField(k *model.Kind, key string) *model.Field {
	f := p.custom.Field(k, key)
	if f == nil || !p.Knows(k, f) {
		return nil
	}
	return f
}

// Named returns the field of a kind with a name in the API, "name" or "customFields.key"; nil when there is none or it is
// unknown.
func (p *Policy) Named(k *model.Kind, name string) *model.Field {
	if f := k.Field(name); f != nil {
		return f
	}
	return p.CustomField(k, model.CustomKey(name))
}

// defines reports whether the actor sees all definitions of custom fields: who may change them has to.
func (a *Actor) defines() bool {
	return a.Policy.May(definitions, Create) || a.Policy.May(definitions, Update) || a.Policy.May(definitions, Delete)
}

// defined is the condition that the row of a kind that everybody sees does not define a field that is unknown to the actor.
func (a *Actor) defined(k *model.Kind, alias string) Cond {
	if k.Const != definitions || a.defines() || k.ByConst("SENSITIVE") == nil {
		return Cond{}
	}
	open := Cond{SQL: alias + ".`sensitive` = ?", Args: []any{false}}
	return And(Or(open, oneOf(alias, colID, a.Policy.granted...)), Not(oneOf(alias, colID, a.Policy.denied...)))
}

// knowsDefinition is defined in memory.
func (a *Actor) knowsDefinition(k *model.Kind, keys *Keys) bool {
	if k.Const != definitions || a.defines() {
		return true
	}
	return (!keys.Sensitive || slices.Contains(a.Policy.granted, keys.ID)) && !slices.Contains(a.Policy.denied, keys.ID)
}
