//go:build !race

package app_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"farley/internal/farleytest"
)

// A subscription that waits on a socket of its own costs one goroutine, and memory that is bounded.
//
//nolint:paralleltest // it measures the memory of the process
func TestSubscription_costsLittleWhileItWaits(t *testing.T) {
	const sockets, most = 300, 20 << 10
	e := farleytest.New(t)
	token := e.Admin(t).Token
	idle := func() { // also what the server keeps for everybody
		conn := waitingSocket(t, e.URL, token)
		t.Cleanup(func() { _ = conn.Close() })
	}
	idle()
	bytesBefore, goroutinesBefore := inUse(0)
	for range sockets {
		idle()
	}
	bytesAfter, goroutinesAfter := inUse(goroutinesBefore + sockets*5/4)
	each := (bytesAfter - bytesBefore) / sockets
	t.Logf("%d bytes of heap and stack, %.2f goroutines each", each, float64(goroutinesAfter-goroutinesBefore)/sockets)
	if each > most {
		t.Errorf("%d bytes of heap and stack each, want at most %d", each, most)
	}
	if more := goroutinesAfter - goroutinesBefore; more > sockets*5/4 {
		t.Errorf("%d goroutines more for %d sockets", more, sockets)
	}
}

// inUse returns the bytes of heap and stacks in use, and the goroutines, once there are no more than expected: those that write a
// last message wind up. It does not wait for ever.
func inUse(expected int) (memory int64, goroutines int) {
	for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > expected && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	var m runtime.MemStats
	for range 3 { // each shrinks stacks by half
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine() //nolint:gosec // far below
}

// waitingSocket opens a socket and subscribes, without a library that would be measured too.
func waitingSocket(t *testing.T, url, token string) net.Conn {
	t.Helper()
	address, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(farleytest.Deadline)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", path, address)
	for _, text := range []string{
		`{"type":"connection_init","payload":{"token":"` + token + `"}}`,
		`{"id":"1","type":"subscribe","payload":{"query":"subscription { accountChanged { op recordId node { id name } } }"}}`,
		`{"type":"ping"}`,
	} {
		frame := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text))) //nolint:gosec // it is short
		if _, err := conn.Write(append(append(frame, 0, 0, 0, 0), text...)); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	for one := make([]byte, 1); !bytes.HasSuffix(got, []byte(`{"type":"pong"}`)); got = append(got, one[0]) {
		if _, err := conn.Read(one); err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
	}
	if bytes.Contains(got, []byte("error")) {
		t.Fatalf("got %q", got)
	}
	return conn
}
