package calendar

import "errors"

// Problem is one thing that is wrong with an input: fields and meaning are those of a violation of fault.Error, which
// packages like this one do not import.
type Problem struct {
	// Path leads from the input to the value, names as string and list positions as int: ["exceptions", 2, "last"].
	Path []any
	// Code is FORMAT, RANGE, REQUIRED, TOO_LONG or UNKNOWN.
	Code string
	// Message is for people: an English format, and its arguments.
	Message string
	Args    []any
}

// The codes of problems, as published for violations.
const (
	codeFormat   = "FORMAT"
	codeRange    = "RANGE"
	codeRequired = "REQUIRED"
	codeTooLong  = "TOO_LONG"
	codeUnknown  = "UNKNOWN"
)

// problems collects what is wrong below a path.
type problems struct {
	list []Problem
}

func (p *problems) add(path []any, code, message string, args ...any) {
	p.list = append(p.list, Problem{Path: path, Code: code, Message: message, Args: args})
}

// at returns a path that ends in further elements. It shares nothing with the path it is given.
func at(path []any, more ...any) []any {
	return append(append(make([]any, 0, len(path)+len(more)), path...), more...)
}

var (
	// ErrNoWorkingTime says that a calendar has no working time on any day, so that nothing can be added or found.
	ErrNoWorkingTime = errors.New("the calendar has no working time")
	// ErrHorizon says that an answer lies further away than Horizon.
	ErrHorizon = errors.New("beyond the horizon of the calendar")
	// ErrRange says that an instant is before the year 1900 or after 2189, or a period longer than MaxPeriod.
	ErrRange = errors.New("outside the range of the calendar")
	// ErrNoOccurrence says that a series has no occurrence at the local time that was named.
	ErrNoOccurrence = errors.New("not an occurrence of the series")
	// ErrFirst says that a series cannot be split at its first occurrence: such an edit is one of the whole series.
	ErrFirst = errors.New("the first occurrence of the series")
	// ErrRuleNeeded says that a series cannot be moved by what its rule says, so that the new rule has to be given.
	ErrRuleNeeded = errors.New("the rule of the series names what is moved")
)
