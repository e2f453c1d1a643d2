package audit

import (
	"context"
	"fmt"
	"slices"

	"farley/internal/db"
	"farley/internal/id"
)

// About returns what the table of entries says of a record, or of what a user did: entries behind an id, in the order of
// their ids, at most limit of them; the zero id is before the first one. Writes that are in the change log still are not among them.
func About(ctx context.Context, tx *db.Tx, x, after id.ID, limit int) ([]Entry, error) {
	var all []Entry
	for _, from := range []string{
		"audit_entries e WHERE e.record_id = ?",
		"audit_entries e WHERE e.user_id = ?",
		"audit_records r JOIN audit_entries e ON e.id = r.entry_id WHERE r.record_id = ?",
	} {
		rows, err := tx.QueryContext(ctx, "SELECT "+ownColumns+" FROM "+from+" AND e.id > ? ORDER BY e.id LIMIT ?", x, after[:], limit)
		if err != nil {
			return nil, fmt.Errorf("read the audit trail: %w", err)
		}
		found, err := scanAll(rows, ownEntry)
		if err != nil {
			return nil, fmt.Errorf("read the audit trail: %w", err)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	all = slices.CompactFunc(all, func(a, b Entry) bool { return a.ID == b.ID })
	return all[:min(len(all), limit)], nil
}

// WipeUser takes from the entries of a user the addresses from which he acted, and what clients called what they did.
func WipeUser(ctx context.Context, tx *db.Tx, user id.ID) error {
	_, err := tx.ExecContext(ctx, "UPDATE audit_entries SET address = NULL, operation = NULL, path = NULL WHERE user_id = ?", user)
	if err != nil {
		return fmt.Errorf("wipe the audit trail: %w", err)
	}
	return nil
}
