package search_test

import (
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// reader is a role that reads what is in the book of business, sensitive fields excepted, within a scope.
func reader(scope string) access.Role {
	var r access.Role
	for _, object := range []string{"ACCOUNT", "CONTACT", "LEAD", "NOTE", "NEED", "ACCOUNT_CONTACT"} {
		r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: access.Read, Scope: scope})
	}
	for _, object := range []string{"TAG", "USER", "TEAM"} {
		r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: access.Read, Scope: "ALL"})
	}
	return r
}

// firm makes the records that the cases look for and returns them by name. Those made later come first among equals.
func firm(t *testing.T, e *farleytest.Env) map[string]id.ID {
	t.Helper()
	out := map[string]id.ID{}
	account := func(name string, in input.Object) {
		in["name"] = name
		out[name] = e.Make(t, "Account", in)
	}
	person := func(key string, in input.Object) { out[key] = e.Make(t, "Contact", in) }
	vip := e.Make(t, "Tag", input.Object{"name": "Golden circle"})
	out["Golden circle"] = vip

	account("Al Noor Trading Company", input.Object{"phones": []any{"+966112003000"}, "emails": []any{"info@alnoor-trading.example"}, "website": "https://www.alnoor-trading.example"})
	account("شركة النور للتجارة", input.Object{"registrationNumber": "CR-1010/55-77"})
	account("Almarai", input.Object{"legalName": "Almarai Joint Stock Company", "industry": "Dairy", "tags": []any{vip.String()}})
	account("شركة المراعي", input.Object{"addresses": []any{map[string]any{"kind": "BILLING", "street": "طريق الملك فهد", "city": "الرياض", "country": "SA"}}})
	account("Red Sea Logistics", input.Object{"addresses": []any{map[string]any{"kind": "BILLING", "street": "12 Corniche Road", "city": "Jeddah", "postalCode": "21589", "country": "SA"}}})
	account("Müller & Söhne", input.Object{})
	account("مكتبة جرير", input.Object{})
	account("Desert Technologies", input.Object{"description": "Builds solar panels and batteries for hospitals."})
	account("Gulf Hospital Supplies", input.Object{"employees": float64(7)})
	account("Company", input.Object{})
	account("مؤسسة أبو ظبي للنقل", input.Object{})
	account("Alpha Beta", input.Object{})
	account("Beta Alpha", input.Object{})

	person("Mohammed Alqahtani", input.Object{"givenName": "Mohammed", "familyName": "Alqahtani", "phones": []any{map[string]any{"number": "+966501234567"}}, "emails": []any{map[string]any{"address": "m.qahtani@almarai.example"}}})
	person("محمد القحطاني", input.Object{"nativeName": "محمد القحطاني"})
	person("Mahmoud Saleh", input.Object{"givenName": "Mahmoud", "familyName": "Saleh", "title": "Purchasing manager"})
	person("Ahmed Hassan", input.Object{"givenName": "Ahmed", "familyName": "Hassan"})
	person("أحمد حسين", input.Object{"nativeName": "أَحْمَد حُسَيْن"})
	person("Hussein Karim", input.Object{"givenName": "Hussein", "familyName": "Karim"})
	person("Abdul Rahman Aljaber", input.Object{"givenName": "Abdul Rahman", "familyName": "Aljaber"})
	person("عبد الله الرشيد", input.Object{"nativeName": "عبد الله الرشيد"})
	person("Youssef Nader", input.Object{"givenName": "Youssef", "familyName": "Nader"})
	person("فاطمة الزهراني", input.Object{"nativeName": "فاطمة الزهراني"})
	person("Seán O'Brien", input.Object{"givenName": "Seán", "familyName": "O'Brien"})
	person("Renée Zoë", input.Object{"givenName": "Renée", "familyName": "Zoë"})

	out["lead Khalid"] = e.Make(t, "Lead", input.Object{"givenName": "Khalid", "familyName": "Otaibi", "company": "Oasis Farms"})
	out["note meeting"] = e.Make(t, "Note", input.Object{"account": out["Desert Technologies"].String(), "title": "Kick-off", "body": "We met the engineers; the next meetings are about the inverters. Invoice 2026-00417 was disputed."})
	out["note Arabic"] = e.Make(t, "Note", input.Object{"account": out["شركة المراعي"].String(), "body": "تمّت زيارة المصنع بجدة، وسنرسل العقود للمهندسين ٢٠٢٧"})
	out["team"] = e.Make(t, "Team", input.Object{"name": "Western Region Sales"})
	e.Index(t)
	return out
}

