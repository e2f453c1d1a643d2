package activity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/read"
	"farley/internal/write"
)

// InviteMail is the purpose of invitations by mail.
const InviteMail = "activity invitation"

// InviteJob is the kind of the jobs that tell those who were invited of a change. Rules of activities enqueue them.
const InviteJob = "activity-invitations"

// The methods of RFC 5546 that Farley sends.
const (
	methodRequest = "REQUEST"
	methodCancel  = "CANCEL"
)

// AnswerPath is where the addresses begin at which those who are invited answer.
const AnswerPath = "/invitation/"

// answerTime is how long such an address is good at most.
const answerTime = 90 * 24 * time.Hour

// Mailing sends mails.
type Mailing interface {
	// Send enqueues a mail in the transaction.
	Send(ctx context.Context, tx *db.Tx, purpose string, to id.ID, data map[string]string) error
}

// Invitations invite contacts to activities by mail, and take their answers.
type Invitations struct {
	*Service
	Writer *write.Writer
	Mails  func() Mailing
	Secret []byte // signs the addresses for answers
	// PublicURL is where people reach the server, without a slash at the end.
	PublicURL func() string
}

// Invited is the outcome of Invite.
type Invited struct {
	Activity id.ID `json:"activity"`
	Invited  int   `json:"invited"`
}

// Invite writes to the contacts who take part in an activity, have an address and want to be written to. Errors are those of
// Reschedule; Invalid for an activity without beginning and end.
func (s *Invitations) Invite(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Invited) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Invited, error) {
		r, err := open(ctx, tx, c)
		if err != nil {
			return Invited{}, err
		}
		if r.At("start_at").IsZero() || r.At("end_at").IsZero() {
			var p fault.Violations
			p.Add([]any{"input", "activity"}, "FORMAT", "People are invited to what begins and ends.")
			return Invited{}, p.Err()
		}
		out := Invited{Activity: r.ID}
		parts, contacts, err := s.addressed(ctx, tx, r.ID)
		if err != nil {
			return out, err
		}
		seen, err := tx.Visible(ctx, s.Set.Kind("Contact"), contacts)
		if err != nil {
			return out, err
		}
		sequence, _ := r.Values["calendar_sequence"].(int64)
		if r.Values["calendar_sequence"] == nil {
			if err := tx.Set(ctx, r.Kind, r.ID, map[string]any{"calendar_sequence": int64(0)}); err != nil {
				return out, err
			}
		}
		for i, part := range parts {
			if !seen[contacts[i]] {
				continue
			}
			if err := tx.Set(ctx, s.Set.Kind("ActivityParticipant"), part, map[string]any{"invited_at": tx.Now}); err != nil {
				return out, err
			}
			if err := s.send(ctx, tx.Tx, contacts[i], part, methodRequest, sequence); err != nil {
				return out, err
			}
			out.Invited++
		}
		return out, nil
	}, answer)
}

func (s *Invitations) send(ctx context.Context, tx *db.Tx, contact, part id.ID, method string, sequence int64) error {
	return s.Mails().Send(ctx, tx, InviteMail, contact, map[string]string{"participant": part.String(), "method": method, "sequence": fmt.Sprint(sequence)})
}

// addressed lists the contacts who take part in an activity, have an address and want to be written to.
func (s *Invitations) addressed(ctx context.Context, tx *write.Tx, activity id.ID) (parts, contacts []id.ID, err error) {
	err = db.Each(ctx, tx.Tx, "SELECT p.`id`, p.`contact_id` FROM `activity_participants` p JOIN `contacts` c ON c.`id` = p.`contact_id` AND c.`deleted_at` IS NULL WHERE p.`activity_id` = ? AND p.`deleted_at` IS NULL"+
		" AND c.`primary_email` IS NOT NULL AND c.`do_not_contact` = ? ORDER BY p.`id`", []any{activity, false}, func(rows *sql.Rows) error {
		var part, contact id.ID
		err := rows.Scan(&part, &contact)
		parts, contacts = append(parts, part), append(contacts, contact)
		return err
	})
	return parts, contacts, err
}

// changed is the payload of the jobs: what was changed, or who does not take part any more.
type changed struct {
	Activity    id.ID  `json:"activity"`
	Participant id.ID  `json:"participant,omitzero"`
	Method      string `json:"method"`
	Sequence    int64  `json:"sequence"`
}

