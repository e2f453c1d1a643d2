package oidc_test

import (
	"testing"

	"farley/internal/farleytest"
)

// What a token costs when it is remembered, and when it comes for the first time (of a user who is in step). The second
// wants -benchtime 500x: it makes so many tokens.
func BenchmarkAuthenticate(b *testing.B) {
	p := newProvider(b)
	e := farleytest.New(b, accepting(p))
	roles(b, e)
	user(b, e, "ann@example.com")
	first := p.draft(e, "s1", "ann@example.com", "crm-reader")
	authenticate := func(b *testing.B, token string) {
		if _, err := e.Outside.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("remembered", func(b *testing.B) {
		token := first.sign(b)
		for b.Loop() {
			authenticate(b, token)
		}
	})
	b.Run("first", func(b *testing.B) {
		if b.N > 500 {
			b.Skip("use -benchtime 500x")
		}
		tokens := make([]string, b.N)
		for n := range tokens {
			tokens[n] = first.with("jti", n).sign(b)
		}
		b.ResetTimer()
		for n := range tokens {
			authenticate(b, tokens[n])
		}
	})
}
