package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// realData names, in the environment, a folder with the whole data set (accounts.csv, products.csv, sales_pipeline.csv, sales_teams.csv).
const realData = "FARLEY_CRM_SALES_DATA"

func runImport(t *testing.T, data string, c importFiles) error {
	t.Helper()
	c.Data, c.ReportingCurrency, c.As = data, "USD", "admin@example.com"
	return c.Run(t.Context())
}

func firstAdministrator(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	tok := token{database: database{Data: data, ReportingCurrency: "USD"}, FirstAdministrator: "admin@example.com", Name: "Administrator"}
	if err := tok.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return data
}

func counted(t *testing.T, data string, queries ...string) []int {
	t.Helper()
	store, err := db.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(data, "farley.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	out := make([]int, len(queries))
	err = store.Find(t.Context(), func(tx *db.Tx) error {
		for i, q := range queries {
			if err := tx.QueryRow(t.Context(), q, nil, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const mappingFile = "../../examples/import/crm-sales/mapping.yml"

var crmFigures = []string{
	"SELECT COUNT(*) FROM branches", "SELECT COUNT(*) FROM teams", "SELECT COUNT(*) FROM users WHERE email LIKE '%@crm-sales.example'",
	"SELECT COUNT(*) FROM users WHERE manager_id IS NOT NULL", "SELECT COUNT(*) FROM users WHERE password_hash IS NOT NULL AND email LIKE '%@crm-sales.example'",
	"SELECT COUNT(*) FROM accounts", "SELECT COUNT(*) FROM accounts WHERE industry = 'Technology'", "SELECT COUNT(*) FROM accounts WHERE country = 'PH'",
	"SELECT COUNT(*) FROM products", "SELECT COUNT(*) FROM opportunities WHERE status = 'LOST' AND reason IS NOT NULL", "SELECT COUNT(*) FROM opportunities WHERE status = 'WON' AND owner_id IS NOT NULL",
	"SELECT SUM(closed_amount) FROM opportunities", "SELECT COUNT(*) FROM opportunities WHERE SUBSTR(closed_at, 1, 10) = close_date AND close_date < '2018-01-01'",
	"SELECT COUNT(*) FROM opportunity_lines l JOIN opportunities o ON o.id = l.opportunity_id WHERE l.product_id IS NOT NULL AND l.total = o.amount",
	"SELECT COUNT(*) FROM opportunity_steps", "SELECT SUM(seconds_in_stage) / 86400 FROM opportunity_steps", "SELECT COUNT(*) FROM opportunity_steps s JOIN opportunities o ON o.id = s.opportunity_id WHERE s.at IN (o.opened_at, o.closed_at)",
	"SELECT COUNT(*) FROM accounts WHERE parent_id IS NOT NULL", "SELECT SUM(annual_revenue) / 100 FROM accounts", "SELECT SUM(employees) FROM accounts",
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// One command brings the set in; the second time changes nothing.
func TestImport_crmSales(t *testing.T) {
	t.Parallel()
	data := firstAdministrator(t)
	want := []int{2, 2, 5, 3, 0, 4, 1, 1, 3, 1, 3, 3_135_100, 4, 4, 8, 132 + 137 + 120 + 363, 8, 1, 2_074_570_000, 2822 + 495 + 2448 + 12}
	for range 2 {
		if err := runImport(t, data, importFiles{Path: "testdata/crm-sales", Mapping: mappingFile}); err != nil {
			t.Fatal(err)
		}
		if got := counted(t, data, crmFigures...); !equalInts(got, want) {
			t.Errorf("figures are %v, want %v", got, want)
		}
	}
}

// The whole set, where it is to be had: the figures are those of the files.
func TestImport_crmSalesWhole(t *testing.T) {
	t.Parallel()
	folder := os.Getenv(realData)
	if folder == "" {
		t.Skip("set " + realData + " to a folder with the data set")
	}
	read := func(name string) [][]string {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	offices, managers := map[string]bool{}, map[string]bool{}
	people := read("sales_teams.csv")
	for _, r := range people {
		offices[r[2]], managers[r[1]] = true, true
	}
	accounts := read("accounts.csv")
	technology, philippines := 0, 0
	for _, r := range accounts {
		if r[1] == "technolgy" {
			technology++
		}
		if r[5] == "Philipines" {
			philippines++
		}
	}
	won, lost, worth, days := 0, 0, 0, 0
	day := func(s string) time.Time {
		at, err := time.Parse("1/2/2006", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	deals := read("sales_pipeline.csv")
	for _, r := range deals {
		n, err := strconv.Atoi(r[6])
		if err != nil {
			t.Fatal(err)
		}
		worth += 100 * n
		days += int(day(r[5]).Sub(day(r[4])) / (24 * time.Hour))
		if r[3] == "Won" {
			won++
		} else {
			lost++
		}
	}
	data := firstAdministrator(t)
	for range 2 {
		if err := runImport(t, data, importFiles{Path: folder, Mapping: mappingFile}); err != nil {
			t.Fatal(err)
		}
		got := counted(t, data, crmFigures[:17]...)
		want := []int{len(offices), len(offices), len(people) + len(managers), len(people), 0, len(accounts), technology, philippines, len(read("products.csv")), lost, won, worth, len(deals), len(deals), 2 * len(deals), days, 2 * len(deals)}
		if !equalInts(got, want) {
			t.Errorf("figures are %v, want %v", got, want)
		}
	}
}

// What cannot be taken gives the exit code 2, a dry run keeps nothing, and what was imported can be taken back.
func TestImport_codes(t *testing.T) {
	t.Parallel()
	data := firstAdministrator(t)
	folder := t.TempDir()
	for name, content := range map[string]string{
		"x.csv":       "name,staff\nAlpha,12\nBeta,many\n",
		"mapping.yml": "object: ACCOUNT\nkey: {row: true}\ncolumns:\n  - {column: name, to: name}\n  - {column: staff, to: employees}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := importFiles{Path: filepath.Join(folder, "x.csv"), Mapping: filepath.Join(folder, "mapping.yml")}
	code := func(err error) int {
		var e *exitError
		if !errors.As(err, &e) {
			t.Fatalf("the command ends with %v", err)
		}
		return e.ExitCode()
	}
	dry := c
	dry.Trial = true
	if got := code(runImport(t, data, dry)); got != someFailed {
		t.Errorf("the dry run ends with %d, want %d", got, someFailed)
	}
	live := "SELECT COUNT(*) FROM accounts WHERE deleted_at IS NULL"
	if got := counted(t, data, live); got[0] != 0 {
		t.Errorf("the dry run has made %d accounts", got[0])
	}
	if got := code(runImport(t, data, c)); got != someFailed {
		t.Errorf("the import ends with %d, want %d", got, someFailed)
	}
	if got := counted(t, data, live); got[0] != 1 {
		t.Errorf("the import has made %d accounts, want 1", got[0])
	}
	if err := runImport(t, data, importFiles{Undo: lastImport(t, data)}); err != nil {
		t.Fatal(err)
	}
	if got := counted(t, data, live); got[0] != 0 {
		t.Errorf("undoing has left %d accounts", got[0])
	}
	if err := runImport(t, data, importFiles{Path: c.Path}); err == nil || !strings.Contains(err.Error(), "mapping") {
		t.Errorf("without a mapping: %v", err)
	}
}

func lastImport(t *testing.T, data string) string {
	t.Helper()
	store, err := db.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(data, "farley.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var x id.ID
	err = store.Find(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow(context.Background(), "SELECT id FROM import_runs ORDER BY id DESC LIMIT 1", nil, &x)
	})
	if err != nil {
		t.Fatal(err)
	}
	return x.String()
}

// What --suggest prints is a mapping.
func TestImport_suggest(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	c := importFiles{Path: "testdata/crm-sales/accounts.csv", Object: "accounts"}
	if err := c.suggest(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"object: ACCOUNT", "to: name", "to: industry", "to: annualRevenue", "to: employees", "to: addresses[0].country", "to: parent"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
