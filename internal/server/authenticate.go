package server

import (
	"net/http"
	"strings"

	"farley/internal/fault"
)

// authenticate returns r with the context of who sends it. A token that is present but not valid is answered with
// status 401 in every media type; without a token the caller is anonymous. Session ends do not matter here: a request
// is over within Limits.OperationTime.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	token, err := bearer(r.Header)
	if err == nil {
		ctx, _, authErr := s.config.Auth.Authenticate(r.Context(), token)
		if authErr == nil {
			return r.WithContext(ctx), true
		}
		err = authErr
	}

	status := http.StatusInternalServerError
	switch fault.CodeOf(err) {
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.Limited:
		status = http.StatusTooManyRequests
	case fault.Unavailable:
		status = http.StatusServiceUnavailable
	}
	s.refuse(w, r, status, err)
	return nil, false
}

// bearer returns the token of the header Authorization, "" when there is no such header.
func bearer(header http.Header) (string, error) {
	value := header.Get("Authorization")
	if value == "" {
		return "", nil
	}
	scheme, token, _ := strings.Cut(value, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.Unauthenticated, "The authorization must be a bearer token.")
	}
	return token, nil
}
