package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// X-Forwarded-For is read from the right, as far as trusted proxies wrote it.
func TestClient_believesOnlyTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		trusted    []netip.Prefix
		want       string
	}{
		{"no header", "192.0.2.1:5", nil, trusted, "192.0.2.1"},
		{"nobody is trusted", "10.0.0.1:5", []string{"198.51.100.7"}, nil, "10.0.0.1"},
		{"the peer is not trusted", "192.0.2.1:5", []string{"198.51.100.7"}, trusted, "192.0.2.1"},
		{"one proxy", "10.0.0.1:5", []string{"198.51.100.7"}, trusted, "198.51.100.7"},
		{"two proxies", "10.0.0.1:5", []string{"198.51.100.7, 10.0.0.2"}, trusted, "198.51.100.7"},
		{"the client invents", "10.0.0.1:5", []string{"203.0.113.9, 198.51.100.7"}, trusted, "198.51.100.7"},
		{"the client invents a proxy", "10.0.0.1:5", []string{"203.0.113.9, 10.0.0.9, 198.51.100.7, 10.0.0.2"}, trusted, "198.51.100.7"},
		{"several lines", "10.0.0.1:5", []string{"203.0.113.9", "198.51.100.7", "10.0.0.2"}, trusted, "198.51.100.7"},
		{"all are proxies", "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, trusted, "10.0.0.3"},
		{"unknown", "10.0.0.1:5", []string{"198.51.100.7, unknown, 10.0.0.2"}, trusted, "10.0.0.2"},
		{"nothing", "10.0.0.1:5", []string{""}, trusted, "10.0.0.1"},
		{"with a port", "10.0.0.1:5", []string{"198.51.100.7:4711"}, trusted, "198.51.100.7"},
		{"version 6", "[2001:db8:f::1]:5", []string{"2001:db8::7"}, trusted, "2001:db8::7"},
		{"version 6 with a port", "[2001:db8:f::1]:5", []string{"[2001:db8::7]:4711"}, trusted, "2001:db8::7"},
		{"version 6 in brackets", "[2001:db8:f::1]:5", []string{"[2001:db8::7]"}, trusted, "2001:db8::7"},
		{"mapped", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.7"}, trusted, "198.51.100.7"},
		{"endless", "10.0.0.1:5", []string{strings.Repeat("10.0.0.2,", 5000) + "10.0.0.3"}, trusted, "10.0.0.2"},
		{"no address", "pipe", []string{"198.51.100.7"}, trusted, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		for _, line := range c.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		if got := client(r, c.trusted).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
