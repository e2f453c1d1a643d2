package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/clock"
	"farley/internal/stream"
)

// Config is what both transports need. A zero field takes its default.
type Config struct {
	// Auth finds out who acts. Required.
	Auth stream.Authenticator
	// Present turns an error into what the client may see. By default faults are shown with code and extensions, and
	// any other error as INTERNAL.
	Present func(ctx context.Context, err error) *gqlerror.Error
	// Clock drives expiry, pings and time-outs. By default the machine's.
	Clock clock.Clock
	// Log hears of panics and failures. By default nobody does.
	Log *slog.Logger
	// MaxMessageBytes bounds one message or request body. By default 1 MiB.
	MaxMessageBytes int64
	// WriteTimeout bounds how long the network may take to accept one message. By default 10 s. It runs in real time.
	WriteTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Present == nil {
		c.Present = present
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.MaxMessageBytes, 1<<20)
	setDefault(&c.WriteTimeout, 10*time.Second)
	return c
}

// SocketConfig configures the WebSocket transport. A zero field takes its default.
type SocketConfig struct {
	Config
	// AllowedOrigins lists origins beside the server's own whose pages may connect: hosts or scheme://host, with * for
	// any part of a name. The single entry "*" allows all. By default only the server's own origin; clients that send
	// no Origin are not browsers and always allowed.
	AllowedOrigins []string
	// Subject names who acts in a context that Auth made. A token in a ping must name the same subject as the one
	// before. By default this is not checked.
	Subject func(ctx context.Context) string
	// MaxOperations bounds the operations that run on one socket at a time; more are refused with LIMITED. By default 100.
	MaxOperations int
	// QueueMessages and QueueBytes bound what waits for the network on one socket; operations with more to say wait.
	// By default 64 messages and 1 MiB; one message is always accepted.
	QueueMessages int
	QueueBytes    int
	// SlowAfter is how long an operation waits for a place in the queue before the reader counts as too slow. By
	// default 5 s.
	SlowAfter time.Duration
	// InitTimeout is how long a client may take to send connection_init. By default 5 s.
	InitTimeout time.Duration
	// PingInterval is the time between the server's pings. By default 25 s.
	PingInterval time.Duration
	// IdleTimeout ends a socket from which no message came for so long, pongs included. By default 60 s.
	IdleTimeout time.Duration
}

func (c SocketConfig) withDefaults() SocketConfig {
	c.Config = c.Config.withDefaults()
	setDefault(&c.MaxOperations, 100)
	setDefault(&c.QueueMessages, 64)
	setDefault(&c.QueueBytes, 1<<20)
	setDefault(&c.SlowAfter, 5*time.Second)
	setDefault(&c.InitTimeout, 5*time.Second)
	setDefault(&c.PingInterval, 25*time.Second)
	setDefault(&c.IdleTimeout, 60*time.Second)
	return c
}

// SSEConfig configures the transport for server-sent events. A zero field takes its default.
type SSEConfig struct {
	Config
	// Ticket redeems the query parameter `ticket`, which stands for a token because a browser's EventSource cannot send
	// headers. A ticket that is not good gives a fault with code UNAUTHENTICATED. By default tickets are refused.
	Ticket func(ctx context.Context, ticket string) (token string, err error)
	// KeepAlive is the longest silence; a comment breaks it. By default 12 s.
	KeepAlive time.Duration
}

func (c SSEConfig) withDefaults() SSEConfig {
	c.Config = c.Config.withDefaults()
	setDefault(&c.KeepAlive, 12*time.Second)
	return c
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
