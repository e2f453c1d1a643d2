package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"farley/internal/write"
)

// leadDerived keeps the name to show, the first e-mail address and number, and the domain of the web site.
func leadDerived(_ context.Context, c *write.Change) error {
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

// leadSteps are the ways of a lead from status to status that people may take; convertLead alone leads to CONVERTED.
var leadSteps = map[string][]string{
	"NEW":          {"WORKING", "QUALIFIED", "DISQUALIFIED"},
	"WORKING":      {"NEW", "QUALIFIED", "DISQUALIFIED"},
	"QUALIFIED":    {"WORKING", "DISQUALIFIED"},
	"DISQUALIFIED": {"NEW", "WORKING"},
}
