package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"time"

	"farley/internal/broker"
	"farley/internal/mail"
)

// checkNATS connects to the servers between the nodes.
func checkNATS(ctx context.Context, in *inspection, report reporter) {
	if in.NATS == "" {
		return
	}
	b, err := broker.DialNATS(broker.NATSConfig{
		URLs: in.NATS, Prefix: in.NATSPrefix, Credentials: in.NATSCredentials, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		report("nats", err, "")
		return
	}
	defer b.Close(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	for !b.Connected() {
		select {
		case <-ctx.Done():
			report("nats", errors.New("no server answers; nodes hear of each other's changes late"), "")
			return
		case <-time.After(lookAgain):
		}
	}
	report("nats", nil, "connected, subjects begin with %s", in.NATSPrefix)
}

// lookAgain is how often it is looked whether a connection stands.
const lookAgain = 20 * time.Millisecond

// checkMail reads how mails leave, and connects to the mail server, without signing in.
func checkMail(ctx context.Context, in *inspection, report reporter) {
	_, sender := mail.ParseSender(in.MailFrom)
	_, public := publicURL(in.PublicURL)
	if err := errors.Join(sender, public); err != nil {
		report("mail", err, "")
		return
	}
	u, err := url.Parse(in.Mail)
	switch {
	case err != nil:
		report("mail", errors.New("the URL of the mail server cannot be read"), "") // url.Error would repeat the password
		return
	case in.Mail == "" || u.Scheme == "folder":
		report("mail", nil, "mails are written to files")
		return
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		report("mail", errors.New("want folder:///path, smtp://host:587 or smtps://host:465"), "")
		return
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme])
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err == nil {
		err = conn.Close()
	}
	report("mail", err, "%s answers", address)
}

// checkIssuers looks at the outside issuers.
func checkIssuers(ctx context.Context, in *inspection, report reporter) {
	if in.store == nil {
		return
	}
	in.outside.check(ctx, in.store, len(in.pending) == 0, report)
}
