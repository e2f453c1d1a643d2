package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/job"
)

// smtpTimeout bounds connecting, and then handing over one message.
const smtpTimeout = 30 * time.Second

// SMTP hands messages to a mail server (RFC 5321), one connection for each.
type SMTP struct {
	client *gomail.Client
	from   Sender
	clock  clock.Clock
}

// newSMTP reads smtp://user:password@host:port?tls=… and smtps://…. Its errors never hold the password.
func newSMTP(u *url.URL, from Sender, c clock.Clock, more ...gomail.Option) (*SMTP, error) {
	options := []gomail.Option{gomail.WithTimeout(smtpTimeout)}
	port := 587 // submission, RFC 6409
	policy := u.Query().Get("tls")
	switch {
	case u.Scheme == "smtps" && policy == "":
		port = 465 // RFC 8314
		options = append(options, gomail.WithSSL())
	case u.Scheme == "smtp" && (policy == "" || policy == "required"):
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case u.Scheme == "smtp" && policy == "preferred":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case u.Scheme == "smtp" && policy == "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, errors.New("mail: tls is one of required (the default), preferred and none, for smtp:// only")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return nil, errors.New("mail: the port of the mail server is not one")
		}
		port = n
	}
	if u.Hostname() == "" {
		return nil, errors.New("mail: the URL names no mail server")
	}
	if name := u.User.Username(); name != "" {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(name), gomail.WithPassword(password))
	}
	options = append(options, gomail.WithPort(port))
	client, err := gomail.NewClient(u.Hostname(), append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &SMTP{client: client, from: from, clock: c}, nil
}

// Send implements Sink. Refusals of the message by a code of 500 and more are permanent; that the server cannot be
// reached, or does not accept the password, is not.
func (s *SMTP) Send(ctx context.Context, messageID string, m Message) error {
	out := s.from.build(messageID, m, s.clock.Now())
	err := s.client.DialAndSendWithContext(ctx, out)
	if err == nil || out.IsDelivered() {
		return nil // the server has it, however the conversation ended
	}
	// What the server says may repeat the address, so only its code goes into errors and logs.
	var refused *gomail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() != 0 {
		status := statusError{refused.ErrorCode(), refused.EnhancedStatusCode()}
		if status.code >= 500 {
			return job.Permanent(fault.Wrap(fault.Invalid, status, "The mail server refused the message for good."))
		}
		return fault.Wrap(fault.Unavailable, status, "The mail server does not take the message now.")
	}
	var away net.Error
	if errors.As(err, &away) {
		return fault.Wrap(fault.Unavailable, away, "The mail server does not answer.")
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%T", innermost(err)), "The mail server could not be used.")
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// statusError is the answer of a mail server without its words.
type statusError struct {
	code     int
	enhanced string // RFC 3463, may be empty
}

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("SMTP %d %s", s.code, s.enhanced) }

// Open returns the sink at a URL: folder:///path, smtp://user:password@host:587 (STARTTLS is required unless
// ?tls=preferred or ?tls=none is added) or smtps://user:password@host:465. It does not connect.
func Open(sinkURL string, from Sender, c clock.Clock) (Sink, error) {
	u, err := url.Parse(sinkURL)
	if err != nil {
		return nil, errors.New("mail: the URL of the mail server cannot be read") // url.Error would repeat the password
	}
	switch u.Scheme {
	case "folder":
		if u.Path == "" || u.Host != "" {
			return nil, errors.New("mail: the folder's URL names no absolute path: folder:///path")
		}
		return NewFolder(u.Path, from, c)
	case "smtp", "smtps":
		return newSMTP(u, from, c)
	}
	return nil, fmt.Errorf("mail: the URL begins with %q; want folder://, smtp:// or smtps://", u.Scheme)
}
