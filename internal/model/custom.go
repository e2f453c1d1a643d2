package model

import (
	"slices"
	"strings"

	"farley/internal/id"
)

// CustomFields is the field, of the kinds that have it, which holds the values of the fields that the firm has added.
const CustomFields = "customFields"

// customConst is its enum value.
const customConst = "CUSTOM_FIELDS"

// Custom is what a field that the firm has added is beside a Field.
type Custom struct {
	ID       id.ID  // of its definition
	Key      string // its name in customFields
	Type     string // of CustomFieldType: "TEXT"
	Target   string // of a REFERENCE: the Const of the kind that it leads to
	Position int64  // its place in the order of fields
}

// NewCustom returns the field. Its name is "customFields.<key>" and its enum value, by which roles name it,
// "CUSTOM_FIELDS.<key>".
func NewCustom(c Custom, sensitive bool) *Field {
	return &Field{
		Name: CustomFields + "." + c.Key, Const: customConst + "." + c.Key, Type: Objects, Sensitive: sensitive, Write: Always, Filter: true,
		Custom: &c,
	}
}

// CustomKey returns the key in the name or enum value of a field that the firm has added, "" for any other.
func CustomKey(name string) string {
	for _, prefix := range []string{CustomFields + ".", customConst + "."} {
		if key, ok := strings.CutPrefix(name, prefix); ok {
			return key
		}
	}
	return ""
}

// Customised reports whether firms may add fields to the kind.
func (k *Kind) Customised() bool { return k.fields[CustomFields] != nil }

// Catalogue is the fields that the firm has added, at one moment. It is immutable; nil is an empty one.
type Catalogue struct {
	lists map[string][]*Field
	keys  map[string]map[string]*Field
}

// NewCatalogue returns the catalogue of fields by the Const of their kinds.
func NewCatalogue(fields map[string][]*Field) *Catalogue {
	c := &Catalogue{lists: map[string][]*Field{}, keys: map[string]map[string]*Field{}}
	for object, list := range fields {
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b *Field) int {
			if a.Custom.Position != b.Custom.Position {
				return int(a.Custom.Position - b.Custom.Position)
			}
			return strings.Compare(a.Custom.Key, b.Custom.Key)
		})
		c.lists[object], c.keys[object] = list, map[string]*Field{}
		for _, f := range list {
			c.keys[object][f.Custom.Key] = f
		}
	}
	return c
}

// Of returns the fields of a kind in their order.
func (c *Catalogue) Of(k *Kind) []*Field {
	if c == nil {
		return nil
	}
	return c.lists[k.Const]
}

// Field returns the field of a kind with a key, nil when there is none.
func (c *Catalogue) Field(k *Kind, key string) *Field {
	if c == nil {
		return nil
	}
	return c.keys[k.Const][key]
}
