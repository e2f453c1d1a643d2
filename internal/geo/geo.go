// Package geo knows distances on the earth: who is near.
package geo

import "math"

// Radius is the mean radius of the earth in metres: (2a+b)/3 of the ellipsoid of WGS 84 (NIMA TR8350.2, table 3.1), to the
// decimetre.
const Radius = 6_371_008.8

// degree is how degrees are kept: in millionths.
const degree = 1_000_000

// The ends of the earth in millionths of a degree.
const (
	pole = 90 * degree
	date = 180 * degree // the meridian on which the date changes
)

// Point is a place in millionths of a degree.
type Point struct{ Lat, Lon int64 }

// At returns the place of degrees north and east, to the millionth.
func At(lat, lon float64) Point {
	return Point{int64(math.Round(lat * degree)), int64(math.Round(lon * degree))}
}

// Distance is the length of the great circle between two places in whole metres: by the haversine formula (R. W. Sinnott,
// Virtues of the Haversine, Sky and Telescope 68, 1984), which is exact for short distances as well.
func Distance(a, b Point) int64 { return int64(math.Round(arc(a, b))) }

func arc(a, b Point) float64 {
	phi1, phi2 := radians(a.Lat), radians(b.Lat)
	dPhi, dLambda := math.Sin(radians(b.Lat-a.Lat)/2), math.Sin(radians(b.Lon-a.Lon)/2)
	h := dPhi*dPhi + math.Cos(phi1)*math.Cos(phi2)*dLambda*dLambda
	return 2 * Radius * math.Asin(math.Sqrt(min(h, 1)))
}

func radians(millionths int64) float64 { return float64(millionths) / degree * math.Pi / 180 }

// Box is what lies between two parallels and two meridians, the edges included. West is never greater than East.
type Box struct{ South, North, West, East int64 }

// Around returns one or two boxes that hold everything within metres of a place: two where they lie on both sides of the
// meridian on which the date changes. Around a pole it is everything beyond a parallel.
func Around(p Point, metres float64) []Box {
	// A millionth of a degree more on every side makes up for rounding.
	angle := metres / Radius
	reach := int64(math.Ceil(angle*180/math.Pi*degree)) + 1
	south, north := p.Lat-reach, p.Lat+reach
	if south <= -pole || north >= pole {
		return []Box{{max(south, -pole), min(north, pole), -date, date}}
	}
	// The circle touches the meridians where sin(dλ) = sin(angle)/cos(φ) (J. P. Matuschek, Finding points within a distance
	// of a latitude/longitude, 2010); away from the poles that is less than 1.
	width := int64(math.Ceil(math.Asin(min(1, math.Sin(angle)/math.Cos(radians(p.Lat))))*180/math.Pi*degree)) + 1
	west, east := p.Lon-width, p.Lon+width
	switch {
	case width >= date:
		return []Box{{south, north, -date, date}}
	case west < -date:
		return []Box{{south, north, -date, east}, {south, north, west + 2*date, date}}
	case east > date:
		return []Box{{south, north, -date, east - 2*date}, {south, north, west, date}}
	case west == -date, east == date: // the same meridian has two names
		other := Box{south, north, date, date}
		if east == date {
			other = Box{south, north, -date, -date}
		}
		return []Box{{south, north, west, east}, other}
	}
	return []Box{{south, north, west, east}}
}

// Holds reports whether a place lies in the box.
func (b Box) Holds(p Point) bool {
	return b.South <= p.Lat && p.Lat <= b.North && b.West <= p.Lon && p.Lon <= b.East
}
