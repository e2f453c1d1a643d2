package write

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"farley/internal/fault"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
)

// Command is a verb of the field as the API gives it: one input, and the arguments that stand beside it.
type Command struct {
	Name            string // of the mutation
	Input           input.Object
	OnDuplicate     *string
	ExpectedVersion *int64
	DryRun          *bool
	Key             *string `json:"-"`
}

// Perform runs a verb in one transaction, as Run does the uniform operations: do makes the change, and answer, in the same
// transaction, what is said of it. With an idempotency key the outcome, which has to be JSON, is kept, and do runs once; a
// dry run does everything and keeps nothing.
func Perform[T any](ctx context.Context, w *Writer, c Command, key string, do func(ctx context.Context, tx *Tx) (T, error), answer func(ctx context.Context, tx *Tx, outcome T) error) error {
	dry := c.DryRun != nil && *c.DryRun
	err := w.Do(ctx, func(ctx context.Context, tx *Tx) error {
		outcome, err := idempotent(ctx, tx, key, c, dry, func() (T, error) { return do(ctx, tx) })
		if err != nil {
			return err
		}
		if err := answer(ctx, tx, outcome); err != nil {
			return err
		}
		if dry {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// AsSystem runs fn as Farley itself, for what follows from a write that has been decided on.
func (tx *Tx) AsSystem(fn func() error) error {
	was := tx.system
	tx.system = true
	defer func() { tx.system = was }()
	return fn()
}

type reasonKey struct{}

// WithReason returns a context in which the rules record a reason for what is changed, where they record one.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, reason)
}

// Reason returns the reason of WithReason, "" when there is none.
func Reason(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}

// Shows returns the value of a locked record's field as inputs write it, nil for null and for what the actor may not read.
func (tx *Tx) Shows(r *Record, field string) (any, error) {
	f := r.Kind.Field(field)
	if !tx.system && !tx.Actor.ReadsField(tx.w.Set, r.Kind, f, r.Keys, tx.Now) {
		return nil, nil //nolint:nilnil // null is a value
	}
	var v any
	err := json.Unmarshal(tx.json(f, func(column string) any { return r.Values[column] }), &v)
	if list, ok := v.([]any); ok && f.Name == model.CustomFields && !tx.system {
		v = slices.DeleteFunc(list, func(o any) bool { return !tx.showsCustom(r, o) })
	}
	return v, err
}

// Renamed says of the field to what an error says of the field from of an input.
func Renamed(err error, from, to string) error {
	return moved(err, func(p []any) []any {
		if len(p) < 2 || p[0] != "input" || p[1] != from {
			return p
		}
		return append([]any{"input", to}, p[2:]...)
	})
}

// Within moves what an error says of an input to the place of that input in a larger one: input.name becomes, within
// input.account.create, input.account.create.name. Errors without a code are returned as they are.
func Within(err error, path ...any) error {
	return moved(err, func(p []any) []any {
		if len(p) == 0 || p[0] != "input" {
			return p
		}
		return append(slices.Clone(path), p[1:]...)
	})
}

// moved returns an error with other paths.
func moved(err error, path func([]any) []any) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Path = path(e.Path)
	out.Violations = slices.Clone(e.Violations)
	for i := range out.Violations {
		out.Violations[i].Path = path(out.Violations[i].Path)
	}
	return &out
}

// ExpectVersion refuses a write on a version that the caller has not seen; nil expects none.
func ExpectVersion(r *Record, expected *int64) error {
	if expected != nil && *expected != r.Version() {
		return fault.New(fault.Conflict, "The record has been changed meanwhile.").With("currentVersion", r.Version())
	}
	return nil
}

// Compared returns what filters compare of a text or enum field after the change: the folded text where there is one, ""
// for null.
func (c *Change) Compared(field string) string {
	if c.Kind.Field(field).Fold != "" {
		return cut(text.Fold(c.Text(field)), maxShadow)
	}
	return c.Text(field)
}
