package broker_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"farley/internal/broker"
)

const deadline = 20 * time.Second

// natsServer runs a NATS server in this process, on the port, or on a free one when it is -1.
func natsServer(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(deadline) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

func dial(t testing.TB, c broker.NATSConfig) *broker.NATS {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	b, err := broker.DialNATS(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

// listen returns the messages of a topic, "nil" for nil.
func listen(t testing.TB, b broker.Broker, topic broker.Topic) <-chan string {
	t.Helper()
	c := make(chan string, 100)
	t.Cleanup(b.Subscribe(topic, func(m []byte) {
		if m == nil {
			c <- "nil"
			return
		}
		c <- string(m)
	}))
	return c
}

// want receives until the message comes. Wakings may come in between, other messages not.
func want(t testing.TB, c <-chan string, message string) {
	t.Helper()
	after := time.After(deadline)
	for {
		select {
		case got := <-c:
			if got == message {
				return
			}
			if got != "nil" {
				t.Fatalf("received %q, want %q", got, message)
			}
		case <-after:
			t.Fatalf("%q does not come", message)
		}
	}
}

func TestNATS_carriesBetweenNodesByTopic(t *testing.T) {
	t.Parallel()
	url := natsServer(t, -1).ClientURL()
	a, b := dial(t, broker.NATSConfig{URLs: url}), dial(t, broker.NATSConfig{URLs: url})
	other := dial(t, broker.NATSConfig{URLs: url, Prefix: "other.firm"})
	ownJobs, jobs, sessions := listen(t, a, broker.Jobs), listen(t, b, broker.Jobs), listen(t, b, broker.Sessions)
	elsewhere := listen(t, other, broker.Jobs)

	for _, m := range []string{"one", "two"} {
		a.Publish(broker.Jobs, []byte(m))
		want(t, ownJobs, m) // once each: its echo is not heard
		want(t, jobs, m)
	}
	a.Publish(broker.Sessions, []byte("three"))
	want(t, sessions, "three")
	other.Publish(broker.Jobs, []byte("four"))
	want(t, elsewhere, "four") // and nothing of the first firm before it
	a.Publish(broker.Jobs, []byte("five"))
	want(t, ownJobs, "five")
	want(t, jobs, "five")
	if got := a.Dropped() + b.Dropped(); got != 0 {
		t.Errorf("%d messages were dropped", got)
	}
}

// A broken server costs hints, and nothing waits for it. When it is back, nodes find each other and everybody is woken.
func TestNATS_serverGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s := natsServer(t, -1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	a, b := dial(t, broker.NATSConfig{URLs: url}), dial(t, broker.NATSConfig{URLs: url})
	own, jobs := listen(t, a, broker.Jobs), listen(t, b, broker.Jobs)
	woken := make(chan string, 100)
	defer broker.Hints{Broker: b, Topic: broker.Changes}.Subscribe(func() { woken <- "woken" })()
	a.Publish(broker.Jobs, []byte("before"))
	want(t, own, "before")
	want(t, jobs, "before")

	s.Shutdown()
	s.WaitForShutdown()
	const lost = 5000
	published := make(chan struct{})
	go func() {
		defer close(published)
		for range lost {
			a.Publish(broker.Changes, nil)
		}
	}()
	select {
	case <-published:
	case <-time.After(deadline):
		t.Fatal("publishing waits for a server that is away")
	}
	a.Publish(broker.Jobs, []byte("alone"))
	want(t, own, "alone")
	for len(woken) > 0 { // of the time before
		<-woken
	}

	natsServer(t, port)
	want(t, woken, "woken")
	want(t, jobs, "nil")
	want(t, own, "nil") // each comes back after its own pause
	a.Publish(broker.Jobs, []byte("after"))
	want(t, own, "after")
	want(t, jobs, "after")
	if got := a.Dropped(); got < lost/2 {
		t.Errorf("%d messages were dropped, want most of %d", got, lost)
	}
}

// A node starts without NATS, and finds it later.
func TestNATS_startsWithoutServer(t *testing.T) {
	t.Parallel()
	s := natsServer(t, -1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	b := dial(t, broker.NATSConfig{URLs: url})
	if b.Connected() {
		t.Error("it is connected to nothing")
	}
	jobs := listen(t, b, broker.Jobs)
	b.Publish(broker.Jobs, []byte("alone"))
	want(t, jobs, "alone")
	natsServer(t, port)
	want(t, jobs, "nil")
	if !b.Connected() {
		t.Error("it is not connected")
	}
}

func TestNATS_cancelledIsNotCalled(t *testing.T) {
	t.Parallel()
	url := natsServer(t, -1).ClientURL()
	a, b := dial(t, broker.NATSConfig{URLs: url}), dial(t, broker.NATSConfig{URLs: url})
	cancel := b.Subscribe(broker.Jobs, func([]byte) { t.Error("called after cancel") })
	cancel()
	still := listen(t, b, broker.Jobs)
	a.Publish(broker.Jobs, []byte("one"))
	want(t, still, "one")
}

func TestNATS_closeSendsWhatWasPublished(t *testing.T) {
	t.Parallel()
	url := natsServer(t, -1).ClientURL()
	a, b := dial(t, broker.NATSConfig{URLs: url}), dial(t, broker.NATSConfig{URLs: url})
	jobs := listen(t, b, broker.Jobs)
	a.Publish(broker.Jobs, []byte("last"))
	a.Close(t.Context())
	want(t, jobs, "last")
	a.Publish(broker.Jobs, []byte("late")) // no panic
	a.Close(t.Context())                   // nor of a second one
}

func TestDialNATS_refusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config broker.NATSConfig
		want   string
	}{
		{"no URL", broker.NATSConfig{}, "cannot be read"},
		{"malformed URL", broker.NATSConfig{URLs: "nats://user:secret@ho st:4222"}, "cannot be read"},
		{"no scheme", broker.NATSConfig{URLs: "127.0.0.1"}, "cannot be read"},
		{"another scheme", broker.NATSConfig{URLs: "http://127.0.0.1:4222"}, "begins with"},
		{"no subject", broker.NATSConfig{URLs: "nats://127.0.0.1:4222", Prefix: "a.>"}, "no NATS subject"},
		{"no credentials", broker.NATSConfig{URLs: "nats://127.0.0.1:4222", Credentials: filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		b, err := broker.DialNATS(c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			b.Close(t.Context())
		}
	}
}
