package write

import (
	"encoding/json"
	"fmt"
	"math"

	"farley/internal/fault"
)

// Embedded reads a stored list of embedded objects; a nil list when there is none.
func Embedded(stored string) []map[string]any {
	var list []map[string]any
	if stored == "" || json.Unmarshal([]byte(stored), &list) != nil {
		return nil // it was written by decode, so it can be read
	}
	return list
}

// Primary returns a member of the primary one of a stored list, "" when there is none.
func Primary(stored, member string) string {
	for _, o := range Embedded(stored) {
		if o["primary"] == true {
			s, _ := o[member].(string)
			return s
		}
	}
	return ""
}

// objectAt is one embedded object on its way into its stored form.
type objectAt struct {
	path     []any
	in, out  map[string]any
	problems *fault.Violations
}

func (o *objectAt) refuse(field, code, message string, args ...any) {
	o.problems.Add(append(append([]any(nil), o.path...), field), code, message, args...)
}

// text takes a text of at most max characters in the form of an SDL scalar.
func (o *objectAt) text(field, scalar string, max int, required bool) {
	raw, given := o.in[field].(string)
	s, problem := Format(scalar, raw)
	switch {
	case problem != "":
		o.refuse(field, "FORMAT", problem)
	case hasControl(s):
		o.refuse(field, "FORMAT", "The text has characters that are not allowed.")
	case len([]rune(s)) > max:
		o.refuse(field, "TOO_LONG", "The text is longer than %d characters.", max)
	case s == "" && required:
		o.refuse(field, "REQUIRED", "This field is required.")
	case s != "":
		o.out[field] = s
	case given:
		o.out[field] = nil
	}
}

// choice takes an enum value, which the schema has checked, or a default.
func (o *objectAt) choice(field, otherwise string) {
	if s, ok := o.in[field].(string); ok {
		o.out[field] = s
		return
	}
	o.out[field] = otherwise
}

func (o *objectAt) degrees(field string, limit float64) bool {
	v, ok := o.in[field]
	if !ok || v == nil {
		return false
	}
	x, err := number(v)
	if err != nil || math.IsNaN(x) || math.Abs(x) > limit {
		o.refuse(field, "RANGE", "The number must be from %v to %v.", -limit, limit)
		return true
	}
	o.out[field] = x
	return true
}

// whole takes a whole number that is not negative.
func (o *objectAt) whole(field string) {
	x, err := number(o.in[field])
	if err != nil || x != math.Trunc(x) || x < 0 || x > math.MaxInt32 {
		o.refuse(field, "RANGE", "The number must be from %d to %d.", 0, math.MaxInt32)
		return
	}
	o.out[field] = int64(x)
}

// texts takes a list of at most most texts of at most max characters.
func (o *objectAt) texts(field string, most, max int) {
	list, ok := o.in[field].([]any)
	if s, one := o.in[field].(string); one {
		list, ok = []any{s}, true
	}
	out := []string{}
	if len(list) > most {
		o.refuse(field, "TOO_LONG", "The list is longer than %d.", most)
		return
	}
	for _, v := range list {
		s, _ := v.(string)
		if len([]rune(s)) > max || hasControl(s) {
			o.refuse(field, "FORMAT", "The text has characters that are not allowed.")
			return
		}
		out = append(out, s)
	}
	if ok {
		o.out[field] = out
	}
}

func number(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case int:
		return float64(v), nil
	case json.Number:
		return v.Float64()
	}
	return 0, fmt.Errorf("not a number: %T", v)
}

