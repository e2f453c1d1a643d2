package graph

import (
	"bytes"
	"context"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/audit"
	"farley/internal/change"
	"farley/internal/read"
	"farley/internal/stream"
)

// listener completes the events of a group for one reader.
type listener struct {
	sub   *change.Subscription
	notes *audit.Following
}

// event completes one event with the reader's cursor, between head and tail, and notes what it shows.
func (l *listener) event(e *change.Event, head, tail string) (*stream.Event, error) {
	shared, _ := e.Payload.(rendered)
	if shared.err != nil {
		return nil, shared.err
	}
	if err := l.notes.Shown(shared.witness); err != nil {
		return nil, err
	}
	cursor := l.sub.Cursor(e)
	size := len(head) + len(tail) + len(shared.parts)*len(cursor)
	for _, part := range shared.parts {
		size += len(part)
	}
	b := append(make([]byte, 0, size), head...)
	for i, part := range shared.parts {
		if i > 0 {
			b = append(b, cursor...)
		}
		b = append(b, part...)
	}
	return &stream.Event{Data: append(b, tail...), Cursor: cursor}, nil
}

// listen waits for events, for a transport that does not ask for them, until they or the operation end.
func (l *listener) listen(ctx context.Context, out chan<- *read.Result) {
	defer close(out)
	defer l.sub.Close()
	for {
		e, more := l.sub.Next()
		if !more {
			stream.Fail(ctx, l.sub.Err())
			return
		}
		one, err := l.event(e, "", "")
		if err != nil {
			stream.Fail(ctx, err)
			return
		}
		res := read.Raw(one.Data).OnWrite(func(ctx context.Context) { stream.SetCursor(ctx, one.Cursor) })
		select {
		case out <- &res:
		case <-ctx.Done():
			return
		}
	}
}

// source is a listener that its transport asks for events.
type source struct {
	listener
	head string // of the data of each response, up to the event
}

var _ stream.Source = (*source)(nil)

// under returns the source whose events are the values of a field.
func (l *listener) under(alias string) *source {
	var head bytes.Buffer
	head.WriteByte('{')
	graphql.MarshalString(alias).MarshalGQL(&head)
	head.WriteByte(':')
	return &source{*l, head.String()}
}

// Next implements stream.Source.
func (s *source) Next(wake func()) (*stream.Event, bool, error) {
	e, more := s.sub.Take(wake)
	switch {
	case e != nil:
		one, err := s.event(e, s.head, "}")
		return one, err == nil, err
	case more:
		return nil, true, nil
	}
	return nil, false, s.sub.Err()
}

// Close implements stream.Source.
func (s *source) Close() { s.sub.Close() }
