package server

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql"
)

// get is GraphQL over HTTP by GET: queries only, so that a link never changes anything.
type get struct{ *Server }

var _ graphql.Transport = get{}

// Supports reports whether r is a GET that does not ask for a socket.
func (get) Supports(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Upgrade") == ""
}

// Do answers r.
func (t get) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	mediaType := negotiate(r.Header)
	if mediaType == "" {
		t.refuse(w, r, http.StatusNotAcceptable, notAcceptable())
		return
	}
	r, ok := t.authenticate(w, r)
	if !ok {
		return
	}
	params, err := decodeGet(r.URL.RawQuery)
	if err != nil {
		t.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	t.run(w, r, exec, mediaType, params)
}
