package activity_test

import (
	"strings"
	"testing"

	"farley/internal/activity"
)

// FuzzParseCalendar shows that no text breaks the reader: it gives items within the limits, or an error.
func FuzzParseCalendar(f *testing.F) {
	for _, s := range []string{
		"", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "\ufeffBEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20260101T000000Z\nEND:VEVENT\nEND:VCALENDAR",
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=\"a;b\":1\r\nRRULE:FREQ=\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:x\r\n\t folded\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		strings.Repeat("BEGIN:VEVENT\r\n", 1000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := activity.ParseCalendar(s)
		if err == nil && len(p.Items) > 500 {
			t.Errorf("%d items", len(p.Items))
		}
		for _, item := range p.Items {
			item.Check()
		}
	})
}
