package farleytest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Valid returns the input of a create that succeeds: what is required, and records made for the relations in it. It is
// made from the model; the tables below say what the model does not.
func (e *Env) Valid(t testing.TB, kind string) input.Object {
	t.Helper()
	return e.ValidFor(t, kind, id.ID{})
}

// ValidFor is Valid of a record that belongs to the owner, and so do the records made for its relations.
func (e *Env) ValidFor(t testing.TB, kind string, owner id.ID) input.Object {
	t.Helper()
	k := e.Set.Kind(kind)
	in := input.Object{}
	for _, f := range k.Fields {
		if f.Required && f.Write != model.Never && f.Default == "" {
			in[f.Name] = e.ValueFor(t, k, f, 0, owner)
		}
	}
	for _, name := range needed[kind] {
		in[name] = e.ValueFor(t, k, k.Field(name), 0, owner)
	}
	if k.Owned && !owner.IsZero() {
		in["owner"] = owner.String()
	}
	return in
}

// ValidWith is Valid with the i-th value of one field, and without the fields that exclude it.
func (e *Env) ValidWith(t testing.TB, kind, field string, i int) input.Object {
	t.Helper()
	in := e.Valid(t, kind)
	for _, other := range excludes[kind+"."+field] {
		delete(in, other)
	}
	k := e.Set.Kind(kind)
	in[field] = e.Value(t, k, k.Field(field), i)
	return in
}

// Value returns the i-th value of a field as inputs write it, in its stored form. Values of different i differ as far as
// the type has that many; those of the same i are equal, but for unique fields, relations and ids.
func (e *Env) Value(t testing.TB, k *model.Kind, f *model.Field, i int) any {
	t.Helper()
	return e.ValueFor(t, k, f, i, id.ID{})
}

// ValueFor is Value where records that are made belong to the owner.
func (e *Env) ValueFor(t testing.TB, k *model.Kind, f *model.Field, i int, owner id.ID) any {
	t.Helper()
	if v, ok := e.special(t, k.Name+"."+f.Name, i, owner); ok {
		return v
	}
	switch f.Type {
	case model.Ref:
		return e.related(t, f.Target, owner)
	case model.Many:
		return []any{e.related(t, f.Target, owner)}
	case model.ID:
		t.Fatalf("%s.%s takes the id of any record: say in farleytest/builders.go of which", k.Name, f.Name)
	case model.Int:
		return float64(10*i + 1)
	case model.Degrees:
		return float64(i%80) + 0.25
	case model.Bool:
		return i%2 == 1
	case model.DateTime:
		return Start.Add(time.Duration(i) * time.Hour).Format(scalar.Layout)
	case model.Money:
		return map[string]any{"amount": strconv.Itoa(100+i) + ".50", "currency": []string{"USD", "SAR", "EUR"}[i%3]}
	case model.Enum:
		return f.Values[i%len(f.Values)]
	case model.Choices:
		return choices(f.Values, i)
	case model.List:
		return []any{sampleText(f.Scalar, i), sampleText(f.Scalar, i+1)}
	case model.Objects:
		one := objectValues[f.Scalar]
		if one == nil {
			t.Fatalf("%s.%s is a list of %s: say in farleytest/builders.go what one looks like", k.Name, f.Name, f.Scalar)
		}
		return []any{one(i)}
	}
	s := sampleText(f.Scalar, i)
	if f.Unique {
		s = sampleText(f.Scalar, 100+int(e.n.Add(1)))
	}
	return s
}

// related makes a record for a relation. What belongs to an owner and is a user is the owner.
func (e *Env) related(t testing.TB, kind string, owner id.ID) string {
	t.Helper()
	if e.Set.Kind(kind).Sight == model.ByUser && !owner.IsZero() {
		return owner.String()
	}
	return e.Make(t, kind, e.ValidFor(t, kind, owner)).String()
}

