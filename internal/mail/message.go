package mail

import (
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/text/language"

	"farley/internal/fault"
)

// Longest parts of a message.
const (
	maxSubject = 250     // characters
	maxBody    = 1 << 20 // bytes, of text and of HTML each
)

// check refuses messages that cannot be sent, and those with a line break or another control character in what becomes a
// header: nobody adds a header by a name or a subject.
func (m *Message) check() error {
	for _, header := range []string{m.To, m.Name, m.Subject, m.Locale, m.CalendarMethod} {
		if !utf8.ValidString(header) || strings.ContainsFunc(header, unicode.IsControl) {
			return fault.New(fault.Invalid, "A header of the mail has a control character.")
		}
	}
	if _, err := bare(m.To); err != nil {
		return fault.New(fault.Invalid, "The mail has no valid address.")
	}
	if m.Subject == "" || m.Text == "" {
		return fault.New(fault.Invalid, "The mail has no subject or no text.")
	}
	if utf8.RuneCountInString(m.Subject) > maxSubject || len(m.Text) > maxBody || len(m.HTML) > maxBody || len(m.Calendar) > maxBody {
		return fault.New(fault.Invalid, "The mail is too long.")
	}
	if m.Locale != "" {
		if _, err := language.Parse(m.Locale); err != nil {
			return fault.New(fault.Invalid, "The mail has no valid language.")
		}
	}
	return nil
}

// bare reads an address that has nothing beside it.
func bare(address string) (string, error) {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return "", err
	}
	if a.Name != "" || a.Address != address {
		return "", fmt.Errorf("%d characters are not one bare address", len(address))
	}
	return address, nil
}

// Sender is who mails come from.
type Sender struct{ address *netmail.Address }

// ParseSender reads "noreply@example.com" or "Example <noreply@example.com>".
func ParseSender(text string) (Sender, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return Sender{}, fmt.Errorf("mail: the sender has a control character")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return Sender{}, fmt.Errorf("mail: the sender %q is no address", text)
	}
	return Sender{a}, nil
}

// Domain is what stands behind the @.
func (s Sender) Domain() string {
	_, domain, _ := strings.Cut(s.address.Address[strings.LastIndexByte(s.address.Address, '@'):], "@")
	return domain
}

// build makes the message of RFC 5322 (and MIME, RFC 2045 to 2047) that goes out.
func (s Sender) build(messageID string, m Message, at time.Time) *gomail.Msg {
	out := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	out.FromMailAddress(s.address)
	out.ToMailAddress(&netmail.Address{Name: m.Name, Address: m.To})
	out.Subject(m.Subject)
	out.SetMessageIDWithValue(messageID)
	out.SetDateWithValue(at)
	// Nobody's holiday shall be answered to us: RFC 3834.
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Locale != "" {
		out.SetGenHeader(gomail.HeaderContentLang, m.Locale)
	}
	out.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		out.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	if m.Calendar != "" {
		out.AddAlternativeString(gomail.ContentType("text/calendar; method="+m.CalendarMethod), m.Calendar)
	}
	return out
}
