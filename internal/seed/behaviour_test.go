package seed_test

import (
	"context"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/seed"
	"farley/internal/write"
)

// demoWrites has the people of the demo write as the API lets them, so that the shipped roles are known to work and not
// only to compile.
func demoWrites(t *testing.T, d *testdb.DB, w *write.Writer, people *seed.People) {
	t.Helper()
	one := func(query string, args ...any) id.ID { return oneID(t, d, query, args...) }
	role := func(key string) id.ID { return people.ByRole[key] }
	partner := one("SELECT partner_account_id FROM users WHERE id = ?", role("partner"))
	shared := func(level string, kind string) id.ID {
		return one("SELECT s.record_id FROM shares s JOIN "+kind+" r ON r.id = s.record_id WHERE s.grantee_id = ? AND s.level = ?", partner, level)
	}
	owned := func(kind string, user string) id.ID {
		return one("SELECT id FROM "+kind+" WHERE owner_id = ? ORDER BY id", role(user))
	}
	colleagues := one("SELECT a.id FROM accounts a JOIN users u ON u.id = a.owner_id WHERE u.email = 'abdullah.alshehri@demo.example' ORDER BY a.id")
	elsewhere := one("SELECT a.id FROM accounts a JOIN users u ON u.id = a.owner_id WHERE u.email = 'thomas.adeyemi@demo.example' ORDER BY a.id")
	seen := one("SELECT record_id FROM shares WHERE grantee_id = ?", role("sales_rep"))
	ours := one("SELECT id FROM contacts WHERE partner_id = ? ORDER BY id", partner)
	self := one("SELECT contact_id FROM users WHERE id = ?", role("portal_customer"))

	phones := input.Object{"phones": []any{map[string]any{"number": "+971501234567", "kind": "MOBILE"}}}
	note := func(account id.ID) input.Object {
		return input.Object{"account": account.String(), "body": "Noted."}
	}
	table := []struct {
		name, role string
		verb       write.Verb
		kind       string
		id         id.ID
		in         input.Object
		want       fault.Code
	}{
		{"partner notes on what is shared for comments", "partner", write.Create, "Note", id.ID{}, note(shared("COMMENT", "accounts")), ""},
		{"partner notes on what is shared for reading", "partner", write.Create, "Note", id.ID{}, note(shared("READ", "accounts")), fault.Forbidden},
		{"partner notes on the own account", "partner", write.Create, "Note", id.ID{}, note(partner), ""},
		{"partner notes on what is hidden", "partner", write.Create, "Note", id.ID{}, note(elsewhere), fault.Invalid},
		{"partner keeps a contact", "partner", write.Update, "Contact", ours, phones, ""},
		{"partner gives a contact away", "partner", write.Update, "Contact", ours, input.Object{"owner": role("partner").String()}, fault.Forbidden},
		{"partner edits what is shared for editing", "partner", write.Update, "Contact", shared("EDIT", "contacts"), phones, ""},
		{"partner edits what is shared for reading", "partner", write.Update, "Contact", shared("READ", "contacts"), phones, fault.Forbidden},
		{"partner edits what is hidden", "partner", write.Update, "Contact", owned("contacts", "sales_rep"), phones, fault.NotFound},
		{"partner edits an account", "partner", write.Update, "Account", partner, input.Object{"name": "Mine"}, fault.Forbidden},

		{"customer keeps the own numbers", "portal_customer", write.Update, "Contact", self, phones, ""},
		{"customer changes the own name", "portal_customer", write.Update, "Contact", self, input.Object{"familyName": "Other"}, fault.Forbidden},
		{"customer edits somebody else", "portal_customer", write.Update, "Contact", ours, phones, fault.NotFound},
		{"customer becomes staff", "portal_customer", write.Update, "User", role("portal_customer"), input.Object{"kind": "STAFF"}, fault.Forbidden},

		{"rep makes an account", "sales_rep", write.Create, "Account", id.ID{}, input.Object{"name": "New one"}, ""},
		{"rep makes an account for another team", "sales_rep", write.Create, "Account", id.ID{}, input.Object{"name": "New two", "owner": role("legal").String()}, fault.Forbidden},
		{"rep edits an own account", "sales_rep", write.Update, "Account", owned("accounts", "sales_rep"), input.Object{"employees": int64(7)}, ""},
		{"rep writes a tax number", "sales_rep", write.Update, "Account", owned("accounts", "sales_rep"), input.Object{"taxNumber": "300"}, fault.Forbidden},
		{"rep edits a colleague's account", "sales_rep", write.Update, "Account", colleagues, input.Object{"employees": int64(7)}, ""},
		{"rep deletes a colleague's account", "sales_rep", write.Delete, "Account", colleagues, nil, fault.Forbidden},
		{"rep edits what is shared for reading", "sales_rep", write.Update, "Account", seen, input.Object{"employees": int64(7)}, fault.Forbidden},
		{"rep edits another team's account", "sales_rep", write.Update, "Account", elsewhere, input.Object{"employees": int64(7)}, fault.NotFound},
		{"rep deletes an own contact", "sales_rep", write.Delete, "Contact", owned("contacts", "sales_rep"), nil, ""},
		{"manager deletes a rep's account", "sales_manager", write.Delete, "Account", colleagues, nil, ""},
		{"success edits what is shared for editing", "customer_success", write.Update, "Account", one("SELECT record_id FROM shares WHERE grantee_id = ?", role("customer_success")), input.Object{"employees": int64(9)}, ""},

		{"agent keeps any contact", "service_agent", write.Update, "Contact", ours, input.Object{"title": "Caller"}, ""},
		{"agent takes a contact", "service_agent", write.Update, "Contact", ours, input.Object{"owner": role("service_agent").String()}, fault.Forbidden},
		{"finance keeps a tax number", "finance", write.Update, "Account", elsewhere, input.Object{"taxNumber": "GB123456789"}, ""},
		{"finance renames", "finance", write.Update, "Account", elsewhere, input.Object{"name": "Other"}, fault.Forbidden},
		{"auditor makes a tag", "auditor", write.Create, "Tag", id.ID{}, input.Object{"name": "Seen"}, fault.Forbidden},
		{"marketing makes a tag", "marketing", write.Create, "Tag", id.ID{}, input.Object{"name": "Spring"}, ""},
		{"rep gives himself a role", "sales_rep", write.Create, "RoleGrant", id.ID{}, input.Object{"user": role("sales_rep").String(), "role": seed.RoleID(w.Set, "administrator").String()}, fault.Forbidden},
		{"integration gives a role", "integration", write.Update, "User", role("sales_rep"), input.Object{"roles": []any{}}, fault.Forbidden},
		{"administrator takes a role", "administrator", write.Update, "User", role("legal"), input.Object{"roles": []any{}}, ""},
		{"administrator edits a shipped role", "administrator", write.Update, "Role", seed.RoleID(w.Set, "legal"), input.Object{"name": "Mine"}, fault.Conflict},
		{"administrator deletes a shipped role", "administrator", write.Delete, "Role", seed.RoleID(w.Set, "legal"), nil, fault.Conflict},
	}
	for _, c := range table {
		r := write.Request{Verb: c.verb, Kind: c.kind, Input: c.in}
		if !c.id.IsZero() {
			r.ID = &c.id
		}
		rows := count(t, d, "SELECT COUNT(*) FROM changes")
		ctx := access.With(t.Context(), actor(t, w, role(c.role)))
		err := w.Run(ctx, r, "", func(context.Context, *write.Tx, write.Outcome) error { return nil })
		if got := fault.CodeOf(err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if wrote := count(t, d, "SELECT COUNT(*) FROM changes") > rows; wrote != (c.want == "") {
			t.Errorf("%s: wrote change rows: %v", c.name, wrote)
		}
	}
}

// oneID returns the first id of a query.
func oneID(t *testing.T, d *testdb.DB, query string, args ...any) id.ID {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var x id.ID
	if err := tx.QueryRow(t.Context(), query+" LIMIT 1", args, &x); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return x
}
