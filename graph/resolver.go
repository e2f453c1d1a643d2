// Package graph translates between the API and Go: each resolver is one call. The uniform operations are generated into
// crud.resolvers.go and end in the few functions of uniform.go.
package graph

import (
	"context"

	"farley/graph/generated"
	"farley/internal/activity"
	"farley/internal/audit"
	"farley/internal/auth"
	"farley/internal/broker"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/export"
	"farley/internal/file"
	"farley/internal/identity"
	"farley/internal/importer"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/opportunity"
	"farley/internal/privacy"
	"farley/internal/read"
	"farley/internal/search"
	"farley/internal/talk"
	"farley/internal/write"
)

// Resolver holds what resolvers work with.
type Resolver struct {
	DB       *db.DB
	Set      *model.Set
	Clock    clock.Clock
	Read     *read.Engine
	Write    *write.Writer
	Log      *change.Log
	Hub      *change.Hub
	Cursors  *change.Codec
	Identity *identity.Service
	Auth     *auth.Service
	Jobs     *job.Runner
	Broker   broker.Broker
	Audit    *audit.Log
	Trail    *audit.Trail
	Index    *search.Index
	Files    *file.Files
	Exports  *export.Service
	// PublicURL is where people reach the server, without a slash at the end.
	PublicURL func() string
	Privacy   *privacy.Service
	Imports   *importer.Service
	Boards    *opportunity.Boards
	Forecasts *opportunity.Forecasts
	// Agendas reads activities across records.
	Agendas *activity.Service
	// Invitations invite contacts by mail, Calendars are imported.
	Invitations *activity.Invitations
	Calendars   *activity.Imports
	// Talk keeps conversations and announcements.
	Talk *talk.Service
	// Feeds are calendars at private addresses.
	Feeds *activity.Feeds
	// Say writes a message for people in the language of the request.
	Say func(ctx context.Context, format string, args ...any) string
}

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)

// Query implements generated.ResolverRoot.
func (r *Resolver) Query() generated.QueryResolver { return &queryResolver{r} }

// Mutation implements generated.ResolverRoot.
func (r *Resolver) Mutation() generated.MutationResolver { return &mutationResolver{r} }

// Subscription implements generated.ResolverRoot.
func (r *Resolver) Subscription() generated.SubscriptionResolver { return &subscriptionResolver{r} }
