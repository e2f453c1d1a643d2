package live

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/coder/websocket"
)

// write delivers the outbox, watches clock and session, and ends the socket.
func (c *connection) write() {
	defer c.socket.running.Done()
	defer c.socket.remove(c)
	defer c.cancel()
	defer func() {
		if thrown := recover(); thrown != nil {
			_ = c.cfg.recovered(c.ctx, thrown)
			_ = c.ws.CloseNow()
		}
	}()
	nextPing := c.opened.Add(c.cfg.PingInterval)
	alarm := c.alarm(&nextPing)
	revoked := c.currentRevoked()
	for {
		select {
		case <-c.ended:
			c.finish()
			return
		case <-alarm:
			alarm = c.alarm(&nextPing)
		case <-c.changed:
			alarm, revoked = c.alarm(&nextPing), c.currentRevoked()
		case <-revoked:
			// It may be the session before the present one.
			if revoked = c.currentRevoked(); isClosed(revoked) {
				c.end(sessionEnded())
			}
		case <-c.out.ready:
			if c.isEnded() {
				continue // what waits may no longer be theirs to read
			}
			if m, ok := c.out.take(); ok && !c.deliver(context.Background(), m) {
				c.end(ending{})
			}
		}
	}
}

// alarm does what is due and returns a channel that wakes at the next thing to do, nil when the socket has ended.
func (c *connection) alarm(nextPing *time.Time) <-chan time.Time {
	for !c.isEnded() {
		next := c.due(c.cfg.Clock.Now(), nextPing)
		bell := c.cfg.Clock.After(next.Sub(c.cfg.Clock.Now()))
		// The clock may have moved between reading it and setting the bell.
		if c.cfg.Clock.Now().Before(next) {
			return bell
		}
	}
	return nil
}

// due does what is due at now and returns when the next thing is.
func (c *connection) due(now time.Time, nextPing *time.Time) time.Time {
	c.mu.Lock()
	acked, expiry := c.acked, c.session.ExpiresAt
	c.mu.Unlock()
	if !acked {
		deadline := c.opened.Add(c.cfg.InitTimeout)
		if !now.Before(deadline) {
			c.end(*protocolError(codeInitTimeout, "Connection initialisation timeout"))
		}
		return deadline
	}
	if !expiry.IsZero() && !now.Before(expiry) {
		c.end(sessionEnded())
		return expiry
	}
	idle := c.lastHeard.Load().Add(c.cfg.IdleTimeout)
	if !now.Before(idle) {
		c.end(*protocolError(codeIdle, "No sign of life"))
		return idle
	}
	if !now.Before(*nextPing) {
		*nextPing = now.Add(c.cfg.PingInterval)
		if e := c.say([]byte(`{"type":"ping"}`)); e != nil {
			c.end(*e)
		}
	}
	next := *nextPing
	if idle.Before(next) {
		next = idle
	}
	if !expiry.IsZero() && expiry.Before(next) {
		next = expiry
	}
	return next
}

func (c *connection) currentRevoked() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Revoked
}

// deliver writes one message. After false the connection is gone.
func (c *connection) deliver(ctx context.Context, m outgoing) bool {
	if m.op != nil {
		if m.final {
			c.release(m.op) // before writing: once the client has read it, the id is free
		}
		if m.op.canceled.Load() {
			return true
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.WriteTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, m.data); err != nil {
		return false
	}
	if m.op != nil && m.cursor != "" {
		m.op.sent = m.cursor
	}
	return true
}

// release frees the operation's id.
func (c *connection) release(op *operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.operations[op.id] == op {
		delete(c.operations, op.id)
	}
}

// finish ends what runs, tells each operation why, and closes. It takes WriteTimeout and the time of the closing
// handshake (5 s) at most.
func (c *connection) finish() {
	live := c.stop()
	c.mu.Lock()
	e := *c.ending
	c.mu.Unlock()
	if e.code == 0 {
		_ = c.ws.CloseNow()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.WriteTimeout)
	defer cancel()
	if !e.discard && !c.flush(ctx) || !c.tell(ctx, live, e) {
		_ = c.ws.CloseNow()
		return
	}
	_ = c.ws.Close(e.code, e.reason)
}

// stop cancels all operations and returns them in the order of their start.
func (c *connection) stop() []*operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	live := make([]*operation, 0, len(c.operations))
	for _, op := range c.operations {
		op.cancel()
		live = append(live, op)
	}
	slices.SortFunc(live, func(a, b *operation) int { return cmp.Compare(a.order, b.order) })
	return live
}

// flush delivers what waits.
func (c *connection) flush(ctx context.Context) bool {
	for {
		m, ok := c.out.take()
		if !ok {
			return true
		}
		if !c.deliver(ctx, m) {
			return false
		}
	}
}

// tell sends e's fault to the operations that have not got their last message.
func (c *connection) tell(ctx context.Context, live []*operation, e ending) bool {
	if e.fault == nil {
		return true
	}
	for _, op := range live {
		if !c.isLive(op) {
			continue
		}
		errs := c.cfg.failure(c.ctx, e.fault, op.sent)
		if !c.deliver(ctx, outgoing{data: errorMessage(op.id, errs), op: op, final: true}) {
			return false
		}
	}
	return true
}

func (c *connection) isLive(op *operation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.operations[op.id] == op
}
