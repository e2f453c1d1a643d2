package identity

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html"
	"net/netip"
	"net/url"
	"strings"
	"text/template"
	"time"

	"golang.org/x/text/language"

	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// The purposes of the mails.
const (
	ResetPurpose  = "password reset"
	InvitePurpose = "invitation"
)

// Mailer sends mails: one for a purpose to a user, when and if the transaction commits.
type Mailer interface {
	Send(ctx context.Context, tx *db.Tx, purpose string, to id.ID, data map[string]string) error
}

// Letter is the message of a mail.
type Letter struct {
	To, Name            string
	Subject, Text, HTML string
	Locale              string
}

// ErrNobody is returned by Compose when there is nobody to write to: the address was nobody's when the mail was asked for,
// or the user is gone or inactive. The mail is then dropped, without another try.
var ErrNobody = errors.New("identity: nobody to write to")

// linkToken is where the token stands in a link.
const linkToken = "{token}"

// Mails has mails sent. The link in them is resetURL with the token in the place of {token}, a page of the application's
// own; without one the mails hold the token alone. It is called before anything is served.
func (s *Service) Mails(m Mailer, resetURL string) error {
	if resetURL != "" {
		u, err := url.Parse(strings.ReplaceAll(resetURL, linkToken, "x"))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || !strings.Contains(resetURL, linkToken) {
			return fmt.Errorf("the address of the page for new passwords must be an http or https address with %s in it", linkToken)
		}
	}
	s.mailer, s.resetURL = m, resetURL
	return nil
}

func (s *Service) mailing() error {
	if s.mailer == nil {
		return fault.New(fault.Unavailable, "This server sends no mail.")
	}
	return nil
}

// RequestPasswordReset has a token mailed to the user with the e-mail. It answers, and does, the same for one that nobody
// has: then a mail to nobody is enqueued, which is dropped when its turn comes.
func (s *Service) RequestPasswordReset(ctx context.Context, email string, from netip.Addr) error {
	if err := s.mailing(); err != nil {
		return err
	}
	account, err := s.auth.Find(ctx, email)
	if err != nil {
		return err
	}
	to := account.ID
	if !mailable(account) {
		to = id.New(s.set.Kind("User").Code, s.clock.Now())
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.auth.CountMail(ctx, tx, email, from); err != nil {
			return err
		}
		return s.mailer.Send(ctx, tx, ResetPurpose, to, nil)
	})
	if err != nil {
		return err
	}
	s.auth.Record(ctx, auth.Event{Kind: auth.PasswordResetRequested, User: account.ID, Address: from})
	return nil
}

// InviteUser has a token for a first password mailed to a user whom the actor manages; answer runs in the same transaction.
func (s *Service) InviteUser(ctx context.Context, w *write.Writer, user id.ID, answer func(context.Context, *write.Tx) error) error {
	if err := s.mailing(); err != nil {
		return err
	}
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		r, err := s.managed(ctx, tx, user)
		if err != nil {
			return err
		}
		switch account := accountOf(r); {
		case account.Service:
			return fault.New(fault.Conflict, "A program has keys and no password.")
		case !account.Active:
			return fault.New(fault.Conflict, "The user is not active.")
		}
		if err := s.mailer.Send(ctx, tx.Tx, InvitePurpose, user, nil); err != nil {
			return err
		}
		by := tx.Actor.User
		tx.OnCommit(func() { s.auth.Record(ctx, auth.Event{Kind: auth.UserInvited, User: user, By: other(by, user)}) })
		return answer(ctx, tx)
	})
}

// Compose writes the mail of a purpose when it is sent, and makes its token then, so that it lies in no queue. It returns
// ErrNobody when nothing is to be sent.
func (s *Service) Compose(ctx context.Context, tx *db.Tx, purpose string, to id.ID) (Letter, error) {
	life := map[string]time.Duration{ResetPurpose: auth.ResetLife, InvitePurpose: auth.InviteLife}[purpose]
	if life == 0 {
		return Letter{}, fmt.Errorf("identity: no mail for %q", purpose)
	}
	account, err := accountIn(ctx, tx, "id = ?", to)
	if fault.CodeOf(err) == fault.NotFound || err == nil && !mailable(account) {
		return Letter{}, ErrNobody
	}
	if err != nil {
		return Letter{}, fmt.Errorf("compose mail: find user: %w", err)
	}
	token, until, err := s.auth.NewPasswordToken(ctx, tx, to, life)
	if err != nil {
		return Letter{}, err
	}
	link := token
	if s.resetURL != "" {
		link = strings.ReplaceAll(s.resetURL, linkToken, token)
	}
	return letter(purpose, account, link, until)
}

// letters are the words: the first line of a file is the subject.
//
//go:embed letters
var letters embed.FS

var letterNames = map[string]string{ResetPurpose: "reset", InvitePurpose: "invite"}

var letterLanguages = language.NewMatcher([]language.Tag{language.English, language.Arabic})

func letter(purpose string, account auth.Account, link string, until time.Time) (Letter, error) {
	locale, direction := "en", "ltr"
	if _, i, _ := letterLanguages.Match(language.Make(account.Locale)); i == 1 {
		locale, direction = "ar", "rtl"
	}
	words, err := template.ParseFS(letters, "letters/"+letterNames[purpose]+"."+locale+".txt")
	if err != nil {
		return Letter{}, fmt.Errorf("compose mail: %w", err)
	}
	var b strings.Builder
	err = words.Execute(&b, map[string]string{"Name": account.Name, "Link": link, "Until": until.UTC().Format("2006-01-02 15:04 UTC")})
	if err != nil {
		return Letter{}, fmt.Errorf("compose mail: %w", err)
	}
	subject, text, _ := strings.Cut(b.String(), "\n\n")
	return Letter{
		To: account.Email, Name: account.Name, Subject: subject, Text: text, HTML: page(text, link, locale, direction), Locale: locale,
	}, nil
}

// page is the text as HTML: a paragraph for each, and the link, where it is one, to be followed.
func page(text, link, locale, direction string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html><html lang="%s" dir="%s"><head><meta charset="utf-8"></head><body>`, locale, direction)
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		shown := strings.ReplaceAll(html.EscapeString(paragraph), "\n", "<br>")
		if paragraph == link && strings.Contains(link, "://") {
			shown = `<a href="` + html.EscapeString(link) + `">` + shown + `</a>`
		}
		b.WriteString("<p>" + shown + "</p>")
	}
	b.WriteString("</body></html>\n")
	return b.String()
}
