package live

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// readBuffer holds what most clients say in one piece: a pong, a token, a document.
	readBuffer = 512
	// controlFrame is the longest frame that the library itself writes: ping, pong or close (RFC 6455, 5.5), unmasked.
	controlFrame = 2 + 125
	// joined is up to which length a message is copied behind its header, so that it leaves in one piece.
	joined = 16 << 10
)

// wire is the connection below a socket. Frames leave through it, each in one call: those of the library (answers to pings,
// closing) and the messages, which do not go through the library because there every socket keeps a buffer for them.
type wire struct {
	net.Conn
	timeout time.Duration

	mu   sync.Mutex
	over bool // a close frame has left: nothing may follow
}

// Write writes one frame of the library.
func (w *wire) Write(frame []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const opcode, closes = 0x0f, 0x08
	w.over = w.over || len(frame) > 0 && frame[0]&opcode == closes
	_ = w.SetWriteDeadline(time.Now().Add(w.timeout)) // fails only on a connection that is gone, as writing does
	return w.Conn.Write(frame)
}

var frames = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}

// message writes one text message until a deadline. After an error the connection is of no use.
func (w *wire) message(text []byte, deadline time.Time) error {
	b, _ := frames.Get().(*[]byte)
	defer func() {
		*b = (*b)[:0]
		frames.Put(b)
	}()
	*b = appendHeader(*b, len(text))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return net.ErrClosed
	}
	if err := w.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if len(text) > joined {
		parts := net.Buffers{*b, text}
		_, err := parts.WriteTo(w.Conn)
		return err
	}
	*b = append(*b, text...)
	_, err := w.Conn.Write(*b)
	return err
}

// appendHeader appends the header of a text frame that is a whole message (RFC 6455, 5.2).
func appendHeader(b []byte, length int) []byte {
	const finalText, twoBytes, eightBytes = 0x81, 126, 127
	switch {
	case length < twoBytes:
		return append(b, finalText, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, finalText, twoBytes), uint16(length)) //nolint:gosec // it fits
	}
	return binary.BigEndian.AppendUint64(append(b, finalText, eightBytes), uint64(length)) //nolint:gosec // as above
}

// upgrade is a ResponseWriter that hands the connection out with a wire around it and with small buffers: net/http's own take
// 8 KiB for as long as the socket is open.
type upgrade struct {
	http.ResponseWriter
	timeout time.Duration
	wire    *wire
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, given, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.wire = &wire{Conn: conn, timeout: u.timeout}
	early, err := given.Reader.Peek(given.Reader.Buffered()) // the client need not wait for the handshake to end
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), conn), max(readBuffer, len(early)))
	if _, err := r.Peek(len(early)); err != nil {
		return nil, nil, err
	}
	return u.wire, bufio.NewReadWriter(r, bufio.NewWriterSize(u.wire, controlFrame)), nil
}

// accept performs the handshake.
func (s *Socket) accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, *wire, error) {
	u := &upgrade{ResponseWriter: w, timeout: s.cfg.WriteTimeout}
	ws, err := websocket.Accept(u, r, s.acceptOptions())
	return ws, u.wire, err
}
