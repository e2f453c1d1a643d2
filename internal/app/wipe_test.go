package app_test

import (
	"slices"
	"strings"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest"
)

// wiped says of every table beside the records that has texts how it gives up what it knows of somebody whose data are
// erased, or why there is nothing of anybody in it. A new table has to be added here, and to app.keepPrivacy or the like.
var wiped = map[string]string{
	"changes":            "History and Erase take the values, WipeAddresses the addresses of a user",
	"audit_entries":      "audit.WipeUser; there are no values in it",
	"external_refs":      "write.Tx.Erase deletes the keys of the record",
	"record_phones":      "rule.ForgetPhones",
	"search_terms":       "search.Index.Forget, and the change row ERASED for followers that are behind",
	"jobs":               "mail.Queue.Wipe for mails; others name records by id",
	"sessions":           "identity.Service.Wipe empties the names of devices",
	"api_keys":           "identity.Service.Wipe empties the names",
	"password_tokens":    "identity.Service.Wipe deletes them",
	"outside_identities": "identity.Service.Wipe deletes them",
	"stream_tickets":     "identity.Service.Wipe deletes them; hashes",
	"custom_values":      "rule.WipeCustom",
	"import_rows":        "importer.Service.wipe: the old values of the record go, and the file it came in",
	"import_errors":      "importer.Service.wipe, with the file",
	"forecast_stands":    "none: figures of deals by their ids, gone with them",
	"forecast_days":      "none: days",
	"idempotency_keys":   "hashes of keys and requests, ids as outcomes; a day",

	"refresh_tokens":    "none: hashes of random tokens",
	"sign_in_counters":  "none: keyed hashes; a day",
	"schema_migrations": "none: names of migrations",
	"schema_lock":       "none: who migrates",
}

// impersonal are the kinds of records with texts that are about no person whose data can be erased.
var impersonal = []string{"AccountTeamMember", "Announcement", "Branch", "ContactPlan", "CustomField", "ExchangeRate", "Export", "File", "ForecastAdjustment", "Import", "IncentiveParticipant", "IncentivePlan", "LifecycleStage", "OpportunityLine", "Pipeline", "Product", "ProductCategory", "Recurrence", "RetentionRule", "Role", "RoleGrant", "Stage", "Tag", "Team", "Territory", "WorkingCalendar"}

// Every table with texts is one of which it is known how what is personal leaves it.
func TestWipe_knowsEveryTable(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		records := map[string]bool{}
		for _, k := range e.Set.Kinds {
			records[k.Table] = true
			personal, texts := false, false
			for _, f := range k.Fields {
				personal = personal || f.Personal
				texts = texts || f.Scalar == "String" && !f.Internal && len(f.Values) == 0
			}
			known := k.Person || len(k.About) > 0
			if known == slices.Contains(impersonal, k.Name) && (texts || known) {
				t.Errorf("%s has texts and is about people: %v; say in ent/schema whom it is about (About), or here that it is about nobody", k.Name, known)
			}
			if personal && !known {
				t.Errorf("%s has personal fields and is about nobody", k.Name)
			}
			for _, f := range k.Fields {
				target := e.Set.Kind(f.Target)
				if f.Column == "" || target == nil || !target.Person || slices.Contains(k.About, f.Name) {
					continue
				}
				if !slices.Contains([]string{"partner", "partnerAccount", "parent", "referredBy", "AccountTeamMember.account"}, f.Name) && k.Name+"."+f.Name != "AccountTeamMember.account" {
					t.Errorf("%s.%s leads to a person and is not in About", k.Name, f.Name)
				}
			}
		}
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		found := map[string]bool{}
		for _, name := range tableNames(t, e, tx) {
			if records[name] || strings.HasPrefix(name, "sqlite_") {
				continue
			}
			query := "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND (data_type LIKE '%char%' OR data_type LIKE '%text%' OR data_type = 'json')"
			if e.DB.Dialect == db.SQLite {
				query = "SELECT COUNT(*) FROM pragma_table_info(?) WHERE UPPER(type) LIKE '%TEXT%' OR UPPER(type) LIKE '%CHAR%'"
			}
			var n int
			if err := tx.QueryRow(t.Context(), query, []any{name}, &n); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				continue
			}
			found[name] = true
			if wiped[name] == "" {
				t.Errorf("the table %s has %d columns of text: say how what is personal leaves it", name, n)
			}
		}
		for name := range wiped {
			if !found[name] && e.DB.Dialect == db.SQLite && name != "schema_lock" { // MariaDB keeps some texts in binary columns
				t.Errorf("there is no table %s with texts", name)
			}
		}
	})
}