// Register has the runner tell those who were invited of changes.
func (s *Invitations) Register(runner *job.Runner) {
	runner.Register(InviteJob, job.Options{}, func(ctx context.Context, run *job.Run) error {
		var c changed
		if err := run.Decode(&c); err != nil {
			return err
		}
		return run.Finish(ctx, func(ctx context.Context, tx *db.Tx) error { return s.tell(ctx, tx, c) })
	})
}

func (s *Invitations) tell(ctx context.Context, tx *db.Tx, c changed) error {
	type one struct{ part, contact id.ID }
	var list []one
	query, args := "p.`activity_id` = ? AND p.`deleted_at` IS NULL", []any{c.Activity}
	if !c.Participant.IsZero() {
		query, args = "p.`id` = ?", []any{c.Participant}
	}
	err := db.Each(ctx, tx, "SELECT p.`id`, p.`contact_id` FROM `activity_participants` p WHERE "+query+" AND p.`invited_at` IS NOT NULL AND p.`contact_id` IS NOT NULL ORDER BY p.`id`", args, func(rows *sql.Rows) error {
		var o one
		err := rows.Scan(&o.part, &o.contact)
		list = append(list, o)
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := s.send(ctx, tx, o.contact, o.part, c.Method, c.Sequence); err != nil {
			return err
		}
	}
	return nil
}

// Letter is an invitation as it is written to somebody.
type Letter struct {
	To, Name, Locale string
	Subject          string // of the activity
	When, Location   string
	Organizer        string // his name
	Cancelled        bool
	Link             string // at which he answers; "" when there is nothing to answer
	Calendar, Method string
}

// invitation is an activity as somebody who is invited knows it.
type invitation struct {
	activity, part, contact id.ID
	subject, location, zone string
	status                  string
	startAt, endAt          read.Instant
	start, end              time.Time
	allDay                  bool
	sequence                int64
	response                string
	gone                    bool // the activity, or his part in it, is in the bin
	email, name, locale     sql.NullString
	contactZone             sql.NullString
	contactGone             bool
	owner, ownerEmail       sql.NullString
}

// look reads the invitation of a participant; false when there is none.
func (s *Invitations) look(ctx context.Context, q db.Querier, part id.ID) (v invitation, ok bool, err error) {
	err = db.Each(ctx, q, "SELECT t.`id`, p.`id`, p.`contact_id`, t.`subject`, COALESCE(t.`location`, ''), COALESCE(t.`time_zone`, ''), t.`status`, t.`start_at`, t.`end_at`, t.`all_day`, COALESCE(t.`calendar_sequence`, 0), p.`response`,"+
		" CASE WHEN t.`deleted_at` IS NULL AND p.`deleted_at` IS NULL THEN 0 ELSE 1 END, c.`primary_email`, c.`display_name`, c.`locale`, c.`time_zone`, CASE WHEN c.`deleted_at` IS NULL AND c.`erased_at` IS NULL THEN 0 ELSE 1 END, u.`name`, u.`email`"+
		" FROM `activity_participants` p JOIN `activities` t ON t.`id` = p.`activity_id` JOIN `contacts` c ON c.`id` = p.`contact_id` LEFT JOIN `users` u ON u.`id` = t.`owner_id` WHERE p.`id` = ? AND p.`invited_at` IS NOT NULL",
		[]any{part}, func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(&v.activity, &v.part, &v.contact, &v.subject, &v.location, &v.zone, &v.status, &v.startAt, &v.endAt, &v.allDay, &v.sequence, &v.response,
				&v.gone, &v.email, &v.name, &v.locale, &v.contactZone, &v.contactGone, &v.owner, &v.ownerEmail)
		})
	v.start, v.end = v.startAt.Time, v.endAt.Time
	return v, ok, err
}

// ErrUnwanted says that an invitation has nothing to say any more.
var ErrUnwanted = errors.New("the invitation has been overtaken")

