package seed_test

import (
	"context"
	"testing"
	"time"

	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/money"
	"farley/internal/rule"
	"farley/internal/write"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

type noSessions struct{}

func (noSessions) EndSessions(context.Context, *write.Tx, id.ID) error { return nil }

func writer(t *testing.T, d *testdb.DB) *write.Writer {
	t.Helper()
	book, err := money.NewBook("USD", map[string]string{"SAR": "0.2667", "AED": "0.2723", "EUR": "1.08", "GBP": "1.27", "EGP": "0.02"})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewTest(noon)
	return &write.Writer{
		DB: d.DB, Set: model.Kinds(), Log: change.NewLog(d.DB, change.Options{Clock: c}), Clock: c, Money: book, Rules: rule.Rules(noSessions{}, nil),
	}
}

// count returns the one number of a query.
func count(t *testing.T, d *testdb.DB, query string, args ...any) int {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var n int
	if err := tx.QueryRow(t.Context(), query, args, &n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
