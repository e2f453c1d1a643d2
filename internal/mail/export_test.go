package mail

import (
	"crypto/tls"
	"net/url"

	gomail "github.com/wneessen/go-mail"

	"farley/internal/clock"
)

// OpenTrusting is Open for a mail server with a certificate of the test.
func OpenTrusting(sinkURL string, from Sender, c clock.Clock, trust *tls.Config) (Sink, error) {
	u, err := url.Parse(sinkURL)
	if err != nil {
		return nil, err
	}
	return newSMTP(u, from, c, gomail.WithTLSConfig(trust))
}

// Check is Message.check.
func (m Message) Check() error { return m.check() }
