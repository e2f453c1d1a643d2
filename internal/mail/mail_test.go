package mail_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/mail"
)

// sent is one message that left.
type sent struct {
	ID string
	M  mail.Message
}

// post is a sink that keeps what it gets, after failing as told.
type post struct {
	got   []sent
	fails []error
}

func (p *post) Send(_ context.Context, id string, m mail.Message) error {
	p.got = append(p.got, sent{id, m})
	if len(p.fails) == 0 {
		return nil
	}
	err := p.fails[0]
	p.fails = p.fails[1:]
	return err
}

// bundle is a queue on a database.
type bundle struct {
	*mail.Queue
	t     *testing.T
	d     *db.DB
	jobs  *job.Runner
	clock *clock.Test
	post  *post
}

func setup(t *testing.T, d *testdb.DB, sink mail.Sink) *bundle {
	t.Helper()
	b := &bundle{t: t, d: d.DB, clock: clock.NewTest(start), post: &post{}}
	if sink == nil {
		sink = b.post
	}
	b.jobs = job.New(d.DB, b.clock, slog.New(slog.DiscardHandler), job.Settings{})
	b.Queue = mail.New(mail.Config{Jobs: b.jobs, Sink: sink, Domain: "example.com"})
	return b
}

var user = id.New(32, start)

func (b *bundle) send(purpose string, data map[string]string) {
	b.t.Helper()
	err := b.d.Write(b.t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.Send(ctx, tx, purpose, user, data) })
	if err != nil {
		b.t.Fatal(err)
	}
}

// run sends what is due within two days: the pauses between 16 tries are 29 hours at most, and each waits for a full hour.
func (b *bundle) run() {
	b.t.Helper()
	for range 48 {
		if _, err := b.jobs.CatchUp(b.t.Context(), 100, func() { b.clock.Advance(b.clock.Now().Add(time.Hour)) }); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bundle) job() job.Info {
	b.t.Helper()
	tx, err := b.d.Snapshot(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	all, err := b.jobs.List(b.t.Context(), tx, job.Filter{Kinds: []string{mail.Kind}})
	if err != nil || len(all) != 1 {
		b.t.Fatalf("%d jobs, %v", len(all), err)
	}
	return all[0]
}

func (b *bundle) messageID() string {
	return strings.ReplaceAll(b.job().ID.String(), "_", ".") + "@example.com"
}

// A mail leaves after the commit, once, with an id that follows from the job; its text is made then, and lies nowhere.
func TestQueue_sendsWhatACommitCaused(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d, nil)
		b.Register("reset", func(ctx context.Context, tx *db.Tx, to id.ID, data map[string]string) (mail.Message, error) {
			_, err := tx.ExecContext(ctx, "INSERT INTO made (name) VALUES (?)", data["for"]) // the composer may write
			return mail.Message{To: "ann@example.com", Subject: "Reset for " + to.String(), Text: "https://crm.example.com/reset?token=geheim"}, err
		})
		if _, err := d.Pool().ExecContext(t.Context(), "CREATE TABLE made (name VARCHAR(20))"); err != nil {
			t.Fatal(err)
		}
		rolledBack := errors.New("rolled back")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(b.Send(ctx, tx, "reset", user, nil), rolledBack)
		})
		b.run()
		if !errors.Is(err, rolledBack) || len(b.post.got) != 0 {
			t.Fatalf("%v; %d mails for what was rolled back", err, len(b.post.got))
		}
		b.send("reset", map[string]string{"for": "ann"})
		b.run()
		want := []sent{{b.messageID(), mail.Message{To: "ann@example.com", Subject: "Reset for " + user.String(), Text: "https://crm.example.com/reset?token=geheim"}}}
		if diff := cmp.Diff(want, b.post.got); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		i := b.job()
		if i.State != job.Done || i.ProgressDone != 1 || i.ProgressTotal != 1 || strings.Contains(string(i.Payload), "geheim") {
			t.Errorf("the job: %+v", i)
		}
		var n int
		if err := d.Pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM made WHERE name = 'ann'").Scan(&n); err != nil || n != 1 {
			t.Errorf("what the composer wrote: %d rows, %v", n, err)
		}
	})
}

