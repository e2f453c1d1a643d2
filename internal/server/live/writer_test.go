package live

import (
	"testing"
	"time"
)

// TestDeliver_dropsWhatTheClientGaveUp: what still waits when the client completes an operation must not reach the
// next operation with the same id.
func TestDeliver_dropsWhatTheClientGaveUp(t *testing.T) {
	t.Parallel()
	old, fresh := &operation{id: "1"}, &operation{id: "1"}
	old.canceled.Store(true)
	c := &connection{operations: map[string]*operation{"1": fresh}} // without a socket: writing would panic
	for _, m := range []outgoing{{op: old}, {op: old, final: true}} {
		if !c.deliver(m, time.Now()) {
			t.Error("the connection counts as gone")
		}
	}
	if !c.isLive(fresh) {
		t.Error("the end of the old operation freed the id of the fresh one")
	}
}
