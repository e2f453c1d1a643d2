// Package access is the one permission policy: which records and which of their fields somebody may read and write.
//
// Roles, which are data, compile to an immutable Policy. Everything else asks it: the plan that walks an operation before
// it runs (fields), the predicates inside every SQL statement (rows, and fields where they depend on the row), the
// decision on change rows in memory, introspection and explainAccess.
package access

import (
	"context"

	"farley/internal/viewer"
)

// Actor is who acts, with what he may do.
type Actor struct {
	viewer.Viewer
	Policy *Policy
}

// SignedIn reports whether the actor is a user.
func (a *Actor) SignedIn() bool { return !a.User.IsZero() }

type key struct{}

// With returns a context in which a acts.
func With(ctx context.Context, a *Actor) context.Context { return context.WithValue(ctx, key{}, a) }

// From returns who acts in ctx: an anonymous actor without any rights when nobody does. It is never nil.
func From(ctx context.Context) *Actor {
	if a, ok := ctx.Value(key{}).(*Actor); ok {
		return a
	}
	return &Actor{Policy: nobody}
}

// Level is what a role may do with a field.
type Level string

// The levels, each including the ones before it, except that what is Masked is not read.
const (
	LevelNone   Level = "NONE"
	LevelMasked Level = "MASKED"
	LevelRead   Level = "READ"
	LevelWrite  Level = "WRITE"
)

// Permission grants an action on the records of a kind within a scope.
type Permission struct {
	Object string `json:"object"` // model.Kind.Const
	Action string `json:"action"` // CREATE READ UPDATE DELETE or a named action
	Scope  string `json:"scope"`
}

// FieldLevel sets the level of one field.
type FieldLevel struct {
	Object string `json:"object"`
	Field  string `json:"field"` // model.Field.Const
	Level  Level  `json:"level"`
}

// Role is a role's definition.
type Role struct {
	ID          string
	Name        string
	Permissions []Permission
	Fields      []FieldLevel
	Screens     []string // of the client application, which it opens
}

// Cond is a piece of SQL that is true or false, with its arguments. The zero Cond is true.
type Cond struct {
	SQL  string
	Args []any
}
