package app

import (
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/model"
	"farley/internal/oidc"
	"farley/internal/seed"
)

// acceptIssuers lets users come by the tokens of outside issuers.
func (a *App) acceptIssuers() error {
	if len(a.Issuers) == 0 {
		return nil
	}
	outside, err := oidc.New(oidc.Config{
		Issuers: a.Issuers, Write: a.Write, Clock: a.Clock, Log: a.Log, Shipped: ShippedRoles(a.Set), Changed: a.Identity.Invalidate,
	})
	if err != nil {
		return err
	}
	a.Outside = outside
	a.Identity.Accept(outside)
	return nil
}

// ShippedRoles returns the ids of the shipped roles by key.
func ShippedRoles(set *model.Set) map[string]id.ID {
	ids := map[string]id.ID{}
	for key := range seed.Roles(set) {
		ids[key] = seed.RoleID(set, key)
	}
	return ids
}

var _ identity.Outside = (*oidc.Service)(nil)
