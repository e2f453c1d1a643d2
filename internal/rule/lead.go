package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/write"
)

// leadDerived keeps the name to show, the first e-mail address and number, and the domain of the web site.
func leadDerived(_ context.Context, c *write.Change) error {
	if c.Get("erasedAt") != nil {
		return nil // its name is nobody's
	}
	if c.Changes("website") {
		c.SetText("domain", write.Domain(c.Text("website")))
	}
	email, phone := first(c.Text("emails")), first(c.Text("phones"))
	c.SetText("primaryEmail", email)
	c.SetText("primaryPhone", phone)
	person := strings.TrimSpace(c.Text("givenName") + " " + c.Text("familyName"))
	c.SetText("displayName", cmp.Or(person, strings.TrimSpace(c.Text("nativeName")), c.Text("company"), email, phone))
	return nil
}

// first returns the first of a stored list of texts, "" when there is none.
func first(stored string) string {
	var list []string
	if stored == "" || json.Unmarshal([]byte(stored), &list) != nil || len(list) == 0 {
		return "" // it was written by decode, so it can be read
	}
	return list[0]
}

// leadHasName refuses a lead of which nothing is known to call it by.
func leadHasName(_ context.Context, c *write.Change) error {
	if c.Text("displayName") == "" && !c.Faulty("emails") && !c.Faulty("phones") {
		c.Refuse("company", "REQUIRED", "Give a name, a company, an e-mail address or a number.")
	}
	return nil
}

// The statuses of leads that rules speak of.
const (
	disqualified = "DISQUALIFIED"
	converted    = "CONVERTED"
)

// leadStatus refuses steps between statuses that are not in the table, and DISQUALIFIED without a reason. What convertLead
// writes is known by convertedAt, which nobody else can set.
func leadStatus(_ context.Context, c *write.Change) error {
	status := c.Text("status")
	if status == disqualified && c.Text("statusReason") == "" && (c.Changes("status") || c.Changes("statusReason")) {
		c.Refuse("statusReason", "REQUIRED", "Say why the lead is disqualified.")
	}
	if !c.Changes("status") {
		return nil
	}
	converting := status == converted && c.Get("convertedAt") != nil && c.Changes("convertedAt")
	if status == converted && !converting {
		return fault.New(fault.Conflict, "A lead is converted by convertLead only.").At("input", "status")
	}
	if c.Created() || converting || c.Faulty("status") {
		return nil
	}
	was, _ := c.Old.Values["status"].(string)
	if was != converted && !slices.Contains(leadSteps[was], status) {
		return fault.New(fault.Conflict, "A lead cannot go from %s to %s.", was, status).At("input", "status")
	}
	return nil
}

// leadIsOpen refuses changes of a converted lead by people: it is kept as it was. Its notes are records of their own, and
// its tags no columns of it.
func leadIsOpen(_ context.Context, c *write.Change) error {
	if c.Created() || c.Tx.System() || c.Op != change.Updated {
		return nil
	}
	if was, _ := c.Old.Values["status"].(string); was != converted {
		return nil
	}
	for _, f := range c.Kind.Fields {
		if f.Column != "" && c.Changes(f.Name) {
			return fault.New(fault.Conflict, "The lead is converted already.").At("input", f.Name)
		}
	}
	return nil
}

// leadWaits takes the owner from a new lead in the queue before rights are decided on it.
func leadWaits(_ context.Context, c *write.Change) error {
	if c.Kind.Name == "Lead" && c.Flag("queued") && !c.Given("owner") {
		c.Set("owner", nil)
	}
	return nil
}

// leadQueue keeps owner and queue apart: who gets an owner leaves the queue, and who is put there loses his owner. A lead
// in the queue needs a team, or nobody would find it.
func leadQueue(_ context.Context, c *write.Change) error {
	if !c.Flag("queued") || c.InBin() {
		return nil
	}
	switch {
	case c.Ref("owner").IsZero():
	case !c.Given("queued"):
		c.Set("queued", false)
		return nil
	case c.Given("owner"):
		c.Refuse("owner", "FORMAT", "A lead in the queue has no owner.")
	default:
		c.Set("owner", nil)
	}
	if c.Ref("team").IsZero() {
		c.Refuse("team", "REQUIRED", "A lead in the queue needs a team.")
	}
	return nil
}

// leadSteps are the ways of a lead from status to status that people may take; convertLead alone leads to CONVERTED. The
// description of the field in the API lists them too.
var leadSteps = map[string][]string{
	"NEW":          {"WORKING", "QUALIFIED", "DISQUALIFIED"},
	"WORKING":      {"NEW", "QUALIFIED", "DISQUALIFIED"},
	"QUALIFIED":    {"WORKING", "DISQUALIFIED"},
	"DISQUALIFIED": {"NEW", "WORKING"},
}
