package scalar_test

import (
	"testing"
	"time"

	"farley/internal/scalar"
)

func TestParseDateTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2026-11-22T09:30:00Z":            "2026-11-22T09:30:00Z",
		"2026-11-22T12:30:00.25+03:00":    "2026-11-22T09:30:00.25Z",
		"2026-11-22T09:30:00.1234567899Z": "2026-11-22T09:30:00.123456Z",
		"2026-11-22":                      "", "2026-11-22T09:30:00": "", "tomorrow": "", "": "", "2026-02-30T00:00:00Z": "",
		"0000-01-01T00:00:00Z": "", "9999-12-31T23:59:59-01:00": "",
	} {
		got := ""
		if at, err := scalar.ParseDateTime(s); err == nil {
			got = at.Format(scalar.Layout)
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", s, got, want)
		}
	}
}

func FuzzParseDateTime(f *testing.F) {
	f.Add("2026-11-22T09:30:00.25+03:00")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := scalar.ParseDateTime(s)
		if err != nil {
			return
		}
		again, err := scalar.ParseDateTime(at.Format(scalar.Layout))
		if err != nil || !again.Equal(at) || at.Location() != time.UTC || at != at.Truncate(time.Microsecond) {
			t.Errorf("%q is read as %v, and that as %v, %v", s, at, again, err)
		}
	})
}
