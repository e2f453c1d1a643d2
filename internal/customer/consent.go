// Package customer has what concerns a customer as a whole: whether somebody may be addressed, where an account stands in
// its life, and who is calling.
package customer

import (
	"context"
	"database/sql"
	"errors"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// Cause says why somebody may be addressed or not.
type Cause string

// The causes.
const (
	Granted      Cause = "GRANTED"        // the newest consent grants it
	Withdrawn    Cause = "WITHDRAWN"      // the newest consent withdraws it
	NotNeeded    Cause = "NOT_NEEDED"     // nothing was said, and the purpose does not need it
	NoConsent    Cause = "NO_CONSENT"     // nothing was said, and the purpose needs it
	DoNotContact Cause = "DO_NOT_CONTACT" // the person does not want marketing at all
)

// The purposes and channels with rules of their own.
const (
	marketing = "MARKETING"
	service   = "SERVICE"
	location  = "LOCATION"
)

// Verdict is the answer of MayContact.
type Verdict struct {
	Allowed bool
	Because Cause
	Consent id.ID // the one that counts, zero for none
}

// MayContact answers whether a person may be addressed by a channel (Consent.channel) for a purpose (Consent.purpose), past
// all rights: whoever sends something asks it in the transaction in which he decides to send. The newest consent counts, and
// of those given at the same instant a withdrawal. Only SERVICE needs no consent (but on the channel LOCATION);
// doNotContact refuses MARKETING by all channels. A person who is not there, or in the bin, is NOT_FOUND.
func MayContact(ctx context.Context, tx *db.Tx, contact id.ID, channel, purpose string) (Verdict, error) {
	var never bool
	err := tx.QueryRow(ctx, "SELECT `do_not_contact` FROM `contacts` WHERE `id` = ? AND `deleted_at` IS NULL", []any{contact}, &never)
	if errors.Is(err, sql.ErrNoRows) {
		return Verdict{}, fault.New(fault.NotFound, "There is no %s with this id.", "Contact")
	}
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{}
	var status string
	err = tx.QueryRow(ctx, "SELECT `id`, `status` FROM `consents` WHERE `contact_id` = ? AND `channel` = ? AND `purpose` = ? AND `deleted_at` IS NULL"+
		" ORDER BY `given_at` DESC, CASE `status` WHEN 'WITHDRAWN' THEN 0 ELSE 1 END, `id` DESC LIMIT 1", []any{contact, channel, purpose}, &v.Consent, &status)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Verdict{}, err
	}
	v.Allowed, v.Because = decide(never, status, channel, purpose)
	return v, nil
}

// decide is the rule: never is doNotContact, status that of the consent that counts, "" for none.
func decide(never bool, status, channel, purpose string) (allowed bool, because Cause) {
	switch {
	case never && purpose == marketing:
		return false, DoNotContact
	case status == "GRANTED":
		return true, Granted
	case status != "":
		return false, Withdrawn
	case purpose == service && channel != location:
		return true, NotNeeded
	}
	return false, NoConsent
}

// Ask is MayContact as somebody asks it who has to see the person, the consents and what they say. NOT_FOUND for a person
// out of sight, FORBIDDEN for one whose consents are.
func Ask(ctx context.Context, tx *db.Tx, w *write.Writer, contact id.ID, channel, purpose string) (Verdict, error) {
	a, now := access.From(ctx), w.Clock.Now()
	contacts, consents := w.Set.Kind("Contact"), w.Set.Kind("Consent")
	if contact.Kind() != contacts.Code {
		return Verdict{}, write.NotFound(contacts)
	}
	keys, err := w.KeysIn(ctx, tx, contacts, contact)
	if err != nil {
		return Verdict{}, err
	}
	if keys.Deleted || !a.Sees(w.Set, contacts, keys, now) {
		return Verdict{}, write.NotFound(contacts)
	}
	child := &access.Keys{Parents: []access.ParentKeys{{Kind: contacts.Name, Keys: *keys}}}
	if !a.Sees(w.Set, consents, child, now) || !reads(a, w, contacts, keys, "doNotContact") || !reads(a, w, consents, child, "channel", "purpose", "status", "givenAt") {
		return Verdict{}, fault.New(fault.Forbidden, "You may not read the consents of this person.")
	}
	return MayContact(ctx, tx, contact, channel, purpose)
}

func reads(a *access.Actor, w *write.Writer, k *model.Kind, keys *access.Keys, fields ...string) bool {
	for _, name := range fields {
		if !a.ReadsField(w.Set, k, k.Field(name), keys, w.Clock.Now()) {
			return false
		}
	}
	return true
}
