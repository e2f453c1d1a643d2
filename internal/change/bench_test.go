package change_test

import (
	"testing"

	"farley/internal/change"
)

// The cost of a position, when there is a backlog. (On SQLite rows have them from the start.)
func BenchmarkSequence(b *testing.B) {
	d := onMariaDB(b)
	l := newLog(d, nil)
	var rows []change.Row
	for v := range 500 {
		rows = append(rows, row(newDeal(), int64(v+1), change.Updated))
	}
	for range b.N {
		b.StopTimer()
		write(b, d, l, rows...)
		b.StartTimer()
		if n, err := l.Sequence(b.Context()); n != 500 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N*500)/b.Elapsed().Seconds(), "positions/s")
}
