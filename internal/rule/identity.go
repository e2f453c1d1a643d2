package rule

import (
	"context"
	"fmt"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/model"
	"farley/internal/write"
)

// userBelongs refuses outsiders of whom it is not known whose they are.
func userBelongs(_ context.Context, c *write.Change) error {
	switch c.Text("kind") {
	case "PARTNER":
		if c.Ref("partnerAccount").IsZero() {
			c.Refuse("partnerAccount", "REQUIRED", "A partner's user needs the partner's account.")
		}
	case "PORTAL":
		if c.Ref("contact").IsZero() {
			c.Refuse("contact", "REQUIRED", "A customer's user needs the customer's contact.")
		}
	}
	return nil
}

// userStanding refuses changes of what a user's rights hang on, by those who do not manage users: one's own record may be
// open to oneself.
func userStanding(_ context.Context, c *write.Change) error {
	const manage = "MANAGE_USERS"
	if c.Tx.System() || c.Created() && c.Tx.Actor.Policy.May("USER", manage) || !c.Created() && c.Tx.May(c.Old, manage) {
		return nil
	}
	for _, field := range []string{"kind", "active", "manager", "team", "partnerAccount", "contact"} {
		if c.Changes(field) && (!c.Created() || c.Get(field) != nil) {
			return fault.New(fault.Forbidden, "Only those who manage users may change this.").At("input", field)
		}
	}
	return nil
}

// userSessions ends the sessions of a user who is deactivated or deleted.
func userSessions(sessions Sessions) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		if c.Created() || !c.InBin() && (c.Flag("active") || !c.Changes("active")) {
			return nil
		}
		c.Then(func(ctx context.Context) error { return sessions.EndSessions(ctx, c.Tx, c.ID) })
		return nil
	}
}

// roleIsOpen refuses changes of the roles that come with Farley.
func roleIsOpen(_ context.Context, c *write.Change) error {
	if !c.Created() && c.Flag("system") && !c.Tx.System() {
		return fault.New(fault.Conflict, "This role came with Farley. Copy it and change the copy.")
	}
	return nil
}

// roleRows refuses permissions on objects, actions and fields that do not exist.
func roleRows(_ context.Context, c *write.Change) error {
	set := c.Tx.Kinds()
	known := func(o map[string]any, list string, i int) *model.Kind {
		name, _ := o["object"].(string)
		k := set.Kind(name)
		if k == nil || k.Const != name || k.Link {
			c.Problems.Add([]any{"input", list, i, "object"}, "UNKNOWN", "There is no such kind of record.")
			return nil
		}
		return k
	}
	for i, o := range write.Embedded(c.Text("permissions")) {
		if scope := fmt.Sprint(o["scope"]); scope != "NONE" && access.ParseScope(scope) == access.None {
			c.Problems.Add([]any{"input", "permissions", i, "scope"}, "UNKNOWN", "There is no such value.")
		}
		known(o, "permissions", i)
	}
	for i, o := range write.Embedded(c.Text("fieldLevels")) {
		k := known(o, "fieldLevels", i)
		if k == nil {
			continue
		}
		name, _ := o["field"].(string)
		if f := k.ByConst(name); f == nil || f.Internal {
			c.Problems.Add([]any{"input", "fieldLevels", i, "field"}, "UNKNOWN", "There is no such field.")
		}
	}
	return nil
}

// grantIsNew refuses giving a role twice. The user is held, so that two writes at once see each other.
func grantIsNew(ctx context.Context, c *write.Change) error {
	if !c.Created() {
		return nil
	}
	if _, err := c.Tx.Hold(ctx, c.KindOf("User"), c.Ref("user")); err != nil {
		return err
	}
	n, err := live(ctx, c, c.Kind, []string{"user_id", "role_id"}, []any{c.Ref("user"), c.Ref("role")})
	if err != nil {
		return err
	}
	if n > 0 {
		c.Refuse("role", "TAKEN", "The user has this role already.")
	}
	return nil
}
