package seed

import (
	"context"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// Administrator makes the first administrator, who has no password yet: the command line prints an access token, with
// which setPassword can be called.
func Administrator(ctx context.Context, w *write.Writer, roles map[string]id.ID, email, name string) (id.ID, error) {
	var user id.ID
	err := w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		o, err := tx.Create(ctx, w.Set.Kind("User"), input.Object{
			"email": email, "name": name, "kind": "STAFF", "roles": []any{roles["administrator"].String()},
		}, "ALLOW")
		user = o.ID
		return err
	})
	return user, err
}
