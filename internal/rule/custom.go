package rule

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"unicode/utf8"

	"farley/internal/custom"
	"farley/internal/id"
	"farley/internal/write"
)

var customKeyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// maxChoice is the longest choice in characters.
const maxChoice = 200

// customKey refuses keys that programs could not use as names, and a second field of the same name, be the first one in the
// bin: records may hold its values, and the change log does. The definitions of the object are few, so they are all locked:
// two writes at once see each other.
func customKey(ctx context.Context, c *write.Change) error {
	if !customKeyForm.MatchString(c.Text("key")) {
		c.Refuse("key", "FORMAT", "A key is a letter, then letters, digits, _ and -.")
		return nil
	}
	if !c.Created() {
		return nil
	}
	if err := c.Tx.HoldName(ctx, c.Kind, c.Text("object"), c.Text("key")); err != nil {
		return err
	}
	ids, err := c.Tx.IDs(ctx, "SELECT `id` FROM `custom_fields` WHERE `object` = ? AND `key` = ? AND `id` <> ?"+c.Tx.Dialect.ForUpdate(),
		c.Text("object"), c.Text("key"), c.ID)
	if err == nil && len(ids) > 0 {
		c.Refuse("key", "TAKEN", "This value is taken.")
	}
	return err
}

// customChoices refuses a choice without choices, and choices that cannot be told apart.
func customChoices(_ context.Context, c *write.Change) error {
	var choices []string
	_ = json.Unmarshal([]byte(c.Text("choices")), &choices) // it was written by decode
	if t := c.Text("type"); (t == custom.Choice || t == custom.MultiChoice) && len(choices) == 0 {
		c.Refuse("choices", "REQUIRED", "Give what can be chosen.")
	}
	for i, choice := range choices {
		switch {
		case utf8.RuneCountInString(choice) > maxChoice:
			c.Problems.Add([]any{"input", "choices", i}, "TOO_LONG", "The text is longer than %d characters.", maxChoice)
		case slices.Index(choices, choice) < i:
			c.Problems.Add([]any{"input", "choices", i}, "TAKEN", "This value is taken.")
		}
	}
	return nil
}

// customDefinition refuses what does not go with the type.
func customDefinition(ctx context.Context, c *write.Change) error {
	kind := c.Text("type")
	if kind == custom.Reference && c.Text("target") == "" {
		c.Refuse("target", "REQUIRED", "This field is required.")
	}
	if c.Flag("isUnique") && (kind == custom.Boolean || kind == custom.MultiChoice) {
		c.Refuse("isUnique", "FORMAT", "Fields of this type cannot be unique.")
	}
	return customDefault(ctx, c)
}

// customDefault refuses a default that new records could not take.
func customDefault(ctx context.Context, c *write.Change) error {
	text := c.Text("defaultValue")
	if text == "" || c.Faulty("defaultValue") {
		return nil
	}
	if !c.Created() && !c.Changes("defaultValue") && !c.Changes("choices") {
		return nil // it stays as it is, whatever it is
	}
	d := definition{kind: c.Text("type"), target: c.Text("target")}
	_ = json.Unmarshal([]byte(c.Text("choices")), &d.choices) // it was written by decode
	var v any
	_ = json.Unmarshal([]byte(text), &v) // what is no JSON is no value of any type
	clean, ok := d.clean(c.Tx, v, nil)
	if !ok || clean == nil {
		c.Refuse("defaultValue", "FORMAT", "The value does not fit its type.")
		return nil
	}
	if kind, x := d.leadsTo(c.Tx.Kinds(), clean); kind != nil && c.Changes("defaultValue") {
		seen, err := c.Tx.Visible(ctx, kind, []id.ID{x})
		if err != nil {
			return err
		}
		if !seen[x] {
			c.Refuse("defaultValue", "NOT_FOUND", "There is no %s with this id.", kind.Name)
		}
	}
	return nil
}

// customUnique makes a field unique for the values that are there, or refuses that; and sets them free again. Whoever writes
// values holds the definitions, so none slips by.
func customUnique(ctx context.Context, c *write.Change) error {
	if c.Created() || !c.Changes("isUnique") || c.Faulty("isUnique") {
		return nil
	}
	table := c.Tx.Kinds().Kind(c.Text("object")).Table
	if !c.Flag("isUnique") {
		c.Then(func(ctx context.Context) error {
			_, err := c.Tx.ExecContext(ctx, "UPDATE custom_values SET uniq = NULL WHERE field_id = ?", c.ID)
			return err
		})
		return nil
	}
	twice, err := c.Tx.IDs(ctx, "SELECT MIN(v.record_id) FROM custom_values v JOIN `"+table+"` r ON r.`id` = v.record_id AND r.`deleted_at` IS NULL "+
		"WHERE v.field_id = ? GROUP BY v.exact HAVING COUNT(*) > 1 LIMIT 1", c.ID)
	if err != nil {
		return err
	}
	if len(twice) > 0 {
		c.Refuse("isUnique", "TAKEN", "There are records with the same value.")
		return nil
	}
	c.Then(func(ctx context.Context) error {
		_, err := c.Tx.ExecContext(ctx, "UPDATE custom_values SET uniq = exact WHERE field_id = ? AND record_id IN (SELECT `id` FROM `"+table+"` WHERE `deleted_at` IS NULL)", c.ID)
		return err
	})
	return nil
}
