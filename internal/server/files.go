package server

import (
	"net/http"
	"time"

	"farley/internal/fault"
)

// Files answers the addresses of files, /files/<token>, and returns what is to be said instead of an answer. What it has
// begun to answer it ends by itself.
type Files func(w http.ResponseWriter, r *http.Request) error

// serveFiles gives files the origins, deadlines and errors of everything else. The token in the path is all the right that
// is needed: an address is for a short time, and can stand in a page.
func (s *Server) serveFiles(w http.ResponseWriter, r *http.Request, files Files) {
	header := w.Header()
	header.Set("Cache-Control", "private, no-store")
	header.Set("Vary", "Accept-Language, Origin")
	if !s.origins.allowFiles(w, r) {
		s.refuse(w, r, http.StatusForbidden, fault.New(fault.Forbidden, "Requests from this origin are not allowed."))
		return
	}
	const methods = "GET, HEAD, PUT, OPTIONS"
	switch r.Method {
	case http.MethodOptions:
		header.Set("Allow", methods)
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPut:
		if s.limits.UploadTime > 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.UploadTime))
			defer func() { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }()
		}
	case http.MethodGet, http.MethodHead:
		w = &patient{w, s.limits.WriteTime}
	default:
		header.Set("Allow", methods)
		s.refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.BadRequest, "This method is not allowed here."))
		return
	}
	if err := files(w, r); err != nil {
		s.refuse(w, r, fileStatus(err), err)
	}
}

func fileStatus(err error) int {
	switch fault.CodeOf(err) {
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Conflict:
		return http.StatusConflict
	case fault.Limited:
		return http.StatusRequestEntityTooLarge
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.BadRequest:
		return http.StatusBadRequest
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// patient lets an answer take as long as it likes while the client reads: each piece has a time of its own.
type patient struct {
	http.ResponseWriter
	each time.Duration
}

// Unwrap lets http.ResponseController reach the writer inside.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	if p.each > 0 {
		_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(p.each))
	}
	return p.ResponseWriter.Write(b)
}
