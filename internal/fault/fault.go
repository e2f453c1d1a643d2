// Package fault is the one kind of error that leaves Farley: a stable code, a message for people, and the violations of
// single input fields. Lower layers wrap their causes in it; the causes are logged and never shown.
package fault

import (
	"errors"
	"fmt"
)

// Code says what went wrong in a way that programs may switch on. Codes never change and are never localised.
type Code string

// The published codes, as in the SDL enum ErrorCode.
const (
	Unauthenticated        Code = "UNAUTHENTICATED"           // nobody, or nobody valid, is signed in
	Forbidden              Code = "FORBIDDEN"                 // in sight, but not allowed
	NotFound               Code = "NOT_FOUND"                 // absent or out of sight: the two look alike
	Invalid                Code = "INVALID"                   // the input breaks a rule; see the violations
	Conflict               Code = "CONFLICT"                  // somebody else was faster, or the state does not allow it
	Duplicate              Code = "DUPLICATE"                 // the same record seems to exist already
	Limited                Code = "LIMITED"                   // a safety limit or budget is exceeded
	CursorExpired          Code = "CURSOR_EXPIRED"            // the change log no longer reaches back so far
	Resync                 Code = "RESYNC"                    // rights changed: read the lists anew and begin at a new cursor
	SlowConsumer           Code = "SLOW_CONSUMER"             // the reader did not keep up; resume from the last cursor
	IdempotencyMismatch    Code = "IDEMPOTENCY_MISMATCH"      // the key was used with another request
	PersistedQueryNotFound Code = "PERSISTED_QUERY_NOT_FOUND" // no operation is stored under that hash
	BadRequest             Code = "BAD_REQUEST"               // the request is not well-formed GraphQL over HTTP
	Unavailable            Code = "UNAVAILABLE"               // try again: shutting down, database away, too busy
	Internal               Code = "INTERNAL"                  // our fault; the log has the cause under errorId
)

// Codes lists every published code.
func Codes() []Code {
	return []Code{Unauthenticated, Forbidden, NotFound, Invalid, Conflict, Duplicate, Limited, CursorExpired, Resync,
		SlowConsumer, IdempotencyMismatch, PersistedQueryNotFound, BadRequest, Unavailable, Internal}
}

// Violation is one problem of one input field.
type Violation struct {
	// Path leads from the arguments to the field, names as string and list positions as int: ["input", "emails", 0].
	Path []any
	// Code says what is wrong: REQUIRED, TOO_LONG, TOO_SHORT, FORMAT, RANGE, UNKNOWN, NOT_FOUND, TAKEN, IMMUTABLE, FORBIDDEN;
	// of passwords WRONG and WEAK.
	Code string
	// Message is for people: an English format that the presenter translates, and its arguments.
	Message string
	Args    []any
}

// Error is an error with a code.
type Error struct {
	Code       Code
	Message    string // an English format that the presenter translates
	Args       []any
	Path       []any          // of the response or input field concerned, may be nil
	Violations []Violation    // for Invalid
	Extensions map[string]any // further published facts: currentVersion, cursor, retryAfter
	cause      error
}

// Error returns the message with the cause, for logs.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + fmt.Sprintf(e.Message, e.Args...)
	for _, v := range e.Violations {
		s += fmt.Sprintf("; %v: %s: ", v.Path, v.Code) + fmt.Sprintf(v.Message, v.Args...)
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// With returns e after adding a published extension.
func (e *Error) With(key string, value any) *Error {
	if e.Extensions == nil {
		e.Extensions = map[string]any{}
	}
	e.Extensions[key] = value
	return e
}

// At returns e after setting its path.
func (e *Error) At(path ...any) *Error {
	e.Path = path
	return e
}

// New returns an error with a code and a message, an English format with its arguments.
func New(code Code, message string, args ...any) *Error {
	return &Error{Code: code, Message: message, Args: args}
}

// Wrap returns an error with a code around a cause that is logged but not shown.
func Wrap(code Code, cause error, message string, args ...any) *Error {
	return &Error{Code: code, Message: message, Args: args, cause: cause}
}

// CodeOf returns the code of the first Error in err's chain, Internal for any other error, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Violations collects all problems of an input before it is refused.
type Violations []Violation

// Add records a problem.
func (v *Violations) Add(path []any, code, message string, args ...any) {
	*v = append(*v, Violation{Path: append([]any(nil), path...), Code: code, Message: message, Args: args})
}

// Err returns an Invalid error with all problems, nil when there are none.
func (v Violations) Err() error {
	if len(v) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: "The input is not valid.", Violations: v}
}
