package graph

import (
	"context"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/stream"
	"farley/internal/write"
)

// Login answers Mutation.login.
func (r *mutationResolver) Login(ctx context.Context, in input.Object) (*read.Result, error) {
	email, _ := in["email"].(string)
	password, _ := in["password"].(string)
	device, _ := in["device"].(string)
	grant, err := r.Auth.Login(ctx, email, password, auth.Device{Name: device, Address: stream.Address(ctx)})
	if err != nil {
		return nil, err
	}
	return r.granted(ctx, grant)
}

// Refresh answers Mutation.refresh.
func (r *mutationResolver) Refresh(ctx context.Context, in input.Object) (*read.Result, error) {
	token, _ := in["refreshToken"].(string)
	grant, err := r.Auth.Refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return r.granted(ctx, grant)
}

// granted answers with tokens and with the user as that user sees it.
func (r *mutationResolver) granted(ctx context.Context, g auth.Grant) (*read.Result, error) {
	actor, err := r.Identity.Actor(ctx, g.UserID)
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.reading(ctx, func(tx *db.Tx) error {
		value := map[string]any{"accessToken": g.AccessToken, "refreshToken": g.RefreshToken, "expiresAt": g.ExpiresAt}
		if actor.Policy.Readable(r.Set.Kind("User")) {
			user, err := r.Read.Payload(ctx, tx, actor, "user", g.UserID)
			if err != nil {
				return err
			}
			value["user"] = user
		}
		var err error
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// Logout answers Mutation.logout.
func (r *mutationResolver) Logout(ctx context.Context) (*read.Result, error) {
	return r.done(ctx, r.Identity.SignOut(ctx, stream.Address(ctx)))
}

// done answers with {done: true} when there is no error.
func (r *Resolver) done(ctx context.Context, err error) (*read.Result, error) {
	if err != nil {
		return nil, err
	}
	res, err := r.Read.Project(ctx, map[string]any{"done": true})
	return &res, err
}

// CreateStreamTicket answers Mutation.createStreamTicket.
func (r *mutationResolver) CreateStreamTicket(ctx context.Context) (*read.Result, error) {
	ticket, until, err := r.Identity.IssueTicket(ctx, access.From(ctx))
	if err != nil {
		return nil, err
	}
	res, err := r.Read.Project(ctx, map[string]any{"ticket": ticket, "expiresAt": until})
	return &res, err
}

// SetPassword answers Mutation.setPassword.
func (r *mutationResolver) SetPassword(ctx context.Context, in input.Object) (*read.Result, error) {
	user, err := onlyID(in, "user")
	if err != nil {
		return nil, err
	}
	password, _ := in["password"].(string)
	var res read.Result
	err = r.Identity.SetPassword(ctx, r.Write, user, password, r.showUser(user, &res))
	return &res, err
}

// InviteUser answers Mutation.inviteUser.
func (r *mutationResolver) InviteUser(ctx context.Context, in input.Object) (*read.Result, error) {
	user, err := onlyID(in, "user")
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.Identity.InviteUser(ctx, r.Write, user, r.showUser(user, &res))
	return &res, err
}

// showUser writes the payload {user} in the transaction of the write.
func (r *Resolver) showUser(user id.ID, res *read.Result) func(context.Context, *write.Tx) error {
	return func(ctx context.Context, tx *write.Tx) error {
		shown, err := r.Read.Payload(ctx, tx, tx.Actor, "user", user)
		if err != nil {
			return err
		}
		*res, err = r.Read.Project(ctx, map[string]any{"user": shown})
		return err
	}
}

// onlyID reads the one id of an input.
func onlyID(in input.Object, name string) (id.ID, error) {
	var p fault.Violations
	x := idIn(&p, in[name], "input", name)
	return x, p.Err()
}

// ChangePassword answers Mutation.changePassword.
func (r *mutationResolver) ChangePassword(ctx context.Context, in input.Object) (*read.Result, error) {
	current, _ := in["current"].(string)
	password, _ := in["new"].(string)
	return r.done(ctx, r.Identity.ChangePassword(ctx, r.Write, current, password, stream.Address(ctx)))
}

// RequestPasswordReset answers Mutation.requestPasswordReset.
func (r *mutationResolver) RequestPasswordReset(ctx context.Context, in input.Object) (*read.Result, error) {
	email, _ := in["email"].(string)
	return r.done(ctx, r.Identity.RequestPasswordReset(ctx, email, stream.Address(ctx)))
}

// ResetPassword answers Mutation.resetPassword.
func (r *mutationResolver) ResetPassword(ctx context.Context, in input.Object) (*read.Result, error) {
	token, _ := in["token"].(string)
	password, _ := in["password"].(string)
	return r.done(ctx, r.Identity.ResetPassword(ctx, r.Write, token, password, stream.Address(ctx)))
}

// EndSession answers Mutation.endSession.
func (r *mutationResolver) EndSession(ctx context.Context, in input.Object) (*read.Result, error) {
	session, err := onlyID(in, "session")
	if err != nil {
		return nil, err
	}
	return r.done(ctx, r.Identity.EndSession(ctx, r.Write, session))
}

// LogoutEverywhere answers Mutation.logoutEverywhere.
func (r *mutationResolver) LogoutEverywhere(ctx context.Context, in input.Object) (*read.Result, error) {
	user := access.From(ctx).User
	if in["user"] != nil {
		var err error
		if user, err = onlyID(in, "user"); err != nil {
			return nil, err
		}
	}
	return r.done(ctx, r.Identity.LogoutEverywhere(ctx, r.Write, user))
}

// Sessions answers Query.sessions.
func (r *queryResolver) Sessions(ctx context.Context, user *id.ID) ([]*read.Result, error) {
	a := access.From(ctx)
	of := a.User
	if user != nil && *user != of {
		of = *user
		if err := r.managed(ctx, of); err != nil {
			return nil, err
		}
	}
	list, err := r.Auth.List(ctx, of)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, s := range list {
		out = append(out, map[string]any{
			"id": s.ID, "device": s.Device, "createdAt": s.CreatedAt, "lastUsedAt": s.LastUsedAt, "expiresAt": s.ExpiresAt, "current": s.ID == a.Session,
		})
	}
	return r.projectEach(ctx, out)
}

// projectEach writes the members of the list that is the current field.
func (r *Resolver) projectEach(ctx context.Context, values []any) ([]*read.Result, error) {
	out := make([]*read.Result, len(values))
	for i, v := range values {
		res, err := r.Read.Project(ctx, v)
		if err != nil {
			return nil, err
		}
		out[i] = &res
	}
	return out, nil
}

// managed refuses a user who is not in sight, or whose access the asker does not look after.
func (r *queryResolver) managed(ctx context.Context, user id.ID) error {
	a, k := access.From(ctx), r.Set.Kind("User")
	return r.reading(ctx, func(tx *db.Tx) error {
		if user.Kind() != k.Code {
			return write.NotFound(k)
		}
		found, err := r.Read.Visible(ctx, tx, a, k, access.Read, []id.ID{user})
		if err == nil && len(found) == 0 {
			err = write.NotFound(k)
		}
		if err != nil {
			return err
		}
		found, err = r.Read.Visible(ctx, tx, a, k, "MANAGE_USERS", []id.ID{user})
		if err == nil && len(found) == 0 {
			err = fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		}
		return err
	})
}

// APIKeys answers Query.apiKeys.
func (r *queryResolver) APIKeys(ctx context.Context, user id.ID) (list []*read.Result, err error) {
	if err := r.managed(ctx, user); err != nil {
		return nil, err
	}
	err = r.reading(ctx, func(tx *db.Tx) error {
		keys, err := r.Auth.APIKeys(ctx, tx, user)
		if err != nil {
			return err
		}
		makers := make([]id.ID, 0, len(keys))
		for _, k := range keys {
			if !k.CreatedBy.IsZero() && !slices.Contains(makers, k.CreatedBy) {
				makers = append(makers, k.CreatedBy)
			}
		}
		shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "createdBy", makers...)
		if err != nil {
			return err
		}
		out := []any{}
		for _, k := range keys {
			value := keyValue(k)
			if by, ok := shown[k.CreatedBy]; ok {
				value["createdBy"] = by
			}
			out = append(out, value)
		}
		list, err = r.projectEach(ctx, out)
		return err
	})
	return list, err
}

func keyValue(k auth.APIKey) map[string]any {
	addresses := []any{}
	for _, p := range k.Addresses {
		addresses = append(addresses, p.String())
	}
	v := map[string]any{
		"id": k.ID, "userId": k.User, "name": k.Name, "prefix": k.Prefix, "createdAt": k.CreatedAt, "addresses": addresses,
	}
	for name, at := range map[string]time.Time{"expiresAt": k.ExpiresAt, "lastUsedAt": k.LastUsedAt, "revokedAt": k.RevokedAt} {
		if !at.IsZero() {
			v[name] = at
		}
	}
	return v
}

// showKey writes a payload with a key in the transaction of the write.
func (r *Resolver) showKey(ctx context.Context, tx *write.Tx, k auth.APIKey, payload map[string]any) (read.Result, error) {
	value := keyValue(k)
	if !k.CreatedBy.IsZero() {
		by, err := r.Read.Payload(ctx, tx, tx.Actor, "apiKey.createdBy", k.CreatedBy)
		if err != nil {
			return read.Result{}, err
		}
		value["createdBy"] = by
	}
	payload["apiKey"] = value
	return r.Read.Project(ctx, payload)
}

// CreateAPIKey answers Mutation.createApiKey.
func (r *mutationResolver) CreateAPIKey(ctx context.Context, in input.Object) (*read.Result, error) {
	user, err := onlyID(in, "user")
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.Identity.CreateKey(ctx, r.Write, user, in, func(ctx context.Context, tx *write.Tx, k auth.APIKey, secret string) (err error) {
		res, err = r.showKey(ctx, tx, k, map[string]any{"secret": secret})
		return err
	})
	return &res, err
}

// UpdateAPIKey answers Mutation.updateApiKey.
func (r *mutationResolver) UpdateAPIKey(ctx context.Context, in input.Object) (*read.Result, error) {
	key, err := onlyID(in, "apiKey")
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.Identity.UpdateKey(ctx, r.Write, key, in, r.keepKey(&res))
	return &res, err
}

// RevokeAPIKey answers Mutation.revokeApiKey.
func (r *mutationResolver) RevokeAPIKey(ctx context.Context, in input.Object) (*read.Result, error) {
	key, err := onlyID(in, "apiKey")
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.Identity.RevokeKey(ctx, r.Write, key, r.keepKey(&res))
	return &res, err
}

func (r *Resolver) keepKey(res *read.Result) func(context.Context, *write.Tx, auth.APIKey) error {
	return func(ctx context.Context, tx *write.Tx, k auth.APIKey) (err error) {
		*res, err = r.showKey(ctx, tx, k, map[string]any{})
		return err
	}
}
