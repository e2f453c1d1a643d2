package server

import (
	_ "embed"
	"net/http"
)

//go:embed playground/index.html
var playgroundHTML []byte

//go:embed playground/app.js
var playgroundJS []byte

//go:embed playground/style.css
var playgroundCSS []byte

// playgroundPolicy lets the page load its own files, talk to its own server, and nothing else.
const playgroundPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// addPlayground serves the page for trying queries. It comes without anything from other servers.
func addPlayground(mux *http.ServeMux) {
	files := map[string]struct {
		contentType string
		content     []byte
	}{
		"GET /{$}":                  {"text/html; charset=utf-8", playgroundHTML},
		"GET /playground/app.js":    {"text/javascript; charset=utf-8", playgroundJS},
		"GET /playground/style.css": {"text/css; charset=utf-8", playgroundCSS},
	}
	for pattern, file := range files {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.contentType)
			w.Header().Set("Content-Security-Policy", playgroundPolicy)
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(file.content)
		})
	}
}
