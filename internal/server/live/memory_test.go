package live_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/handler"

	"farley/internal/clock"
	"farley/internal/server/live"
)

// BenchmarkSocket_idle reports what one idle socket with one subscription costs: heap and stacks of the server. The
// clients are bare connections, so hardly anything of theirs is in the figure. The aim is at most 40 KiB.
func BenchmarkSocket_idle(b *testing.B) {
	backend := newBackend()
	transport := live.NewSocket(live.SocketConfig{Config: live.Config{Auth: newAuth(), Clock: clock.System{}}})
	srv := handler.New(backend)
	srv.AddTransport(transport)
	server := httptest.NewServer(http.Handler(srv))
	defer server.Close()

	const sockets = 500
	var perSocket float64
	for range b.N {
		before := inUse()
		var clients []net.Conn
		for range sockets {
			clients = append(clients, bareClient(b, strings.TrimPrefix(server.URL, "http://")))
			<-backend.started
		}
		perSocket = float64(inUse()-before) / sockets
		for _, c := range clients {
			_ = c.Close()
			<-backend.stopped
		}
	}
	b.ReportMetric(perSocket/1024, "KiB/subscription")
	if err := transport.Close(context.Background()); err != nil {
		b.Error(err)
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// bareClient opens a socket and subscribes without any library.
func bareClient(b *testing.B, address string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", address)
	readUntil(b, c, "\r\n\r\n")
	writeFrame(c, `{"type":"connection_init","payload":{"token":"rep"}}`)
	readUntil(b, c, "connection_ack\"}")
	writeFrame(c, `{"type":"subscribe","id":"1","payload":{"query":"subscription A { ticks }"}}`)
	return c
}

// writeFrame sends a text message of less than 126 bytes, masked with zeros.
func writeFrame(c net.Conn, text string) {
	_, _ = c.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
}

func readUntil(b *testing.B, c net.Conn, end string) {
	b.Helper()
	var got []byte
	for one := make([]byte, 1); !bytes.HasSuffix(got, []byte(end)); got = append(got, one[0]) {
		if _, err := c.Read(one); err != nil {
			b.Fatalf("after %q: %v", got, err)
		}
	}
}
