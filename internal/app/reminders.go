package app

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"golang.org/x/text/language"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/mail"
)

// reminderWords are what reminders by mail say.
var reminderWords = map[string]mail.Words{
	"en": {
		Subject: "Reminder: {{.Subject}}",
		Text:    "Dear {{.Name}},\n\n{{.Subject}}\n{{.When}}\n",
		HTML:    "<p>Dear {{.Name}},</p><p><b>{{.Subject}}</b><br>{{.When}}</p>",
	},
	"ar": {
		Subject: "تذكير: {{.Subject}}",
		Text:    "مرحبًا {{.Name}}،\n\n{{.Subject}}\n{{.When}}\n",
		HTML:    "<p>مرحبًا {{.Name}}،</p><p><b>{{.Subject}}</b><br>{{.When}}</p>",
	},
}

// composeReminder makes the mail of a reminder when it is sent: to users who may read the activity then.
func (a *App) composeReminder(ctx context.Context, tx *db.Tx, to id.ID, data map[string]string) (mail.Message, error) {
	activity, err := id.Parse(data["activity"])
	if err != nil {
		return mail.Message{}, fault.Wrap(fault.Invalid, err, "This is not an id.")
	}
	reader, err := a.Identity.Actor(ctx, to)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return mail.Message{}, mail.ErrNotWanted
	}
	if err != nil {
		return mail.Message{}, err
	}
	k := a.Set.Kind("Activity")
	cond := access.And(access.Cond{SQL: "t.`id` = ? AND t.`deleted_at` IS NULL", Args: []any{activity}}, reader.Sight(a.Set, k, "t", access.Read, a.Clock.Now()))
	if c, whole := reader.FieldCond(a.Set, k, k.Field("subject"), "t", a.Clock.Now()); !whole {
		cond = access.And(cond, c)
	}
	if cond.IsFalse() {
		return mail.Message{}, mail.ErrNotWanted
	}
	var subject, email, name string
	var locale, zone sql.NullString
	err = tx.QueryRow(ctx, "SELECT t.`subject` FROM `activities` t WHERE "+cond.SQL, cond.Args, &subject)
	if err == nil {
		err = tx.QueryRow(ctx, "SELECT `email`, `name`, `locale`, `time_zone` FROM `users` WHERE `id` = ?", []any{to}, &email, &name, &locale, &zone)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return mail.Message{}, mail.ErrNotWanted
	}
	if err != nil {
		return mail.Message{}, err
	}
	words, err := mail.NewTemplate(reminderWords)
	if err != nil {
		return mail.Message{}, err
	}
	m, err := words.Message(language.Make(locale.String).String(), map[string]string{"Name": name, "Subject": subject, "When": whenText(data["at"], zone.String)})
	m.To, m.Name = email, name
	return m, err
}

// whenText writes an instant on the clocks of a zone, or else in UTC.
func whenText(at, zone string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return ""
	}
	if l, err := time.LoadLocation(zone); err == nil && zone != "" {
		t = t.In(l)
	}
	return t.Format("2006-01-02 15:04 MST")
}
