package server

import (
	"log/slog"
	"net/http"
	"testing"
)

// BenchmarkPost measures what this package and gqlgen's executor add to a query that does nothing.
func BenchmarkPost(b *testing.B) {
	s := setup(b, func(c *Config) { c.Limits.BudgetPerSecond = -1; c.Log = slog.New(slog.DiscardHandler) }, nil)
	b.ReportAllocs()
	for b.Loop() {
		resp, _ := s.do(b, http.MethodPost, "/graphql", `{"query":"query Named($n:Int){accounts(first:$n){edges{node{id name}}}}","variables":{"n":5}}`)
		if resp.StatusCode != http.StatusOK {
			b.Fatal(resp.StatusCode)
		}
	}
}
