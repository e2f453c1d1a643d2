package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
)

func mustRule(t testing.TB, text string) *calendar.Rule {
	t.Helper()
	r, problems := calendar.ParseRule(text)
	if len(problems) > 0 {
		t.Fatalf("%s: %+v", text, problems)
	}
	return &r
}

func TestParseRule_canonicalText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FREQ=DAILY": "FREQ=DAILY",
		" rrule:freq=weekly;interval=1;wkst=mo; ":                   "FREQ=WEEKLY",
		"WKST=SU;BYDAY=FR,MO,+1SU,-1SU,MO;FREQ=MONTHLY;INTERVAL=02": "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1SU,MO,FR,1SU;WKST=SU",
		"FREQ=YEARLY;UNTIL=20261231;BYMONTH=12,1":                   "FREQ=YEARLY;UNTIL=20261231;BYMONTH=1,12",
		"FREQ=YEARLY;UNTIL=20261231T090000;BYWEEKNO=-1,20":          "FREQ=YEARLY;UNTIL=20261231T090000;BYWEEKNO=-1,20",
		"FREQ=YEARLY;UNTIL=20261231T090000Z;BYYEARDAY=+366,-366":    "FREQ=YEARLY;UNTIL=20261231T090000Z;BYYEARDAY=-366,366",
		"FREQ=MONTHLY;COUNT=10000;BYMONTHDAY=31,-1;BYSETPOS=-1":     "FREQ=MONTHLY;COUNT=10000;BYMONTHDAY=-1,31;BYSETPOS=-1",
		"FREQ=DAILY;BYHOUR=17,9;BYMINUTE=30,0;BYSECOND=5":           "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30;BYSECOND=5",
	} {
		if got := mustRule(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestParseRule_findsProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       "[]FORMAT [FREQ]REQUIRED",
		"FREQ":                                   "[]FORMAT [FREQ]REQUIRED",
		"FREQ=":                                  "[]FORMAT [FREQ]REQUIRED",
		"FREQ=HOURLY":                            "[FREQ]UNKNOWN",
		"FREQ=SECONDLY;COUNT=0;BYMONTH=13;X-Y=1": "[FREQ]UNKNOWN [COUNT]RANGE [BYMONTH]RANGE [X-Y]UNKNOWN",
		"FREQ=DAILY;FREQ=DAILY":                  "[FREQ]FORMAT",
		"FREQ=DAILY;INTERVAL=0":                  "[INTERVAL]RANGE",
		"FREQ=DAILY;INTERVAL=-1":                 "[INTERVAL]RANGE",
		"FREQ=DAILY;INTERVAL=1.5":                "[INTERVAL]RANGE",
		"FREQ=DAILY;INTERVAL=99999999999999999999":               "[INTERVAL]RANGE",
		"FREQ=DAILY;COUNT=10001":                                 "[COUNT]RANGE",
		"FREQ=DAILY;COUNT=2;UNTIL=20260101":                      "[COUNT]RANGE",
		"FREQ=DAILY;UNTIL=20260230":                              "[UNTIL]FORMAT",
		"FREQ=DAILY;UNTIL=99990101T000000Z":                      "[UNTIL]FORMAT",
		"FREQ=DAILY;BYDAY=1MO":                                   "[BYDAY]RANGE",
		"FREQ=WEEKLY;BYDAY=1MO":                                  "[BYDAY]RANGE",
		"FREQ=WEEKLY;BYDAY=":                                     "[]FORMAT",
		"FREQ=WEEKLY;BYDAY=M":                                    "[BYDAY]FORMAT",
		"FREQ=WEEKLY;BYDAY=MO,,TU":                               "[BYDAY]FORMAT",
		"FREQ=MONTHLY;BYDAY=0MO":                                 "[BYDAY]FORMAT",
		"FREQ=MONTHLY;BYDAY=--1MO":                               "[BYDAY]FORMAT",
		"FREQ=MONTHLY;BYDAY=6MO":                                 "[BYDAY]RANGE",
		"FREQ=YEARLY;BYDAY=53MO;BYMONTH=1":                       "[BYDAY]RANGE",
		"FREQ=YEARLY;BYDAY=54MO":                                 "[BYDAY]FORMAT",
		"FREQ=YEARLY;BYDAY=1MO;BYWEEKNO=1":                       "[BYDAY]RANGE",
		"FREQ=MONTHLY;BYWEEKNO=1;BYYEARDAY=1":                    "[BYWEEKNO]RANGE [BYYEARDAY]RANGE",
		"FREQ=WEEKLY;BYMONTHDAY=1":                               "[BYMONTHDAY]RANGE",
		"FREQ=MONTHLY;BYMONTHDAY=0":                              "[BYMONTHDAY]RANGE",
		"FREQ=MONTHLY;BYMONTH=-1":                                "[BYMONTH]RANGE",
		"FREQ=MONTHLY;BYSETPOS=1":                                "[BYSETPOS]RANGE",
		"FREQ=DAILY;WKST=1MO":                                    "[WKST]FORMAT",
		"FREQ=DAILY;BYHOUR=24;BYMINUTE=60;BYSECOND=60":           "[BYHOUR]RANGE [BYMINUTE]RANGE [BYSECOND]RANGE",
		"FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6;BYMINUTE=0,1,2,3,4,5,6": "[BYHOUR]TOO_LONG",
		"FREQ=DAILY;BYMONTH=" + strings.Repeat("1,", 250) + "1":  "[]TOO_LONG",
	} {
		r, problems := calendar.ParseRule(text)
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprint(p.Path, p.Code))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
		if diff := cmp.Diff(calendar.Rule{}, r); diff != "" {
			t.Errorf("%s has problems and is a rule", text)
		}
	}
}

