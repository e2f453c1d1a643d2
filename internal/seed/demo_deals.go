package seed

import (
	"strings"
	"time"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
)

// demoProducts are what the firm sells: category, number, name, unit, price in US dollars.
var demoProducts = []struct{ category, sku, name, unit, price string }{
	{"Cold chain", "CC-100", "Cold room, 20 m³", "piece", "18500.00"},
	{"Cold chain", "CC-210", "Display refrigerator", "piece", "2150.00"},
	{"Cold chain", "CC-900", "Maintenance of cold rooms", "year", "1200.00"},
	{"Kitchens", "KT-010", "Convection oven", "piece", "4890.00"},
	{"Kitchens", "KT-020", "Dishwasher, hood type", "piece", "3275.50"},
	{"Kitchens", "KT-300", "Installation", "hour", "65.00"},
}

// demoLine is a line of a demo deal: number of the product, quantity, discount in percent.
type demoLine struct{ sku, quantity, discount string }

// demoDeals are the deals: whose they are, with the how many-eth account, where they stand, what they are worth where they have
// no lines, and in how many days they are to be closed, or were.
var demoDeals = []struct {
	owner   string
	account int
	name    string
	stage   string
	amount  string // in the account's currency
	days    int
	kind    string
	next    string
	reason  string
	lines   []demoLine
}{
	{"sales_rep", 0, "Cold rooms for the new branch", "negotiation", "", 12, "UPSELL", "Send the terms of payment", "", []demoLine{{"CC-100", "2", "5"}, {"CC-900", "2", ""}}},
	{"sales_rep", 1, "Maintenance for another year", "proposal", "", 25, "RENEWAL", "Call about the offer", "", []demoLine{{"CC-900", "6", "10"}}},
	{"sales_rep", 3, "First order of refrigerators", "qualification", "60000.00", 70, "NEW", "Visit the shop", "", nil},
	{"sales_rep", 4, "Kitchen of the head office", "won", "240000.00", -20, "CROSS_SELL", "", "Price and delivery", nil},
	{"abdullah", 0, "Ovens for three branches", "analysis", "", 45, "UPSELL", "Count the sockets", "", []demoLine{{"KT-010", "9", "7.5"}, {"KT-300", "36", ""}}},
	{"abdullah", 1, "Refit of the canteen", "lost", "180000.00", -35, "NEW", "", "They rent for another year", nil},
	{"reem", 0, "Dishwashers for the hotel group", "negotiation", "410000.00", 8, "NEW", "Meet the head of purchasing", "", nil},
	{"reem", 1, "Cold room at the port", "proposal", "", 30, "CROSS_SELL", "Wait for the drawings", "", []demoLine{{"CC-100", "1", ""}, {"KT-300", "12.5", ""}}},
	{"daniel", 0, "Display refrigerators for the season", "won", "95000.00", -9, "UPSELL", "", "We had them in stock", nil},
	{"daniel", 2, "Kitchen of the new restaurant", "qualification", "", 90, "NEW", "Ask for the plan", "", nil},
	{"olivia", 0, "Refrigerators for two shops", "analysis", "38000.00", -3, "NEW", "Ask who decides", "", nil},
	{"thomas", 0, "Maintenance of all cold rooms", "proposal", "72000.00", 21, "RENEWAL", "Bring the contract", "", nil},
}

// productBatch makes the catalogue.
func (f *firm) productBatch() *batch {
	b := &batch{what: "products", maker: f.users["administrator"]}
	categories := map[string]id.ID{}
	for _, p := range demoProducts {
		c, ok := categories[p.category]
		if !ok {
			c = f.id("ProductCategory")
			categories[p.category] = c
			b.add("ProductCategory", input.Object{"id": c.String(), "name": p.category})
		}
		if f.taken[strings.ToLower(p.sku)] {
			continue // left by an attempt that was cut short, or somebody's own
		}
		x := f.id("Product")
		f.products[p.sku] = x
		b.add("Product", input.Object{
			"id": x.String(), "sku": p.sku, "name": p.name, "unit": p.unit, "category": c.String(), "listPrice": map[string]any{"amount": p.price, "currency": "USD"},
		})
	}
	return b
}

// dealBatch makes the deals of a seller with their lines, and the people who have a part in them.
func (f *firm) dealBatch(seller string) *batch {
	b := &batch{what: "deals of " + seller, maker: f.users[seller]}
	for i, d := range demoDeals {
		if d.owner != seller {
			continue
		}
		account := f.accounts[seller][d.account]
		x := f.id("Opportunity")
		in := input.Object{
			"id": x.String(), "name": d.name, "account": account.id.String(), "owner": f.users[seller].String(), "team": f.teamOf(seller).String(),
			"stage": PipelineStageID(f.set, d.stage).String(), "closeDate": f.now.AddDate(0, 0, d.days).Format(time.DateOnly), "type": d.kind,
			"source": sources[i%len(sources)],
		}
		if d.amount != "" {
			in["amount"] = map[string]any{"amount": d.amount, "currency": account.country.currency}
		}
		if d.lines != nil { // the stage may demand an amount before there are lines
			in["amount"] = map[string]any{"amount": "0.00", "currency": "USD"}
		}
		if d.next != "" {
			in["nextStep"] = d.next
		}
		if d.reason != "" {
			in["reason"], in["closedAt"] = d.reason, f.now.AddDate(0, 0, d.days).UTC().Format(scalar.Layout)
		}
		b.add("Opportunity", in)
		for j, l := range d.lines {
			if f.products[l.sku].IsZero() {
				continue // a firm that has the number for something else
			}
			line := input.Object{"opportunity": x.String(), "product": f.products[l.sku].String(), "quantity": l.quantity, "position": int64(j + 1)}
			if l.discount != "" {
				line["discount"] = l.discount
			}
			b.add("OpportunityLine", line)
		}
		if people := f.contacts[seller]; len(people) > 0 {
			b.add("OpportunityContact", input.Object{"opportunity": x.String(), "contact": people[d.account*3%len(people)].String(), "role": demoParts[i%len(demoParts)]})
		}
	}
	return b
}

var demoParts = []string{"DECISION_MAKER", "CHAMPION", "INFLUENCER", "ECONOMIC_BUYER"}
