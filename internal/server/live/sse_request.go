package live

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/fault"
)

// params reads the operation from the query of a GET or the body of a POST.
func (s *SSE) params(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	params, err := s.rawParams(w, r)
	if err != nil {
		return nil, err
	}
	params.Headers = r.Header
	return params, nil
}

func (s *SSE) rawParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	if r.Method == http.MethodGet {
		return queryParams(r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxMessageBytes))
	if isTooLong(err) {
		return nil, fault.Wrap(fault.Limited, err, "A request may have %d bytes.", s.cfg.MaxMessageBytes)
	}
	if err != nil {
		return nil, errBadRequest(err)
	}
	params, err := parseParams(body)
	if err != nil {
		return nil, errBadRequest(err)
	}
	return params, nil
}

// queryParams reads the operation from the URL. Variables and extensions are JSON objects there.
func queryParams(r *http.Request) (*graphql.RawParams, error) {
	query := r.URL.Query()
	members := map[string]json.RawMessage{
		"query":         quoted(query.Get("query")),
		"operationName": quoted(query.Get("operationName")),
	}
	for _, name := range []string{"variables", "extensions"} {
		if value := query.Get(name); value != "" {
			members[name] = json.RawMessage(value)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, errBadRequest(err)
	}
	params, err := parseParams(text)
	if err != nil {
		return nil, errBadRequest(err)
	}
	return params, nil
}

func isTooLong(err error) bool {
	var tooLong *http.MaxBytesError
	return errors.As(err, &tooLong)
}

func errBadRequest(cause error) error {
	return fault.Wrap(fault.BadRequest, cause, "The request is not a well-formed GraphQL request.")
}

// refuse answers err as an HTTP error.
func (s *SSE) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch fault.CodeOf(err) {
	case fault.BadRequest:
		status = http.StatusBadRequest
	case fault.Unauthenticated:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.Limited:
		status = http.StatusTooManyRequests
		if isTooLong(err) {
			status = http.StatusRequestEntityTooLarge
		}
	case fault.Unavailable:
		status = http.StatusServiceUnavailable
	}
	s.cfg.refuse(w, r, err, status)
}

// refuse answers a request with err as JSON.
func (c *Config) refuse(w http.ResponseWriter, r *http.Request, err error, status int) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body := append([]byte(`{"errors":`), marshalErrors(c.failure(r.Context(), err, ""))...)
	_, _ = w.Write(append(body, '}'))
}
