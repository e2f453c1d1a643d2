package live

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
)

// subscribe starts an operation of any kind.
func (c *connection) subscribe(m message) *ending {
	if !c.isAcked() {
		return protocolError(codeUnauthorized, "Unauthorized")
	}
	params, err := parseParams(m.Payload)
	if err != nil {
		return protocolError(codeBadRequest, "Invalid message")
	}
	params.Headers = c.header

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return nil
	}
	if _, taken := c.operations[m.ID]; taken {
		return protocolError(codeDuplicate, "Subscriber for "+m.ID+" already exists")
	}
	if c.running >= c.cfg.MaxOperations {
		err := fault.New(fault.Limited, "At most %d operations may run on one socket.", c.cfg.MaxOperations)
		return c.say(errorMessage(m.ID, c.cfg.failure(c.ctx, err, "")))
	}
	ctx, cancel := context.WithCancel(c.ctx)
	op := &operation{id: m.ID, order: c.started, cancel: cancel}
	if c.operations == nil {
		c.operations = map[string]*operation{}
	}
	c.operations[m.ID] = op
	c.started++
	c.running++
	c.socket.running.Add(1)
	go c.execute(ctx, op, params)
	return nil
}

// complete ends an operation at the client's wish. An unknown id is one whose own end crossed the client's.
func (c *connection) complete(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	op, ok := c.operations[id]
	if !ok {
		return
	}
	delete(c.operations, id)
	op.canceled.Store(true)
	op.cancel()
}

// execute begins an operation.
func (c *connection) execute(ctx context.Context, op *operation, params *graphql.RawParams) {
	f, errs := c.begin(ctx, op, params)
	if f == nil {
		c.conclude(ctx, op, errs)
		return
	}
	c.advance(ctx, op, f)
}

// advance sends the results of an operation as far as they have come, and its end. No goroutine waits for the next one where
// the operation has a source.
func (c *connection) advance(ctx context.Context, op *operation, f *flow) {
	if waits, errs := f.advance(func() { go c.advance(ctx, op, f) }); !waits {
		c.conclude(ctx, op, errs)
	}
}

// conclude sends the end of an operation.
func (c *connection) conclude(ctx context.Context, op *operation, errs gqlerror.List) {
	defer c.socket.running.Done()
	defer func() {
		op.cancel()
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
	}()
	if op.unwritable != nil {
		errs = c.cfg.failure(ctx, op.unwritable, "")
	}
	if ctx.Err() != nil {
		return // ended from outside: the client knows, or the writer tells it
	}
	last := outgoing{op: op, final: true}
	if len(errs) > 0 {
		last.data = errorMessage(op.id, errs)
	} else {
		last.data = completeMessage(op.id)
	}
	c.send(ctx, last)
}

// begin readies an operation; nil with the errors that ended it before it ran. Who acts is found out anew: rights may have changed
// since the socket was opened.
func (c *connection) begin(ctx context.Context, op *operation, params *graphql.RawParams) (f *flow, errs gqlerror.List) {
	defer func() {
		if thrown := recover(); thrown != nil {
			f, errs = nil, c.cfg.failure(ctx, c.cfg.recovered(ctx, thrown), "")
		}
	}()
	acting, err := c.authenticate(ctx)
	if isRefusal(err) {
		c.end(sessionEnded())
		op.cancel()
		return nil, nil
	}
	if err != nil {
		c.cfg.Log.ErrorContext(ctx, "authentication on a socket failed", "error", err)
		return nil, c.cfg.failure(ctx, err, "")
	}
	p, errs := c.cfg.prepare(acting, c.exec, params, "")
	if len(errs) > 0 {
		return nil, errs
	}
	p.sub.Ask()
	start := nextPrefix(op.id)
	return &flow{cfg: &c.cfg.Config, p: p, ctx: acting, emit: func(result *graphql.Response, cursor string) bool {
		data := make([]byte, len(start), len(start)+len(result.Data)+64)
		copy(data, start)
		if data, op.unwritable = appendResponse(data, result); op.unwritable != nil {
			return false
		}
		return c.send(ctx, outgoing{data: append(data, '}'), op: op, cursor: cursor})
	}}, nil
}

// authenticate returns the context of who acts under the socket's present token.
func (c *connection) authenticate(ctx context.Context) (context.Context, error) {
	for {
		token := c.currentToken()
		acting, _, err := c.cfg.Auth.Authenticate(ctx, token)
		if err == nil || token == c.currentToken() {
			return acting, err
		}
		// A ping brought a fresh token while the old one was refused.
	}
}

func (c *connection) currentToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// send queues a message of an operation, waiting for room. A socket on which there is none for SlowAfter is ended: its
// reader does not keep up. After false the operation is cancelled.
func (c *connection) send(ctx context.Context, m outgoing) bool {
	full := c.out.put(m)
	if full == nil {
		return true
	}
	patience := c.cfg.Clock.After(c.cfg.SlowAfter)
	for full != nil {
		select {
		case <-full:
			full = c.out.put(m)
		case <-ctx.Done():
			return false
		case <-c.ended:
			m.op.cancel()
			return false
		case <-patience:
			c.end(slowConsumer())
			m.op.cancel()
			return false
		}
	}
	return true
}

func nextPrefix(id string) []byte {
	b := append([]byte(nil), `{"id":`...)
	b = append(b, quoted(id)...)
	return append(b, `,"type":"next","payload":`...)
}

func errorMessage(id string, errs gqlerror.List) []byte {
	b := append([]byte(nil), `{"id":`...)
	b = append(b, quoted(id)...)
	b = append(b, `,"type":"error","payload":`...)
	b = append(b, marshalErrors(errs)...)
	return append(b, '}')
}

func completeMessage(id string) []byte {
	b := append([]byte(nil), `{"id":`...)
	b = append(b, quoted(id)...)
	return append(b, `,"type":"complete"}`...)
}
