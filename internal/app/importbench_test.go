package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"farley/internal/farleytest"
	"farley/internal/input"
)

// BenchmarkImport measures an import of b.N accounts from a CSV file, with the check for duplicates, keys of an outside system,
// change rows and what undoing needs. "six columns" are rows as those of examples/import/crm-sales; "eleven columns" have an address, a
// telephone number, a mail address and a website as well, which makes five keys by which duplicates are found instead of one.
// "of a team": whoever imports is in a team, so that the accounts are the team's as well, and stand in its indexes.
// -benchtime=50000x says how many.
func BenchmarkImport(b *testing.B) {
	first, second := strings.Fields("Al Noor Cedar Palm Desert Atlas Nile Orient Gulf Summit Harbour Falcon Olive Crescent Dune Horizon"), strings.Fields("Trading Foods Logistics Systems Textiles Energy Motors Pharma Media Partners Steel Works")
	column := func(name, to string, more farleytest.Vars) any {
		out := farleytest.Vars{"column": name, "to": to}
		maps.Copy(out, more)
		return out
	}
	firm := []any{
		column("name", "name", nil), column("sector", "industry", farleytest.Vars{"values": []any{farleytest.Vars{"from": "technolgy", "to": "Technology"}}}),
		column("revenue", "annualRevenue", farleytest.Vars{"multiply": "1000000", "currency": "USD"}), column("staff", "employees", nil), column("country", "addresses[0].country", nil),
	}
	name := func(i int) string {
		return fmt.Sprintf("K%d,%s %s %d,technolgy,%d.%02d,%d,United States", i, first[i%len(first)], second[i/7%len(second)], i, i%5000, i%100, i%9000)
	}
	b.Run("six columns", func(b *testing.B) {
		benchmarkImport(b, false, "code,name,sector,revenue,staff,country", firm, name)
	})
	b.Run("six columns, of a team", func(b *testing.B) {
		benchmarkImport(b, true, "code,name,sector,revenue,staff,country", firm, name)
	})
	b.Run("eleven columns", func(b *testing.B) {
		columns := append(slices.Clone(firm), column("city", "addresses[0].city", nil), column("street", "addresses[0].street", nil), column("phone", "phones", nil), column("mail", "emails", nil), column("web", "website", nil))
		benchmarkImport(b, false, "code,name,sector,revenue,staff,country,city,street,phone,mail,web", columns, func(i int) string {
			return name(i) + fmt.Sprintf(",Springfield,\"Main Street %d\",+1 212 %07d,info@firm%d.example,https://www.firm%d.example", i%200, 2_000_000+i, i, i)
		})
	})
}

func benchmarkImport(b *testing.B, team bool, header string, columns []any, row func(i int) string) {
	e := farleytest.New(b)
	admin := e.Admin(b)
	if team {
		e.Change(b, admin.User, input.Object{"team": e.Make(b, "Team", input.Object{"name": "Sales"}).String()})
	}
	var rows strings.Builder
	rows.WriteString(header + "\n")
	for i := range b.N {
		rows.WriteString(row(i) + "\n")
	}
	x := begin(b, admin, farleytest.Vars{"file": putRows(b, e, admin.User, "firms.csv", rows.String()), "object": "ACCOUNT", "onDuplicate": "SKIP", "mode": "UPSERT",
		"key": farleytest.Vars{"external": farleytest.Vars{"system": "bench", "column": "code"}}, "columns": columns})
	b.ResetTimer()
	cpu, began := spent(), time.Now()
	if _, err := e.Jobs.CatchUp(b.Context(), 1000, func() {}); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/took.Seconds(), "rows/s")
	b.ReportMetric(float64((spent()-cpu).Microseconds())/float64(b.N), "cpu-µs/row")
	d := importOf(b, admin, x)
	if got := figures(d); got["created"]+got["skipped"] != b.N {
		b.Errorf("the figures are %v, want %d rows taken", got, b.N)
	}
	b.Log(d.JSON())
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
