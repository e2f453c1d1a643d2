package rule

import (
	"context"
	"encoding/json"

	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// maxPhone is the longest number that is looked up: E.164 allows 15 digits after the plus sign (ITU-T E.164 §6).
const maxPhone = 20

// phones keeps the numbers of a record in the table record_phones, by which callerLookup finds it: the columns hold lists,
// which no index reaches into.
func phones(_ context.Context, c *write.Change) error {
	if !c.Changes("phones") {
		return nil
	}
	created := c.Created()
	c.Then(func(ctx context.Context) error {
		if !created {
			if _, err := c.Tx.ExecContext(ctx, "DELETE FROM record_phones WHERE record_id = ?", c.ID); err != nil {
				return err
			}
		}
		numbers, main := phoneNumbers(c)
		done := map[string]bool{}
		for _, n := range numbers {
			if done[n] || n == "" || len(n) > maxPhone {
				continue
			}
			done[n] = true
			if err := c.Tx.Insert(ctx, "record_phones", []string{"number", "record_id", "main"}, n, c.ID, n == main); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// phoneNumbers returns the numbers of a record and the main one of them.
func phoneNumbers(c *write.Change) (numbers []string, main string) {
	stored := c.Text("phones")
	if c.Kind.Field("phones").Type == model.List {
		_ = json.Unmarshal([]byte(stored), &numbers) // it was written by decode, or is empty
		return numbers, first(stored)
	}
	for _, o := range write.Embedded(stored) {
		numbers = append(numbers, member(o, "number"))
	}
	return numbers, write.Primary(stored, "number")
}

// ForgetPhones drops the numbers of a record that is purged.
func ForgetPhones(ctx context.Context, tx *write.Tx, _ *model.Kind, x id.ID) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM record_phones WHERE record_id = ?", x)
	return err
}
