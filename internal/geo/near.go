package geo

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// The bounds of what is near.
const (
	maxRadius     = 1_000 // km
	maxCandidates = 20_000
	defaultPage   = 20
	maxPage       = 100
)

// Near asks for the records around a place.
type Near struct {
	Latitude, Longitude, RadiusKm float64
	First                         *int64
	After                         *string
	Where                         map[string]any // a decoded filter, may be nil
}

// Hit is a record that was found.
type Hit struct {
	ID       id.ID
	Distance int64 // in metres
	Cursor   string
}

// Page is a page of hits, the nearest first, and of equal distances the oldest id.
type Page struct {
	Hits []Hit
	More bool
}

// Find finds records of k around a place, by their fields latitude and longitude, as far as the actor sees them. The
// database gives what lies in boxes around the circle; distances are worked out here, in whole metres, so that they are the
// same on every database and pages are exact. It returns fault.Limited when there is too much in the boxes.
func Find(ctx context.Context, q db.Querier, e *read.Engine, a *access.Actor, k *model.Kind, n Near) (Page, error) {
	size, err := n.check()
	if err != nil {
		return Page{}, err
	}
	bound, err := n.bound(k, a)
	if err != nil {
		return Page{}, err
	}
	behind := Hit{Distance: -1}
	if n.After != nil {
		keys, err := e.OpenCursor(*n.After, bound, "after")
		if err != nil {
			return Page{}, err
		}
		if behind, err = hitOf(keys); err != nil {
			return Page{}, err
		}
	}
	centre, metres := At(n.Latitude, n.Longitude), n.RadiusKm*1000
	var boxes []read.Box
	for _, b := range Around(centre, metres) {
		boxes = append(boxes, read.Box(b))
	}
	places, err := e.Located(ctx, q, a, k, n.Where, boxes, maxCandidates+1)
	if err != nil {
		return Page{}, err
	}
	if len(places) > maxCandidates {
		return Page{}, fault.New(fault.Limited, "More than %d records lie around. Take a smaller radius, or a filter.", maxCandidates)
	}
	var hits []Hit
	for _, p := range places {
		to := Point{p.Latitude, p.Longitude}
		if arc(centre, to) > metres {
			continue
		}
		if h := (Hit{ID: p.ID, Distance: Distance(centre, to)}); h.compare(behind) > 0 {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, Hit.compare)
	page := Page{Hits: hits[:min(len(hits), size)], More: len(hits) > size}
	for i := range page.Hits {
		h := &page.Hits[i]
		h.Cursor = e.SealCursor(bound, h.Distance, h.ID[:])
	}
	return page, nil
}

func (h Hit) compare(o Hit) int {
	if c := cmp.Compare(h.Distance, o.Distance); c != 0 {
		return c
	}
	return h.ID.Compare(o.ID)
}

func hitOf(keys []any) (Hit, error) {
	if len(keys) == 2 {
		distance, a := keys[0].(int64)
		x, b := keys[1].([]byte)
		if a && b && len(x) == len(id.ID{}) {
			return Hit{ID: id.ID(x), Distance: distance}, nil
		}
	}
	return Hit{}, fault.New(fault.Internal, "a cursor of what is near holds something else")
}

// check returns the size of the page, or all problems of the arguments.
func (n *Near) check() (size int, err error) {
	var p fault.Violations
	within := func(name string, v, limit float64) {
		if math.IsNaN(v) || math.Abs(v) > limit {
			p.Add([]any{name}, "RANGE", "The angle is not between -%d and %d degrees.", int(limit), int(limit))
		}
	}
	within("latitude", n.Latitude, 90)
	within("longitude", n.Longitude, 180)
	if math.IsNaN(n.RadiusKm) || n.RadiusKm <= 0 || n.RadiusKm > maxRadius {
		p.Add([]any{"radiusKm"}, "RANGE", "The radius is more than 0 and at most %d km.", maxRadius)
	}
	size = defaultPage
	if n.First != nil {
		if *n.First < 1 || *n.First > maxPage {
			p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxPage)
		} else {
			size = int(*n.First)
		}
	}
	return size, p.Err()
}

// bound are the words to which cursors are bound.
func (n *Near) bound(k *model.Kind, a *access.Actor) ([]string, error) {
	of, err := json.Marshal([]any{n.Latitude, n.Longitude, n.RadiusKm, n.Where})
	return []string{"near", k.Name, string(of), a.User.String()}, err
}
