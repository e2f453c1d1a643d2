package importer_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/importer"
	"farley/internal/model"
)

func TestConvert(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		object string
		column importer.Column
		cell   string
		want   string // JSON-like print of the input, or the problems
	}{
		"trimmed":         {"ACCOUNT", importer.Column{To: "name"}, "  Acme ", `map[name:Acme]`},
		"constant":        {"ACCOUNT", importer.Column{Value: text("CUSTOMER"), To: "kinds"}, "", `map[kinds:[CUSTOMER]]`},
		"empty":           {"ACCOUNT", importer.Column{To: "industry"}, " ", `map[]`},
		"cleared":         {"ACCOUNT", importer.Column{To: "industry", Clear: true}, " ", `map[industry:<nil>]`},
		"default":         {"ACCOUNT", importer.Column{To: "industry", Default: "retail"}, "", `map[industry:retail]`},
		"value map":       {"ACCOUNT", importer.Column{To: "industry", Values: []importer.Value{{From: "TECHNOLGY", To: "Technology"}}}, "technolgy ", `map[industry:Technology]`},
		"whole":           {"ACCOUNT", importer.Column{To: "employees"}, "1,234", `map[employees:1234]`},
		"comma":           {"ACCOUNT", importer.Column{To: "employees", Number: "COMMA"}, "1.234", `map[employees:1234]`},
		"arabic digits":   {"ACCOUNT", importer.Column{To: "employees"}, "١٢٣", `map[employees:123]`},
		"no whole number": {"ACCOUNT", importer.Column{To: "employees"}, "1.5", `[input employees] FORMAT`},
		"bad group":       {"ACCOUNT", importer.Column{To: "employees"}, "12,34", `[input employees] FORMAT`},
		"millions":        {"ACCOUNT", importer.Column{To: "annualRevenue", Multiply: "1000000", Currency: "USD"}, "1100.04", `map[annualRevenue:map[amount:1100040000 currency:USD]]`},
		"own currency":    {"ACCOUNT", importer.Column{To: "annualRevenue", Number: "COMMA", Currency: "USD"}, "1.234,50 €", `map[annualRevenue:map[amount:1234.5 currency:EUR]]`},
		"accountant":      {"ACCOUNT", importer.Column{To: "annualRevenue", Currency: "USD"}, "(1,234.50)", `map[annualRevenue:map[amount:-1234.5 currency:USD]]`},
		"US":              {"ACCOUNT", importer.Column{To: "customerSince", Date: "US"}, "3/1/2017", `map[customerSince:2017-03-01]`},
		"DMY":             {"ACCOUNT", importer.Column{To: "customerSince", Date: "DMY"}, "03.01.2017", `map[customerSince:2017-01-03]`},
		"serial":          {"ACCOUNT", importer.Column{To: "customerSince", Date: "EXCEL"}, "42735", `map[customerSince:2016-12-31]`},
		"own form":        {"ACCOUNT", importer.Column{To: "customerSince", Date: "yyyy/dd/MM"}, "2017/03/01", `map[customerSince:2017-01-03]`},
		"no such day":     {"ACCOUNT", importer.Column{To: "customerSince", Date: "US"}, "13/1/2017", `[input customerSince] FORMAT`},
		"instant":         {"CONSENT", importer.Column{To: "givenAt", TimeZone: "Asia/Riyadh"}, "2026-01-02 03:04", `map[givenAt:2026-01-02T00:04:00Z]`},
		"country":         {"ACCOUNT", importer.Column{To: "addresses[0].country"}, "United States", `map[addresses:[map[country:US]]]`},
		"arabic country":  {"ACCOUNT", importer.Column{To: "addresses[0].country"}, "السعودية", `map[addresses:[map[country:SA]]]`},
		"no country":      {"ACCOUNT", importer.Column{To: "addresses[0].country"}, "Philipines", `[input addresses 0 country] FORMAT`},
		"e-mails":         {"CONTACT", importer.Column{To: "emails"}, "A@b.example; c@d.example", `map[emails:[map[address:a@b.example] map[address:c@d.example]]]`},
		"list":            {"ACCOUNT", importer.Column{To: "emails", Split: "|"}, "a@b.example|c@d.example", `map[emails:[a@b.example c@d.example]]`},
		"phone":           {"ACCOUNT", importer.Column{To: "phones", Region: "SA"}, "011 200 3000", `map[phones:[+966112003000]]`},
		"choice":          {"CONTACT", importer.Column{To: "preferredChannel"}, "e-mail", `[input preferredChannel] UNKNOWN`},
		"choice by name":  {"ACCOUNT", importer.Column{To: "customerType"}, "small business", `map[customerType:SMALL_BUSINESS]`},
		"truth":           {"CONTACT", importer.Column{To: "doNotContact"}, "نعم", `map[doNotContact:true]`},
		"first word":      {"CONTACT", importer.Column{To: "givenName", Part: "FIRST"}, "Mei-Mei Anna Johns", `map[givenName:Mei-Mei]`},
		"rest":            {"CONTACT", importer.Column{To: "familyName", Part: "REST"}, "Mei-Mei Anna Johns", `map[familyName:Anna Johns]`},
		"template":        {"USER", importer.Column{Template: "{c|slug}@x.example", To: "email"}, "Mei-Mei Johns", `map[email:mei-mei.johns@x.example]`},
		"empty template":  {"USER", importer.Column{Template: "{c}@x.example", To: "email"}, " ", `map[]`},
		"no e-mail":       {"USER", importer.Column{To: "email"}, "nonsense", `[input email] FORMAT`},
	} {
		if c.column.Template == "" && c.column.Value == nil {
			c.column.Column = "c"
		}
		got, err := importer.Convert(importer.Mapping{Object: c.object, Columns: []importer.Column{c.column}}, model.Kinds(), []string{"c"}, []string{c.cell})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := fmt.Sprint(got.In)
		if len(got.Problems) > 0 {
			text = fmt.Sprint(got.Problems[0].Path, " ", got.Problems[0].Code)
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestDateOf(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]string{
		"ISO false": {"2026-01-02", "2026-12-31"}, "US false": {"1/31/2026", "2/1/2026"}, "DMY false": {"31/1/2026", "1/2/2026"},
		"DMY true": {"1/2/2026", "3/4/2026"}, "EXCEL false": {"45000", "45001.5"}, " false": {"yesterday"},
	} {
		form, ambiguous := importer.DateOf(values...)
		if got := fmt.Sprint(form, " ", ambiguous); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}

func TestParseFile(t *testing.T) {
	t.Parallel()
	got, err := importer.ParseFile([]byte("steps:\n  - {name: a, file: f.csv, object: TEAM, key: {field: name}, columns: [{column: x, to: name, values: [{from: a, to: b}]}]}\n"))
	want := []importer.Mapping{{Name: "a", File: "f.csv", Object: "TEAM", Key: &importer.Key{Field: "name"},
		Columns: []importer.Column{{Column: "x", To: "name", Values: []importer.Value{{From: "a", To: "b"}}}}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "steps: []", "object: TEAM\nnonsense: 1", "- 1", "{"} {
		if _, err := importer.ParseFile([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Numbers are read exactly, however they are grouped.
func TestConvert_numbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(0, 999_999_999).Draw(t, "whole")
		cents := rapid.Int64Range(0, 99).Draw(t, "cents")
		comma := rapid.Bool().Draw(t, "comma")
		text := fmt.Sprint(whole)
		group, point, form := ",", ".", ""
		if comma {
			group, point, form = ".", ",", "COMMA"
		}
		if rapid.Bool().Draw(t, "grouped") {
			for i := len(text) - 3; i > 0; i -= 3 {
				text = text[:i] + group + text[i:]
			}
		}
		text += point + fmt.Sprintf("%02d", cents)
		got, err := importer.Convert(importer.Mapping{Object: "ACCOUNT", Columns: []importer.Column{{Column: "c", To: "annualRevenue", Number: form, Currency: "USD", Multiply: "1000"}}},
			model.Kinds(), []string{"c"}, []string{text})
		if err != nil || len(got.Problems) > 0 {
			t.Fatalf("%s: %v %v", text, err, got.Problems)
		}
		amount, _ := got.In["annualRevenue"].(map[string]any)["amount"].(string)
		is, ok := new(big.Rat).SetString(amount)
		if want := big.NewRat((whole*100+cents)*10, 1); !ok || is.Cmp(want) != 0 {
			t.Fatalf("%s: %s, want %s", text, amount, want.FloatString(2))
		}
	})
}

// Whatever stands in a cell, and whatever the mapping says, a row becomes an input or has problems, and texts stay texts.
func FuzzConvert(f *testing.F) {
	for _, to := range []string{"name", "annualRevenue", "employees", "customerSince", "phones", "emails[1]", "addresses[0].country", "kinds", "website"} {
		f.Add(to, "12/31/2026", "US", "COMMA", "SA", "{c|slug}")
		f.Add(to, "١٢٣,٤٥ ر.س", "", "", "", "")
	}
	set := model.Kinds()
	f.Fuzz(func(t *testing.T, to, cell, date, number, region, template string) {
		c := importer.Column{Column: "c", To: to, Date: date, Number: number, Region: region, Currency: "USD"}
		if template != "" {
			c.Column, c.Template = "", template
		}
		got, err := importer.Convert(importer.Mapping{Object: "ACCOUNT", Key: &importer.Key{Row: true}, Columns: []importer.Column{c}}, set, []string{"c"}, []string{cell})
		if err != nil {
			return
		}
		if len(got.Key) != 64 {
			t.Fatalf("the row has the key %q", got.Key)
		}
		for name, v := range got.In {
			if s, ok := v.(string); ok && utf8.ValidString(cell) && utf8.ValidString(template) && (!utf8.ValidString(s) || strings.TrimSpace(s) == "") {
				t.Fatalf("%s is %q", name, s)
			}
		}
	})
}
