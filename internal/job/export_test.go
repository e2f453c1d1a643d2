package job

import "farley/internal/id"

// OnSettled has fn told of every run whose end has been recorded. It is called before Run.
func (r *Runner) OnSettled(fn func(id.ID)) { r.settled = fn }

// Bound is Backoff.bound.
func (b Backoff) Bound(attempts int) int64 { return int64(b.bound(attempts)) }
