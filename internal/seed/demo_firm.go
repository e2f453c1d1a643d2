package seed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
)

// How much there is.
const (
	accountsEach = 20 // of a seller
	contactsEach = 60
	notesEach    = 15
)

// firm is the demo firm while it is made up. Everything is decided before the first write, since writes may run twice.
type firm struct {
	set   *model.Set
	now   time.Time
	rand  *rand.Rand
	roles map[string]id.ID
	teams map[string]id.ID
	users map[string]id.ID
	tags  []id.ID

	branches    map[string]id.ID // by the key of their team
	territories map[string]id.ID
	left        map[string]bool  // names of branches and territories that there are already
	regional    id.ID            // the role regionalManager
	tagged      map[string]id.ID // the tags that there are already, by folded name

	products map[string]id.ID // by their numbers
	taken    map[string]bool  // numbers of products that there are already, in small letters

	partner  id.ID // the partner's account
	portal   id.ID // the portal customer's contact
	accounts map[string][]*demoAccount
	contacts map[string][]id.ID
	named    map[string]int  // firms named so far, by country
	emails   map[string]bool // addresses that are taken
}

// demoAccount is what contacts need to know of an account.
type demoAccount struct {
	id      id.ID
	country *country
	domain  string
	partner bool // the partner owns it with us
}

func newFirm(set *model.Set, now time.Time, roles map[string]id.ID) *firm {
	f := &firm{
		set: set, now: now, roles: roles, rand: rand.New(rand.NewPCG(2026, 11)), //nolint:gosec // made-up data
		teams: map[string]id.ID{}, users: map[string]id.ID{}, emails: map[string]bool{}, tagged: map[string]id.ID{}, named: map[string]int{},
		accounts: map[string][]*demoAccount{}, contacts: map[string][]id.ID{},
		branches: map[string]id.ID{}, territories: map[string]id.ID{}, left: map[string]bool{},
		products: map[string]id.ID{}, taken: map[string]bool{},
	}
	for _, b := range demoBranches {
		f.branches[b.team] = f.id("Branch")
	}
	for _, t := range demoTerritories {
		f.territories[t.key] = f.id("Territory")
	}
	f.regional = f.id("Role")
	for _, t := range demoTeams {
		f.teams[t.key] = f.id("Team")
	}
	for _, u := range demoUsers {
		f.users[u.key] = f.id("User")
	}
	f.partner, f.portal = f.id("Account"), f.id("Contact")
	return f
}

func (f *firm) id(kind string) id.ID { return id.New(f.set.Kind(kind).Code, f.now) }

// batches lists everything but the users, in an order in which it can be made.
func (f *firm) batches() []*batch {
	out := []*batch{f.teamBatch(), f.placeBatch(), f.tagBatch()}
	for i, seller := range sellers {
		out = append(out, f.accountBatch(i, seller))
	}
	for _, seller := range sellers {
		out = append(out, f.contactBatch(seller))
	}
	for _, seller := range sellers {
		out = append(out, f.noteBatch(seller))
	}
	out = append(out, f.leadBatch())
	out = append(out, f.activityBatches()...)
	for _, seller := range sellers {
		out = append(out, f.wishBatch(seller))
	}
	out = append(out, f.productBatch())
	for _, seller := range sellers {
		out = append(out, f.dealBatch(seller))
	}
	return append(out, f.shareBatches()...)
}

func (f *firm) teamBatch() *batch {
	b := &batch{what: "teams", maker: f.users["administrator"]}
	for _, t := range demoTeams {
		in := input.Object{"id": f.teams[t.key].String(), "name": t.name}
		if t.parent != "" {
			in["parent"] = f.teams[t.parent].String()
		}
		b.add("Team", in)
	}
	return b
}

func (f *firm) tagBatch() *batch {
	b := &batch{what: "tags", maker: f.users["marketing"]}
	for i, name := range demoTags {
		if x, ok := f.tagged[text.Fold(name)]; ok {
			f.tags = append(f.tags, x)
			continue
		}
		x := f.id("Tag")
		f.tags = append(f.tags, x)
		b.add("Tag", input.Object{"id": x.String(), "name": name, "colour": fmt.Sprintf("#%06x", (i*0x1f3d7b+0x3366aa)&0xffffff)})
	}
	return b
}

func (b *batch) add(kind string, in input.Object) { b.records = append(b.records, record{kind, in}) }

// accountBatch makes the accounts of a seller. No two firms have the same name.
func (f *firm) accountBatch(nth int, seller string) *batch {
	b := &batch{what: "accounts of " + seller, maker: f.users[seller]}
	market := markets[f.office(seller)]
	for i := range accountsEach {
		if seller == "dubai_manager" && i == 0 {
			b.add("Account", f.partnerAccount())
			continue
		}
		a := &demoAccount{id: f.id("Account"), partner: seller == "reem" && i < 6}
		c := countries[market[i%len(market)]]
		a.country = &c
		n := nth*accountsEach + i
		b.add("Account", f.account(a, n, seller, i))
		f.accounts[seller] = append(f.accounts[seller], a)
	}
	return b
}

// office returns the key of a user's team.
func (f *firm) office(user string) string {
	for _, t := range demoTeams {
		if f.teams[t.key] == f.teamOf(user) {
			return t.key
		}
	}
	return ""
}

