package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
)

// respond writes a response in the media type. A response without data is a refused request: as application/json it
// has status 200, because the request was well-formed HTTP; as application/graphql-response+json the status of its code.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, mediaType string, resp *graphql.Response) {
	status := http.StatusOK
	if resp.Data == nil && mediaType == typeResponse {
		status = statusOf(resp.Errors)
	}
	s.write(w, r, mediaType, status, resp)
}

// refuse answers a request that is not well-formed GraphQL over HTTP, in whatever media type.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	mediaType := negotiate(r.Header)
	if mediaType == "" {
		mediaType = typeJSON
	}
	presented := s.Presenter.Present(r.Context(), err)
	noteRefusal(r.Context(), codeOf(gqlerror.List{presented}))
	s.write(w, r, mediaType, status, &graphql.Response{Errors: gqlerror.List{presented}})
}

// contentTypes are the headers of answers by media type.
var contentTypes = map[string][]string{
	typeJSON:     {typeJSON + "; charset=utf-8"},
	typeResponse: {typeResponse + "; charset=utf-8"},
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, mediaType string, status int, resp *graphql.Response) {
	var body bytes.Buffer
	if err := encode(&body, resp); err != nil {
		status = http.StatusInternalServerError
		body.Reset()
		// the presented error holds strings only, so this cannot fail again
		_ = encode(&body, &graphql.Response{Errors: gqlerror.List{s.Presenter.Present(r.Context(), err)}})
	}
	header := w.Header()
	header["Content-Type"] = contentTypes[mediaType]
	if seconds, ok := retryAfter(resp.Errors); ok {
		header.Set("Retry-After", strconv.Itoa(seconds))
	}
	if s.limits.WriteTime > 0 {
		// a client that does not read must not hold the connection; where there are no deadlines, the server's own hold
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.WriteTime))
	}
	writeCompressed(w, r, status, body.Bytes())
}

// encode writes the response by hand: encoding/json would scan the finished data once more. There is no data member
// when nothing was executed.
func encode(w *bytes.Buffer, resp *graphql.Response) error {
	w.Grow(len(resp.Data) + 128)
	w.WriteByte('{')
	if len(resp.Errors) > 0 {
		if err := encodeMember(w, "errors", resp.Errors); err != nil {
			return err
		}
	}
	if resp.Data != nil {
		separate(w)
		w.WriteString(`"data":`)
		w.Write(resp.Data)
	}
	if cost, ok := resp.Extensions["cost"].(Cost); ok && len(resp.Extensions) == 1 { // nearly all answers
		separate(w)
		cost.encode(w)
	} else if len(resp.Extensions) > 0 {
		if err := encodeMember(w, "extensions", resp.Extensions); err != nil {
			return err
		}
	}
	w.WriteByte('}')
	return nil
}

// encode writes the extensions that have nothing else.
func (c Cost) encode(w *bytes.Buffer) {
	w.WriteString(`"extensions":{"cost":{"requested":`)
	w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(c.Requested), 10))
	w.WriteString(`,"limit":`)
	w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(c.Limit), 10))
	w.WriteString(`}}`)
}

func encodeMember(w *bytes.Buffer, name string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encode %s", name)
	}
	separate(w)
	w.WriteString(`"` + name + `":`)
	w.Write(raw)
	return nil
}

func separate(w *bytes.Buffer) {
	if w.Len() > 1 {
		w.WriteByte(',')
	}
}

func retryAfter(errs gqlerror.List) (int, bool) {
	for _, err := range errs {
		if seconds, ok := err.Extensions["retryAfter"].(int); ok {
			return seconds, true
		}
	}
	return 0, false
}

// statusOf is the HTTP status of a refused request, by its first error.
func statusOf(errs gqlerror.List) int {
	switch codeOf(errs) {
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		return http.StatusInternalServerError
	case fault.Limited:
		if _, ok := retryAfter(errs); ok {
			return http.StatusTooManyRequests
		}
	}
	return http.StatusBadRequest
}
