package graph

import (
	"context"

	"farley/internal/audit"
	"farley/internal/change"
	"farley/internal/read"
	"farley/internal/stream"
)

// listener turns the events of one subscription into results.
type listener struct {
	ctx   context.Context //nolint:containedctx // of the operation, which lasts as long
	sub   *change.Subscription
	notes *audit.Following
	out   chan *read.Result // has room for one when the transport asks
}

var _ stream.Source = (*listener)(nil)

// Fill implements stream.Source.
func (l *listener) Fill(wake func()) bool {
	if len(l.out) > 0 {
		return true // the one before has not been taken yet
	}
	e, more := l.sub.Take(wake)
	if e == nil && more {
		return false
	}
	if e == nil {
		l.end(l.sub.Err())
		return true
	}
	res, err := personal(e, l.sub.Cursor(e), l.notes)
	if err != nil {
		l.end(err)
		return true
	}
	l.out <- res
	return true
}

// end closes the stream: its transport hears why, and then that it is over.
func (l *listener) end(reason error) {
	stream.Fail(l.ctx, reason)
	l.sub.Close()
	close(l.out)
}

// listen waits for events, for a transport that does not ask for them.
func (l *listener) listen() {
	defer close(l.out)
	defer l.sub.Close()
	for {
		e, more := l.sub.Next()
		if !more {
			stream.Fail(l.ctx, l.sub.Err())
			return
		}
		res, err := personal(e, l.sub.Cursor(e), l.notes)
		if err != nil {
			stream.Fail(l.ctx, err)
			return
		}
		select {
		case l.out <- res:
		case <-l.ctx.Done():
			return
		}
	}
}