func TestRule_exported(t *testing.T) {
	t.Parallel()
	zone := mustZone(t, "America/New_York")
	for _, x := range []struct {
		until  string
		allDay bool
		want   string
	}{
		{"20260701", false, "20260702T035959Z"}, {"20260701T090000", false, "20260701T130000Z"}, {"20260701T090000Z", false, "20260701T090000Z"},
		{"20260701", true, "20260701"}, {"20260701T000000", true, "20260701"}, {"20260701T030000Z", true, "20260630"},
	} {
		got := mustRule(t, "FREQ=DAILY;UNTIL="+x.until).Exported(zone, x.allDay).String()
		if want := "FREQ=DAILY;UNTIL=" + x.want; got != want {
			t.Errorf("%s, whole days %v: %s, want %s", x.until, x.allDay, got, want)
		}
	}
	if got := mustRule(t, "FREQ=DAILY").Exported(zone, true).String(); got != "FREQ=DAILY" {
		t.Errorf("a rule without an end: %s", got)
	}
}

// Reading never fails, what is read is read again from its own text, and expanding it stays within bounds.
func FuzzParseRule(f *testing.F) {
	for _, text := range []string{
		"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,-1FR;WKST=SU", "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU;UNTIL=20991231T235959Z", "FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=-366",
		"FREQ=YEARLY;BYYEARDAY=366;INTERVAL=1000", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=10000;BYHOUR=1,2,3;BYMINUTE=0,30", "FREQ=;=;;", "UNTIL=00000000T000000Z",
	} {
		f.Add(text)
	}
	zone, err := time.LoadLocation("America/Havana")
	if err != nil {
		f.Fatal(err)
	}
	start, _ := calendar.ParseLocal("20260301T003000")
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := calendar.ParseRule(text)
		if len(problems) > 0 {
			return
		}
		again, problems := calendar.ParseRule(r.String())
		if diff := cmp.Diff(r, again); diff != "" || len(problems) > 0 {
			t.Fatalf("%q and then %q: %v\n%s", text, r, problems, diff)
		}
		s := calendar.Series{Start: start, Zone: zone, Rule: &r}
		if len(s.Check()) > 0 {
			return
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		list, more, err := s.Between(from, from.AddDate(20, 0, 0), 50)
		if err != nil || len(list) == 0 || len(list) > 50 || more && len(list) < 50 || list[0].Local > start {
			t.Fatalf("%s: %v, %v, %v", r, list, more, err)
		}
		for i := 1; i < len(list); i++ {
			if !list[i-1].Start.Before(list[i].Start) {
				t.Fatalf("%s: not in order: %v", r, list)
			}
		}
	})
}
