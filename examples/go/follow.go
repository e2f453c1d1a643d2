package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

const following = `subscription ($after: Cursor) {
	accountChanged(after: $after) { cursor op recordId version changedFields node { id name } }
}`

// event is a change of an account, as this reader may see it.
type event struct {
	Cursor        string
	Op            string
	RecordID      string
	Version       int
	ChangedFields []string
	Node          *struct{ ID, Name string }
}

// errStop ends follow without an error.
var errStop = errors.New("stop")

// follow hands out every event behind the cursor, each once and in order, over as many connections as it takes, until ctx
// ends or handle returns an error. Errors that a new connection does not mend (RESYNC, CURSOR_EXPIRED, UNAUTHENTICATED …)
// end it: after RESYNC and CURSOR_EXPIRED read the lists anew, then begin at a fresh changesCursor.
func (c *client) follow(ctx context.Context, cursor string, handle func(event) error) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := c.stream(ctx, cursor, func(e event) error {
			if err := handle(e); err != nil {
				return err
			}
			cursor, pause = e.Cursor, time.Second // kept only after the event was handled
			return nil
		})
		var f *failure
		switch {
		case errors.Is(err, errStop):
			return nil
		case errors.As(err, &f) && f.Extensions.Code != "SLOW_CONSUMER" && f.Extensions.Code != "UNAVAILABLE":
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// stream reads one connection until it ends.
func (c *client) stream(ctx context.Context, cursor string, handle func(event) error) error {
	header := http.Header{"Accept": {"text/event-stream"}}
	header.Set("Last-Event-ID", cursor) // what a browser's EventSource sends by itself
	resp, err := c.post(ctx, following, nil, header)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return refused(resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ") // each event has one such line
		if !ok || data == "" {
			continue
		}
		var r response
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			return err
		}
		var out struct{ AccountChanged event }
		if err := r.into(&out); err != nil {
			return err
		}
		if err := handle(out.AccountChanged); err != nil {
			return err
		}
	}
	return lines.Err()
}
