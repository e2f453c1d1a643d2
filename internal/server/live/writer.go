package live

import (
	"cmp"
	"slices"
	"time"
)

// write delivers what the outbox holds, and ends the socket when it has to end. The outbox sees to it that there is one writer at
// a time.
func (c *connection) write() {
	defer func() {
		if thrown := recover(); thrown != nil {
			_ = c.cfg.recovered(c.ctx, thrown)
			c.leave()
		}
	}()
	for {
		if c.isEnded() { // before what waits, which may no longer be theirs to read
			c.out.retire()
			c.finish()
			c.leave()
			return
		}
		m, ok := c.out.take()
		if ok {
			if !c.deliver(m, time.Now().Add(c.cfg.WriteTimeout)) {
				c.end(ending{})
			}
			continue
		}
		if !c.isEnded() || !c.out.claim() {
			return
		}
	}
}

// leave lets go of everything, once.
func (c *connection) leave() {
	c.out.retire()
	_ = c.ws.CloseNow()
	c.cancel()
	c.mu.Lock()
	if c.unwatch != nil {
		c.unwatch()
	}
	c.mu.Unlock()
	c.ticking.Lock()
	c.left = true
	c.socket.alarms.drop(c)
	c.ticking.Unlock()
	c.socket.remove(c)
	c.socket.running.Done()
}

// tick does what is due, and has the connection woken when the next thing is.
func (c *connection) tick() {
	c.ticking.Lock()
	defer c.ticking.Unlock()
	for !c.left && !c.isEnded() {
		next := c.dueNow(c.cfg.Clock.Now())
		// The clock may have moved meanwhile.
		if c.cfg.Clock.Now().Before(next) {
			c.socket.alarms.set(c, next)
			return
		}
	}
}

// dueNow does what is due at now and returns when the next thing is.
func (c *connection) dueNow(now time.Time) time.Time {
	c.mu.Lock()
	acked, expiry, nextPing := c.acked, c.session.ExpiresAt, c.nextPing
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
	idle := time.UnixMicro(c.lastHeard.Load()).Add(c.cfg.IdleTimeout)
	if !now.Before(idle) {
		c.end(*protocolError(codeIdle, "No sign of life"))
		return idle
	}
	if !now.Before(nextPing) {
		nextPing = now.Add(c.cfg.PingInterval)
		c.mu.Lock()
		c.nextPing = nextPing
		c.mu.Unlock()
		if e := c.say([]byte(`{"type":"ping"}`)); e != nil {
			c.end(*e)
		}
	}
	next := nextPing
	if idle.Before(next) {
		next = idle
	}
	if !expiry.IsZero() && expiry.Before(next) {
		next = expiry
	}
	return next
}

// deliver writes one message until a deadline. After false the connection is gone.
func (c *connection) deliver(m outgoing, deadline time.Time) bool {
	if m.op != nil {
		if m.final {
			c.release(m.op) // before writing: once the client has read it, the id is free
		}
		if m.op.canceled.Load() {
			return true
		}
	}
	if err := c.wire.message(m.data, deadline); err != nil {
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
	deadline := time.Now().Add(c.cfg.WriteTimeout)
	if !e.discard && !c.flush(deadline) || !c.tell(live, e, deadline) {
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
func (c *connection) flush(deadline time.Time) bool {
	for {
		m, ok := c.out.take()
		if !ok {
			return true
		}
		if !c.deliver(m, deadline) {
			return false
		}
	}
}

// tell sends e's fault to the operations that have not got their last message.
func (c *connection) tell(live []*operation, e ending, deadline time.Time) bool {
	if e.fault == nil {
		return true
	}
	for _, op := range live {
		if !c.isLive(op) {
			continue
		}
		errs := c.cfg.failure(c.ctx, e.fault, op.sent)
		if !c.deliver(outgoing{data: errorMessage(op.id, errs), op: op, final: true}, deadline) {
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
