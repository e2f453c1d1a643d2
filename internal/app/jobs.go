package app

import (
	"context"
	"errors"
	"time"

	"farley/internal/activity"
	"farley/internal/broker"
	"farley/internal/db"
	"farley/internal/expiry"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/job"
	"farley/internal/mail"
	"farley/internal/purge"
	"farley/internal/rule"
	"farley/internal/write"
)

// retention is the periodic job that shortens the change log, on one of the nodes.
const retention = "retention"

// scheduleJobs registers every kind of job, and those that are done again and again. It fails when mails could not lead
// anywhere.
func (a *App) scheduleJobs() error {
	a.Jobs.Changed = func(x id.ID) { a.Broker.Publish(broker.Jobs, x[:]) }
	a.Jobs.Observe = a.metrics.ran
	a.scheduleHousekeeping()
	a.scheduleRetention()
	a.scheduleSelling()
	expiry.Register(a.Jobs, a.Write)
	a.scheduleMatches()
	a.Write.Forget = append(a.Write.Forget, rule.ForgetPhones, rule.ForgetCustom, write.ForgetMatches, write.ForgetRedirects)
	a.Write.Move = append(a.Write.Move, write.Mover{Relation: "customFields", Move: rule.MoveCustom})
	rule.RegisterCustom(a.Jobs, a.Write)
	if a.KeepDeleted > 0 {
		purge.Register(a.Jobs, purge.Config{Writer: a.Write, Log: a.Log, Keep: a.KeepDeleted})
	}
	a.Mail = mail.New(mail.Config{Jobs: a.Jobs, Sink: a.Config.Mail, Domain: a.MailDomain})
	for _, purpose := range []string{identity.ResetPurpose, identity.InvitePurpose} {
		a.Mail.Register(purpose, a.composer(purpose))
	}
	a.Mail.Register(rule.ReminderMail, a.composeReminder)
	a.Mail.Register(activity.InviteMail, a.composeInvitation)
	if a.Mailer == nil && a.Config.Mail != nil {
		a.Mailer = a.Mail
	}
	return a.Identity.Mails(a.Mailer, a.ResetURL)
}

// matches is the job that makes the keys by which duplicates are found, for records that were there before those were kept.
const matches = "match-keys"

// scheduleMatches registers the job: it looks every ten minutes whether there is something left to do.
func (a *App) scheduleMatches() {
	a.Jobs.Register(matches, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		var done int64
		return a.Write.FillMatches(ctx, func(ctx context.Context, records int) error {
			done += int64(records)
			return run.Progress(ctx, done, 0)
		})
	})
	a.Jobs.Every(matches, "always", 10*time.Minute)
}

// composer makes the mails of sign-in when they are sent.
func (a *App) composer(purpose string) mail.Composer {
	return func(ctx context.Context, tx *db.Tx, to id.ID, _ map[string]string) (mail.Message, error) {
		letter, err := a.Identity.Compose(ctx, tx, purpose, to)
		if errors.Is(err, identity.ErrNobody) {
			err = mail.ErrNotWanted
		}
		return mail.Message{To: letter.To, Name: letter.Name, Subject: letter.Subject, Text: letter.Text, HTML: letter.HTML, Locale: letter.Locale}, err
	}
}

// scheduleRetention registers the job: once an hour, unless the log is kept for ever.
func (a *App) scheduleRetention() {
	if a.RetainChanges <= 0 {
		return
	}
	a.Jobs.Register(retention, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		var deleted int64
		err := a.Changes.PruneEach(ctx, a.Clock.Now().Add(-a.RetainChanges), func(n int64) error {
			deleted = n
			return run.Progress(ctx, n, 0)
		})
		if err != nil {
			return err
		}
		return run.Progress(ctx, deleted, deleted)
	})
	a.Jobs.Every(retention, "hourly", time.Hour)
}
