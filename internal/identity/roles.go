package identity

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// copied are the fields of a role that a copy takes over.
var copied = []string{"description", "permissions", "fieldLevels", "screens"}

// CopyRole makes a role of one's own from any role that the actor may read with all that is copied; answer is told its id
// and runs in the same transaction. NOT_FOUND for a role out of sight or in the bin.
func (s *Service) CopyRole(ctx context.Context, w *write.Writer, c write.Command, key string, role id.ID, name string, answer func(context.Context, *write.Tx, id.ID) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (id.ID, error) {
		in, err := s.roleLike(ctx, tx, role)
		if err != nil {
			return id.ID{}, err
		}
		in["name"] = name
		o, err := tx.Create(ctx, s.set.Kind("Role"), in, "ALLOW")
		return o.ID, err
	}, answer)
}

// roleLike returns the input of a create for what is copied of a role.
func (s *Service) roleLike(ctx context.Context, tx *write.Tx, role id.ID) (input.Object, error) {
	k := s.set.Kind("Role")
	if role.Kind() != k.Code {
		return nil, write.NotFound(k)
	}
	r, err := tx.InSight(ctx, k, role)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	if err != nil {
		return nil, err
	}
	in := input.Object{}
	for _, field := range copied {
		f := k.Field(field)
		stored, _ := r.Values[f.Column].(string)
		if stored == "" {
			continue
		}
		if !tx.Actor.ReadsField(s.set, k, f, r.Keys, tx.Now) {
			return nil, fault.New(fault.Forbidden, "You may not read this field.").At("input", "role")
		}
		in[field] = stored
		if field == "description" {
			continue
		}
		var list []any
		if err := json.Unmarshal([]byte(stored), &list); err != nil {
			return nil, err
		}
		in[field] = list
	}
	return in, nil
}

// maxRenewed bounds the grants of one renewal.
const maxRenewed = 100

// Renewal confirms grants of roles.
type Renewal struct {
	Grants []id.ID
	Ends   bool       // whether the end of the grants moves
	Until  *time.Time // to which instant, nil for never
}

// RenewAccess confirms grants in the actor's name and moves their end: all, or none with every problem told. The actor
// has to manage their users, and none of them may be his own. Who manages some users only may not renew rights that he
// does not have. answer runs in the same transaction.
func (s *Service) RenewAccess(ctx context.Context, w *write.Writer, c write.Command, key string, r Renewal, answer func(context.Context, *write.Tx, bool) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (bool, error) {
		var p fault.Violations
		switch n := len(r.Grants); {
		case n == 0:
			p.Add([]any{"input", "grants"}, "REQUIRED", "This field is required.")
		case n > maxRenewed:
			p.Add([]any{"input", "grants"}, "TOO_LONG", "The list is longer than %d.", maxRenewed)
			return false, p.Err()
		}
		if r.Until != nil && !r.Until.After(tx.Now) {
			p.Add([]any{"input", "validUntil"}, "RANGE", "The instant is not in the future.")
		}
		code, message := fault.Invalid, "The input is not valid."
		for i, x := range r.Grants {
			problem, err := s.renewable(ctx, tx, x)
			if err != nil {
				return false, err
			}
			if problem.Code == "" {
				continue
			}
			if problem.Code == string(fault.Forbidden) {
				code, message = fault.Forbidden, "The input is not allowed."
			}
			p.Add([]any{"input", "grants", i}, problem.Code, problem.Message, problem.Args...)
		}
		if len(p) > 0 {
			return false, &fault.Error{Code: code, Message: message, Violations: p}
		}
		return true, s.renew(ctx, tx, r)
	}, answer)
}

// renewable returns what stands against the actor's renewing a grant; its code is "" when nothing does.
func (s *Service) renewable(ctx context.Context, tx *write.Tx, x id.ID) (fault.Violation, error) {
	grants, users := s.set.Kind("RoleGrant"), s.set.Kind("User")
	missing := fault.Violation{Code: "NOT_FOUND", Message: "There is no %s with this id.", Args: []any{grants.Name}}
	if x.Kind() != grants.Code {
		return missing, nil
	}
	g, err := tx.Lock(ctx, grants, x)
	if err != nil || g == nil || g.InBin() || !tx.May(g, access.Read) {
		return missing, err
	}
	holder, _ := g.Values["user_id"].(id.ID)
	role, _ := g.Values["role_id"].(id.ID)
	if holder == tx.Actor.User {
		return fault.Violation{Code: string(fault.Forbidden), Message: "Nobody renews his own access: somebody else has to."}, nil
	}
	u, err := tx.Lock(ctx, users, holder)
	if err != nil {
		return fault.Violation{}, err
	}
	if u == nil || !tx.May(u, manageUsers) {
		return fault.Violation{Code: string(fault.Forbidden), Message: "You do not manage this user."}, nil
	}
	if tx.Actor.Policy.Scopes(users, manageUsers) == access.All {
		return fault.Violation{}, nil
	}
	within, err := tx.HasRightsOf(ctx, role)
	if err == nil && !within {
		return fault.Violation{Code: string(fault.Forbidden), Message: "You may give only roles whose rights you have yourself."}, nil
	}
	return fault.Violation{}, err
}

func (s *Service) renew(ctx context.Context, tx *write.Tx, r Renewal) error {
	k := s.set.Kind("RoleGrant")
	columns := map[string]any{"reviewed_at": tx.Now, "reviewed_by_id": tx.Actor.User}
	if r.Ends {
		columns["valid_until"] = nil
		if r.Until != nil {
			columns["valid_until"] = *r.Until
		}
	}
	for i, x := range r.Grants {
		if slices.Contains(r.Grants[:i], x) {
			continue
		}
		if err := tx.Set(ctx, k, x, columns); err != nil {
			return err
		}
	}
	return nil
}
