package search

import (
	"encoding/json"
	"fmt"
	"hash/fnv"

	"farley/internal/model"
)

// manner is how the text of a field is taken apart.
type manner int

const (
	prose  manner = iota + 1 // words; in Arabic also without prepositions that are written together with them
	name                     // words, and how they sound
	code                     // words, and the whole without punctuation
	email                    // addresses
	phone                    // numbers
	site                     // web addresses
	tagged                   // names of the tags on the record
	outer                    // keys of outside systems
)

// weights say how much a hit in a field counts, out of 100: by "Kind.field", or by the name of the field in any kind. The
// title of a kind counts 100 and others by their types (see weightOf), so that new kinds need nothing here. 0 leaves a
// field out.
var weights = map[string]int{
	"nativeName": 100, "legalName": 90, "company": 85, "givenName": 80, "familyName": 80, "middleName": 60,
	"registrationNumber": 60, "taxNumber": 60, "code": 60, "key": 60,
	"title": 50, "label": 60, "department": 40, "industry": 40, "tags": 50,
	"body": 25, "detail": 25, "remarks": 20, "description": 20, "reason": 20, "evidence": 10, "source": 10,
	"socialProfiles": 30, "screens": 10, "defaultValue": 0,
	"Note.title": 80, "StageHistory.reason": 20, "RoleGrant.issuer": 10,
}

// named are the fields that hold names beside those that have an order of names.
var named = map[string]bool{"legalName": true, "middleName": true}

// element is what is looked at in a value: the value itself, or a member of an object in it.
type element struct {
	member string
	how    manner
}

// objects says what is looked at in the objects of an SDL type.
var objects = map[string][]element{
	"Address":       {{"street", prose}, {"city", name}, {"region", name}, {"postalCode", code}},
	"ContactEmail":  {{"address", email}},
	"ContactPhone":  {{"number", phone}},
	"SocialProfile": {{"handle", site}},
	"LocalisedText": {{"text", name}},
}

// indexed is a field whose text is found.
type indexed struct {
	field    *model.Field // nil for the keys of outside systems
	code     int64        // names the field in the table of terms
	weight   int
	elements []element
}

// codeOf returns the number of a field in the table of terms. It follows from the names, so that it is the same for good.
func codeOf(kind, field string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(kind + "." + field)) // a hash takes everything
	return int64(h.Sum32() >> 1)
}

// outerField stands for the keys that outside systems have for a record.
const outerField = "external"

// indexedFields lists what is found of the records of a kind.
func indexedFields(k *model.Kind) []indexed {
	if k.Link {
		return nil
	}
	var out []indexed
	for _, f := range k.Fields {
		elements := elementsOf(f)
		weight := weightOf(k, f)
		if elements == nil || weight == 0 {
			continue
		}
		out = append(out, indexed{field: f, code: codeOf(k.Name, f.Name), weight: weight, elements: elements})
	}
	if k.Upsert {
		out = append(out, indexed{code: codeOf(k.Name, outerField), weight: 60, elements: []element{{how: outer}}})
	}
	return out
}

func elementsOf(f *model.Field) []element {
	if f.Internal || f.System {
		return nil
	}
	switch f.Type {
	case model.Text:
		return []element{{how: prose}}
	case model.Objects:
		return objects[f.Scalar]
	case model.Many:
		if f.Target == "Tag" && f.Through != nil {
			return []element{{how: tagged}}
		}
	case model.String, model.List:
		switch f.Scalar {
		case "EmailAddress":
			return []element{{how: email}}
		case "PhoneNumber":
			return []element{{how: phone}}
		case "URL":
			return []element{{how: site}}
		case "String":
			switch {
			case f.Sort != "" || named[f.Name]:
				return []element{{how: name}}
			case f.Fold != "" || f.Type == model.List:
				return []element{{how: prose}}
			}
			return []element{{how: code}}
		}
	}
	return nil
}

func weightOf(k *model.Kind, f *model.Field) int {
	if w, ok := weights[k.Name+"."+f.Name]; ok {
		return w
	}
	if f.Name == k.Title {
		return 100
	}
	if f.Write == model.Never {
		return 0 // it follows from other fields: the first e-mail address, the city of the first address
	}
	if w, ok := weights[f.Name]; ok {
		return w
	}
	switch {
	case f.Type == model.Text:
		return 20
	case f.Scalar == "EmailAddress" || f.Scalar == "PhoneNumber" || f.Scalar == "ContactEmail" || f.Scalar == "ContactPhone":
		return 70
	case f.Scalar == "URL":
		return 50
	case f.Type == model.Objects:
		return 30
	}
	return 40
}

// piece is a text in a value, and how to take it apart.
type piece struct {
	text string
	how  manner
}

// pieces returns the texts in a stored value.
func (x *indexed) pieces(stored any) ([]piece, error) {
	s, _ := stored.(string)
	if s == "" {
		return nil, nil
	}
	if x.field.Type != model.List && x.field.Type != model.Objects {
		return []piece{{s, x.elements[0].how}}, nil
	}
	var list []any
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, fmt.Errorf("search: stored %s: %w", x.field.Name, err)
	}
	var out []piece
	for _, v := range list {
		for _, e := range x.elements {
			if e.member != "" {
				o, _ := v.(map[string]any)
				if text, _ := o[e.member].(string); text != "" {
					out = append(out, piece{text, e.how})
				}
				continue
			}
			if text, _ := v.(string); text != "" {
				out = append(out, piece{text, e.how})
			}
		}
	}
	return out, nil
}
