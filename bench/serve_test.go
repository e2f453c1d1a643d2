package bench

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"farley/internal/app"
	"farley/internal/farleytest"
)

// sink takes an answer and keeps its size.
type sink struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return s.body.Write(b) }

// BenchmarkServe measures the requests within one process, without connections: what the server itself costs, and the
// statements, and the same by hand. Profiles of it show what is left.
func BenchmarkServe(b *testing.B) {
	for _, name := range []string{"sqlite", "mariadb"} {
		b.Run(name, func(b *testing.B) {
			f := newFirm(b, databases()[name](b), sizes{2_000, 6_000, 4_000, 40})
			e := farleytest.On(b, f.DB, func(c *app.Config) { c.Log = slog.New(slog.DiscardHandler); c.Limits.BudgetPerSecond = -1 })
			token := e.SignIn(b, f.rep).Token
			byHand, err := newHandler(b.Context(), f.URL, f.rep, f.team)
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range f.requests() {
				b.Run(r.name, func(b *testing.B) {
					serve(b, e.Server, "/graphql", token, func(i int) []byte { return r.body(b, i) })
				})
				b.Run(r.name+"-by-hand", func(b *testing.B) {
					serve(b, &byHand.mux, "/"+r.name, "", func(i int) []byte { return r.plain(b, 1_000_000+i) })
				})
			}
		})
	}
}

func serve(b *testing.B, h http.Handler, path, token string, body func(i int) []byte) {
	b.Helper()
	b.ReportAllocs()
	n := 0
	out := &sink{header: http.Header{}}
	for b.Loop() {
		n++
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, path, bytes.NewReader(body(n)))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		clear(out.header)
		out.status = 0
		out.body.Reset()
		h.ServeHTTP(out, req)
		if out.status > http.StatusOK || bytes.Contains(out.body.Bytes(), []byte(`"errors"`)) {
			b.Fatalf("%d %s", out.status, out.body.Bytes())
		}
	}
}