// Each case is a query and the record that has to come first.
var cases = []struct{ query, want string }{
	// Words, in any order, whole or begun
	{"Red Sea Logistics", "Red Sea Logistics"},
	{"logistics red", "Red Sea Logistics"},
	{"red sea log", "Red Sea Logistics"},
	{"RED sea", "Red Sea Logistics"},
	{"Alpha Beta", "Alpha Beta"}, // in this order
	{"beta alpha", "Beta Alpha"},
	{"almarai", "Almarai"},
	{"alma", "Almarai"},
	{"company ", "Company"},
	{"the company", "Company"},
	{"companies", "Company"},
	{"desert technology", "Desert Technologies"},
	{"hospital supply", "Gulf Hospital Supplies"},
	{"hospitals", "Gulf Hospital Supplies"}, // in the name rather than in a description
	{"solar panel", "Desert Technologies"},
	{"western region", "team"},
	{"dairy", "Almarai"},
	{"golden", "Golden circle"},
	{"almarai golden", "Almarai"}, // by name and tag
	// Accents and letters
	{"muller", "Müller & Söhne"},
	{"MULLER sohne", "Müller & Söhne"},
	{"sean obrien", "Seán O'Brien"},
	{"o'brien", "Seán O'Brien"},
	{"renee zoe", "Renée Zoë"},
	// Arabic: forms of letters, tashkeel, article, prefixes, plurals, digits
	{"احمد حسين", "أحمد حسين"},
	{"أحمَد", "أحمد حسين"},
	{"مكتبه جرير", "مكتبة جرير"},
	{"المكتبة", "مكتبة جرير"},
	{"نور", "شركة النور للتجارة"},
	{"والنور", "شركة النور للتجارة"},
	{"تجارة النور", "شركة النور للتجارة"},
	{"شركات المراعي", "شركة المراعي"},
	{"مراعي", "شركة المراعي"},
	{"المرا", "شركة المراعي"},
	{"الملك فهد", "شركة المراعي"},
	{"الريــاض", "شركة المراعي"},
	{"فاطمه الزهراني", "فاطمة الزهراني"},
	{"عبدالله", "عبد الله الرشيد"},
	{"عبد الله رشيد", "عبد الله الرشيد"},
	{"جدة مصنع", "note Arabic"},
	{"عقود المهندس", "note Arabic"},
	{"2027", "note Arabic"},
	{"ابوظبي", "مؤسسة أبو ظبي للنقل"},
	// Spellings of names
	{"muhammad alqahtani", "Mohammed Alqahtani"},
	{"mohamed al qahtani", "Mohammed Alqahtani"},
	{"محمد القحطاني", "محمد القحطاني"},
	{"ahmad hassan", "Ahmed Hassan"},
	{"hussain karim", "Hussein Karim"},
	{"حسين كريم", "Hussein Karim"},
	{"abdulrahman", "Abdul Rahman Aljaber"},
	{"abd el rahman", "Abdul Rahman Aljaber"},
	{"عبدالرحمن الجابر", "Abdul Rahman Aljaber"},
	{"abdullah alrasheed", "عبد الله الرشيد"},
	{"yusuf", "Youssef Nader"},
	{"يوسف نادر", "Youssef Nader"},
	{"alnoor", "Al Noor Trading Company"},
	{"al-noor trading", "Al Noor Trading Company"},
	{"نور trading", "Al Noor Trading Company"},
	{"fatima zahrani", "فاطمة الزهراني"},
	{"خالد العتيبي", "lead Khalid"},
	{"abu dhabi", "مؤسسة أبو ظبي للنقل"},
	{"محمود", "Mahmoud Saleh"},
	// Addresses, numbers, codes
	{"m.qahtani@almarai.example", "Mohammed Alqahtani"},
	{"m.qahtani@", "Mohammed Alqahtani"},
	{"@alnoor-trading.example", "Al Noor Trading Company"},
	{"0501234567", "Mohammed Alqahtani"},
	{"050 123 4567", "Mohammed Alqahtani"},
	{"+966 50 123 45", "Mohammed Alqahtani"},
	{"٠٥٠١٢٣٤٥٦٧", "Mohammed Alqahtani"},
	{"4567", "Mohammed Alqahtani"},
	{"2003000", "Al Noor Trading Company"},
	{"CR-1010/55-77", "شركة النور للتجارة"},
	{"cr10105577", "شركة النور للتجارة"},
	{"2026-00417", "note meeting"},
	{"21589", "Red Sea Logistics"},
	{"jedda corniche", "Red Sea Logistics"},
	{"oasis", "lead Khalid"},
	{"purchasing manager", "Mahmoud Saleh"},
	{"meeting inverter", "note meeting"},
	// One typing error
	{"logistcs", "Red Sea Logistics"},
	{"logisitcs", "Red Sea Logistics"}, //nolint:misspell // that is the point
	{"logistixs", "Red Sea Logistics"},
	{"logisttics sea", "Red Sea Logistics"},
	{"alqahtabi", "Mohammed Alqahtani"},
	{"المراغي", "شركة المراعي"},
	{"الزهرني", "فاطمة الزهراني"},
}

func TestSearch_findsFirst(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		records := firm(t, e)
		names := map[id.ID]string{}
		for name, x := range records {
			names[x] = name
		}
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		for _, each := range cases {
			edges := c.Query(t, `query($q: String!) { search(query: $q) { edges { score highlight node { id __typename } } } }`, farleytest.Vars{"q": each.query}).At("search.edges")
			if got := names[edges.At("0.node.id").ID()]; got != each.want {
				t.Errorf("%q finds %q first, want %q: %s", each.query, got, each.want, edges.JSON())
			}
		}
	})
}
