package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"time"

	"farley/internal/access"
	"farley/internal/broker"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/read"
	"farley/internal/stream"
	"farley/internal/write"
)

// manageJobs is the action on users that covers their jobs.
const manageJobs = "MANAGE_JOBS"

// jobsInSight is the condition that the actor may see and control a job: he caused it, or may manage the jobs of the user
// who did. Jobs of Farley itself belong to nobody, so they need all users.
func (r *Resolver) jobsInSight(a *access.Actor) job.Condition {
	own := job.Condition{SQL: "jobs.created_by = ?", Args: []any{a.User}}
	users := r.Set.Kind("User")
	scopes := a.Policy.Scopes(users, manageJobs)
	if scopes.Normal() == access.All {
		return job.Condition{}
	}
	makers := a.Sight(r.Set, users, "maker", manageJobs, r.Clock.Now())
	if scopes == access.None || makers.IsFalse() {
		return own
	}
	return job.Condition{
		SQL:  own.SQL + " OR EXISTS (SELECT 1 FROM users maker WHERE maker.id = jobs.created_by AND (" + makers.SQL + "))",
		Args: append(own.Args, makers.Args...),
	}
}

// jobInSight reads a job. It returns NOT_FOUND for one that is not there and for one out of sight.
func (r *Resolver) jobInSight(ctx context.Context, q db.Querier, a *access.Actor, x id.ID) (job.Info, error) {
	found, err := r.Jobs.List(ctx, q, job.Filter{ID: x, Seen: r.jobsInSight(a), Limit: 1})
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "There is no such job.")
	}
	if err != nil {
		return job.Info{}, err
	}
	return found[0], nil
}

// argument finds the verbs that stand in an error for what it does not tell.
var argument = regexp.MustCompile(`%[a-z]`)

// jobValue is a job as the SDL has it. maker is the user who caused it, null when that one is not in sight.
func jobValue(i job.Info, maker read.Result) map[string]any {
	v := map[string]any{
		"id": i.ID, "kind": i.Kind, "state": string(i.State), "dueAt": i.DueAt, "attempts": i.Attempts, "maxAttempts": i.MaxAttempts,
		"progress": progress(i), "cancelRequested": i.CancelRequested, "createdAt": i.CreatedAt, "createdBy": maker,
	}
	if i.LastError != "" {
		v["error"] = argument.ReplaceAllString(i.LastError, "…")
	}
	if i.Interval > 0 {
		v["every"] = duration(i.Interval)
	}
	if !i.FinishedAt.IsZero() {
		v["finishedAt"] = i.FinishedAt
	}
	return v
}

func progress(i job.Info) map[string]any {
	v := map[string]any{"done": min(i.ProgressDone, math.MaxInt32)}
	if i.ProgressTotal > 0 {
		v["total"] = min(i.ProgressTotal, math.MaxInt32)
	}
	return v
}

// duration writes whole seconds by ISO 8601.
func duration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("PT%dH", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("PT%dM", d/time.Minute)
	}
	return fmt.Sprintf("PT%dS", d/time.Second)
}

// jobFilter reads the filter of a list of jobs; all its problems are told at once.
func jobFilter(a *access.Actor, where input.Object) (job.Filter, error) {
	var f job.Filter
	var p fault.Violations
	for _, name := range []string{"kind", "state", "mine", "createdBy"} {
		if v, given := where[name]; given && v == nil {
			p.Add([]any{"where", name}, "REQUIRED", "A filter may be left out, but not be null.")
		}
	}
	f.Kinds = textsOf(where["kind"])
	if len(f.Kinds) > maxJobKinds {
		p.Add([]any{"where", "kind"}, "TOO_LONG", "There are more than %d.", maxJobKinds)
	}
	f.None = isEmptyList(where["kind"]) || isEmptyList(where["state"])
	for _, state := range textsOf(where["state"]) {
		f.States = append(f.States, job.State(state))
	}
	if by, ok := where["createdBy"]; ok && by != nil {
		if err := f.CreatedBy.UnmarshalGQL(by); err != nil {
			p.Add([]any{"where", "createdBy"}, "FORMAT", "This is not an id.")
		}
	}
	if mine, _ := where["mine"].(bool); mine {
		f.None = f.None || !f.CreatedBy.IsZero() && f.CreatedBy != a.User
		f.CreatedBy = a.User
	}
	return f, p.Err()
}

