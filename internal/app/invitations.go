package app

import (
	"context"
	"errors"

	"golang.org/x/text/language"

	"farley/internal/activity"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/mail"
)

// invitationWords are what invitations by mail say.
var invitationWords = map[string]mail.Words{
	"en": {
		Subject: "{{if .Cancelled}}Cancelled: {{else}}Invitation: {{end}}{{.Subject}}",
		Text:    "Dear {{.Name}},\n\n{{if .Cancelled}}This does not take place, or without you:{{else}}{{.Organizer}} invites you:{{end}}\n\n{{.Subject}}\n{{.When}}\n{{.Location}}\n{{if .Link}}\nPlease answer here:\n{{.Link}}\n{{end}}",
		HTML:    `<p>Dear {{.Name}},</p><p>{{if .Cancelled}}This does not take place, or without you:{{else}}{{.Organizer}} invites you:{{end}}</p><p><b>{{.Subject}}</b><br>{{.When}}<br>{{.Location}}</p>{{if .Link}}<p><a href="{{.Link}}">Answer</a></p>{{end}}`,
	},
	"ar": {
		Subject: "{{if .Cancelled}}ملغى: {{else}}دعوة: {{end}}{{.Subject}}",
		Text:    "مرحبًا {{.Name}}،\n\n{{if .Cancelled}}لن يُعقد هذا الموعد، أو سيُعقد من دونك:{{else}}يدعوك {{.Organizer}}:{{end}}\n\n{{.Subject}}\n{{.When}}\n{{.Location}}\n{{if .Link}}\nيُرجى الرد هنا:\n{{.Link}}\n{{end}}",
		HTML:    `<p>مرحبًا {{.Name}}،</p><p>{{if .Cancelled}}لن يُعقد هذا الموعد، أو سيُعقد من دونك:{{else}}يدعوك {{.Organizer}}:{{end}}</p><p><b>{{.Subject}}</b><br>{{.When}}<br>{{.Location}}</p>{{if .Link}}<p><a href="{{.Link}}">الرد</a></p>{{end}}`,
	},
}

// composeInvitation makes the mail of an invitation when it is sent.
func (a *App) composeInvitation(ctx context.Context, tx *db.Tx, _ id.ID, data map[string]string) (mail.Message, error) {
	letter, err := a.resolver.Invitations.Compose(ctx, tx, data)
	if errors.Is(err, activity.ErrUnwanted) {
		return mail.Message{}, mail.ErrNotWanted
	}
	if err != nil {
		return mail.Message{}, err
	}
	words, err := mail.NewTemplate(invitationWords)
	if err != nil {
		return mail.Message{}, err
	}
	off := ""
	if letter.Cancelled {
		off = "yes"
	}
	m, err := words.Message(language.Make(letter.Locale).String(), map[string]string{
		"Name": letter.Name, "Subject": letter.Subject, "When": letter.When, "Location": letter.Location, "Organizer": letter.Organizer, "Link": letter.Link, "Cancelled": off,
	})
	m.To, m.Name, m.Calendar, m.CalendarMethod = letter.To, letter.Name, letter.Calendar, letter.Method
	return m, err
}
