package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farley/internal/app"
	"farley/internal/clock"
)

func TestMail_configuration(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := serve{MailFrom: "Example <crm@mail.example.com>", PublicURL: "https://crm.example.com/base/"}
	s.Data = data
	c := app.Config{Clock: clock.System{}}
	if err := s.mail(&c); err != nil {
		t.Fatal(err)
	}
	if c.Mail == nil || c.MailDomain != "mail.example.com" || c.PublicURL != "https://crm.example.com/base" {
		t.Errorf("configured as %+v", c)
	}
	if info, err := os.Stat(filepath.Join(data, "mail")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
	for _, bad := range []serve{
		{MailFrom: "nobody"},
		{MailFrom: "a@example.com", Mail: "ftp://user:hunter2@example.com"},
		{MailFrom: "a@example.com", Mail: "smtp://user:hunter2@%zz"},
		{MailFrom: "a@example.com", Mail: "smtps://user:hunter2@example.com?tls=none"},
		{MailFrom: "a@example.com", Mail: "folder://relative"},
		{MailFrom: "a@example.com", PublicURL: "crm.example.com"},
		{MailFrom: "a@example.com", PublicURL: "https://user:hunter2@crm.example.com"},
	} {
		bad.Data = data
		err := bad.mail(&app.Config{Clock: clock.System{}})
		if err == nil {
			t.Errorf("%+v is accepted", bad)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}
