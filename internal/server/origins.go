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
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, "+
			strings.Join(preflight, ", "))
		header.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// allowFiles is allow for the addresses of files, whose parts may be asked for, and to which files are put.
func (o origins) allowFiles(w http.ResponseWriter, r *http.Request) bool {
	if !o.allow(w, r) {
		return false
	}
	header := w.Header()
	if header.Get("Access-Control-Allow-Origin") == "" {
		return true
	}
	header.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, X-Request-Id, Retry-After")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if header.Get("Access-Control-Allow-Methods") != "" {
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT")
		header.Set("Access-Control-Allow-Headers", "Content-Type, Range, If-Range, X-Request-Id")
	}
	return true
}

// sameHost compares without the scheme, which a proxy that ends TLS hides from us.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}
