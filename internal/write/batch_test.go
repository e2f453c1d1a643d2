package write_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/write"
)

func wide(i int) input.Object {
	return input.Object{
		"name": fmt.Sprintf("Company %d Trading", i), "legalName": fmt.Sprintf("Company %d Trading LLC", i), "industry": "retail", "website": fmt.Sprintf("https://www.company%d.example", i),
		"employees": int64(i % 5000), "annualRevenue": map[string]any{"amount": "1100040000", "currency": "USD"}, "kinds": []any{"CUSTOMER"},
		"phones": []any{fmt.Sprintf("+966112%06d", i)}, "emails": []any{fmt.Sprintf("info@company%d.example", i)}, "source": "import",
		"addresses": []any{map[string]any{"kind": "BILLING", "street": "King Fahd Road 1", "city": "Riyadh", "country": "SA", "postalCode": "11564"}},
	}
}

func BenchmarkBuffered(b *testing.B) {
	e := farleytest.New(b)
	admin := e.Admin(b)
	actor, err := e.Identity.Actor(b.Context(), admin.User)
	if err != nil {
		b.Fatal(err)
	}
	ctx := access.With(b.Context(), actor)
	k := e.Set.Kind("Account")
	const batch = 2000
	b.ResetTimer()
	cpu := spent()
	for n := 0; n < b.N; n += batch {
		err := e.Write.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
			return tx.Buffered(ctx, func(ctx context.Context) error {
				for i := n; i < n+batch; i++ {
					if _, err := tx.Create(ctx, k, wide(i), "ALLOW"); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((spent()-cpu).Microseconds())/float64(b.N), "cpu-µs/row")
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
