package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
)

// Kind is the kind of the jobs that send.
const Kind = "mail"

// maxData bounds what Send keeps beside ids, in bytes.
const maxData = 4096

// Queue sends mails. It is safe for concurrent use, once all purposes are registered.
type Queue struct {
	jobs      *job.Runner
	sink      Sink
	domain    string
	composers map[string]Composer
}

// Config is what a Queue is made of. Jobs is needed.
type Config struct {
	Jobs *job.Runner // on which New registers the kind "mail"
	Sink Sink        // nil: mails are tried until they fail, or a server with a sink takes them
	// Domain stands behind the @ of Message-IDs; "farley.invalid" unless given.
	Domain string
}

// sendTimeout bounds one try.
const sendTimeout = 2 * time.Minute

// New returns a queue without purposes. It is called before the jobs run.
func New(c Config) *Queue {
	q := &Queue{jobs: c.Jobs, sink: c.Sink, domain: c.Domain, composers: map[string]Composer{}}
	if q.domain == "" {
		q.domain = "farley.invalid"
	}
	// Tries over half a day to a day: a mail server may be away for a night.
	c.Jobs.Register(Kind, job.Options{
		MaxAttempts: 16, Concurrency: 4, Timeout: sendTimeout, Backoff: job.Backoff{First: 30 * time.Second, Max: 4 * time.Hour},
	}, q.send)
	return q
}

// Register names the composer of a purpose. It is called before the jobs run, on every node. It panics for a purpose that
// is registered already.
func (q *Queue) Register(purpose string, c Composer) {
	if purpose == "" || q.composers[purpose] != nil {
		panic(fmt.Sprintf("mail: purpose %q registered twice, or empty", purpose))
	}
	q.composers[purpose] = c
}

// payload is what is kept of a mail until it is sent.
type payload struct {
	Purpose string            `json:"purpose"`
	To      id.ID             `json:"to"`
	Data    map[string]string `json:"data,omitempty"`
}

// Send enqueues a mail in the caller's transaction: it leaves after the commit, or not at all. data goes to the composer,
// at most 4,096 bytes; it is kept in clear until the job is purged, so it names records and holds no secrets.
//
// It returns Internal for a purpose that is not registered and Invalid for too much data.
func (q *Queue) Send(ctx context.Context, tx *db.Tx, purpose string, to id.ID, data map[string]string) error {
	if q.composers[purpose] == nil {
		return fault.New(fault.Internal, "No composer makes mails for %s.", purpose)
	}
	size := 0
	for name, value := range data {
		size += len(name) + len(value)
	}
	if size > maxData {
		return fault.New(fault.Invalid, "The data of a mail have at most %d bytes.", maxData)
	}
	_, err := q.jobs.Enqueue(ctx, tx, job.Job{
		Kind: Kind, Payload: payload{Purpose: purpose, To: to, Data: data}, CreatedBy: access.From(ctx).User,
	})
	return err
}

// send composes and hands over one mail.
func (q *Queue) send(ctx context.Context, run *job.Run) error {
	var p payload
	if err := run.Decode(&p); err != nil {
		return err
	}
	if q.sink == nil { // before composing: what a composer makes shall not lie about unsent
		return fault.New(fault.Unavailable, "No way to send mail is configured.")
	}
	compose := q.composers[p.Purpose]
	if compose == nil { // an older node: leave it to one that knows
		return fault.New(fault.Unavailable, "No composer makes mails for this purpose here.")
	}
	var m Message
	err := run.Step(ctx, 0, 1, func(ctx context.Context, tx *db.Tx) (err error) {
		m, err = compose(ctx, tx, p.To, p.Data)
		return err
	})
	switch {
	case errors.Is(err, ErrNotWanted):
		return nil
	case fault.CodeOf(err) == fault.Invalid || fault.CodeOf(err) == fault.NotFound:
		return job.Permanent(err)
	case err != nil:
		return err
	}
	if err := m.check(); err != nil {
		return job.Permanent(err)
	}
	if err := q.sink.Send(ctx, q.messageID(run.ID), m); err != nil {
		return err
	}
	_ = run.Progress(context.WithoutCancel(ctx), 1, 1) // it has left, whatever becomes of the note
	return nil
}

// messageID is the same whenever the job runs.
func (q *Queue) messageID(x id.ID) string {
	return strings.ReplaceAll(x.String(), "_", ".") + "@" + q.domain
}
