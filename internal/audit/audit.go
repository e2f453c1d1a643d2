// Package audit is the audit trail: who did, saw and was refused what.
//
// Writes are in the change log already and are not written twice: the trail is the change log together with a table of
// everything else, merged by instant and id. When the change log is pruned, what the trail tells of a write (names of
// fields, never values) moves into that table in the same transaction, under the same id.
//
// Entries come in two ways. What must not be lost (sign-ins, passwords, keys) is written at once, by Record or in the
// caller's transaction by RecordIn. What comes with every request (reads of sensitive fields, refusals) is written off the
// request's path by the one writer of the process, Run, at most a quarter of a second later. A process that is killed loses
// what that writer has not written yet: the entries of the last quarter second, 5,000 at most, and of what is counted for a
// minute (repeated refusals, events of a subscription) the counts of that minute.
package audit

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/stream"
)

// KindEntry is the kind of the ids of entries.
const KindEntry id.Kind = 7

// Action says what happened.
type Action string

// The actions that the change log holds, as its operations.
const (
	Created  Action = "CREATED"
	Updated  Action = "UPDATED"
	Deleted  Action = "DELETED"
	Restored Action = "RESTORED"
	Merged   Action = "MERGED"
	Erased   Action = "ERASED"
)

// The other actions.
const (
	SignIn                 Action = "SIGN_IN"
	SignInRefused          Action = "SIGN_IN_REFUSED"
	SignOut                Action = "SIGN_OUT"
	SessionEnded           Action = "SESSION_ENDED"
	TokenReused            Action = "TOKEN_REUSED"
	LockedOut              Action = "LOCKED_OUT"
	PasswordChanged        Action = "PASSWORD_CHANGED"
	PasswordResetRequested Action = "PASSWORD_RESET_REQUESTED"
	PasswordReset          Action = "PASSWORD_RESET"
	UserInvited            Action = "USER_INVITED"
	APIKeyCreated          Action = "API_KEY_CREATED"
	APIKeyChanged          Action = "API_KEY_CHANGED"
	APIKeyRevoked          Action = "API_KEY_REVOKED"
	APIKeyRefused          Action = "API_KEY_REFUSED"
	AccessRefused          Action = "ACCESS_REFUSED"
	SensitiveRead          Action = "SENSITIVE_READ"
	Exported               Action = "EXPORTED"
	Downloaded             Action = "DOWNLOADED"
)

// writes are the actions that are operations of the change log.
var writes = []Action{Created, Updated, Deleted, Restored, Merged, Erased}

// others are the actions that are in the trail's own table only.
var others = []Action{SignIn, SignInRefused, SignOut, SessionEnded, TokenReused, LockedOut, PasswordChanged, PasswordResetRequested,
	PasswordReset, UserInvited, APIKeyCreated, APIKeyChanged, APIKeyRevoked, APIKeyRefused, AccessRefused, SensitiveRead, Exported, Downloaded}

// Actions lists every action.
func Actions() []Action { return append(append([]Action{}, writes...), others...) }

// maxRecords is the most ids that an entry names.
const maxRecords = 100

// The longest texts of an entry, in characters; what is longer is cut.
const (
	maxOperation = 64
	maxPath      = 255
	maxDetail    = 255
)

// Entry is one event of the trail. It holds no value of any field and no secret. Of texts that come from outside there are
// the names that a client gave its operation and aliases, and the words in Detail, which are ours.
type Entry struct {
	ID        id.ID     // given when it is recorded
	At        time.Time // zero: now
	Action    Action
	User      id.ID   // who acted; zero: who acts in the context, and nobody when nobody does
	Object    id.Kind // the kind of record concerned; 0: none
	Record    id.ID   // the record concerned, if it is one
	Records   []id.ID // several records, 100 at most
	Count     int64   // the number of records; 0: those given
	Fields    []string
	Operation string // the client's name for the operation; "": that of the context
	Path      string // where in the operation something was refused
	Request   string // "": that of the context
	Session   id.ID  // the session, or key, under which the user acted; zero: that of the context if User acts there
	Address   string // of the client; "": that of the context
	Detail    string // what else there is to say, in words of ours
	Times     int64  // how often it happened within a minute; 0: once
}

// complete fills in what the context knows.
func (e Entry) complete(ctx context.Context, now time.Time) Entry {
	a := access.From(ctx)
	if e.User.IsZero() {
		e.User = a.User
	}
	if e.Session.IsZero() && e.User == a.User {
		e.Session = a.Session
	}
	if e.Operation == "" {
		e.Operation = stream.Operation(ctx)
	}
	if e.Request == "" {
		e.Request = stream.RequestID(ctx)
	}
	if at := stream.Address(ctx); e.Address == "" && at.IsValid() {
		e.Address = at.String()
	}
	if e.At.IsZero() {
		e.At = now
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if e.Times == 0 {
		e.Times = 1
	}
	if e.Count == 0 {
		e.Count = int64(len(e.Records))
		if e.Count == 0 && !e.Record.IsZero() {
			e.Count = 1
		}
	}
	if len(e.Records) == 1 {
		e.Record = e.Records[0]
	}
	if len(e.Records) <= 1 {
		e.Records = nil
	}
	e.Records = e.Records[:min(len(e.Records), maxRecords)]
	e.Operation, e.Path, e.Detail = cut(e.Operation, maxOperation), cut(e.Path, maxPath), cut(e.Detail, maxDetail)
	e.ID = ownID(e.At)
	return e
}

// cut shortens a text to n characters, and takes out what is not text.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// The ids of entries sort as the trail does: by instant, and within it writes, by their place in the table of changes,
// before everything else. So a write keeps its place when it moves from the change log into the table of entries.
const ownBit = 0x20 // in the first random byte

// ownID returns an id for an entry that is no write.
func ownID(at time.Time) id.ID {
	x := id.New(KindEntry, at)
	x[8] |= ownBit
	return x
}

// writeID returns the id of a write by its sequence number in the table of changes.
func writeID(at time.Time, seq int64) id.ID {
	x := id.New(KindEntry, at)
	for i := range 8 {
		x[15-i] = byte(seq >> (8 * i))
	}
	x[8] = 0x80 | x[8]&(ownBit-1)
	return x
}

// seqOf returns the sequence number in the id of a write, and whether it is one.
func seqOf(x id.ID) (seq int64, isWrite bool) {
	seq = int64(x[8] & (ownBit - 1))
	for _, b := range x[9:] {
		seq = seq<<8 | int64(b)
	}
	return seq, x[8]&ownBit == 0
}
