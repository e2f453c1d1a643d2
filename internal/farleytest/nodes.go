package farleytest

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/broker"
	"farley/internal/clock"
	"farley/internal/farleytest/testdb"
)

// Cluster is several nodes on one database, with one clock, the same keys, and a NATS server between them.
//
// As the clock stands still, no node looks by itself for what others did: what reaches another node before the clock is
// moved has come through the broker.
type Cluster struct {
	Nodes []*Env
	Clock *clock.Test

	nats *natsserver.Server
}

// Nodes starts n applications on the database, each with pools and a broker of its own, and stops them when the test ends.
// The options hold for all of them.
func Nodes(t testing.TB, d *testdb.DB, n int, options ...Option) *Cluster {
	t.Helper()
	c := &Cluster{Clock: clock.NewTest(Start), nats: NATS(t, -1)}
	keys := auth.NewKeyring(Start)
	for i := range n {
		mine := d
		if i > 0 {
			mine = d.Reopen(t)
		}
		b, err := broker.DialNATS(broker.NATSConfig{URLs: c.nats.ClientURL(), Prefix: "test" + strconv.Itoa(n), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close(context.Background()) })
		e := start(t, mine, c.Clock, keys, append([]Option{func(a *app.Config) { a.Broker = b }}, options...)...)
		e.n.Store(int64(i) * 1_000_000) // names made on different nodes differ
		c.Nodes = append(c.Nodes, e)
	}
	return c
}

// LoseBroker ends the NATS server for good.
func (c *Cluster) LoseBroker() {
	c.nats.Shutdown()
	c.nats.WaitForShutdown()
}

// NATS runs a NATS server in this process until the test ends, on the port, or on a free one when it is -1.
func NATS(t testing.TB, port int) *natsserver.Server {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(Deadline) {
		t.Fatal("the NATS server does not start")
	}
	return s
}
