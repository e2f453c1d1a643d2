package seed

import (
	"fmt"
	"time"

	"farley/internal/id"
	"farley/internal/input"
)

// contactBatch makes the contacts of a seller and links them to the seller's accounts: one primary link each, every
// second one also to another account, where the link has ended for some.
func (f *firm) contactBatch(seller string) *batch {
	b := &batch{what: "contacts of " + seller, maker: f.users[seller]}
	accounts := f.accounts[seller]
	for i := range contactsEach {
		a := accounts[i%len(accounts)]
		x := f.id("Contact")
		in := f.contact(a, i)
		if seller == "daniel" && i == 0 {
			x = f.portal
			in["givenName"], in["familyName"], in["nativeName"] = "Lina", "Farouk", "لينا فاروق"
			in["emails"] = []any{map[string]any{"address": DemoEmail("portal_customer"), "kind": "WORK", "primary": true}}
		}
		in["id"], in["owner"], in["team"] = x.String(), f.users[seller].String(), f.teamOf(seller).String()
		in["branch"] = f.branchOf(seller).String()
		if a.partner {
			in["partner"] = f.partner.String()
		}
		b.add("Contact", in)
		f.contacts[seller] = append(f.contacts[seller], x)

		b.add("AccountContact", f.link(a.id, x, i, true))
		if i%2 == 0 {
			other := accounts[(i+7)%len(accounts)]
			b.add("AccountContact", f.link(other.id, x, i, false))
		}
	}
	return b
}

func (f *firm) link(account, contact id.ID, i int, primary bool) input.Object {
	in := input.Object{"account": account.String(), "contact": contact.String(), "isPrimary": primary, "role": linkRoles[i%len(linkRoles)]}
	begun := f.now.AddDate(-3, 0, -f.rand.IntN(900))
	in["fromDate"] = begun.Format(time.DateOnly)
	if !primary && i%4 == 0 {
		in["toDate"] = begun.AddDate(1, 0, 0).Format(time.DateOnly)
	}
	return in
}

// contact makes up the i-th person of a seller, who works at a.
func (f *firm) contact(a *demoAccount, i int) input.Object {
	c := a.country
	given, family := c.given[f.rand.IntN(len(c.given))], c.family[f.rand.IntN(len(c.family))]
	position := positions[i%len(positions)]
	in := input.Object{
		"givenName": given.latin, "familyName": family.latin,
		"title": position.title.latin, "department": position.department.latin,
		"emails": []any{map[string]any{"address": f.email(given.latin, family.latin, a.domain), "kind": "WORK", "primary": true}},
		"phones": []any{
			map[string]any{"number": f.number(c.mobiles), "kind": "MOBILE", "primary": true},
			map[string]any{"number": f.number(c.phones), "kind": "WORK", "primary": false},
		},
		"addresses": f.addresses(c.cities[i%len(c.cities)], c, i),
		"birthday":  time.Date(1960+f.rand.IntN(42), time.Month(1+f.rand.IntN(12)), 1+f.rand.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
		"locale":    c.locale, "timeZone": c.zone,
		"preferredChannel": channels[f.rand.IntN(len(channels))],
		"doNotContact":     i%19 == 18,
		"source":           sources[f.rand.IntN(len(sources))],
	}
	if c.arabic {
		in["nativeName"] = given.native + " " + family.native
		if i%5 == 0 {
			delete(in, "givenName")
			delete(in, "familyName")
			in["title"], in["department"] = position.title.native, position.department.native
		}
	}
	if i%6 == 0 {
		in["tags"] = f.someTags(i)
	}
	return in
}

// email makes up an address that nobody else has.
func (f *firm) email(given, family, domain string) string {
	local := slug(given) + "." + slug(family)
	address := local + "@" + domain
	for n := 2; f.emails[address]; n++ {
		address = fmt.Sprintf("%s%d@%s", local, n, domain)
	}
	f.emails[address] = true
	return address
}

// noteBatch makes the notes of a seller, on accounts and contacts in turn.
func (f *firm) noteBatch(seller string) *batch {
	b := &batch{what: "notes of " + seller, maker: f.users[seller]}
	for i := range notesEach {
		r := remarks[f.rand.IntN(len(remarks))]
		for r.arabic && f.office(seller) == "london" {
			r = remarks[f.rand.IntN(len(remarks))]
		}
		in := input.Object{"title": r.title, "body": r.body, "pinned": i == 0}
		if i%3 == 0 {
			in["contact"] = f.contacts[seller][i].String()
		} else {
			in["account"] = f.accounts[seller][i].id.String()
		}
		b.add("Note", in)
	}
	return b
}

// demoShare opens the account-th account of its owner, or the contact.
type demoShare struct {
	owner   string
	nth     int
	contact bool
	grantee string // a team, a user, or "" for the partner account
	level   string
	fields  []any
	days    int // until it ends, 0 for never
	reason  string
}

var demoShares = []demoShare{
	{owner: "daniel", nth: 1, level: "READ", reason: "Joint offer"},
	{owner: "daniel", nth: 2, level: "COMMENT", reason: "Joint offer"},
	{owner: "daniel", nth: 3, level: "EDIT", days: 90, reason: "Handed to the partner for the project"},
	{owner: "daniel", nth: 1, contact: true, level: "EDIT", reason: "Project contact"},
	{owner: "daniel", nth: 2, contact: true, level: "READ", reason: "Project contact"},
	{owner: "sales_manager", nth: 4, grantee: "dubai", level: "READ", reason: "Branch in Dubai"},
	{owner: "sales_rep", nth: 0, grantee: "dubai", level: "EDIT", reason: "Branch in Dubai"},
	{owner: "dubai_manager", nth: 5, grantee: "riyadh", level: "READ", reason: "Head office in Riyadh"},
	{owner: "reem", nth: 8, grantee: "london", level: "COMMENT", reason: "European roll-out"},
	{owner: "olivia", nth: 2, grantee: "riyadh", level: "READ", fields: []any{"NAME", "WEBSITE", "PHONES"}, reason: "Enquiry for Riyadh"},
	{owner: "olivia", nth: 3, grantee: "sales_rep", level: "READ", reason: "Same group of firms"},
	{owner: "thomas", nth: 6, grantee: "customer_success", level: "EDIT", days: 180, reason: "Onboarding"},
}

func (f *firm) shareBatches() []*batch {
	var out []*batch
	for i := range demoShares {
		s := &demoShares[i]
		record, grantee := f.accounts[s.owner][s.nth].id, f.partner
		if s.contact {
			record = f.contacts[s.owner][s.nth]
		}
		if x, ok := f.teams[s.grantee]; ok {
			grantee = x
		}
		if x, ok := f.users[s.grantee]; ok {
			grantee = x
		}
		in := input.Object{
			"record": record.String(), "grantee": grantee.String(), "level": s.level, "reason": s.reason,
			"owner": f.users[s.owner].String(), "team": f.teamOf(s.owner).String(),
		}
		if s.fields != nil {
			in["fields"] = s.fields
		}
		if s.days > 0 {
			in["expiresAt"] = f.now.AddDate(0, 0, s.days).UTC().Format(time.RFC3339)
		}
		b := &batch{what: "shares of " + s.owner, maker: f.users[s.owner]}
		b.add("Share", in)
		out = append(out, b)
	}
	return out
}
