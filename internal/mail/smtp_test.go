package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/mail"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// server is a mail server in this process.
type server struct {
	addr  string
	trust *tls.Config

	mu       sync.Mutex
	received []string
	refuse   error // of every recipient
	secure   []bool
	users    []string
}

// newServer starts a mail server that knows the user "farley" with the password "s3cret". tlsMode is "starttls", "implicit"
// or "none".
func newServer(t *testing.T, tlsMode string) *server {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	s := &server{trust: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, c: c}, nil }))
	srv.Domain, srv.AllowInsecureAuth = "mail.test", tlsMode == "none"
	srv.ErrorLog = discard{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	switch tlsMode {
	case "starttls":
		srv.TLSConfig = web.TLS
	case "implicit":
		listener = tls.NewListener(listener, web.TLS)
	}
	go func() { _ = srv.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	s.addr = listener.Addr().String()
	return s
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

type session struct {
	s *server
	c *smtp.Conn
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "farley" || password != "s3cret" {
			return errors.New("wrong")
		}
		x.s.mu.Lock()
		defer x.s.mu.Unlock()
		x.s.users = append(x.s.users, user)
		return nil
	}), nil
}

func (x *session) Reset()                               {}
func (x *session) Logout() error                        { return nil }
func (x *session) Mail(string, *smtp.MailOptions) error { return nil }
func (x *session) Rcpt(_ string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.refuse
}

func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	_, secure := x.c.TLSConnectionState()
	x.s.received, x.s.secure = append(x.s.received, string(b)), append(x.s.secure, secure)
	return nil
}

func sender(t *testing.T) mail.Sender {
	t.Helper()
	from, err := mail.ParseSender("Farley CRM <crm@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	return from
}

func (s *server) sink(t *testing.T, url string) mail.Sink {
	t.Helper()
	sink, err := mail.OpenTrusting(strings.ReplaceAll(url, "HOST", s.addr), sender(t), clock.NewTest(start), s.trust)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

var letter = mail.Message{To: "ann@example.com", Name: `Ann "A" Ödön`, Subject: "مرحبا بك", Text: "نص\nسطر", HTML: "<p>نص</p>", Locale: "ar"}

// read takes a message apart: its headers, decoded, and its parts by content type.
func read(t *testing.T, raw string) (headers, parts map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	headers, parts = map[string]string{}, map[string]string{}
	for name := range m.Header {
		text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			t.Fatal(err)
		}
		headers[name] = text
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(b)
		return headers, parts
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return headers, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p) // NextPart decodes quoted-printable
		if err != nil {
			t.Fatal(err)
		}
		partKind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		parts[partKind] = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
}

func wantLetter(t *testing.T, raw, messageID string) {
	t.Helper()
	headers, parts := read(t, raw)
	from, err := netmail.ParseAddress(headers["From"])
	if err != nil || from.Address != "crm@example.com" || from.Name != "Farley CRM" {
		t.Errorf("from %v, %v", from, err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != letter.To || to[0].Name != letter.Name {
		t.Errorf("to %v, %v", to, err)
	}
	for name, want := range map[string]string{
		"Subject": letter.Subject, "Message-Id": "<" + messageID + ">", "Content-Language": "ar", "Auto-Submitted": "auto-generated",
		"Date": "Sun, 22 Nov 2026 09:00:00 +0000",
	} {
		if headers[name] != want {
			t.Errorf("%s: %q, want %q", name, headers[name], want)
		}
	}
	if diff := cmp.Diff(map[string]string{"text/plain": letter.Text, "text/html": letter.HTML}, parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestSMTP_delivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, url string
		secure    bool
		users     []string
	}{
		{"starttls", "smtp://farley:s3cret@HOST", true, []string{"farley"}},
		{"starttls", "smtp://HOST?tls=required", true, nil},
		{"starttls", "smtp://HOST?tls=preferred", true, nil},
		{"none", "smtp://HOST?tls=preferred", false, nil},
		{"none", "smtp://HOST?tls=none", false, nil},
		{"implicit", "smtps://farley:s3cret@HOST", true, []string{"farley"}},
	} {
		s := newServer(t, c.mode)
		if err := s.sink(t, c.url).Send(t.Context(), "job.1@example.com", letter); err != nil {
			t.Errorf("%s to a server with %s: %v", c.url, c.mode, err)
			continue
		}
		if !slices.Equal(s.secure, []bool{c.secure}) || !slices.Equal(s.users, c.users) {
			t.Errorf("%s to a server with %s: encrypted %v, signed in %v", c.url, c.mode, s.secure, s.users)
		}
		wantLetter(t, s.received[0], "job.1@example.com")
	}
}

// What the server refuses for good is permanent, all else is tried again; no error holds address or password.
func TestSMTP_refusals(t *testing.T) {
	t.Parallel()
	gone := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<ann@example.com> unknown"}
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "ann@example.com later"}
	for _, c := range []struct {
		name, mode, url string
		refuse          error
		code            fault.Code
		says            string
	}{
		{"unknown recipient", "starttls", "smtp://HOST", gone, fault.Invalid, "SMTP 550"},
		{"busy", "starttls", "smtp://HOST", busy, fault.Unavailable, "SMTP 451"},
		{"no TLS where it is required", "none", "smtp://HOST", nil, fault.Unavailable, ""},
		{"wrong password", "starttls", "smtp://farley:hunter2@HOST", nil, fault.Unavailable, ""},
		{"password without TLS", "none", "smtp://farley:s3cret@HOST", nil, fault.Unavailable, ""},
		{"nobody there", "", "smtp://127.0.0.1:1", nil, fault.Unavailable, "does not answer"},
	} {
		s := newServer(t, c.mode)
		s.refuse = c.refuse
		err := s.sink(t, c.url).Send(t.Context(), "job.1@example.com", letter)
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, secret := range []string{"ann@", "hunter2", "s3cret"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells %s: %v", c.name, secret, err)
			}
		}
		if len(s.received) != 0 || len(s.users) != 0 {
			t.Errorf("%s: %d messages, signed in %v", c.name, len(s.received), s.users)
		}
	}
}

// Many mails at once, over one sink.
func TestSMTP_concurrent(t *testing.T) {
	t.Parallel()
	s := newServer(t, "starttls")
	sink := s.sink(t, "smtp://farley:s3cret@HOST")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := sink.Send(context.WithoutCancel(t.Context()), "job.1@example.com", letter); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(s.received) != 8 {
		t.Errorf("%d messages arrived", len(s.received))
	}
}
