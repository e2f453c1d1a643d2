package write

import (
	"net/mail"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // zones are checked against our own table, not the machine's
	"unicode/utf8"

	"github.com/bojanz/currency"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/language"
)

// Format brings a text into the stored form of an SDL scalar. The problem is a message for people, "" when there is
// none. A text of blanks becomes "".
func Format(scalar, s string) (stored, problem string) {
	if !utf8.ValidString(s) {
		return "", "The text has characters that are not allowed."
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return "", ""
	}
	switch scalar {
	case "EmailAddress":
		return formatEmail(s)
	case "PhoneNumber":
		return formatPhone(s, "")
	case "URL":
		return formatURL(s)
	case "CountryCode":
		return formatCountry(s)
	case "CurrencyCode":
		if s = strings.ToUpper(s); !currency.IsValid(s) {
			return "", "This is not an ISO 4217 currency code."
		}
	case "Locale":
		tag, err := language.Parse(s)
		if err != nil {
			return "", "This is not a language tag."
		}
		return tag.String(), ""
	case "TimeZone":
		if _, err := time.LoadLocation(s); err != nil || s == "Local" {
			return "", "This is not an IANA time zone."
		}
	case "Date":
		if d, err := time.Parse(time.DateOnly, s); err != nil || d.Year() < 1 {
			return "", "This is not a day in the form 2006-01-02."
		}
	}
	return s, ""
}

// formatEmail accepts addr-spec (RFC 5322 §3.4.1) with a domain name, and keeps it in lower case.
func formatEmail(s string) (string, string) {
	const problem = "This is not an e-mail address."
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "", problem
	}
	local, domain, _ := strings.Cut(s, "@")
	ascii, ok := asciiDomain(domain)
	if !ok || !strings.Contains(ascii, ".") || len(s) > 254 || len(local) > 64 {
		return "", problem
	}
	return strings.ToLower(local + "@" + ascii), ""
}

// FormatPhone brings a number into E.164; national ones are read as those of a region, an ISO 3166 country code or "". The
// problem is a message for people, "" when there is none.
func FormatPhone(s, region string) (stored, problem string) {
	if s = strings.TrimSpace(s); s == "" {
		return "", ""
	}
	return formatPhone(s, strings.ToUpper(region))
}

// formatPhone brings a number into E.164. Without a region only numbers that begin with + can be understood.
func formatPhone(s, region string) (string, string) {
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", "This is not a telephone number in international form."
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	if e164 == s {
		return e164, ""
	}
	again, err := phonenumbers.Parse(e164, "")
	if err != nil || phonenumbers.Format(again, phonenumbers.E164) != e164 {
		// The library drops a leading trunk digit at each reading of some numbers that nobody has.
		return "", "This is not a telephone number in international form."
	}
	return e164, ""
}

func formatURL(s string) (string, string) {
	const problem = "This is not an http or https address."
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", problem
	}
	host, ok := asciiDomain(u.Hostname())
	if !ok {
		return "", problem
	}
	u.Host = strings.Replace(strings.ToLower(u.Host), strings.ToLower(u.Hostname()), host, 1)
	return u.String(), ""
}

// asciiDomain returns the ASCII form of a domain name (RFC 5891), in lower case.
func asciiDomain(name string) (string, bool) {
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
	if err != nil || ascii == "" {
		return "", false
	}
	again, err := idna.Lookup.ToASCII(ascii) // what it makes of broken names is refused when it comes back
	return ascii, err == nil && again == ascii
}

func formatCountry(s string) (string, string) {
	r, err := language.ParseRegion(s)
	if err != nil || !r.IsCountry() || len(s) != 2 {
		return "", "This is not an ISO 3166-1 country code."
	}
	return r.String(), ""
}

// Domain returns the domain of a web address without www, "" when it has none.
func Domain(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}
