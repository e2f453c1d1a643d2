package seed

import (
	"context"
	"fmt"
	"time"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/write"
)

// stageOf returns the stage of the n-th account's life, null for those who never buy from us.
func (f *firm) stageOf(n int) any {
	var key string
	switch kindsOf(n) {
	case "PROSPECT":
		key = "prospect"
	case "CUSTOMER":
		key = []string{"active", "active", "first_purchase", "active", "at_risk", "active", "lost", "won_back"}[n/10%8]
	default:
		return nil
	}
	return StageID(f.set, key).String()
}

// demoLeads are people who might become customers: whose they are, "" for the queue of a team.
var demoLeads = []struct {
	owner, team, given, family, company, title, phone, city, country, source, rating, status, reason string
	employees                                                                                        int64
}{
	{"sales_rep", "riyadh", "Majed", "Al-Harthy", "Harthy Cold Stores", "Owner", "+966112005501", "Riyadh", "SA", "Web site", "HOT", "WORKING", "", 40},
	{"sales_rep", "riyadh", "Abeer", "Al-Ghamdi", "Ghamdi Catering", "Buyer", "+966112005502", "Riyadh", "SA", "Trade fair", "WARM", "QUALIFIED", "", 120},
	{"abdullah", "riyadh", "Sami", "Bajaber", "Bajaber Brothers", "Partner", "+966122005503", "Jeddah", "SA", "Referral", "WARM", "NEW", "", 15},
	{"reem", "dubai", "Priya", "Menon", "Menon Interiors", "Director", "+97142005504", "Dubai", "AE", "Web site", "HOT", "QUALIFIED", "", 60},
	{"daniel", "dubai", "Hamad", "Al-Ketbi", "Ketbi Logistics", "Fleet manager", "+97142005505", "Dubai", "AE", "Call", "COLD", "DISQUALIFIED", "Rents for three more years", 300},
	{"olivia", "london", "George", "Whitmore", "Whitmore & Daughters", "Head of purchasing", "+442071005506", "London", "GB", "Newsletter", "WARM", "WORKING", "", 85},
	{"thomas", "london", "Katrin", "Vogel", "Vogel Feinkost", "Geschäftsführerin", "+49301005507", "Berlin", "DE", "Trade fair", "HOT", "NEW", "", 22},
	{"", "riyadh", "Noura", "Al-Subaie", "Subaie Clinics", "Office manager", "+966112005508", "Riyadh", "SA", "Web site", "", "NEW", "", 200},
	{"", "dubai", "Victor", "Lemaire", "Lemaire Hospitality", "Chef", "+97142005509", "Abu Dhabi", "AE", "Call", "", "NEW", "", 70},
}

// leadBatch makes the leads.
func (f *firm) leadBatch() *batch {
	b := &batch{what: "leads", maker: f.users["marketing"]}
	for _, l := range demoLeads {
		x := f.id("Lead")
		in := input.Object{
			"id": x.String(), "givenName": l.given, "familyName": l.family, "company": l.company, "title": l.title,
			"emails": []any{slug(l.given) + "." + slug(l.family) + "@" + slug(l.company) + ".example"}, "phones": []any{l.phone},
			"addresses": []any{map[string]any{"kind": "BILLING", "city": l.city, "country": l.country}},
			"source":    l.source, "status": l.status, "employees": l.employees, "team": f.teams[l.team].String(), "owner": nil, "queued": l.owner == "",
		}
		if l.owner != "" {
			in["owner"] = f.users[l.owner].String()
		}
		if l.rating != "" {
			in["rating"] = l.rating
		}
		if l.reason != "" {
			in["statusReason"] = l.reason
		}
		b.add("Lead", in)
		if l.status == "WORKING" {
			b.add("Note", input.Object{"lead": x.String(), "title": "First call", "body": "Wants an offer by the end of the month; decides together with the family."})
		}
	}
	return b
}

// wishBatch makes consents, preferences and needs of some of a seller's contacts.
func (f *firm) wishBatch(seller string) *batch {
	b := &batch{what: "wishes of the contacts of " + seller, maker: f.users["marketing"]}
	for i, x := range f.contacts[seller] {
		if i%6 != 0 && x != f.portal {
			continue
		}
		given := f.now.AddDate(0, -1-i, 0)
		b.add("Consent", f.consent(x, "EMAIL", "GRANTED", given, "Form on the web site"))
		if i%12 == 6 {
			b.add("Consent", f.consent(x, "EMAIL", "WITHDRAWN", given.AddDate(0, 0, 20), "Link in a newsletter"))
		}
		b.add("Preference", input.Object{"contact": x.String(), "topic": wishes[i/6%len(wishes)], "channel": "EMAIL", "frequency": "MONTHLY", "source": "Form on the web site"})
		if i%18 == 0 {
			b.add("Need", input.Object{"contact": x.String(), "topic": needs[i/18%len(needs)], "urgency": "SOON", "source": "Call"})
		}
	}
	return b
}

func (f *firm) consent(contact id.ID, channel, status string, at time.Time, source string) input.Object {
	return input.Object{
		"contact": contact.String(), "channel": channel, "purpose": "MARKETING", "status": status, "givenAt": at.UTC().Format(scalar.Layout), "source": source,
	}
}

var (
	wishes = []string{"New arrivals", "Seasonal offers", "Invitations", "Price lists"}
	needs  = []string{"Delivery before eight", "Invoices in Arabic", "A second supplier"}
)

// demoTeamRoles are who takes part in the work on the first account of a seller.
var demoTeamRoles = []struct{ seller, user, role string }{
	{"sales_rep", "customer_success", "Success manager"},
	{"sales_rep", "service_agent", "Technician"},
	{"reem", "abdullah", "Deputy"},
	{"olivia", "reem", "Regional contact"},
}

// accountTeams makes the teams of some accounts.
func (f *firm) accountTeams(ctx context.Context, tx *write.Tx) error {
	for i, r := range demoTeamRoles {
		in := input.Object{
			"account": f.accounts[r.seller][i%2].id.String(), "user": f.users[r.user].String(), "role": r.role,
			"fromDate": f.now.AddDate(0, -6, 0).Format(time.DateOnly),
		}
		if err := create(ctx, tx, record{"AccountTeamMember", in}); err != nil {
			return fmt.Errorf("account teams: %w", err)
		}
	}
	return nil
}
