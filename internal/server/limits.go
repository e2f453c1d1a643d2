package server

import (
	"time"

	"farley/internal/fault"
)

// Limits bounds what one request may ask for. A field of zero takes its default; a negative number switches the limit
// off.
type Limits struct {
	// BodyBytes bounds the body of a POST: 1 MiB.
	BodyBytes int64
	// Tokens bounds the tokens of a document, comments included: 2,000.
	Tokens int
	// Depth bounds the nesting of fields, counted through fragments: 15.
	Depth int
	// Aliases bounds the aliased fields of a document: 100.
	Aliases int
	// EqualNames bounds the fields with one response name in one selection, counted through fragments: 20.
	EqualNames int
	// RootFields bounds the root fields of an operation, counted through fragments: 20.
	RootFields int
	// Fragments bounds the named fragments of a document: 50.
	Fragments int
	// Directives bounds the directives at one place: 5.
	Directives int
	// ListLength bounds each list and each object in arguments and variables: 1,000.
	ListLength int
	// InputDepth bounds the nesting of values in arguments and variables: 20.
	InputDepth int
	// MergeWork bounds the work of proving that equal response names can be merged, in compared fields: 20,000.
	MergeWork int
	// Cost bounds the cost of an operation: 50,000. Every field costs 1, every value in its arguments 1; what stands
	// under a connection counts once for each row that the page may have. Answers tell the cost in extensions.cost,
	// unless this limit is switched off.
	Cost int
	// BudgetPerSecond is the cost that flows back into each caller's budget: 100,000 a second.
	BudgetPerSecond int
	// Budget is the most that a caller can save up: 1,000,000, and at least Cost.
	Budget int
	// Callers bounds the budgets kept in memory; the one used longest ago goes first: 10,000.
	Callers int
	// Concurrent bounds the queries and mutations that one caller runs at a time: 50.
	Concurrent int
	// OperationTime bounds a query or mutation: 30 s.
	OperationTime time.Duration
	// BodyTime bounds reading the body of a POST: 20 s.
	BodyTime time.Duration
	// WriteTime bounds writing an answer: 30 s.
	WriteTime time.Duration
	// UploadBytes bounds the body of a POST with files (multipart): 32 MiB. Larger files come in two steps.
	UploadBytes int64
	// UploadFiles bounds the files of such a POST: 10.
	UploadFiles int
	// UploadTime bounds reading such a body, and one that is put to the address of an upload: 10 min.
	UploadTime time.Duration
	// FileBytes bounds a file: 1 GiB, at most 2 GiB - 1.
	FileBytes int64
}

// DefaultLimits returns the limits that hold when nothing is configured.
func DefaultLimits() Limits {
	return Limits{
		BodyBytes: 1 << 20, Tokens: 2_000, Depth: 15, Aliases: 100, EqualNames: 20, RootFields: 20, Fragments: 50,
		Directives: 5, ListLength: 1_000, InputDepth: 20, MergeWork: 20_000, Cost: 50_000, BudgetPerSecond: 100_000,
		Budget: 1_000_000, Callers: 10_000, Concurrent: 50, OperationTime: 30 * time.Second, BodyTime: 20 * time.Second,
		WriteTime: 30 * time.Second, UploadBytes: 32 << 20, UploadFiles: 10, UploadTime: 10 * time.Minute, FileBytes: 1 << 30,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	orDefault(&l.BodyBytes, d.BodyBytes)
	orDefault(&l.Tokens, d.Tokens)
	orDefault(&l.Depth, d.Depth)
	orDefault(&l.Aliases, d.Aliases)
	orDefault(&l.EqualNames, d.EqualNames)
	orDefault(&l.RootFields, d.RootFields)
	orDefault(&l.Fragments, d.Fragments)
	orDefault(&l.Directives, d.Directives)
	orDefault(&l.ListLength, d.ListLength)
	orDefault(&l.InputDepth, d.InputDepth)
	orDefault(&l.MergeWork, d.MergeWork)
	orDefault(&l.Cost, d.Cost)
	orDefault(&l.BudgetPerSecond, d.BudgetPerSecond)
	orDefault(&l.Budget, d.Budget)
	orDefault(&l.Callers, d.Callers)
	orDefault(&l.Concurrent, d.Concurrent)
	orDefault(&l.OperationTime, d.OperationTime)
	orDefault(&l.BodyTime, d.BodyTime)
	orDefault(&l.WriteTime, d.WriteTime)
	orDefault(&l.UploadBytes, d.UploadBytes)
	orDefault(&l.UploadFiles, d.UploadFiles)
	orDefault(&l.UploadTime, d.UploadTime)
	orDefault(&l.FileBytes, d.FileBytes)
	if l.Budget >= 0 && l.Budget < l.Cost {
		l.Budget = l.Cost // else an operation within its limit could never run
	}
	if l.Callers < 1 {
		l.Callers = d.Callers // a map without bound is no choice
	}
	return l
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// exceeds reports whether value is more than max, where a negative max allows everything.
func exceeds(value, max int) bool { return max >= 0 && value > max }

// limited is the refusal of a document that exceeds one of the limits above.
func limited(name string, value, max int) *fault.Error {
	return fault.New(fault.Limited, "The request exceeds the limit %q: %d, at most %d.", name, value, max).
		With("limit", name).With("value", value).With("max", max)
}