func choices(values []string, i int) []any {
	out := []any{}
	for j, v := range values {
		if (i+1)>>j&1 == 1 {
			out = append(out, v)
		}
	}
	return out
}

// sampleTexts are texts that put comparing and ordering to the test: case, accents, scripts, letter variants.
var sampleTexts = []string{"beta", "Alpha", "Ábel", "شركة النور", "zoë", "أحمد", "Émile 2", "alphabet", "_x%", "Zoe", "احمد", "straße"}

// sampleText returns the i-th text of an SDL scalar.
func sampleText(scalar string, i int) string {
	n := strconv.Itoa(i)
	switch scalar {
	case "EmailAddress":
		return "word" + n + "@example.com"
	case "PhoneNumber":
		return "+96611200" + fmt.Sprintf("%04d", i)
	case "URL":
		return "https://site" + n + ".example/"
	case "CountryCode":
		return pick(i, "SA", "DE", "EG", "US", "FR")
	case "CurrencyCode":
		return pick(i, "USD", "SAR", "EUR", "GBP")
	case "Locale":
		return pick(i, "en", "ar-SA", "de", "fr-CA")
	case "TimeZone":
		return pick(i, "Asia/Riyadh", "Europe/Berlin", "UTC", "America/New_York")
	case "Date":
		return time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	if i < len(sampleTexts) {
		return sampleTexts[i]
	}
	return sampleTexts[i%len(sampleTexts)] + " " + n
}

func pick(i int, of ...string) string { return of[i%len(of)] }

// needed are fields that a kind's rules demand beyond the required ones.
var needed = map[string][]string{
	"Contact":      {"familyName"},
	"Note":         {"account"},
	"Lead":         {"familyName"},
	"Relationship": {"fromAccount", "toContact"},
	"Consent":      {"contact"},

	"Opportunity":         {"stage"},
	"OpportunityLine":     {"name", "unitPrice"},
	"Activity":            {"startAt"},
	"ActivityParticipant": {"user"},
	"Reminder":            {"minutesBefore"},
	"WorkingCalendar":     {"user"},
	"SalesTarget":         {"user", "amount"},

	"SalesPlan":            {"account"},
	"IncentivePlan":        {"tiers"},
	"IncentiveParticipant": {"user"},
}

// excludes are fields that cannot be given together with one.
var excludes = map[string][]string{
	"Note.contact":                {"account", "lead", "opportunity"},
	"Note.lead":                   {"account", "contact", "opportunity"},
	"Note.opportunity":            {"account", "contact", "lead"},
	"Opportunity.pipeline":        {"stage"},
	"Consent.lead":                {"contact"},
	"Relationship.fromContact":    {"fromAccount"},
	"Relationship.toAccount":      {"toContact"},
	"Note.activity":               {"account"},
	"ActivityParticipant.contact": {"user"},
	"WorkingCalendar.forTeam":     {"user"},
	"SalesTarget.forTeam":         {"user"},

	"SalesPlan.product":            {"account"},
	"SalesPlan.territory":          {"account"},
	"IncentiveParticipant.forTeam": {"user"},
}

// touches are relations to records that change with each change of a record.
var touches = map[string][]string{
	"Share":             {"record"},
	"AccountTeamMember": {"account"},

	"ActivityParticipant": {"activity"},
}

// MayTouch returns the fields of a kind that hold the ids of records which change with some changes of a record: the amount of
// a deal follows its lines.
func MayTouch(kind string) []string {
	if kind == "OpportunityLine" {
		return []string{"opportunity"}
	}
	return nil
}

// Touches returns the fields of a kind that hold the ids of records which change with each change of a record: a shared
// record hears of its shares, and an account of its team.
func Touches(kind string) []string { return touches[kind] }

// special returns the i-th value of a field, named "Kind.field", with rules that the model does not tell.
func (e *Env) special(t testing.TB, field string, i int, owner id.ID) (v any, ok bool) {
	t.Helper()
	switch field {
	case "Tag.colour":
		return fmt.Sprintf("#%06x", i+10), true
	case "User.kind":
		return pick(i, "STAFF", "SERVICE"), true // the other kinds need more
	case "CustomField.key":
		return fmt.Sprintf("key%d", e.n.Add(1)), true
	case "CustomField.type":
		return pick(i, "TEXT", "NUMBER"), true // the other types need more
	case "CustomField.defaultValue":
		return fmt.Sprintf(`"%d"`, i), true // fits both
	case "LifecycleStage.phase":
		return pick(i, "START", "KEEP", "END"), true // tests want the first and the fifth to differ
	case "Lead.status":
		return pick(i, "NEW", "WORKING"), true // the other statuses need more
	case "Lead.queued":
		return false, true // a lead in the queue has no owner
	case "Consent.givenAt", "LocationEvent.seenAt", "Opportunity.openedAt":
		return Start.Add(-time.Duration(i) * time.Hour).Format(scalar.Layout), true
	case "Activity.kind":
		return pick(i, "CALL", "EMAIL", "SMS", "FAX", "LETTER", "CHAT"), true // the others need other times
	case "Activity.status":
		return pick(i, "PLANNED", "IN_PROGRESS"), true
	case "Activity.endAt":
		return Start.Add(time.Duration(1000+i) * time.Hour).Format(scalar.Layout), true // behind any beginning
	case "Activity.allDay":
		return false, true // whole days need midnights
	case "Activity.resultedIn":
		return e.related(t, "Account", owner), true
	case "ActivityParticipant.attendance":
		return pick(min(i%3, 1), "REQUIRED", "OPTIONAL"), true // tests want the second and the tenth to differ, and the fourth and the fifth
	case "WorkingCalendar.timeZone":
		return pick(i, "Asia/Riyadh", "Europe/Berlin", "UTC", "America/New_York", "Africa/Cairo"), true // the first and the fifth differ
	case "ActivityParticipant.response":
		return pick(i, "NEEDS_ACTION", "ACCEPTED", "TENTATIVE"), true
	case "Account.customFields", "Contact.customFields", "Lead.customFields", "Opportunity.customFields", "Activity.customFields":
		kind, _, _ := strings.Cut(field, ".")
		return []any{map[string]any{"key": e.customField(t, strings.ToUpper(kind)), "value": sampleText("String", i)}}, true
	case "Role.screens":
		return []any{fmt.Sprintf("screen.%d", i), fmt.Sprintf("screen.%d", i+1)}, true
	case "LocationEvent.contact":
		contact := e.related(t, "Contact", owner)
		e.Make(t, "Consent", input.Object{"contact": contact, "channel": "LOCATION", "purpose": "SERVICE", "status": "GRANTED"})
		return contact, true
	case "RetentionRule.basis":
		return pick(i, "CREATED_AT", "UPDATED_AT", "UPDATED_AT"), true // the others fit some objects only
	case "RetentionRule.action":
		return pick(i, "DELETE", "ERASE", "ERASE"), true // CLEAR_FIELDS needs fields
	case "RetentionRule.object":
		return pick(i, "NOTE", "CONTACT", "NEED"), true
	case "RetentionRule.fields":
		return []any{pick(i, "TITLE", "BODY")}, true
	case "ExchangeRate.currency":
		return pick(i, "JPY", "SAR", "EUR", "GBP", "KWD"), true // not the reporting currency; the first and the fifth differ
	case "ExchangeRate.reportingCurrency":
		return "USD", true
	case "ExchangeRate.rate":
		return strconv.Itoa(i) + ".25", true
	case "ExchangeRate.validFrom":
		return Start.AddDate(0, 0, -int(e.n.Add(1))).Format(time.DateOnly), true // one a day
	case "SalesTarget.startsOn", "ForecastAdjustment.startsOn":
		return fmt.Sprintf("%04d-01-01", 1+e.n.Add(1)%9998), true // one a year for somebody
	case "SalesTarget.measure":
		return "REVENUE", true // the others are counted
	case "SalesTarget.count":
		return nil, true
	case "SalesTarget.amount", "ForecastAdjustment.amount":
		return map[string]any{"amount": strconv.Itoa(100+i) + ".50", "currency": "USD"}, true
	case "SalesPlan.firstMonth":
		return fmt.Sprintf("2026-%02d-01", 1+i%5), true
	case "SalesPlan.lastMonth":
		return fmt.Sprintf("2027-%02d-01", 1+i%12), true // at most 36 months in all
	case "SalesPlan.currency":
		return pick(i, "USD", "SAR", "EUR"), true // there is a rate of it; the first and the fifth differ
	case "IncentivePlan.startsOn":
		return Start.AddDate(-1, 0, i).Format(time.DateOnly), true
	case "IncentivePlan.endsOn":
		return Start.AddDate(1, 0, i).Format(time.DateOnly), true
	case "IncentivePlan.everybody":
		return i == 4, true // it takes the scope ALL
	case "OpportunitySplit.share":
		return pick(i, "10", "2.5", "100", "0.0001", "33.3333", "50"), true
	case "CompetitorProfile.account":
		in := e.ValidFor(t, "Account", owner)
		in["kinds"] = []any{"COMPETITOR"}
		return e.Make(t, "Account", in).String(), true
	case "Stage.kind":
		return "OPEN", true // the others have probabilities of their own
	case "Stage.forecastCategory":
		return pick(i, "OMITTED", "PIPELINE", "BEST_CASE", "COMMIT"), true
	case "Stage.requiredFields":
		return []any{pick(i, "AMOUNT", "CLOSE_DATE"), pick(i+1, "AMOUNT", "CLOSE_DATE")}, true
	case "Opportunity.reason", "Opportunity.closedAt":
		return nil, true // an open deal has neither
	case "OpportunityLine.quantity", "OpportunityLine.discount":
		return pick(i, "2", "2.5", "10", "7", "0.25"), true
	case "OpportunityLine.unitPrice":
		return map[string]any{"amount": strconv.Itoa(i) + ".00", "currency": "USD"}, true // a deal has one currency
	case "OpportunityLine.opportunity": // which is worth nothing, so that a line of nothing changes nothing
		in := e.ValidFor(t, "Opportunity", owner)
		in["amount"] = map[string]any{"amount": "0.00", "currency": "USD"}
		return e.Make(t, "Opportunity", in).String(), true
	case "Opportunity.pipeline":
		stage := e.related(t, "Stage", owner)
		x, err := id.Parse(stage)
		if err != nil {
			t.Fatal(err)
		}
		return e.Stored(t, x, "pipeline").(id.ID).String(), true // one that has a stage to enter
	case "Share.record":
		return e.related(t, "Account", owner), true
	case "Share.grantee":
		return e.related(t, "Team", owner), true
	case "Share.fields":
		return choices([]string{"INDUSTRY", "NAME", "PHONES"}, i), true
	}
	return nil, false
}

// Stored returns the value of a field of a record as it is stored.
func (e *Env) Stored(t testing.TB, x id.ID, field string) any {
	t.Helper()
	k := e.Set.Of(x)
	var out any
	err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
		r, err := tx.Lock(ctx, k, x)
		if err == nil && r != nil {
			out = r.Values[k.Field(field).Column]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Consents has a contact or lead consent to the sharing of data with partners; other records do nothing.
func (e *Env) Consents(t testing.TB, x id.ID) {
	t.Helper()
	k := e.Set.Of(x)
	if f := e.Set.Kind("Consent").Field(k.Single); f != nil && f.Type == model.Ref {
		e.Make(t, "Consent", input.Object{k.Single: x.String(), "channel": "EMAIL", "purpose": "SHARING", "status": "GRANTED"})
	}
}

// customField returns the key of a text that is added to a kind of record, made when it is first asked for.
func (e *Env) customField(t testing.TB, object string) string {
	t.Helper()
	const key = "sample"
	tx, err := e.DB.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var n int
	if err := tx.QueryRow(context.Background(), "SELECT COUNT(*) FROM custom_fields WHERE `object` = ? AND `key` = ?", []any{object, key}, &n); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		e.Make(t, "CustomField", input.Object{"object": object, "key": key, "label": "Sample", "type": "TEXT"})
	}
	return key
}

// objectValues are those of lists of embedded objects, by SDL type.
var objectValues = map[string]func(i int) any{
	"TerritoryRule": func(i int) any {
		return map[string]any{"city": sampleText("String", i), "industry": sampleText("String", i+1)}
	},
	"Address": func(i int) any {
		return map[string]any{"kind": "SITE", "city": sampleText("String", i), "country": sampleText("CountryCode", i)}
	},
	"ContactEmail": func(i int) any {
		return map[string]any{"address": sampleText("EmailAddress", i), "kind": "HOME", "primary": true}
	},
	"ContactPhone": func(i int) any {
		return map[string]any{"number": sampleText("PhoneNumber", i), "kind": "HOME", "primary": true}
	},
	"LocalisedText": func(i int) any {
		return map[string]any{"locale": pick(i, "ar", "en", "fr"), "text": sampleText("String", i)}
	},
	"SocialProfile": func(i int) any { return map[string]any{"network": "net", "handle": sampleText("String", i)} },
	"WorkingHours": func(i int) any {
		return map[string]any{"weekday": "MONDAY", "start": fmt.Sprintf("%02d:00", i%12), "end": "18:00"}
	},
	"WorkingHoliday": func(i int) any {
		return map[string]any{"name": sampleText("String", i), "month": float64(1 + i%12), "day": 1.0}
	},
	"WorkingException": func(i int) any {
		day := sampleText("Date", i)
		return map[string]any{"name": sampleText("String", i), "first": day, "last": day, "hours": []any{"09:00-12:00"}}
	},
	"SalesPlanMonth": func(i int) any {
		return map[string]any{"month": "2026-06-01", "revenue": strconv.Itoa(i) + ".50", "deals": float64(i)}
	},
	"IncentiveTier": func(i int) any {
		return map[string]any{"above": "0", "percent": strconv.Itoa(1 + i%100)}
	},
	"RolePermission": func(i int) any {
		return map[string]any{"object": pick(i, "TAG", "TEAM"), "action": "READ", "scope": pick(i, "OWN", "TEAM", "ALL")}
	},
	"RoleFieldLevel": func(i int) any {
		return map[string]any{"object": "TAG", "field": "NAME", "level": pick(i, "READ", "MASKED", "WRITE", "NONE")}
	},
}

// Probe returns some value of a field to compare with, which no record needs to have.
func (e *Env) Probe(f *model.Field) any {
	switch f.Type {
	case model.ID, model.Ref:
		return id.New(e.Set.Kinds[0].Code, Start).String()
	case model.Int:
		return 5
	case model.Degrees:
		return 5.5
	case model.Bool:
		return true
	case model.DateTime:
		return Start.Format(scalar.Layout)
	case model.Money:
		return map[string]any{"amount": "1.00", "currency": "USD"}
	case model.Enum, model.Choices:
		if len(f.Values) > 0 {
			return f.Values[0]
		}
	}
	return sampleText(f.Scalar, 1)
}

// Purge removes a record of the bin for good, with all that cannot be without it.
func (e *Env) Purge(t testing.TB, x id.ID) {
	t.Helper()
	for done := false; !done; {
		err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) (err error) {
			_, done, err = tx.Purge(ctx, e.Set.Of(x), x, e.Clock.Now(), 500)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
