package geo_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"farley/internal/geo"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	quarter := int64(math.Round(geo.Radius * math.Pi / 2))
	for _, c := range []struct {
		name string
		a, b geo.Point
		want int64
	}{
		{"the same place", geo.At(24.7, 46.7), geo.At(24.7, 46.7), 0},
		{"a degree of the equator", geo.At(0, 0), geo.At(0, 1), 111_195},
		{"a degree of a meridian", geo.At(10, 20), geo.At(11, 20), 111_195},
		{"over the date line", geo.At(0, 179.5), geo.At(0, -179.5), 111_195},
		{"the two names of a meridian", geo.At(10, 180), geo.At(10, -180), 0},
		{"from pole to equator", geo.At(90, 0), geo.At(0, 77), quarter},
		{"the pole has any longitude", geo.At(90, 10), geo.At(90, -120), 0},
		{"antipodes", geo.At(0, 0), geo.At(0, 180), int64(math.Round(geo.Radius * math.Pi))},
		{"over the pole", geo.At(89, 0), geo.At(89, 180), 222_390},
		{"Riyadh to Cairo", geo.At(24.7136, 46.6753), geo.At(30.0444, 31.2357), 1_633_841},
		{"a millionth of a degree", geo.At(50, 8), geo.At(50.000005, 8), 1},
	} {
		if got := geo.Distance(c.a, c.b); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if a, b := geo.Distance(c.a, c.b), geo.Distance(c.b, c.a); a != b {
			t.Errorf("%s: %d there and %d back", c.name, a, b)
		}
	}
}

// No place within the radius is outside the boxes, wherever on earth; and no box reaches far beyond.
func TestAround_holdsWhatIsNear(t *testing.T) {
	t.Parallel()
	near := func(name string, min, max float64) *rapid.Generator[float64] {
		return rapid.OneOf(rapid.Float64Range(min, max), rapid.SampledFrom([]float64{min, max, 0, min + 1e-6, max - 1e-6, max - 0.1, min + 0.1}))
	}
	rapid.Check(t, func(t *rapid.T) {
		centre := geo.At(near("lat", -90, 90).Draw(t, "lat"), near("lon", -180, 180).Draw(t, "lon"))
		km := rapid.OneOf(rapid.Float64Range(0.001, 1000), rapid.SampledFrom([]float64{0.001, 1, 1000})).Draw(t, "km")
		boxes := geo.Around(centre, km*1000)
		if len(boxes) > 2 {
			t.Fatalf("%d boxes", len(boxes))
		}
		// A place in some direction, at up to a little more than the radius.
		bearing := rapid.Float64Range(0, 2*math.Pi).Draw(t, "bearing")
		share := rapid.OneOf(rapid.Float64Range(0, 1.1), rapid.Just(1.0)).Draw(t, "share")
		lat, lon := destination(centre, bearing, share*km*1000)
		p := geo.At(lat, lon)
		if float64(geo.Distance(centre, p)) > km*1000 {
			return
		}
		for _, b := range boxes {
			if b.West > b.East || b.South > b.North {
				t.Fatalf("%+v is no box", b)
			}
			if b.Holds(p) {
				return
			}
		}
		t.Fatalf("%+v, %d m from %+v, is in none of %+v", p, geo.Distance(centre, p), centre, boxes)
	})
}

// destination goes from a place along a great circle.
func destination(p geo.Point, bearing, metres float64) (lat, lon float64) {
	const degree = 180 / math.Pi
	phi, lambda, d := float64(p.Lat)/1e6/degree, float64(p.Lon)/1e6/degree, metres/geo.Radius
	phi2 := math.Asin(math.Sin(phi)*math.Cos(d) + math.Cos(phi)*math.Sin(d)*math.Cos(bearing))
	lambda2 := lambda + math.Atan2(math.Sin(bearing)*math.Sin(d)*math.Cos(phi), math.Cos(d)-math.Sin(phi)*math.Sin(phi2))
	lon = math.Mod(lambda2*degree+540, 360) - 180
	return phi2 * degree, lon
}