const maxJobKinds = 50

func isEmptyList(v any) bool {
	l, ok := v.([]any)
	return ok && len(l) == 0
}

// textsOf reads a list of texts, which may be given as a single one.
func textsOf(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	l, _ := v.([]any)
	var out []string
	for _, one := range l {
		if s, ok := one.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// jobPage reads a page of jobs, and one more to know whether there are more.
func (r *queryResolver) jobPage(ctx context.Context, tx *db.Tx, a *access.Actor, where input.Object, first *int64, after *string) (read.Result, error) {
	f, err := jobFilter(a, where)
	if err != nil {
		return read.Result{}, err
	}
	size, err := pageSize(first)
	if err != nil {
		return read.Result{}, err
	}
	filter, err := json.Marshal(where)
	if err != nil {
		return read.Result{}, err
	}
	bound := []string{"jobs", string(filter), string(a.User[:])}
	if after != nil {
		values, err := r.Read.OpenCursor(*after, bound, "after")
		if err != nil {
			return read.Result{}, err
		}
		last, _ := values[0].([]byte) // what the same words sealed
		copy(f.After[:], last)
	}
	f.Seen, f.Limit = r.jobsInSight(a), size+1
	found, err := r.Resolver.Jobs.List(ctx, tx, f)
	if err != nil {
		return read.Result{}, err
	}
	more := len(found) > size
	return r.jobConnection(ctx, tx, a, bound, found[:min(size, len(found))], more, after != nil)
}

func pageSize(first *int64) (int, error) {
	const usual, most = 20, 100
	if first == nil {
		return usual, nil
	}
	if *first < 1 || *first > most {
		var p fault.Violations
		p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", most)
		return 0, p.Err()
	}
	return int(*first), nil
}

// jobConnection writes a page of jobs.
func (r *queryResolver) jobConnection(ctx context.Context, tx *db.Tx, a *access.Actor, bound []string, page []job.Info, more, behind bool) (read.Result, error) {
	var makers []id.ID
	for _, i := range page {
		makers = append(makers, i.CreatedBy)
	}
	inEdges, err := r.Read.PayloadEach(ctx, tx, a, "edges.node.createdBy", makers...)
	if err != nil {
		return read.Result{}, err
	}
	inNodes, err := r.Read.PayloadEach(ctx, tx, a, "nodes.createdBy", makers...)
	if err != nil {
		return read.Result{}, err
	}
	cursor := func(i job.Info) string { return r.Read.SealCursor(bound, i.ID[:]) }
	edges, nodes := []any{}, []any{}
	for _, i := range page {
		edges = append(edges, map[string]any{"cursor": cursor(i), "node": jobValue(i, inEdges[i.CreatedBy])})
		nodes = append(nodes, jobValue(i, inNodes[i.CreatedBy]))
	}
	info := map[string]any{"hasNextPage": more, "hasPreviousPage": behind}
	if len(page) > 0 {
		info["startCursor"], info["endCursor"] = cursor(page[0]), cursor(page[len(page)-1])
	}
	return r.Read.Project(ctx, map[string]any{"edges": edges, "nodes": nodes, "pageInfo": info})
}

// controlJob does something to the job that an input names, and answers with the job as it is then.
func (r *mutationResolver) controlJob(ctx context.Context, c write.Command, key *string, do func(ctx context.Context, tx *db.Tx, x id.ID) error) (*read.Result, error) {
	x, err := onlyID(c.Input, "id")
	if err != nil {
		return nil, err
	}
	a := access.From(ctx)
	var res read.Result
	err = write.Perform(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx) (id.ID, error) {
		if _, err := r.jobInSight(ctx, tx.Tx, a, x); err != nil {
			return x, err
		}
		return x, do(ctx, tx.Tx, x)
	}, func(ctx context.Context, tx *write.Tx, x id.ID) error {
		i, err := r.jobInSight(ctx, tx.Tx, a, x)
		if err != nil {
			return err
		}
		maker, err := r.Read.PayloadEach(ctx, tx.Tx, a, "job.createdBy", i.CreatedBy)
		if err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, map[string]any{"job": jobValue(i, maker[i.CreatedBy])})
		return err
	})
	return &res, err
}

