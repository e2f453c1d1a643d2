package server

import (
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
	"farley/internal/stream"
)

// maxIdempotencyKey bounds the header Idempotency-Key.
const maxIdempotencyKey = 255

// post is GraphQL over HTTP by POST.
type post struct{ *Server }

var _ graphql.Transport = post{}

// Supports reports whether r is a POST.
func (post) Supports(r *http.Request) bool { return r.Method == http.MethodPost }

// Do answers r.
func (t post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	mediaType := negotiate(r.Header)
	if mediaType == "" {
		t.refuse(w, r, http.StatusNotAcceptable, notAcceptable())
		return
	}
	if err := checkContentType(r.Header); err != nil {
		t.refuse(w, r, http.StatusUnsupportedMediaType, err)
		return
	}
	r, ok := t.authenticate(w, r)
	if !ok {
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if _, sent := r.Header["Idempotency-Key"]; sent && !printable(key, maxIdempotencyKey) {
		t.refuse(w, r, http.StatusBadRequest, fault.New(fault.BadRequest,
			"The Idempotency-Key must have 1 to %d printable ASCII characters.", maxIdempotencyKey))
		return
	}
	params, err := t.readPost(w, r)
	if err != nil {
		status := http.StatusBadRequest
		if fault.CodeOf(err) == fault.Limited {
			status = http.StatusRequestEntityTooLarge
		}
		t.refuse(w, r, status, err)
		return
	}
	if key != "" {
		r = r.WithContext(stream.WithIdempotencyKey(r.Context(), key))
	}
	t.run(w, r, exec, mediaType, params)
}

func notAcceptable() error {
	return fault.New(fault.BadRequest, "None of the accepted content types can be given.")
}

// run executes a decoded request and writes its answer.
func (s *Server) run(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, mediaType string, params *graphql.RawParams) {
	ctx := r.Context()
	params.Headers = r.Header
	opCtx, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		s.respond(w, r, mediaType, exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs))
		return
	}
	kind := opCtx.Operation.Operation
	if r.Method == http.MethodGet && kind == ast.Mutation {
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.BadRequest, "GET allows queries only. Use POST."))
		return
	}
	if kind == ast.Subscription {
		err := fault.New(fault.BadRequest, "Subscriptions need a WebSocket or text/event-stream.")
		noteRefusal(ctx, err.Code)
		s.respond(w, r, mediaType, &graphql.Response{Errors: gqlerror.List{s.Presenter.Present(ctx, err)}})
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, opCtx)
	resp := responses(ctx)
	if resp == nil {
		s.refuse(w, r, http.StatusInternalServerError, fault.New(fault.Internal, "The server gave no answer."))
		return
	}
	s.respond(w, r, mediaType, resp)
}

// readPost reads the body within its time. The deadline is taken back afterwards: net/http keeps reading to notice a
// client that leaves, and would take the deadline for one.
func (s *Server) readPost(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	if s.limits.BodyTime > 0 {
		connection := http.NewResponseController(w) // where there are no deadlines, the server's own hold
		_ = connection.SetReadDeadline(time.Now().Add(s.limits.BodyTime))
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	}
	return decodePost(s.bounded(w, r))
}

// printable reports whether s has 1 to max printable ASCII characters.
func printable(s string, max int) bool {
	if s == "" || len(s) > max {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
