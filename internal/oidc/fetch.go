package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	// fetchTime bounds one refresh: discovery and keys together.
	fetchTime = 5 * time.Second
	// maxDocument bounds what is read of a discovery document or a key set, in bytes.
	maxDocument  = 512 << 10
	maxRedirects = 3
)

// newClient returns a client that fetches documents of one issuer. Unless the issuer is inside a private network it
// reaches public addresses only, whatever a name resolves to at that moment; redirects stay at the host; no proxy is
// used, because the proxy would decide where the connection goes.
func newClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTime}
	if !private {
		dialer.Control = publicOnly
	}
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: fetchTime,
			ResponseHeaderTimeout: fetchTime, MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
		},
		CheckRedirect: sameHost,
	}
}

var errPrivate = errors.New("the address is not a public one (privateAddresses allows it)")

// publicOnly refuses a connection after the name has been resolved, so that no second answer can slip by.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(at.Addr()) {
		return errPrivate
	}
	return nil
}

// special are addresses that are not private in the sense of the standard library and not public either: carriers'
// networks (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544), the reserved class E, and IPv6 forms that
// carry an IPv4 address (RFC 6052, RFC 3056, RFC 8215).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	if first := via[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host {
		return errors.New("a redirect leads to another host")
	}
	return nil
}

// get reads a JSON document.
func get(ctx context.Context, client *http.Client, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", address, res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(b) > maxDocument {
		return fmt.Errorf("%s is longer than %d bytes", address, maxDocument)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

// discover returns where an issuer has its keys (OpenID Connect Discovery 1.0, section 4).
func discover(ctx context.Context, client *http.Client, issuer string) (string, error) {
	var d struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := get(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &d); err != nil {
		return "", err
	}
	if d.Issuer != issuer {
		return "", errors.New("the discovery document is another issuer's")
	}
	if err := goodAddress(d.JWKSURI); err != nil {
		return "", fmt.Errorf("jwks_uri of the discovery document: %w", err)
	}
	own, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(d.JWKSURI, "http:") && own.Scheme != "http" {
		return "", errors.New("jwks_uri of the discovery document: it is not an https address")
	}
	return d.JWKSURI, nil
}
