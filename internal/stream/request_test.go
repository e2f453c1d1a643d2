package stream_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"farley/internal/stream"
)

func TestLocale(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":                            "en",
		"ar":                          "ar",
		"ar-SA,ar;q=0.9,en;q=0.5":     "ar",
		"en-GB, ar;q=0.3":             "en",
		"fr, ar;q=0.4":                "ar",
		"de":                          "en",
		"*":                           "en",
		";;;":                         "en",
		strings.Repeat("ar,", 10_000): "en",
	}
	for header, want := range cases {
		if got := stream.Locale(stream.WithLocale(t.Context(), header)); got != want {
			t.Errorf("Locale(%.40q) = %q, want %q", header, got, want)
		}
	}
	if got := stream.Locale(context.Background()); got != "en" {
		t.Errorf("Locale without a header = %q, want en", got)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	if got := stream.IdempotencyKey(stream.WithIdempotencyKey(t.Context(), "k1")); got != "k1" {
		t.Errorf("IdempotencyKey = %q, want k1", got)
	}
	if got := stream.IdempotencyKey(stream.WithIdempotencyKey(t.Context(), "")); got != "" {
		t.Errorf("IdempotencyKey = %q, want none", got)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	if got := stream.RequestID(stream.WithRequestID(t.Context(), "r1")); got != "r1" {
		t.Errorf("RequestID = %q, want r1", got)
	}
	if got := stream.RequestID(t.Context()); got != "" {
		t.Errorf("RequestID = %q, want none", got)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	if got := stream.Address(context.Background()); got.IsValid() {
		t.Errorf("an address from nowhere: %s", got)
	}
	for text, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1"} {
		if got := stream.Address(stream.WithAddress(context.Background(), netip.MustParseAddr(text))).String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