func TestQueue_outcomes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		good := mail.Message{To: "ann@example.com", Subject: "Hello", Text: "Hello"}
		for _, c := range []struct {
			name     string
			message  mail.Message
			composes error
			fails    []error
			state    job.State
			attempts int
			sends    int
		}{
			{"not wanted any more", mail.Message{}, mail.ErrNotWanted, nil, job.Done, 1, 0},
			{"nobody there", mail.Message{}, fault.New(fault.NotFound, "There is no such record."), nil, job.Failed, 1, 0},
			{"a composer that fails for now", mail.Message{}, errors.New("database away"), nil, job.Failed, 16, 0},
			{"a line break in the subject", mail.Message{To: good.To, Subject: "Hi\r\nBcc: eve@example.com", Text: "x"}, nil, nil, job.Failed, 1, 0},
			{"refused for good", good, nil, []error{job.Permanent(fault.New(fault.Invalid, "No."))}, job.Failed, 1, 1},
			{"away twice", good, nil, []error{errors.New("away"), errors.New("away")}, job.Done, 3, 3},
		} {
			if _, err := d.Pool().ExecContext(t.Context(), "DELETE FROM jobs"); err != nil {
				t.Fatal(err)
			}
			b := setup(t, d, nil)
			b.post.fails = c.fails
			b.Register("p", func(context.Context, *db.Tx, id.ID, map[string]string) (mail.Message, error) {
				return c.message, c.composes
			})
			b.send("p", nil)
			b.run()
			if i := b.job(); i.State != c.state || i.Attempts != c.attempts || len(b.post.got) != c.sends {
				t.Errorf("%s: %s after %d tries (%q), %d sent", c.name, i.State, i.Attempts, i.LastError, len(b.post.got))
			}
			for _, s := range b.post.got {
				if s.ID != b.messageID() {
					t.Errorf("%s: a try with another id: %s", c.name, s.ID)
				}
			}
		}
	})
}

func TestQueue_refusesMistakes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d, nil)
		composer := func(context.Context, *db.Tx, id.ID, map[string]string) (mail.Message, error) {
			return mail.Message{}, nil
		}
		b.Register("p", composer)
		send := func(purpose string, data map[string]string) fault.Code {
			return fault.CodeOf(d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.Send(ctx, tx, purpose, user, data) }))
		}
		if got := send("q", nil); got != fault.Internal {
			t.Errorf("an unknown purpose is %s", got)
		}
		if got := send("p", map[string]string{"x": strings.Repeat("x", 4096)}); got != fault.Invalid {
			t.Errorf("too much data is %q", got)
		}
		defer func() {
			if recover() == nil {
				t.Error("a purpose can be registered twice")
			}
		}()
		b.Register("p", composer)
	})
}

// Without a sink nothing is composed, and the mail waits for a server that has one.
func TestQueue_withoutSinkWaits(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	jobs := job.New(d.DB, clock.NewTest(start), slog.New(slog.DiscardHandler), job.Settings{})
	q := mail.New(mail.Config{Jobs: jobs})
	q.Register("p", func(context.Context, *db.Tx, id.ID, map[string]string) (mail.Message, error) {
		t.Error("composed")
		return mail.Message{}, nil
	})
	b := &bundle{Queue: q, t: t, d: d.DB, jobs: jobs}
	b.send("p", nil)
	if _, err := jobs.CatchUp(t.Context(), 1, func() {}); err != nil {
		t.Fatal(err)
	}
	if i := b.job(); i.State != job.Waiting || i.LastError != "UNAVAILABLE: No way to send mail is configured." {
		t.Errorf("%s, %q", i.State, i.LastError)
	}
}

