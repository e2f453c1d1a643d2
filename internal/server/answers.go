package server

import (
	"net/http"

	"farley/internal/fault"
)

// serveAnswers shows an invitation, and takes the answer to it: pages without scripts, which nobody keeps, frames or hears of. Where
// the form was sent from does not matter: who has the address has all the right that there is.
func (s *Server) serveAnswers(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "private, no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Robots-Tag", "noindex")
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		header.Set("Allow", "GET, HEAD, POST")
		s.refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.BadRequest, "This method is not allowed here."))
		return
	}
	if err := s.config.Answers(w, r); err != nil {
		s.refuse(w, r, fileStatus(err), err)
	}
}
