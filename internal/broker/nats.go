package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// DefaultPrefix is what subjects begin with unless NATSConfig says otherwise.
const DefaultPrefix = "farley"

const (
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
	natsTimeout     = 2 * time.Second
	natsWrite       = 5 * time.Second  // after which a server that takes nothing is given up
	natsPing        = 10 * time.Second // two without an answer: the connection is dead
	natsQueue       = 1024             // messages on their way to the connection
)

// NATSConfig says how to reach NATS. URLs is needed.
type NATSConfig struct {
	URLs        string       // nats://user:password@host:4222 or tls://…, several parted by commas
	Prefix      string       // of all subjects, to keep firms on one server apart; DefaultPrefix
	Credentials string       // file with a user's JWT and key, as the nsc tool writes it; may be ""
	Log         *slog.Logger // slog.Default
}

// NATS is the broker of many nodes: subjects "<prefix>.<topic>" on a NATS server, without persistence. A node hears its own
// messages at once and without the server, so one that has lost it loses the hints of the others only. It reconnects for
// ever; then every subscriber is called with nil, because messages may have been lost. It is safe for concurrent use.
type NATS struct {
	local   *Local
	log     *slog.Logger
	prefix  string
	conn    *nats.Conn
	queue   chan outgoing
	stop    chan struct{}
	closing sync.Once
	done    chan struct{} // the sender has ended
	dropped atomic.Int64
	late    atomic.Bool // the first connection was not there when DialNATS returned
}

type outgoing struct {
	subject string
	message []byte
}

var _ Broker = (*NATS)(nil)

var subjectPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// DialNATS connects to NATS. A server that does not answer is no error: the broker goes on trying, and carries messages
// within this process meanwhile. What cannot ever work is one: malformed URLs, an unreadable credentials file, a prefix
// that is no subject.
func DialNATS(c NATSConfig) (*NATS, error) {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if !subjectPrefix.MatchString(c.Prefix) {
		return nil, fmt.Errorf("broker: the prefix %q is no NATS subject: want letters, digits, - and _, parted by dots", c.Prefix)
	}
	if err := checkURLs(c.URLs); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	b := &NATS{
		local: NewLocal(), log: c.Log, prefix: c.Prefix + ".",
		queue: make(chan outgoing, natsQueue), stop: make(chan struct{}), done: make(chan struct{}),
	}
	options := b.options()
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	conn, err := nats.Connect(c.URLs, options...)
	if err != nil {
		return nil, fmt.Errorf("broker: connect to NATS: %w", err)
	}
	b.conn = conn
	if _, err := conn.Subscribe(b.prefix+"*", b.receive); err != nil {
		conn.Close()
		return nil, fmt.Errorf("broker: subscribe: %w", err)
	}
	if conn.IsConnected() { // else what is published before the subscription stands would be missed
		if err := conn.FlushTimeout(natsTimeout); err != nil {
			b.log.Warn("NATS does not answer; will go on trying", "error", err)
		}
	}
	b.late.Store(!conn.IsConnected())
	go b.send()
	return b, nil
}

// checkURLs refuses what no server can be at, in words that do not repeat the password.
func checkURLs(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" {
			return errors.New("broker: the NATS URL cannot be read: want nats://host:4222 or tls://host:4222, several parted by commas")
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return fmt.Errorf("broker: the NATS URL begins with %q; want nats:// or tls://", u.Scheme)
		}
	}
	return nil
}

func (b *NATS) options() []nats.Option {
	return []nats.Option{
		nats.Name("farley"), nats.NoEcho(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// Hints that have waited for a reconnection are worth nothing: everybody looks by himself then.
		nats.ReconnectBufSize(-1),
		nats.Timeout(natsTimeout), nats.FlusherTimeout(natsWrite), nats.PingInterval(natsPing), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if !b.closed() {
				b.log.Warn("NATS is away; nodes look for changes by themselves", "error", err)
			}
		}),
		nats.ConnectHandler(func(c *nats.Conn) {
			if b.late.Load() { // else nobody has subscribed yet who could have missed something
				b.connected(c)
			}
		}),
		nats.ReconnectHandler(b.connected),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.log.Warn("NATS reports an error", "error", err) }),
	}
}

// connected tells all subscribers to look by themselves.
func (b *NATS) connected(c *nats.Conn) {
	if b.closed() {
		return
	}
	b.log.Info("connected to NATS", "server", c.ConnectedUrlRedacted())
	// The subscription stands when the server has answered behind it. Whoever looked earlier could miss what comes between.
	if err := c.FlushTimeout(natsTimeout); err != nil {
		b.log.Warn("NATS does not answer", "error", err)
	}
	b.local.wakeAll()
}

func (b *NATS) receive(m *nats.Msg) {
	b.local.Publish(Topic(strings.TrimPrefix(m.Subject, b.prefix)), m.Data)
}

// send hands messages to the connection, which may block for as long as a server takes nothing.
func (b *NATS) send() {
	defer close(b.done)
	for {
		select {
		case <-b.stop:
			return
		case o := <-b.queue:
			if b.conn.Publish(o.subject, o.message) != nil {
				b.dropped.Add(1)
			}
		}
	}
}

// Publish implements Broker. It never waits: what cannot be sent is dropped and counted.
func (b *NATS) Publish(topic Topic, message []byte) {
	b.local.Publish(topic, message)
	select {
	case b.queue <- outgoing{b.prefix + string(topic), append([]byte(nil), message...)}:
	default:
		b.dropped.Add(1)
	}
}

// Subscribe implements Broker.
func (b *NATS) Subscribe(topic Topic, receive func([]byte)) (cancel func()) {
	return b.local.Subscribe(topic, receive)
}

// Dropped returns how many messages did not leave this node, because NATS was away or too slow.
func (b *NATS) Dropped() int64 { return b.dropped.Load() }

// Connected reports whether NATS can be reached at the moment.
func (b *NATS) Connected() bool { return b.conn.IsConnected() }

// Close sends what has been published, as far as that is possible within ctx, and ends the connection. Nothing is received
// after it.
func (b *NATS) Close(ctx context.Context) {
	b.closing.Do(func() {
		close(b.stop)
		<-b.done
		for len(b.queue) > 0 {
			o := <-b.queue
			_ = b.conn.Publish(o.subject, o.message) // a hint that cannot be sent may be lost
		}
		flush, cancel := context.WithTimeout(ctx, natsTimeout)
		defer cancel()
		if b.conn.IsConnected() {
			_ = b.conn.FlushWithContext(flush) // as above
		}
		b.conn.Close()
	})
}

func (b *NATS) closed() bool {
	select {
	case <-b.stop:
		return true
	default:
		return false
	}
}
