package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/geo"
	"farley/internal/id"
	"farley/internal/input"
)

const accountsNear = `query($lat: Float!, $lon: Float!, $km: Float!, $first: Int, $after: Cursor, $where: AccountWhere) {
	accountsNear(latitude: $lat, longitude: $lon, radiusKm: $km, first: $first, after: $after, where: $where) {
		edges { cursor distance node { id name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

// located makes an account at a place.
func located(t *testing.T, e *farleytest.Env, name string, lat, lon float64, more input.Object) id.ID {
	t.Helper()
	advanceBy(e, time.Millisecond) // so that of equal distances the one made first comes first
	in := input.Object{"name": name, "addresses": []any{map[string]any{"kind": "SITE", "city": "X", "latitude": lat, "longitude": lon}}}
	for k, v := range more {
		in[k] = v
	}
	return e.Make(t, "Account", in)
}

func hits(d farleytest.Data) []string {
	out := []string{}
	for i := range d.At("edges").Len() {
		n := d.At(fmt.Sprintf("edges.%d", i))
		out = append(out, fmt.Sprintf("%d %s", n.At("distance").Int(), n.At("node.name").Text()))
	}
	return out
}

func TestNear(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, _ := salesTeam(t, e)
		ours := input.Object{"team": team.String()}
		for _, a := range []struct {
			name     string
			lat, lon float64
		}{
			{"riyadh", 24.7136, 46.6753}, {"kharj", 24.1483, 47.3051}, {"cairo", 30.0444, 31.2357},
			{"west of the line", 0.1, 179.9}, {"east of the line", 0.1, -179.9}, {"on the line", 0.1, 180}, {"on the line too", 0.1, -180},
			{"at the pole", 90, 12}, {"near the pole", 89.5, -170}, {"the other side of the pole", 89.5, 10},
			{"south", -89.9, 0}, {"equator", 0, 0}, {"a degree east", 0, 1},
		} {
			located(t, e, a.name, a.lat, a.lon, ours)
		}
		located(t, e, "hidden", 24.7136, 46.6753, nil)
		bin(t, e.Admin(t), "Account", located(t, e, "gone", 24.7136, 46.6753, ours))
		e.Make(t, "Account", input.Object{"name": "nowhere", "team": team.String()})
		ask := func(lat, lon, km float64, where any) []string {
			t.Helper()
			return hits(ann.Query(t, accountsNear, farleytest.Vars{"lat": lat, "lon": lon, "km": km, "where": where}).At("accountsNear"))
		}
		for _, c := range []struct {
			name         string
			lat, lon, km float64
			where        any
			want         []string
		}{
			{"the place itself", 24.7136, 46.6753, 0.001, nil, []string{"0 riyadh"}},
			{"around it", 24.7136, 46.6753, 100, nil, []string{"0 riyadh", "89535 kharj"}},
			{"filtered", 24.7136, 46.6753, 100, input.Object{"name": input.Object{"startsWith": "k"}}, []string{"89535 kharj"}},
			{"the bin on request", 24.7136, 46.6753, 1, input.Object{"deletedAt": input.Object{"isNull": false}}, []string{"0 gone"}},
			{"over the date line from the west", 0.1, 179.95, 20, nil, []string{"5560 west of the line", "5560 on the line", "5560 on the line too", "16679 east of the line"}},
			{"from the line itself", 0.1, 180, 12, nil, []string{"0 on the line", "0 on the line too", "11119 west of the line", "11119 east of the line"}},
			{"from its other name", 0.1, -180, 5, nil, []string{"0 on the line", "0 on the line too"}},
			{"the pole", 90, -50, 60, nil, []string{"0 at the pole", "55598 near the pole", "55598 the other side of the pole"}},
			{"beside the pole", 89.5, 10, 120, nil, []string{"0 the other side of the pole", "55598 at the pole", "111195 near the pole"}},
			{"the south pole", -90, 77, 20, nil, []string{"11120 south"}},
			{"what lies at the radius belongs to it", 0, 0, 111.1951, nil, []string{"0 equator", "111195 a degree east"}},
			{"and what lies a little beyond does not", 0, 0, 111.1949, nil, []string{"0 equator"}},
			{"far", 24.7136, 46.6753, 1000, nil, []string{"0 riyadh", "89535 kharj"}},
		} {
			if diff := cmp.Diff(c.want, ask(c.lat, c.lon, c.km, c.where)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}

		r := ann.Do(t, accountsNear, farleytest.Vars{"lat": 91, "lon": -181, "km": 0, "first": 0}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"latitude RANGE", "longitude RANGE", "radiusKm RANGE", "first RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, accountsNear, farleytest.Vars{"lat": 1, "lon": 1, "km": 1000.1}).Want(t, "INVALID")
		ann.Do(t, accountsNear, farleytest.Vars{"lat": 1, "lon": 1, "km": 1, "after": "x"}).Want(t, "INVALID")
		page := ann.Query(t, accountsNear, farleytest.Vars{"lat": 24.7136, "lon": 46.6753, "km": 100, "first": 1}).At("accountsNear.pageInfo")
		if page.At("hasNextPage").V != true || page.At("hasPreviousPage").V != false {
			t.Errorf("the first page: %s", page.JSON())
		}
		cursor := page.At("endCursor").Text()
		ann.Do(t, accountsNear, farleytest.Vars{"lat": 24.7137, "lon": 46.6753, "km": 100, "after": cursor}).Want(t, "INVALID")
		d := ann.Query(t, accountsNear, farleytest.Vars{"lat": 24.7136, "lon": 46.6753, "km": 100, "first": 1, "after": cursor}).At("accountsNear")
		if diff := cmp.Diff([]string{"89535 kharj"}, hits(d)); diff != "" || d.At("pageInfo.hasNextPage").V != false || d.At("pageInfo.hasPreviousPage").V != true {
			t.Error(diff, d.At("pageInfo").JSON())
		}

		// Whoever may not read where records lie may not ask who is near, nor filter by what is hidden.
		riyadh := farleytest.Vars{"lat": 24.7136, "lon": 46.6753, "km": 100}
		shipped(t, e, "partner", nil).Do(t, accountsNear, riyadh).Want(t, "FORBIDDEN")
		e.User(t, nil, e.Role(t, levelled(t, e, "ACCOUNT LONGITUDE MASKED"))).Do(t, accountsNear, riyadh).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, accountsNear, riyadh).Want(t, "UNAUTHENTICATED")
		e.User(t, nil, e.Role(t, access.Role{})).Do(t, accountsNear, riyadh).Want(t, "FORBIDDEN")
		ann.Do(t, accountsNear, farleytest.Vars{"lat": 1, "lon": 1, "km": 1, "where": input.Object{"taxNumber": input.Object{"eq": "1"}}}).Want(t, "FORBIDDEN")
		if got := hits(shipped(t, e, "sales_rep", nil).Query(t, accountsNear, riyadh).At("accountsNear")); len(got) != 0 {
			t.Errorf("a stranger finds %v", got)
		}
		// Where the fields show on some rows only, those count.
		wide := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}, Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "LATITUDE", Level: access.LevelNone}}})
		narrow := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}}})
		both := e.User(t, nil, wide, narrow)
		located(t, e, "mine", 24.72, 46.6753, input.Object{"owner": both.User.String()})
		if diff := cmp.Diff([]string{"712 mine"}, hits(both.Query(t, accountsNear, riyadh).At("accountsNear"))); diff != "" {
			t.Error(diff)
		}

		// People likewise.
		e.Make(t, "Contact", input.Object{"familyName": "Farouk", "team": team.String(), "addresses": []any{map[string]any{"kind": "HOME", "city": "X", "latitude": 24.7, "longitude": 46.7}}})
		got := ann.Query(t, `{ contactsNear(latitude: 24.7, longitude: 46.71, radiusKm: 5) { edges { distance node { displayName } } } }`, nil).At("contactsNear.edges").JSON()
		if want := `[{"distance":1010,"node":{"displayName":"Farouk"}}]`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		shipped(t, e, "partner", nil).Do(t, `{ contactsNear(latitude: 24.7, longitude: 46.71, radiusKm: 5) { edges { distance } } }`, nil).Want(t, "FORBIDDEN")
	})
}

// Pages of any size are what sorting everything by distance gives.
func TestNear_pages(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		type place struct {
			id id.ID
			at geo.Point
		}
		var all []place
		lats, lons := []float64{-90, -89.99, -0.01, 0, 0.02, 60, 89.98, 90}, []float64{-180, -179.99, -0.03, 0, 0.01, 179.98, 180}
		for _, lat := range lats {
			for _, lon := range lons {
				for range 2 {
					all = append(all, place{located(t, e, "x", lat, lon, nil), geo.At(lat, lon)})
				}
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			lat, lon := rapid.SampledFrom(lats).Draw(rt, "lat"), rapid.SampledFrom(lons).Draw(rt, "lon")
			km := rapid.SampledFrom([]float64{0.5, 2, 5, 200, 1000}).Draw(rt, "km")
			centre := geo.At(lat, lon)
			var near []place
			for _, p := range all {
				if float64(geo.Distance(centre, p.at)) <= km*1000 {
					near = append(near, p)
				}
			}
			slices.SortFunc(near, func(a, b place) int {
				if d := geo.Distance(centre, a.at) - geo.Distance(centre, b.at); d != 0 {
					return int(d)
				}
				return a.id.Compare(b.id)
			})
			want, got := []string{}, []string{}
			for _, p := range near {
				want = append(want, p.id.String())
			}
			vars := farleytest.Vars{"lat": lat, "lon": lon, "km": km}
			for {
				vars["first"] = rapid.IntRange(1, 30).Draw(rt, "first")
				d := admin.Query(t, accountsNear, vars).At("accountsNear")
				got = append(got, d.At("edges").Texts("node.id")...)
				if d.At("pageInfo.hasNextPage").V != true {
					break
				}
				vars["after"] = d.At("pageInfo.endCursor").Text()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Errorf("around %v %v within %v km (-sorted +pages): %s", lat, lon, km, diff)
			}
		})
		// One statement finds them and one reads them.
		vars := farleytest.Vars{"lat": 0, "lon": 179.999, "km": 1000, "first": 100}
		admin.Query(t, accountsNear, vars)
		e.Settle(t)
		e.DB.Counter.Reset()
		admin.Query(t, accountsNear, vars)
		n := slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool { return !strings.Contains(s, "`accounts`") })
		if len(n) != 2 {
			t.Errorf("%d statements, want 2:\n%s", len(n), strings.Join(n, "\n"))
		}
	})
}

// Too much around is refused, and a filter helps.
func TestNear_isBounded(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	admin := e.Admin(t)
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO accounts (id, version, created_at, updated_at, name, employees, latitude, longitude)
			WITH RECURSIVE seq(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 20001) SELECT randomblob(16), 1, ?, ?, 'x', n, 1000000, 1000000 FROM seq`, e.Clock.Now(), e.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	admin.Do(t, accountsNear, farleytest.Vars{"lat": 1, "lon": 1, "km": 1}).Want(t, "LIMITED")
	d := admin.Query(t, `{ accountsNear(latitude: 1, longitude: 1, radiusKm: 1, where: {employees: {lte: 20000}}) { pageInfo { hasNextPage } } }`, nil)
	if d.At("accountsNear.pageInfo.hasNextPage").V != true {
		t.Errorf("20,000 are refused: %s", d.JSON())
	}
}
