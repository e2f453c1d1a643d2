package rule

import (
	"context"
	"database/sql"
	"errors"

	"farley/internal/change"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// consentOf is the column of consents by which those of a record of a kind of people are found; "" for other kinds.
func consentOf(k *model.Kind) string {
	if k == nil || k.Name != "Contact" && k.Name != "Lead" {
		return ""
	}
	return k.Single + "_id"
}

// newestFirst orders consents: the newest one counts, and of those given at one instant a withdrawal.
const newestFirst = " ORDER BY `given_at` DESC, CASE `status` WHEN 'WITHDRAWN' THEN 0 ELSE 1 END, `id` DESC"

// sharingGranted reports whether the newest consent of a person to giving data to partners, by whatever channel, grants it.
func sharingGranted(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) (bool, error) {
	var status string
	err := tx.QueryRow(ctx, "SELECT `status` FROM `consents` WHERE `"+consentOf(k)+"` = ? AND `purpose` = 'SHARING' AND `deleted_at` IS NULL"+newestFirst+" LIMIT 1", []any{x}, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return status == "GRANTED", err
}

// personal reports whether a record is data of a person that may be given to partners with consent only: a contact, or a
// lead that names somebody.
func personal(r *write.Record) bool {
	if r == nil || consentOf(r.Kind) == "" {
		return false
	}
	if r.Kind.Name == "Contact" {
		return true
	}
	for _, column := range []string{"given_name", "family_name", "native_name"} {
		if name, _ := r.Values[column].(string); name != "" {
			return true
		}
	}
	return false
}

// reachesPartner is the condition that a share with the grantee g.id reaches people who work for a partner.
const reachesPartner = "EXISTS (SELECT 1 FROM `accounts` a WHERE a.`id` = g.`id`)" +
	" OR EXISTS (SELECT 1 FROM `users` u WHERE u.`id` = g.`id` AND u.`kind` = 'PARTNER')" +
	" OR EXISTS (SELECT 1 FROM `users` u WHERE u.`team_id` = g.`id` AND u.`kind` = 'PARTNER' AND u.`deleted_at` IS NULL)" +
	" OR EXISTS (SELECT 1 FROM `users` u WHERE u.`branch_id` = g.`id` AND u.`kind` = 'PARTNER' AND u.`deleted_at` IS NULL)" +
	" OR EXISTS (SELECT 1 FROM `territory_members` m JOIN `users` u ON u.`id` = m.`user_id` WHERE m.`territory_id` = g.`id` AND m.`deleted_at` IS NULL AND u.`kind` = 'PARTNER')"

// shareNeedsConsent refuses to share a person's data with partners without the person's consent to it. The person is held, so
// that a withdrawal meanwhile is seen.
func shareNeedsConsent(ctx context.Context, c *write.Change) error {
	if c.Tx.System() || c.InBin() || !c.Created() && c.Op != change.Restored || c.Faulty("record") || c.Faulty("grantee") {
		return nil
	}
	k := c.Tx.Kinds().Of(c.Ref("record"))
	if consentOf(k) == "" {
		return nil
	}
	var outside bool
	if err := c.Tx.QueryRow(ctx, "SELECT COUNT(*) FROM (SELECT ? AS `id`) g WHERE "+reachesPartner, []any{c.Ref("grantee")}, &outside); err != nil || !outside {
		return err
	}
	r, err := c.Tx.Hold(ctx, k, c.Ref("record"))
	if err != nil || !personal(r) {
		return err
	}
	granted, err := sharingGranted(ctx, c.Tx, k, r.ID)
	if err == nil && !granted {
		c.Refuse("record", "NO_CONSENT", "The person has not consented to sharing the data with partners.")
	}
	return err
}

// partnerNeedsConsent refuses to give a person to a partner, who then sees the data, without the person's consent to it. Whom
// a partner brings is the partner's from the beginning.
func partnerNeedsConsent(ctx context.Context, c *write.Change) error {
	partner := c.Ref("partner")
	if c.Tx.System() || partner.IsZero() || !c.Changes("partner") || c.Faulty("partner") || c.Created() && partner == c.Tx.Actor.PartnerAccount {
		return nil
	}
	if c.Kind.Name == "Lead" && c.Text("givenName") == "" && c.Text("familyName") == "" && c.Text("nativeName") == "" {
		return nil
	}
	granted, err := sharingGranted(ctx, c.Tx, c.Kind, c.ID)
	if err == nil && !granted {
		c.Refuse("partner", "NO_CONSENT", "The person has not consented to sharing the data with partners.")
	}
	return err
}

// consentEndsSharing ends what partners see of a person once consent to it is withdrawn: shares that reach partners end, and
// the record is no partner's any more, unless people of that partner made it.
func consentEndsSharing(_ context.Context, c *write.Change) error {
	if !c.Created() || c.Text("purpose") != "SHARING" || c.Text("status") != "WITHDRAWN" {
		return nil
	}
	contact, lead := c.Ref("contact"), c.Ref("lead")
	c.Then(func(ctx context.Context) error {
		for _, x := range []id.ID{contact, lead} {
			if x.IsZero() {
				continue
			}
			if err := endSharing(ctx, c.Tx, x); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

func endSharing(ctx context.Context, tx *write.Tx, x id.ID) error {
	k := tx.Kinds().Of(x)
	if granted, err := sharingGranted(ctx, tx, k, x); err != nil || granted {
		return err // it was withdrawn before it was given again
	}
	shares, err := tx.IDs(ctx, "SELECT g.`share` FROM (SELECT `id` AS `share`, `grantee_id` AS `id` FROM `shares` WHERE `record_id` = ? AND `deleted_at` IS NULL) g WHERE "+
		reachesPartner+" ORDER BY g.`share`", x)
	if err != nil {
		return err
	}
	for _, s := range shares {
		if _, err := tx.Bin(ctx, tx.Kinds().Kind("Share"), s); err != nil {
			return err
		}
	}
	r, err := tx.Hold(ctx, k, x)
	if err != nil || r == nil || r.Values["partner_id"] == nil {
		return err
	}
	brought, err := tx.IDs(ctx, "SELECT `id` FROM `users` WHERE `id` = ? AND `partner_account_id` = ?", r.Values["created_by_id"], r.Values["partner_id"])
	if err != nil || len(brought) > 0 {
		return err
	}
	return tx.Set(ctx, k, x, map[string]any{"partner_id": nil})
}

// consentHasOneSubject refuses a consent of nobody, or of two.
func consentHasOneSubject(_ context.Context, c *write.Change) error {
	if c.Ref("contact").IsZero() == c.Ref("lead").IsZero() && !c.Faulty("contact") && !c.Faulty("lead") {
		c.Refuse("contact", "REQUIRED", "A consent is that of exactly one contact or lead.")
	}
	return nil
}

// locationNeedsConsent refuses to note where a person's telephone was unless the newest consent by LOCATION, for at least one
// purpose, grants it. That erasedStays holds the person makes a withdrawal meanwhile seen.
func locationNeedsConsent(ctx context.Context, c *write.Change) error {
	if !c.Created() || c.Faulty("contact") {
		return nil
	}
	rows, err := c.Tx.QueryContext(ctx, "SELECT `purpose`, `status` FROM `consents` WHERE `contact_id` = ? AND `channel` = 'LOCATION' AND `deleted_at` IS NULL"+newestFirst, c.Ref("contact"))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	newest := map[string]bool{}
	for rows.Next() {
		var purpose, status string
		if err := rows.Scan(&purpose, &status); err != nil {
			return err
		}
		if newest[purpose] {
			continue
		}
		newest[purpose] = true
		if status == "GRANTED" {
			return rows.Close()
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	c.Refuse("contact", "NO_CONSENT", "The person has not consented to being located.")
	return nil
}
