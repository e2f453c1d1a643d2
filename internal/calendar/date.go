package calendar

import "time"

const (
	second = int64(time.Second)
	day    = 24 * int64(time.Hour) // of a wall clock that nobody sets: see zone.go for real ones

	daySeconds = 24 * 60 * 60
)

// Date is a day of the proleptic Gregorian calendar in no particular zone, in days since 1970-01-01.
type Date int32

// DateOf returns the date of a year, month and day; days that a month does not have run over as in time.Date.
func DateOf(year int, month time.Month, dayOfMonth int) Date {
	return Date(time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

// ParseDate reads 2006-01-02, in the years 1900 to 2189.
func ParseDate(s string) (Date, bool) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < minYear || t.Year() > maxYear {
		return 0, false
	}
	return DateOf(t.Date()), true
}

// Civil returns year, month and day of the month.
func (d Date) Civil() (int, time.Month, int) {
	return d.midnight().Date()
}

// Weekday returns the day of the week. 1970-01-01 was a Thursday.
func (d Date) Weekday() time.Weekday {
	return time.Weekday(floorMod(int64(d)+int64(time.Thursday), 7))
}

// String returns the date as 2006-01-02.
func (d Date) String() string {
	return d.midnight().Format(time.DateOnly)
}

func (d Date) midnight() time.Time {
	return time.Unix(int64(d)*daySeconds, 0).UTC()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 {
	return a - floorDiv(a, b)*b
}
