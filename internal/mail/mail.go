// Package mail sends e-mail. A mail is a durable job: it is enqueued in the transaction of what causes it, so that nothing
// is sent for what was rolled back, and is sent at least once after the commit, with a Message-ID that stays the same
// when a lost answer makes it go out twice.
//
// The job names a purpose and ids, never the text: a composer makes the message when it is sent. So a link that opens
// something, which a composer makes, lies in no table.
//
//	queue := mail.New(mail.Config{…})
//	queue.Register("password reset", func(ctx context.Context, tx *db.Tx, to id.ID, data map[string]string) (mail.Message, error) {
//		…
//	})
//	writer.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
//		return queue.Send(ctx, tx.Tx, "password reset", user, nil)
//	})
package mail

import (
	"context"
	"errors"

	"farley/internal/db"
	"farley/internal/id"
)

// Message is one mail to one person.
type Message struct {
	To      string // the bare address
	Name    string // of the person, shown beside the address; may be empty
	Subject string
	Text    string // the plain form; needed
	HTML    string // the same as a whole HTML document; may be empty
	// Calendar is the same for calendar programs (iCalendar), and CalendarMethod its method (RFC 6047): REQUEST, CANCEL; may be empty.
	Calendar, CalendarMethod string
	Locale                   string // of the text, as a language tag: the header Content-Language; may be empty
}

// Composer makes the message of a purpose for the user or contact to, when it is sent. data is what Send was given.
//
// It runs in a write transaction that commits before the message leaves; a try that fails is followed by another run, so
// what an earlier run made may have been sent or not. It returns ErrNotWanted when there is nothing to say any more (the
// user is gone); a fault Invalid or NotFound fails the mail for good; other errors are tried again.
type Composer func(ctx context.Context, tx *db.Tx, to id.ID, data map[string]string) (Message, error)

// ErrNotWanted ends a mail well without sending anything.
var ErrNotWanted = errors.New("the mail is no longer wanted")

// Sink takes messages that are ready to leave.
type Sink interface {
	// Send hands the message over. It is called again, with the same id, when it is not known whether that worked. A
	// refusal that no retry will mend is job.Permanent.
	Send(ctx context.Context, id string, m Message) error
}
