package rule

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"

	"farley/internal/access"
	"farley/internal/change"
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
// open to oneself. Who manages some users only does not move himself, or he could manage any.
func userStanding(_ context.Context, c *write.Change) error {
	a := c.Tx.Actor
	all := a.Policy.Scopes(c.Kind, manageUsers) == access.All
	switch {
	case c.Tx.System(), all:
		return nil
	case c.Created() && a.Policy.May(c.Kind.Const, manageUsers), !c.Created() && c.ID != a.User && c.Tx.May(c.Old, manageUsers):
		return nil
	}
	for _, field := range []string{"kind", "active", "manager", "team", "branch", "partnerAccount", "contact"} {
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

// roleRows refuses permissions on objects, actions and fields that do not exist, scopes that cover nothing of a kind, and
// rows that say the same thing twice or two things of one field.
func roleRows(ctx context.Context, c *write.Change) error {
	if c.Changes("permissions") {
		permissionRows(c)
	}
	if c.Changes("fieldLevels") {
		return levelRows(ctx, c)
	}
	return nil
}

func permissionRows(c *write.Change) {
	seen := map[access.Permission]bool{}
	for i, o := range write.Embedded(c.Text("permissions")) {
		refuse := func(name, code, message string) {
			c.Problems.Add([]any{"input", "permissions", i, name}, code, message)
		}
		p := access.Permission{Object: member(o, "object"), Action: member(o, "action"), Scope: member(o, "scope")}
		k := roleObject(c, "permissions", i, p.Object)
		scope := access.ParseScope(p.Scope)
		if k != nil && !slices.Contains(actions(k), p.Action) {
			refuse("action", "UNKNOWN", "Records of this kind have no such action.")
		}
		switch {
		case p.Scope != "NONE" && scope == access.None:
			refuse("scope", "UNKNOWN", "There is no such value.")
		case k != nil && !access.Fits(c.Tx.Kinds(), k, scope):
			refuse("scope", "FORMAT", "Records of this kind have no such place, so the scope covers nothing more than one's own.")
		case seen[p]:
			c.Problems.Add([]any{"input", "permissions", i}, "TAKEN", "This value is taken.")
		}
		seen[p] = true
	}
}

func levelRows(ctx context.Context, c *write.Change) error {
	seen := map[[2]string]bool{}
	for i, o := range write.Embedded(c.Text("fieldLevels")) {
		object, name := member(o, "object"), member(o, "field")
		k := roleObject(c, "fieldLevels", i, object)
		if k == nil {
			continue
		}
		known := k.ByConst(name) != nil && !k.ByConst(name).Internal
		if name == access.SensitiveCustom {
			known = k.Customised()
		} else if key := model.CustomKey(name); key != "" && k.Customised() {
			var err error
			if known, err = definedFor(ctx, c, k, key); err != nil {
				return err
			}
		}
		if !known {
			c.Problems.Add([]any{"input", "fieldLevels", i, "field"}, "UNKNOWN", "There is no such field.")
		} else if seen[[2]string{object, name}] {
			c.Problems.Add([]any{"input", "fieldLevels", i}, "TAKEN", "This value is taken.")
		}
		seen[[2]string{object, name}] = true
	}
	return nil
}

// definedFor reports whether a kind has a custom field with a key, as far as the actor sees its definition.
func definedFor(ctx context.Context, c *write.Change, k *model.Kind, key string) (bool, error) {
	ids, err := c.Tx.IDs(ctx, "SELECT `id` FROM `custom_fields` WHERE `object` = ? AND `key` = ? AND `deleted_at` IS NULL", k.Const, key)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	seen, err := c.Tx.Visible(ctx, c.KindOf("CustomField"), ids)
	return len(seen) > 0, err
}

// roleObject returns the kind that a row names, nil and a problem when there is none.
func roleObject(c *write.Change, list string, i int, name string) *model.Kind {
	k := c.Tx.Kinds().Kind(name)
	if k == nil || k.Const != name || k.Link {
		c.Problems.Add([]any{"input", list, i, "object"}, "UNKNOWN", "There is no such kind of record.")
		return nil
	}
	return k
}

func actions(k *model.Kind) []string {
	return append([]string{access.Create, access.Read, access.Update, access.Delete}, k.Actions...)
}

// member returns a text of an embedded object.
func member(o map[string]any, name string) string { s, _ := o[name].(string); return s }

var screenForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

// roleScreens refuses names of screens that a client could not use as such, and the same name twice.
func roleScreens(_ context.Context, c *write.Change) error {
	if !c.Changes("screens") {
		return nil
	}
	var screens []string
	_ = json.Unmarshal([]byte(c.Text("screens")), &screens) // it was written by decode
	for i, name := range screens {
		switch {
		case !screenForm.MatchString(name):
			c.Problems.Add([]any{"input", "screens", i}, "FORMAT", "A screen is named by a small letter or digit, then up to 99 of a-z, 0-9, ., _ and -.")
		case slices.Contains(screens[:i], name):
			c.Problems.Add([]any{"input", "screens", i}, "TAKEN", "This value is taken.")
		}
	}
	return nil
}

// grantWithinOwn refuses that somebody who gives roles within a scope gives rights that he does not have himself: only
// whose right to give covers all grants decides what others may do at all.
func grantWithinOwn(ctx context.Context, c *write.Change) error {
	if c.Tx.System() || c.InBin() {
		return nil
	}
	action := access.Update
	switch c.Op {
	case change.Created:
		action = access.Create
	case change.Restored:
		action = access.Delete
	}
	if c.Tx.Actor.Policy.Scopes(c.Kind, action) == access.All {
		return nil
	}
	within, err := c.Tx.HasRightsOf(ctx, c.Ref("role"))
	if err == nil && !within {
		err = fault.New(fault.Forbidden, "You may give only roles whose rights you have yourself.").At("input", "role")
	}
	return err
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
