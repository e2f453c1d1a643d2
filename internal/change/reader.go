package change

import (
	"time"

	"farley/internal/access"
	"farley/internal/model"
)

// Reader is who is told of changes, with the rights of one moment. As makes one of an access.Actor.
type Reader interface {
	// Epoch changes whenever the reader's roles, teams or their definitions do. Cursors are bound to it.
	Epoch() string
	// Sees reports whether a record of k with these keys is in sight.
	Sees(k *model.Kind, keys *access.Keys, now time.Time) bool
	// ReadsField reports whether the field shows as it is, not masked, on a record in sight.
	ReadsField(k *model.Kind, f *model.Field, keys *access.Keys, now time.Time) bool
	// Named returns the field of k with a name, nil for none and for one that is unknown to the reader.
	Named(k *model.Kind, name string) *model.Field
	// Custom returns the fields that the firm has added to k and that are not unknown to the reader.
	Custom(k *model.Kind) []*model.Field
}

// Actor is the Reader that an access.Actor is. A Load finds the actor to read for in it.
type Actor struct {
	*access.Actor
	set *model.Set
}

var _ Reader = Actor{}

// As returns the reader that a is.
func As(set *model.Set, a *access.Actor) Actor { return Actor{Actor: a, set: set} }

// Epoch returns the viewer's epoch.
func (a Actor) Epoch() string { return a.Actor.Epoch }

// Sees is access.Actor.Sees.
func (a Actor) Sees(k *model.Kind, keys *access.Keys, now time.Time) bool {
	return a.Actor.Sees(a.set, k, keys, now)
}

// ReadsField is access.Actor.ReadsField.
func (a Actor) ReadsField(k *model.Kind, f *model.Field, keys *access.Keys, now time.Time) bool {
	return a.Actor.ReadsField(a.set, k, f, keys, now)
}

// Named is access.Policy.Named.
func (a Actor) Named(k *model.Kind, name string) *model.Field { return a.Policy.Named(k, name) }

// Custom is access.Policy.Custom.
func (a Actor) Custom(k *model.Kind) []*model.Field { return a.Policy.Custom(k) }