// maxPostponed bounds how far ahead a job can be put, in years.
const maxPostponed = 10

// dueAt reads the new due time of a job.
func (r *mutationResolver) dueAt(in input.Object) (time.Time, error) {
	var p fault.Violations
	due, ok := in["dueAt"].(time.Time)
	if s, isText := in["dueAt"].(string); isText {
		var err error
		due, err = time.Parse(time.RFC3339Nano, s)
		ok = err == nil
	}
	switch {
	case !ok:
		p.Add([]any{"input", "dueAt"}, "FORMAT", "This is not an instant.")
	case due.After(r.Clock.Now().AddDate(maxPostponed, 0, 0)):
		p.Add([]any{"input", "dueAt"}, "RANGE", "This is more than %d years ahead.", maxPostponed)
	}
	if now := r.Clock.Now(); due.Before(now) {
		due = now
	}
	return due, p.Err()
}

// jobPoll is how often a followed job is looked at without a hint.
const jobPoll = 2 * time.Second

// jobWatch follows one job for one reader.
type jobWatch struct {
	r     *Resolver
	plan  *read.Plan
	job   id.ID
	owner *access.Actor
	told  []byte
}

// look reads the job as the reader may see it at this moment. It returns nil when there is nothing new to tell.
func (w *jobWatch) look(ctx context.Context) (res *read.Result, ended bool, err error) {
	now, err := w.r.Identity.Recent(w.owner.User)
	if err != nil {
		return nil, false, err
	}
	if now.Epoch != w.owner.Epoch {
		return nil, false, fault.New(fault.Resync, "Rights have changed: read the lists anew and begin at a new cursor.")
	}
	tx, err := w.r.DB.Snapshot(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = tx.Close() }()
	i, err := w.r.jobInSight(ctx, tx, now, w.job)
	if err != nil {
		return nil, false, err
	}
	makers, err := w.plan.Load(ctx, tx, now, []id.ID{i.CreatedBy}, nil)
	if err != nil {
		return nil, false, err
	}
	rendered, err := w.plan.Render(ctx, jobValue(i, makers[i.CreatedBy]))
	if err != nil {
		return nil, false, err
	}
	if bytes.Equal(rendered.JSON(), w.told) {
		return nil, i.State.Ended(), nil
	}
	w.told = rendered.JSON()
	return &rendered, i.State.Ended(), nil
}

// run tells the reader of the job until it has ended, the reader goes, or may no longer see it. What changes while the
// reader takes his time is told as one.
func (w *jobWatch) run(ctx context.Context, first *read.Result, ended bool, wake <-chan struct{}, out chan<- *read.Result) error {
	res := first
	for {
		if res != nil {
			select {
			case out <- res:
			case <-ctx.Done():
				return nil
			}
		}
		if ended {
			return nil
		}
		poll := w.r.Clock.After(jobPoll)
		select {
		case <-wake:
		case <-poll:
		case <-ctx.Done():
			return nil
		}
		var err error
		if res, ended, err = w.look(ctx); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // nobody listens any more
			}
			return err
		}
	}
}

// watchJob opens a subscription to a job.
func (r *subscriptionResolver) watchJob(ctx context.Context, x id.ID) (<-chan *read.Result, error) {
	w := &jobWatch{r: r.Resolver, plan: r.Read.Prepare(ctx, "createdBy"), job: x, owner: access.From(ctx)}
	wake := make(chan struct{}, 1)
	stop := r.Broker.Subscribe(broker.Jobs, func(message []byte) { // before looking: what changes meanwhile is not lost
		if message == nil || bytes.Equal(message, x[:]) { // nil: messages may have been lost
			select {
			case wake <- struct{}{}:
			default:
			}
		}
	})
	first, ended, err := w.look(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	out := make(chan *read.Result)
	go func() {
		defer close(out)
		defer stop()
		stream.Fail(ctx, w.run(ctx, first, ended, wake, out))
	}()
	return out, nil
}
