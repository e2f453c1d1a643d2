package broker_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/broker"
)

func TestLocal_carriesByTopicUntilCancelled(t *testing.T) {
	t.Parallel()
	b := broker.NewLocal()
	var got []string
	hints := 0
	cancel := b.Subscribe(broker.Jobs, func(m []byte) { got = append(got, string(m)) })
	defer broker.Hints{Broker: b, Topic: broker.Changes}.Subscribe(func() { hints++ })()

	b.Publish(broker.Jobs, []byte("one"))
	b.Publish(broker.Sessions, []byte("other topic"))
	broker.Hints{Broker: b, Topic: broker.Changes}.Publish(context.Background())
	cancel()
	b.Publish(broker.Jobs, []byte("two"))

	if d := cmp.Diff([]string{"one"}, got); d != "" || hints != 1 {
		t.Errorf("received %s and %d hints", d, hints)
	}
}
