package server

import (
	"net/http"
	"net/url"
	"strings"
)

// origins are those whose pages may call.
type origins struct {
	any     bool
	allowed map[string]bool
}

func newOrigins(list []string) origins {
	o := origins{allowed: map[string]bool{}}
	for _, origin := range list {
		o.any = o.any || origin == "*"
		o.allowed[strings.ToLower(strings.TrimSuffix(origin, "/"))] = true
	}
	return o
}

// allow reports whether r may come from where it comes from, and sets the CORS headers if it is a page of a configured
// origin. Farley reads no cookies, so no credentials are allowed along.
func (o origins) allow(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !o.any && !o.allowed[strings.ToLower(origin)] {
		return sameHost(origin, r.Host)
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		header.Set("Access-Control-Allow-Methods", "GET, POST")
		header.Set("Access-Control-Allow-Headers",
			"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id")
		header.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// sameHost compares without the scheme, which a proxy that ends TLS hides from us.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}
