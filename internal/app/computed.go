package app

import (
	"maps"

	"farley/internal/activity"
	"farley/internal/customer"
	"farley/internal/money"
	"farley/internal/opportunity"
	"farley/internal/read"
	"farley/internal/talk"
	"farley/internal/timeline"
)

// views are the fields of records that areas compute. They read with the engine that asks them, so it is given to them when
// it is there.
type views struct {
	timeline   *timeline.Timeline
	summaries  *customer.Summaries
	activities *activity.Service
	talk       *talk.Service
	forecasts  *opportunity.Forecasts
	engine     *read.Engine
}

func (a *App) newViews(book *money.Book) *views {
	return &views{timeline: timeline.New(a.Set, a.Clock), summaries: customer.NewSummaries(a.Set, a.Clock, book), activities: &activity.Service{Set: a.Set, Clock: a.Clock}, talk: &talk.Service{Set: a.Set, Clock: a.Clock, Actor: a.Identity.Actor}, forecasts: &opportunity.Forecasts{Book: book}}
}

// computed are all computed fields, by type and name.
func (v *views) computed() map[string]read.Computed {
	all := map[string]read.Computed{}
	for _, some := range []map[string]read.Computed{
		v.timeline.Fields(), v.summaries.Fields(), v.activities.Fields(), v.talk.Fields(), v.forecasts.Fields(), customer.Derived(v.timeline.Set, func() *read.Engine { return v.engine }),
	} {
		maps.Copy(all, some)
	}
	return all
}

func (v *views) bind(e *read.Engine) {
	v.engine, v.timeline.Read, v.summaries.Read, v.activities.Read, v.talk.Read, v.forecasts.Read = e, e, e, e, e, e
}
