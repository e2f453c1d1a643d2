package app_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"farley/internal/farleytest"
)

// BenchmarkImport measures an import of b.N accounts of usual width from a CSV file, with the check for duplicates, keys of an
// outside system, change rows and what undoing needs. -benchtime=50000x says how many.
func BenchmarkImport(b *testing.B) {
	e := farleytest.New(b)
	admin := e.Admin(b)
	var rows strings.Builder
	rows.WriteString("code,name,sector,revenue,staff,country,city,street,phone,mail,web\n")
	first, second := strings.Fields("Al Noor Cedar Palm Desert Atlas Nile Orient Gulf Summit Harbour Falcon Olive Crescent Dune Horizon"), strings.Fields("Trading Foods Logistics Systems Textiles Energy Motors Pharma Media Partners Steel Works")
	for i := range b.N {
		fmt.Fprintf(&rows, "K%d,%s %s %d,technolgy,%d.%02d,%d,United States,Springfield,\"Main Street %d\",+1 212 %07d,info@firm%d.example,https://www.firm%d.example\n",
			i, first[i%len(first)], second[i/7%len(second)], i, i%5000, i%100, i%9000, i%200, 2_000_000+i, i, i)
	}
	x := begin(b, admin, farleytest.Vars{"file": putRows(b, e, admin.User, "firms.csv", rows.String()), "object": "ACCOUNT", "onDuplicate": "SKIP", "mode": "UPSERT",
		"key": farleytest.Vars{"external": farleytest.Vars{"system": "bench", "column": "code"}},
		"columns": []any{
			farleytest.Vars{"column": "name", "to": "name"}, farleytest.Vars{"column": "sector", "to": "industry", "values": []any{farleytest.Vars{"from": "technolgy", "to": "Technology"}}},
			farleytest.Vars{"column": "revenue", "to": "annualRevenue", "multiply": "1000000", "currency": "USD"}, farleytest.Vars{"column": "staff", "to": "employees"},
			farleytest.Vars{"column": "country", "to": "addresses[0].country"}, farleytest.Vars{"column": "city", "to": "addresses[0].city"}, farleytest.Vars{"column": "street", "to": "addresses[0].street"},
			farleytest.Vars{"column": "phone", "to": "phones"}, farleytest.Vars{"column": "mail", "to": "emails"}, farleytest.Vars{"column": "web", "to": "website"},
		}})
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