// Compose writes an invitation when it is sent. ErrUnwanted when a later one is on its way, or there is nobody to write to.
func (s *Invitations) Compose(ctx context.Context, tx *db.Tx, data map[string]string) (Letter, error) {
	part, err := id.Parse(data["participant"])
	if err != nil {
		return Letter{}, fault.Wrap(fault.Invalid, err, "This is not an id.")
	}
	v, ok, err := s.look(ctx, tx, part)
	if err != nil {
		return Letter{}, err
	}
	method := data["method"]
	off := v.gone || v.status == cancelled
	if !ok || v.contactGone || v.email.String == "" || v.start.IsZero() || v.end.IsZero() || off != (method == methodCancel) || fmt.Sprint(v.sequence) != data["sequence"] {
		return Letter{}, ErrUnwanted
	}
	out := Letter{
		To: v.email.String, Name: v.name.String, Locale: v.locale.String, Subject: v.subject, When: v.when(), Location: v.location, Organizer: v.owner.String, Cancelled: off, Method: method,
	}
	if !off {
		out.Link = s.PublicURL() + AnswerPath + s.seal(v)
	}
	out.Calendar, err = v.calendar(method, s.Clock.Now())
	return out, err
}

// when writes the time of an activity on the clocks of the contact, or else of the activity.
func (v *invitation) when() string {
	l := time.UTC
	for _, name := range []string{v.contactZone.String, v.zone} {
		if z, err := time.LoadLocation(name); err == nil && name != "" {
			l = z
			break
		}
	}
	if v.allDay {
		if z, err := time.LoadLocation(v.zone); err == nil && v.zone != "" {
			l = z
		}
		first, last := v.start.In(l).Format(time.DateOnly), v.end.Add(-time.Second).In(l).Format(time.DateOnly)
		if first == last {
			return first
		}
		return first + " – " + last
	}
	start, end := v.start.In(l), v.end.In(l)
	if start.Format(time.DateOnly) == end.Format(time.DateOnly) {
		return start.Format("2006-01-02 15:04") + "–" + end.Format("15:04 MST")
	}
	return start.Format("2006-01-02 15:04") + " – " + end.Format("2006-01-02 15:04 MST")
}

// calendar writes the invitation for calendar programs: one event, its UID the same in every version, SEQUENCE rising with each.
func (v *invitation) calendar(method string, now time.Time) (string, error) {
	x := fed{id: v.activity, version: v.sequence + 1, subject: v.subject, location: v.location, zone: v.zone, updated: now, start: v.start, end: v.end, allDay: v.allDay}
	e, err := x.event()
	if err != nil {
		return "", err
	}
	if method == methodCancel {
		e.Props.SetText(ical.PropStatus, "CANCELLED")
	}
	organizer, attendee := ical.NewProp(ical.PropOrganizer), ical.NewProp(ical.PropAttendee)
	organizer.Value = "mailto:" + v.ownerEmail.String
	if v.ownerEmail.String == "" {
		organizer.Value = "mailto:nobody@farley.invalid"
	}
	setName(organizer, v.owner.String)
	attendee.Value = "mailto:" + v.email.String
	setName(attendee, v.name.String)
	if method == methodRequest {
		attendee.Params.Set(ical.ParamRSVP, "TRUE")
		attendee.Params.Set(ical.ParamParticipationStatus, strings.ReplaceAll(v.response, "_", "-"))
	}
	e.Props.Set(organizer)
	e.Props.Set(attendee)
	c := ical.NewCalendar()
	c.Props.SetText(ical.PropVersion, "2.0")
	c.Props.SetText(ical.PropProductID, "-//Farley//Farley CRM//EN")
	c.Props.SetText(ical.PropMethod, method)
	c.Children = append(c.Children, e)
	var b bytes.Buffer
	if err := ical.NewEncoder(&b).Encode(c); err != nil {
		return "", fault.Wrap(fault.Internal, err, "write an invitation")
	}
	return string(fold(b.Bytes())), nil
}

// setName names somebody in a calendar; a quotation mark has no place in a parameter.
func setName(p *ical.Prop, name string) {
	name = strings.Map(func(r rune) rune {
		if r == '"' || r < ' ' || r == 0x7f {
			return '\''
		}
		return r
	}, name)
	if name != "" {
		p.Params.Set(ical.ParamCommonName, name)
	}
}

const sealed = 16 + 8

