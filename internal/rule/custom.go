package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"regexp"
	"slices"
	"unicode/utf8"

	"farley/internal/write"
)

var (
	customKeyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	decimal       = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,10})?$`)
)

// customKey refuses keys that programs could not use as names, and a second field of the same name. The definitions of
// the object are few, so they are all locked: two writes at once see each other.
func customKey(ctx context.Context, c *write.Change) error {
	if !customKeyForm.MatchString(c.Text("key")) {
		c.Refuse("key", "FORMAT", "A key is a letter, then letters, digits, _ and -.")
		return nil
	}
	if c.InBin() {
		return nil
	}
	if err := c.Tx.HoldName(ctx, c.Kind, c.Text("object"), c.Text("key")); err != nil {
		return err
	}
	ids, err := c.Tx.IDs(ctx, "SELECT `id` FROM `custom_fields` WHERE `object` = ? AND `key` = ? AND `deleted_at` IS NULL AND `id` <> ?"+c.Tx.Dialect.ForUpdate(),
		c.Text("object"), c.Text("key"), c.ID)
	if err == nil && len(ids) > 0 {
		c.Refuse("key", "TAKEN", "This value is taken.")
	}
	return err
}

// customChoices refuses a choice without choices.
func customChoices(_ context.Context, c *write.Change) error {
	var choices []string
	_ = json.Unmarshal([]byte(c.Text("choices")), &choices) // it was written by decode
	if t := c.Text("type"); (t == "CHOICE" || t == "MULTI_CHOICE") && len(choices) == 0 {
		c.Refuse("choices", "REQUIRED", "Give what can be chosen.")
	}
	return nil
}

// definition is a custom field as its values are checked.
type definition struct {
	kind     string
	choices  []string
	required bool
	archived bool
}

// customValues checks the values of custom fields against their definitions.
func customValues(ctx context.Context, c *write.Change) error {
	if c.Kind.Field("customFields") == nil || !c.Changes("customFields") && !c.Created() {
		return nil
	}
	defs, err := write.Remember(c.Tx, "custom fields of "+c.Kind.Name, []string{"CustomField"}, func() (map[string]definition, error) { return definitions(ctx, c) })
	if err != nil {
		return err
	}
	old := map[string]string{}
	if c.Old != nil {
		stored, _ := c.Old.Values["custom_fields"].(string)
		for _, o := range write.Embedded(stored) {
			key, _ := o["key"].(string)
			old[key] = written(o["value"])
		}
	}
	given := map[string]bool{}
	for i, o := range write.Embedded(c.Text("customFields")) {
		key, _ := o["key"].(string)
		at := func(member string) []any { return []any{"input", "customFields", i, member} }
		d, ok := defs[key]
		was, had := old[key]
		switch {
		case given[key]:
			c.Problems.Add(at("key"), "TAKEN", "This value is taken.")
		case had && was == written(o["value"]): // it stays, whatever has become of its field
		case !ok || d.archived:
			c.Problems.Add(at("key"), "UNKNOWN", "There is no such field.")
		case !d.takes(o["value"]):
			c.Problems.Add(at("value"), "FORMAT", "The value does not fit its type.")
		}
		given[key] = true
	}
	if !c.Created() || c.Tx.System() {
		return nil
	}
	for key, d := range defs {
		if d.required && !d.archived && !given[key] {
			c.Refuse("customFields", "REQUIRED", "The custom field %s is required.", key)
		}
	}
	return nil
}

func written(v any) string {
	b, _ := json.Marshal(v) // it came out of JSON
	return string(b)
}

func definitions(ctx context.Context, c *write.Change) (map[string]definition, error) {
	rows, err := c.Tx.QueryContext(ctx, "SELECT `key`, `type`, `choices`, `is_required`, `archived` FROM `custom_fields` WHERE `object` = ? AND `deleted_at` IS NULL", c.Kind.Const)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	defs := map[string]definition{}
	for rows.Next() {
		var key string
		var d definition
		var choices sql.NullString
		if err := rows.Scan(&key, &d.kind, &choices, &d.required, &d.archived); err != nil {
			return nil, err
		}
		if choices.Valid {
			if err := json.Unmarshal([]byte(choices.String), &d.choices); err != nil {
				return nil, err
			}
		}
		defs[key] = d
	}
	return defs, rows.Err()
}

const maxCustomText = 2000

// takes reports whether a decoded JSON value fits the field.
func (d definition) takes(v any) bool {
	switch d.kind {
	case "BOOLEAN":
		_, ok := v.(bool)
		return ok
	case "MULTI_CHOICE":
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(one any) bool { return !d.chooses(one) })
	case "CHOICE":
		return d.chooses(v)
	}
	s, ok := v.(string)
	switch d.kind {
	case "NUMBER":
		return ok && decimal.MatchString(s)
	case "DATE":
		_, problem := write.Format("Date", s)
		return ok && s != "" && problem == ""
	}
	return ok && utf8.RuneCountInString(s) <= maxCustomText
}

func (d definition) chooses(v any) bool {
	s, ok := v.(string)
	return ok && slices.Contains(d.choices, s)
}
