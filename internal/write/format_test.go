package write_test

import (
	"testing"

	"farley/internal/write"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ scalar, in, want string }{
		{"EmailAddress", " Ann@Example.COM ", "ann@example.com"}, {"EmailAddress", "ann@مثال.example", "ann@xn--mgbh0fb.example"},
		{"EmailAddress", "ann", ""}, {"EmailAddress", "Ann <ann@example.com>", ""}, {"EmailAddress", "ann@localhost", ""}, {"EmailAddress", "a b@example.com", ""},
		{"PhoneNumber", "+966 11 200 3000", "+966112003000"}, {"PhoneNumber", "00966112003000", ""}, {"PhoneNumber", "+1", ""}, {"PhoneNumber", "call me", ""},
		{"URL", "www.Example.com/About", "https://www.example.com/About"}, {"URL", "http://مثال.example", "http://xn--mgbh0fb.example"},
		{"URL", "ftp://example.com", ""}, {"URL", "https://user:secret@example.com", ""}, {"URL", "javascript:alert(1)", ""},
		{"CountryCode", "sa", "SA"}, {"CountryCode", "XX", ""}, {"CountryCode", "SAU", ""},
		{"CurrencyCode", "sar", "SAR"}, {"CurrencyCode", "ZZZ", ""},
		{"Locale", "AR-sa", "ar-SA"}, {"Locale", "not a tag", ""},
		{"TimeZone", "Asia/Riyadh", "Asia/Riyadh"}, {"TimeZone", "Local", ""}, {"TimeZone", "Mars/Olympus", ""},
		{"Date", "2026-11-22", "2026-11-22"}, {"Date", "22.11.2026", ""}, {"Date", "2026-02-30", ""},
		{"String", "  text ", "text"},
	} {
		got, problem := write.Format(c.scalar, c.in)
		if got != c.want || (problem == "") != (c.want != "") {
			t.Errorf("%s %q becomes %q, %q; want %q", c.scalar, c.in, got, problem, c.want)
		}
	}
}

func TestFormat_blanksAreNothing(t *testing.T) {
	t.Parallel()
	if got, problem := write.Format("EmailAddress", " \t "); got != "" || problem != "" {
		t.Errorf("blanks become %q, %q", got, problem)
	}
}

// What has been brought into its form stays as it is.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"ann@example.com", "+966112003000", "https://example.com/a?b", "SA", "ar-SA", "Asia/Riyadh", "2026-11-22"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, scalar := range []string{"EmailAddress", "PhoneNumber", "URL", "CountryCode", "CurrencyCode", "Locale", "TimeZone", "Date"} {
			once, problem := write.Format(scalar, s)
			if problem != "" || once == "" {
				continue
			}
			if twice, problem := write.Format(scalar, once); twice != once || problem != "" {
				t.Errorf("%s %q becomes %q, then %q, %q", scalar, s, once, twice, problem)
			}
		}
	})
}
