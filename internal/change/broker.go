package change

import "context"

// Broker tells all nodes that the log has grown; broker.Hints is one. A hint may be lost or doubled: the database is the
// truth, and who waits for a hint also looks by himself four times a second.
type Broker interface {
	// Publish sends the hint to all nodes, this one included. It does not wait for them.
	Publish(ctx context.Context)
	// Subscribe has wake called for every hint, until cancel is called. wake returns at once.
	Subscribe(wake func()) (cancel func())
}
