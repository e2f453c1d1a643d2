package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"farley/internal/app"
	"farley/internal/mail"
)

// mail configures how mails leave, and where links in them lead.
func (s *serve) mail(c *app.Config) error {
	from, err := mail.ParseSender(s.MailFrom)
	if err != nil {
		return err
	}
	sink := s.Mail
	if sink == "" {
		folder, err := filepath.Abs(filepath.Join(s.Data, "mail"))
		if err != nil {
			return err
		}
		sink = (&url.URL{Scheme: "folder", Path: filepath.ToSlash(folder)}).String()
	}
	if c.Mail, err = mail.Open(sink, from, c.Clock); err != nil {
		return err
	}
	c.MailDomain = from.Domain()
	c.PublicURL, err = publicURL(s.PublicURL)
	return err
}

// publicURL checks the address under which people reach the server, and takes the slash off its end.
func publicURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("--public-url: want an http or https address without user, query and fragment: https://crm.example.com")
	}
	return strings.TrimRight(text, "/"), nil
}