// seal writes the token by which somebody answers: it is good for him alone, until the activity is over, and at most for 90 days.
func (s *Invitations) seal(v invitation) string {
	expires := s.Clock.Now().Add(answerTime)
	if v.end.Before(expires) {
		expires = v.end
	}
	b := append(make([]byte, 0, sealed+sha256.Size), v.part[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(expires.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, s.sign(b)...))
}

func (s *Invitations) sign(b []byte) []byte {
	m := hmac.New(sha256.New, s.Secret)
	m.Write(b)
	return m.Sum(nil)
}

// unseal reads a token; false for one that is wrong, or whose time is over.
func (s *Invitations) unseal(token string) (part id.ID, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != sealed+sha256.Size || !hmac.Equal(b[sealed:], s.sign(b[:sealed])) {
		return part, false
	}
	copy(part[:], b)
	return part, s.Clock.Now().Before(time.Unix(int64(binary.BigEndian.Uint64(b[16:])), 0))
}

// answerPage is what somebody who is invited sees. It has no scripts, and loads nothing.
var answerPage = template.Must(template.New("answer").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>{{if .Known}}{{.Subject}}{{else}}Invitation{{end}}</title></head>
<body>{{if .Known}}<h1 dir="auto">{{.Subject}}</h1><p>{{.When}}{{if .Location}}<br><span dir="auto">{{.Location}}</span>{{end}}</p>
<p>{{if .Kept}}Thank you. {{end}}Your answer: <strong>{{.Answer}}</strong></p>
<form method="post"><button name="response" value="ACCEPTED">Accept · قبول</button> <button name="response" value="TENTATIVE">Maybe · ربما</button> <button name="response" value="DECLINED">Decline · رفض</button></form>
{{else}}<p>This link is not valid, or no longer. · هذا الرابط غير صالح أو انتهت صلاحيته.</p>{{end}}</body></html>
`))

type answerView struct {
	Known, Kept             bool
	Subject, When, Location string
	Answer                  string
}

var answerWords = map[string]string{"NEEDS_ACTION": "none yet", "ACCEPTED": "accepted", "TENTATIVE": "maybe", "DECLINED": "declined"}

// Serve answers the address at which somebody answers an invitation: GET shows it and changes nothing, so that programs which look
// at links in mails do no harm; POST keeps the answer. Whatever is wrong looks the same.
func (s *Invitations) Serve(w http.ResponseWriter, r *http.Request) error {
	part, ok := s.unseal(strings.TrimPrefix(r.URL.Path, AnswerPath))
	var view answerView
	if ok {
		response := ""
		if r.Method == http.MethodPost {
			response = posted(r)
		}
		err := s.Writer.Do(write.AsSystem(r.Context()), func(ctx context.Context, tx *write.Tx) (err error) {
			view, err = s.answer(ctx, tx, part, response)
			return err
		})
		if err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := answerPage.Execute(&b, view); err != nil {
		return fault.Wrap(fault.Internal, err, "write a page")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !view.Known {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(b.Bytes()) // who is gone hears nothing
	return nil
}

// posted reads the answer of a form, "" for none.
func posted(r *http.Request) string {
	const most = 1000
	var b bytes.Buffer
	if _, err := b.ReadFrom(http.MaxBytesReader(nil, r.Body, most)); err != nil {
		return ""
	}
	values, err := url.ParseQuery(b.String())
	if err != nil || values.Get("response") == "NEEDS_ACTION" {
		return ""
	}
	return values.Get("response")
}

// answer reads an invitation, and keeps the answer to it when there is one.
func (s *Invitations) answer(ctx context.Context, tx *write.Tx, part id.ID, response string) (answerView, error) {
	v, ok, err := s.look(ctx, tx.Tx, part)
	if err != nil || !ok || v.gone || v.contactGone || v.status == cancelled || v.status == done {
		return answerView{}, err
	}
	view := answerView{Known: true, Subject: v.subject, When: v.when(), Location: v.location}
	if answerWords[response] != "" {
		p, err := tx.Lock(ctx, s.Set.Kind("ActivityParticipant"), part)
		if err != nil {
			return view, err
		}
		if err := answered(ctx, tx, p, response, tx.Now); err != nil {
			return view, err
		}
		v.response, view.Kept = response, true
	}
	view.Answer = answerWords[v.response]
	return view, nil
}
