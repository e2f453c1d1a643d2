package read

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// An instant is written from its text as it is by way of a time.
func TestAppendStoredTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999).Draw(t, "micros")*1000).UTC()
		if rapid.Bool().Draw(t, "whole") {
			at = at.Truncate(time.Second)
		}
		stored := at.Format("2006-01-02 15:04:05.999999999-07:00") // as the driver writes it
		got, ok := appendStoredTime(nil, stored)
		if want := appendTime(nil, at); !ok || string(got) != string(want) {
			t.Fatalf("%q becomes %s, want %s", stored, got, want)
		}
	})
	for _, other := range []string{"", "2026-11-28", "2026-11-28 09:00:00", "2026-11-28T09:00:00+00:00", "2026-11-28 09:00:00+02:00", "2026-11-28 09:00:00,5+00:00", "09:00+00:00"} {
		if got, ok := appendStoredTime([]byte("x"), other); ok || string(got) != "x" {
			t.Errorf("%q becomes %s", other, got)
		}
	}
}
