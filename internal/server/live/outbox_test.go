package live

import (
	"testing"

	"pgregory.net/rapid"
)

// TestOutbox_bounds drives an outbox beside a plain slice: order is kept, bounds hold, waiters are woken.
func TestOutbox_bounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		maxMessages, maxBytes := rapid.IntRange(1, 5).Draw(t, "messages"), rapid.IntRange(1, 20).Draw(t, "bytes")
		writer := false
		b := newOutbox(maxMessages, maxBytes, func() { writer = true })
		var model [][]byte
		size := func() (n int) {
			for _, data := range model {
				n += len(data)
			}
			return n
		}
		var full <-chan struct{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				data := make([]byte, rapid.IntRange(0, 25).Draw(t, "size"))
				fits := len(model) == 0 || len(model) < maxMessages && size()+len(data) <= maxBytes
				got := b.put(outgoing{data: data})
				if (got == nil) != fits {
					t.Fatalf("put accepted: %v, want %v", got == nil, fits)
				}
				if fits {
					model = append(model, data)
				} else {
					full = got
				}
			},
			"force": func(t *rapid.T) {
				want := len(model) < 2*maxMessages && size() < 2*maxBytes
				if got := b.force(outgoing{data: []byte("x")}); got != want {
					t.Fatalf("force accepted: %v, want %v", got, want)
				}
				if want {
					model = append(model, []byte("x"))
				}
			},
			"take": func(t *rapid.T) {
				m, ok := b.take()
				if ok != (len(model) > 0) {
					t.Fatalf("took: %v, of %d", ok, len(model))
				}
				writer = writer && ok
				if ok {
					if string(m.data) != string(model[0]) {
						t.Fatal("not the oldest")
					}
					model = model[1:]
				}
			},
			"": func(t *rapid.T) {
				if len(model) > 0 && !writer {
					t.Fatal("messages wait, and there is no writer")
				}
				if len(model) == 0 && full != nil && !isClosed(full) {
					t.Fatal("there is room, and who waited for it does not know")
				}
			},
		})
	})
}