// objectForms bring embedded objects into their stored form, by SDL type.
var objectForms = map[string]func(*objectAt){
	"Address": func(o *objectAt) {
		o.choice("kind", "BILLING")
		o.text("street", "String", 500, false)
		o.text("postalCode", "String", 20, false)
		o.text("city", "String", 100, false)
		o.text("region", "String", 100, false)
		o.text("country", "CountryCode", 2, false)
		if north, east := o.degrees("latitude", 90), o.degrees("longitude", 180); north != east {
			o.refuse("latitude", "REQUIRED", "Latitude and longitude go together.")
		}
	},
	"LocalisedText": func(o *objectAt) {
		o.text("locale", "Locale", 35, true)
		o.text("text", "String", 200, true)
	},
	"ContactEmail": func(o *objectAt) {
		o.text("address", "EmailAddress", 254, true)
		o.choice("kind", "WORK")
		o.out["primary"] = o.in["primary"] == true
	},
	"ContactPhone": func(o *objectAt) {
		o.text("number", "PhoneNumber", 20, true)
		o.choice("kind", "WORK")
		o.out["primary"] = o.in["primary"] == true
	},
	"SocialProfile": func(o *objectAt) {
		o.text("network", "String", 40, true)
		o.text("handle", "String", 200, true)
	},
	"CustomFieldValue": func(o *objectAt) { // its value is checked against the field's definition, by a rule
		o.text("key", "String", 40, true)
		if o.in["value"] == nil {
			o.refuse("value", "REQUIRED", "This field is required.")
		}
		o.out["value"] = o.in["value"]
	},
	"RolePermission": func(o *objectAt) {
		for _, name := range []string{"object", "action", "scope"} {
			o.text(name, "String", 60, true)
		}
	},
	"TerritoryRule": func(o *objectAt) {
		o.text("country", "CountryCode", 2, false)
		o.text("region", "String", 100, false)
		o.text("city", "String", 100, false)
		o.text("industry", "String", 200, false)
		if len(o.in) == 0 { // one of empty values is refused by a rule
			o.refuse("country", "REQUIRED", "A rule needs at least one condition.")
		}
	},
	"WorkingHours": func(o *objectAt) { // times are checked by a rule, together
		o.text("weekday", "String", 10, true)
		o.text("start", "String", 5, true)
		o.text("end", "String", 5, true)
	},
	"WorkingHoliday": func(o *objectAt) {
		o.text("name", "String", 200, false)
		o.whole("month")
		o.whole("day")
	},
	"WorkingException": func(o *objectAt) {
		o.text("name", "String", 200, false)
		o.text("first", "Date", 10, true)
		o.text("last", "Date", 10, false)
		if o.out["last"] == nil && o.out["first"] != nil {
			o.out["last"] = o.out["first"]
		}
		o.texts("hours", 12, 11)
	},
	"SalesPlanMonth": func(o *objectAt) { // numbers are checked by a rule, as those of tiers
		o.text("month", "Date", 10, true)
		o.text("revenue", "Decimal", 30, false)
		if o.in["deals"] != nil {
			o.whole("deals")
		}
		o.text("quantity", "Decimal", 20, false)
	},
	"IncentiveTier": func(o *objectAt) {
		o.text("above", "Decimal", 30, true)
		o.text("percent", "Decimal", 20, false)
		o.text("perDeal", "Decimal", 30, false)
	},
	"RoleFieldLevel": func(o *objectAt) {
		for _, name := range []string{"object", "field", "level"} {
			o.text(name, "String", 60, true)
		}
	},
}

// objectSets check what holds for a list of embedded objects as a whole.
var objectSets = map[string]func(path []any, list []map[string]any, problems *fault.Violations){
	"ContactEmail": onePrimary,
	"ContactPhone": onePrimary,
}

// onePrimary makes the first one primary when none is, and refuses two.
func onePrimary(path []any, list []map[string]any, problems *fault.Violations) {
	found := false
	for i, o := range list {
		if o["primary"] != true {
			continue
		}
		if found {
			problems.Add(append(append([]any(nil), path...), i, "primary"), "TAKEN", "Only one can be the main one.")
		}
		found = true
	}
	if !found && len(list) > 0 {
		list[0]["primary"] = true
	}
}