func TestMessage_check(t *testing.T) {
	t.Parallel()
	good := mail.Message{To: "ann@example.com", Subject: "Hello", Text: "Hello", Locale: "ar-SA"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*mail.Message){
		"no address":              func(m *mail.Message) { m.To = "" },
		"two addresses":           func(m *mail.Message) { m.To = "ann@example.com, bob@example.com" },
		"a name in the address":   func(m *mail.Message) { m.To = "Ann <ann@example.com>" },
		"a header in the name":    func(m *mail.Message) { m.Name = "Ann\nBcc: eve@example.com" },
		"a header in the subject": func(m *mail.Message) { m.Subject = "Hello\r\nBcc: eve@example.com" },
		"a header in the address": func(m *mail.Message) { m.To = "ann@example.com\r\nBcc: eve@example.com" },
		"a header in the locale":  func(m *mail.Message) { m.Locale = "en\r\nBcc: eve@example.com" },
		"no locale":               func(m *mail.Message) { m.Locale = "!" },
		"no subject":              func(m *mail.Message) { m.Subject = "" },
		"no text":                 func(m *mail.Message) { m.Text = "" },
		"a long subject":          func(m *mail.Message) { m.Subject = strings.Repeat("x", 251) },
		"a long text":             func(m *mail.Message) { m.Text = strings.Repeat("x", 1<<20+1) },
		"bytes that are no text":  func(m *mail.Message) { m.Name = "\xff" },
	} {
		m := good
		change(&m)
		if err := m.Check(); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each mail is one file that mail programs open, whole or not there, for nobody else to read.
func TestFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "mail")
	sink, err := mail.Open("folder://"+filepath.ToSlash(folder), sender(t), clock.NewTest(start))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time replaces the first
		if err := sink.Send(t.Context(), "job.1@example.com", letter); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != "job.1@example.com.eml" {
		t.Fatalf("the folder holds %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	wantLetter(t, string(raw), "job.1@example.com")
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	template, err := mail.NewTemplate(map[string]mail.Words{
		"en": {Subject: "Hello {{.name}}", Text: "Open {{.link}}", HTML: `<p>Hello {{.name}}</p><a href="{{.link}}">Open</a>`},
		"ar": {Subject: "مرحبا {{.name}}", Text: "افتح {{.link}}", HTML: `<p>مرحبا {{.name}}</p>`},
	})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"name": `<b>"Ann"</b>`, "link": "javascript:alert(1)"}
	en, err := template.Message("de-DE", values)
	if err != nil {
		t.Fatal(err)
	}
	if en.Subject != `Hello <b>"Ann"</b>` || en.Text != "Open javascript:alert(1)" || en.Locale != "en" {
		t.Errorf("English: %+v", en)
	}
	for _, want := range []string{`<html lang="en" dir="ltr">`, `<p>Hello &lt;b&gt;&#34;Ann&#34;&lt;/b&gt;</p>`, `href="#ZgotmplZ"`, `<title>Hello &lt;b&gt;&#34;Ann&#34;&lt;/b&gt;</title>`} {
		if !strings.Contains(en.HTML, want) {
			t.Errorf("the HTML lacks %s:\n%s", want, en.HTML)
		}
	}
	ar, err := template.Message("ar-SA", values)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ar.HTML, `<html lang="ar" dir="rtl">`) || !strings.Contains(ar.HTML, "text-align: right") || ar.Locale != "ar" || !strings.HasPrefix(ar.Text, "افتح") {
		t.Errorf("Arabic: %+v", ar)
	}
	if _, err := template.Message("en", map[string]string{"name": "Ann"}); err == nil {
		t.Error("a value may be forgotten")
	}
	x := mail.Words{Subject: "x", Text: "x", HTML: "x"}
	for name, words := range map[string]map[string]mail.Words{
		"no English": {"ar": x},
		"no tag":     {"en": x, "!": x},
		"no end":     {"en": {Subject: "{{", Text: "x", HTML: "x"}},
	} {
		if _, err := mail.NewTemplate(words); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
