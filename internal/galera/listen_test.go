package galera_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// listener follows the changes of accounts over sockets. When its node goes away it goes on at another one, with its
// cursor.
type listener struct {
	nodes  []*node
	at     int
	token  string
	cursor string

	heard   map[string]int   // by record and version
	version map[string]int64 // last heard, by record
	moves   int              // how often it had to go on elsewhere
	codes   map[string]int   // errors that ended streams
}

func change(record string, version int64) string { return fmt.Sprintf("%s v%d", record, version) }

// listen goes on until it has heard of all that want says, which comes when all has been written.
func (l *listener) listen(ctx context.Context, t *testing.T, want <-chan map[string]int) {
	var all map[string]int
	missing := func() int {
		n := 0
		for c := range all {
			if l.heard[c] == 0 {
				n++
			}
		}
		return n
	}
	for {
		if all == nil {
			select {
			case all = <-want:
			default:
			}
		}
		if all != nil && missing() == 0 {
			return
		}
		if ctx.Err() != nil {
			t.Errorf("a subscriber has not heard of %d of %d changes in time; codes %v", missing(), len(all), l.codes)
			return
		}
		if err := l.hear(ctx, t, func() bool {
			if all == nil {
				select {
				case all = <-want:
				default:
				}
			}
			return all != nil && missing() == 0
		}); err != nil {
			l.moves++
			l.at = (l.at + 1) % len(l.nodes)
			select {
			case <-time.After(10 * time.Millisecond): // nobody may be there
			case <-ctx.Done():
			}
		}
	}
}

// message is what a server says on a socket.
type message struct {
	Type    string
	Payload json.RawMessage
}

// hear reads one connection until it ends, or enough says so.
func (l *listener) hear(ctx context.Context, t *testing.T, enough func() bool) error {
	url := l.nodes[l.at].address()
	if url == "" {
		return errAway
	}
	dial, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(dial, "ws"+strings.TrimPrefix(url, "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	messages := make(chan message)
	ended := make(chan error, 1)
	read, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			var m message
			_, b, err := conn.Read(read)
			if err == nil {
				err = json.Unmarshal(b, &m)
			}
			if err != nil {
				ended <- err
				return
			}
			select {
			case messages <- m:
			case <-read.Done():
				return
			}
		}
	}()
	send := func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return conn.Write(ctx, websocket.MessageText, b)
	}
	err = errors.Join(
		send(map[string]any{"type": "connection_init", "payload": map[string]any{"token": l.token}}),
		send(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
			"query":     `subscription ($after: Cursor) { accountChanged(after: $after) { cursor op recordId version } }`,
			"variables": map[string]any{"after": l.cursor},
		}}))
	if err != nil {
		return err
	}
	look := time.NewTicker(200 * time.Millisecond) // whether it is enough
	defer look.Stop()
	silent := time.NewTimer(silence)
	defer silent.Stop()
	for {
		select {
		case m := <-messages:
			silent.Reset(silence)
			if err := l.take(t, m); err != nil {
				return err
			}
			if m.Type == "ping" {
				if err := send(map[string]any{"type": "pong"}); err != nil {
					return err
				}
			}
		case err := <-ended:
			return err
		case <-look.C:
			if enough() {
				return nil
			}
		case <-silent.C:
			return errors.New("silent")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// silence is how long a subscriber hears nothing before it looks for another node: under this load there is always
// something, unless its node or that one's database is stuck.
const silence = 8 * time.Second

// take notes an event, or returns why the stream has ended.
func (l *listener) take(t *testing.T, m message) error {
	switch m.Type {
	case "next":
		var p struct {
			Data struct {
				AccountChanged struct {
					Cursor, Op, RecordID string
					Version              int64
				}
			}
		}
		if err := json.Unmarshal(m.Payload, &p); err != nil {
			return err
		}
		e := p.Data.AccountChanged
		l.cursor = e.Cursor
		if e.Op == "CHECKPOINT" {
			return nil
		}
		l.heard[change(e.RecordID, e.Version)]++
		if e.Version != l.version[e.RecordID]+1 {
			t.Errorf("a subscriber hears of %s, version %d after version %d", e.RecordID, e.Version, l.version[e.RecordID])
		}
		l.version[e.RecordID] = e.Version
	case "error":
		var list []struct{ Extensions struct{ Code string } }
		if err := json.Unmarshal(m.Payload, &list); err != nil || len(list) == 0 {
			return fmt.Errorf("an error without a code: %s", m.Payload)
		}
		code := list[0].Extensions.Code
		l.codes[code]++
		if code != "UNAVAILABLE" {
			t.Errorf("a subscriber is ended by %s", m.Payload)
		}
		return errors.New(code)
	case "complete":
		return errors.New("complete")
	}
	return nil
}
