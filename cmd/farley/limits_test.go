package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/server"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	got, err := limits(map[string]string{"cost": "7", "budgetPerSecond": "-1", "bodyBytes": "5000000000", "operationTime": "90s"})
	want := server.Limits{Cost: 7, BudgetPerSecond: -1, BodyBytes: 5_000_000_000, OperationTime: 90 * time.Second}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("read as %+v, %v", got, err)
	}
	for _, bad := range []map[string]string{{"costs": "7"}, {"cost": "much"}, {"operationTime": "90"}} {
		if _, err := limits(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
