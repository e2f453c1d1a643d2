package export

import (
	"io"
	"strings"

	"github.com/emersion/go-vcard"

	"farley/internal/access"
	"farley/internal/model"
)

// cardFields are the fields of a contact that a vCard has, as far as the actor may read them.
var cardFields = []string{
	"displayName", "givenName", "middleName", "familyName", "nativeName", "salutation", "title", "department", "emails", "phones", "addresses",
	"socialProfiles", "birthday", "locale", "timeZone", "updatedAt",
}

// card selects what stands in a vCard.
func (p *plan) card(a *access.Actor, tree *selection) {
	for _, name := range cardFields {
		f := p.kind.Field(name)
		if f == nil || !f.System && !a.Policy.Field(p.kind, f).Shows() {
			continue
		}
		below := tree.child(name)
		if f.Type == model.Objects {
			for _, member := range members(p.schema, f.Scalar) {
				below.leaf(member)
			}
		}
	}
}

// cards writes vCards 4.0 (RFC 6350).
type cards struct{ w *vcard.Encoder }

func newCards(w io.Writer) *cards { return &cards{vcard.NewEncoder(w)} }

func (c *cards) end() error { return nil }

func (c *cards) write(r record) error {
	s := func(name string) string { v, _ := r.values[name].(string); return clean(v) }
	card := vcard.Card{}
	vcard.ToV4(card)
	card.SetValue(vcard.FieldUID, s("id"))
	name := s("displayName")
	if name == "" {
		name = s("nativeName")
	}
	card.SetValue(vcard.FieldFormattedName, name)
	if s("givenName")+s("familyName")+s("middleName") != "" {
		card.SetName(&vcard.Name{
			FamilyName: part(s("familyName")), GivenName: part(s("givenName")), AdditionalName: part(s("middleName")), HonorificPrefix: part(s("salutation")),
		})
	}
	if native := s("nativeName"); native != "" && native != name {
		card.AddValue(vcard.FieldNickname, native)
	}
	add(card, vcard.FieldTitle, s("title"))
	if department := s("department"); department != "" {
		card.SetValue(vcard.FieldOrganization, ";"+part(department))
	}
	add(card, vcard.FieldBirthday, strings.ReplaceAll(s("birthday"), "-", ""))
	add(card, vcard.FieldLanguage, s("locale"))
	add(card, vcard.FieldTimezone, s("timeZone"))
	add(card, vcard.FieldRevision, strings.NewReplacer("-", "", ":", "").Replace(s("updatedAt")))
	points(card, vcard.FieldEmail, listOf(r.values["emails"]), "address")
	points(card, vcard.FieldTelephone, listOf(r.values["phones"]), "number")
	for _, one := range listOf(r.values["addresses"]) {
		address(card, one)
	}
	for _, one := range listOf(r.values["socialProfiles"]) {
		if o, _ := one.(map[string]any); o != nil {
			network, _ := o["network"].(string)
			handle, _ := o["handle"].(string)
			card.Add("X-SOCIALPROFILE", &vcard.Field{Value: clean(handle), Params: vcard.Params{vcard.ParamType: {word(network)}}})
		}
	}
	return c.w.Encode(card)
}

func add(card vcard.Card, field, value string) {
	if value != "" {
		card.SetValue(field, value)
	}
}

// points adds addresses and numbers, the main one with preference.
func points(card vcard.Card, field string, list []any, member string) {
	for _, one := range list {
		o, _ := one.(map[string]any)
		value, _ := o[member].(string)
		if value == "" {
			continue
		}
		params := vcard.Params{}
		if kind, _ := o["kind"].(string); kind != "" {
			params.Set(vcard.ParamType, cardType(kind))
		}
		if primary, _ := o["primary"].(bool); primary {
			params.Set(vcard.ParamPreferred, "1")
		}
		card.Add(field, &vcard.Field{Value: clean(value), Params: params})
	}
}

// cardType is a kind of place in the words of vCards.
func cardType(kind string) string {
	switch kind {
	case "MOBILE":
		return "cell"
	case "BILLING", "SHIPPING", "SITE", "WORK":
		return "work"
	case "HOME", "FAX":
		return strings.ToLower(kind)
	}
	return "x-" + word(kind)
}

func address(card vcard.Card, v any) {
	o, _ := v.(map[string]any)
	s := func(name string) string { v, _ := o[name].(string); return part(v) }
	a := &vcard.Address{StreetAddress: s("street"), Locality: s("city"), Region: s("region"), PostalCode: s("postalCode"), Country: s("country")}
	a.Field = &vcard.Field{Params: vcard.Params{}}
	if kind := s("kind"); kind != "" {
		a.Params.Set(vcard.ParamType, cardType(kind))
	}
	card.AddAddress(a)
}

// clean takes out what would end a line: a carriage return that stands alone.
func clean(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// part makes a component of a structured value: between two semicolons there is none, as readers differ on how to write one.
func part(s string) string { return strings.ReplaceAll(clean(s), ";", ",") }

// word makes a parameter's value of a text: letters, digits and hyphens.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
	if s == "" {
		return "other"
	}
	return s
}