// account makes up the n-th account, the i-th of its owner.
func (f *firm) account(a *demoAccount, n int, owner string, i int) input.Object {
	c := a.country
	nth := f.named[c.code] // of its country: no two firms have place and trade in common
	f.named[c.code]++
	place, line := c.places[nth%len(c.places)], trades[nth/len(c.places)%len(trades)]
	house := c.cities[n%len(c.cities)]
	latin := fmt.Sprintf("%s %s %s", place.latin, line.latin, suffixes[c.code])
	a.domain = fmt.Sprintf("%s-%s.example", slug(place.latin), slug(line.latin))
	if c.code != "GB" {
		a.domain = strings.ToLower(c.code) + "-" + a.domain
	}
	in := input.Object{
		"id": a.id.String(), "owner": f.users[owner].String(), "team": f.teamOf(owner).String(), "branch": f.branchOf(owner).String(),
		"name": latin, "legalName": latin, "industry": line.industry,
		"kinds":        []any{kindsOf(n)},
		"customerType": sizes[f.rand.IntN(len(sizes))],
		"website":      "https://www." + a.domain,
		"emails":       []any{"info@" + a.domain},
		"phones":       []any{f.number(c.phones), f.number(c.mobiles)},
		"addresses":    f.addresses(house, c, n),
		"taxNumber":    f.digits(c.tax),
		"employees":    int64(5 + f.rand.IntN(2000)),
		"annualRevenue": map[string]any{
			"amount": fmt.Sprintf("%d.00", (1+f.rand.Int64N(900))*50_000), "currency": c.currency,
		},
		"currency": c.currency, "locale": c.locale, "timeZone": c.zone,
		"source": sources[f.rand.IntN(len(sources))],
	}
	if n%2 == 0 {
		in["name"] = fmt.Sprintf("%s %s", latin, house.name)
	}
	if c.arabic {
		native := "شركة " + place.native + " " + line.native
		in["legalName"] = native
		if n%2 == 0 {
			in["name"], in["legalName"] = native+" - "+house.native, latin
		}
	}
	if n%3 != 0 {
		in["customerSince"] = f.now.AddDate(0, 0, -30-f.rand.IntN(3000)).Format(time.DateOnly)
	}
	if i == 2 || i == 3 {
		in["parent"] = f.accounts[owner][0].id.String()
	}
	if stage := f.stageOf(n); stage != nil {
		in["lifecycle"] = stage
	}
	if n%3 == 0 {
		in["tags"] = f.someTags(n)
	}
	if a.partner {
		in["partner"] = f.partner.String()
	}
	return in
}

var suffixes = map[string]string{"SA": "Co.", "AE": "LLC", "EG": "S.A.E.", "GB": "Ltd", "DE": "GmbH"}

func kindsOf(n int) string {
	switch n % 10 {
	case 3, 6:
		return "PROSPECT"
	case 7:
		return "SUPPLIER"
	case 8:
		return "RESELLER"
	case 9:
		return "DISTRIBUTOR"
	}
	return "CUSTOMER"
}

func (f *firm) someTags(n int) []any {
	return []any{f.tags[n%len(f.tags)].String(), f.tags[(n+7)%len(f.tags)].String()}
}

func (f *firm) addresses(at city, c *country, n int) []any {
	address := map[string]any{
		"kind": "BILLING", "street": fmt.Sprintf("%s, %d", at.street, 1+n%120), "city": at.name, "region": at.region, "country": c.code,
		"latitude": degrees(at.latitude + float64(n%40)/2000), "longitude": degrees(at.longitude + float64(n%30)/2000),
	}
	if at.postal != "" {
		address["postalCode"] = at.postal
	}
	return []any{address}
}

// degrees rounds to some ten metres.
func degrees(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// partnerAccount is the firm whose people are our partner's users.
func (f *firm) partnerAccount() input.Object {
	c := countries["AE"]
	return input.Object{
		"id": f.partner.String(), "owner": f.users["dubai_manager"].String(), "team": f.teams["dubai"].String(), "branch": f.branches["dubai"].String(),
		"name": partnerName, "legalName": "شركاء دلتا الخليج", "kinds": []any{"PARTNER", "RESELLER"}, "customerType": "SMALL_BUSINESS",
		"industry": "Information technology", "website": "https://www.deltagulf.example", "emails": []any{"hello@deltagulf.example"},
		"phones": []any{f.number(c.phones)}, "addresses": f.addresses(c.cities[0], &c, 7), "taxNumber": f.digits(c.tax),
		"employees": int64(45), "annualRevenue": map[string]any{"amount": "12500000.00", "currency": "AED"},
		"currency": "AED", "locale": "en-AE", "timeZone": dubai,
	}
}

// number makes up a telephone number.
func (f *firm) number(patterns []string) string {
	return f.digits(patterns[f.rand.IntN(len(patterns))])
}

// digits puts a digit for every #; the first one is not 0.
func (f *firm) digits(pattern string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if r != '#' {
			return r
		}
		if first {
			first = false
			return '1' + rune(f.rand.IntN(9))
		}
		return '0' + rune(f.rand.IntN(10))
	}, pattern)
}

var latinLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ı", "i", "ş", "s", "Ş", "s")

// slug returns a word as it stands in addresses of the net.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) {
			return -1
		}
		return r
	}, latinLetters.Replace(strings.ToLower(s)))
}
