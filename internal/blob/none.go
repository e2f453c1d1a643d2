package blob

import (
	"context"
	"errors"
	"io"
)

// errNone says that no store is configured.
var errNone = errors.New("blob: there is no store for files")

// None is the store of a process that keeps no files: nothing is in it, and nothing can be put.
type None struct{}

var _ Store = None{}

// Put implements Store.
func (None) Put(context.Context, string, io.Reader, int64) (Info, error) { return Info{}, errNone }

// Open implements Store.
func (None) Open(context.Context, string) (Reader, error) { return nil, ErrNotFound }

// Stat implements Store.
func (None) Stat(context.Context, string) (Stored, error) { return Stored{}, ErrNotFound }

// Delete implements Store.
func (None) Delete(context.Context, string) error { return nil }

// Each implements Store.
func (None) Each(context.Context, func(Stored) error) error { return nil }

// Check implements Store.
func (None) Check(context.Context) error { return errNone }

// String implements Store.
func (None) String() string { return "nowhere" }
