package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"farley/internal/change"
	"farley/internal/job"
)

// state are the metrics that are read when they are scraped. Those in the database are the same on every node.
type state struct {
	app *App

	mu     sync.Mutex
	stored stored
	readAt time.Time
	failed int
}

// stored is what has to be read from the database.
type stored struct {
	log  change.Stats
	jobs map[job.KindState]int64
	due  time.Duration
	lag  int64 // of the search index
}

var _ prometheus.Collector = (*state)(nil)

// The time that one reading of the database may take, and for which it is good: scrapes must not become a load.
const (
	readStateTime  = 3 * time.Second
	readStateEvery = 5 * time.Second
)

// described adds the full stop to a help text.
func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+".", labels, nil)
}

var (
	connections    = described("farley_db_connections", "Connections to the database by pool and state: in_use, idle", "pool", "state")
	connectionsMax = described("farley_db_connections_max", "Most connections of a pool", "pool")
	poolWaits      = described("farley_db_pool_waits_total", "How often a transaction had to wait for a connection", "pool")
	poolWaited     = described("farley_db_pool_wait_seconds_total", "How long transactions have waited for connections", "pool")
	retries        = described("farley_db_retries_total", "Write transactions that lost against another one and were tried again")
	gaveUp         = described("farley_db_gave_up_total", "Write transactions that lost against others again and again, and failed")

	groups        = described("farley_subscription_groups", "Groups of subscribers who are told the same")
	subscriptions = described("farley_subscriptions", "Subscriptions by how they are told: with their group, or replaying the log alone", "how")
	sockets       = described("farley_sockets_open", "Open WebSockets")
	streams       = described("farley_event_streams_open", "Open streams of server-sent events")

	hashes     = described("farley_password_hashes", "Passwords to hash, by state: waiting, running", "state")
	actorsSeen = described("farley_actors_total", "Look-ups of who acts, by result: hit (in memory) or miss", "result")
	plansUsed  = described("farley_plans_total", "Records and lists at the root of queries, by result: hit (their plan was kept) or miss", "result")

	unsequenced    = described("farley_changes_unsequenced", "Committed changes without a position, counted up to 10,000")
	unsequencedAge = described("farley_changes_unsequenced_age_seconds", "For how long the oldest change without a position has waited")
	kept           = described("farley_changes_kept", "Changes that the log holds")
	keptAge        = described("farley_changes_oldest_age_seconds", "Age of the oldest change that the log holds")
	jobs           = described("farley_jobs", "Jobs by kind and state", "kind", "state")
	searchLag      = described("farley_search_lag", "Changes in the log that are not in the search index yet")
	jobsDueAge     = described("farley_jobs_oldest_due_age_seconds", "For how long the job has been due that has waited longest")

	brokerConnected = described("farley_broker_connected", "1 while the broker between nodes can be reached, and for a single node")
	brokerDropped   = described("farley_broker_dropped_total", "Messages to other nodes that did not leave this one")
	stateErrors     = described("farley_state_errors_total", "Readings of the database for these metrics that failed; those metrics are missing then")
)

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		connections, connectionsMax, poolWaits, poolWaited, retries, gaveUp, groups, subscriptions, sockets, streams, hashes, actorsSeen, plansUsed,
		unsequenced, unsequencedAge, kept, keptAge, jobs, jobsDueAge, searchLag, brokerConnected, brokerDropped, stateErrors,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	a := s.app
	database := a.DB.Stats()
	for pool, p := range database.Pools {
		gauge(connections, float64(p.InUse), pool, "in_use")
		gauge(connections, float64(p.Idle), pool, "idle")
		gauge(connectionsMax, float64(p.MaxOpenConnections), pool)
		counter(poolWaits, float64(p.WaitCount), pool)
		counter(poolWaited, p.WaitDuration.Seconds(), pool)
	}
	counter(retries, float64(database.Retried))
	counter(gaveUp, float64(database.GaveUp))

	hub := a.Hub.Stats()
	gauge(groups, float64(hub.Groups))
	gauge(subscriptions, float64(hub.Members), "group")
	gauge(subscriptions, float64(hub.Alone), "alone")
	gauge(sockets, float64(a.socket.Len()))
	gauge(streams, float64(a.sse.Len()))
	waiting, running := a.Auth.Passwords.Queue()
	gauge(hashes, float64(waiting), "waiting")
	gauge(hashes, float64(running), "running")
	hits, misses := a.Identity.Remembered()
	counter(actorsSeen, float64(hits), "hit")
	counter(actorsSeen, float64(misses), "miss")
	hits, misses = a.Read.Plans()
	counter(plansUsed, float64(hits), "hit")
	counter(plansUsed, float64(misses), "miss")
	connected, dropped := 1.0, 0.0
	if b := a.metrics.lost; b != nil {
		dropped = float64(b.Dropped())
		if !b.Connected() {
			connected = 0
		}
	}
	gauge(brokerConnected, connected)
	counter(brokerDropped, dropped)

	found, ok, failed := s.read()
	counter(stateErrors, float64(failed))
	if !ok {
		return
	}
	gauge(unsequenced, float64(found.log.Waiting))
	gauge(unsequencedAge, found.log.OldestWaiting.Seconds())
	gauge(kept, float64(found.log.Kept))
	gauge(keptAge, found.log.OldestKept.Seconds())
	for k, n := range found.jobs {
		gauge(jobs, float64(n), k.Kind, string(k.State))
	}
	gauge(jobsDueAge, found.due.Seconds())
	gauge(searchLag, float64(found.lag))
}

// read reads the database, unless that was done a moment ago.
func (s *state) read() (found stored, ok bool, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.app.Clock.Now()
	if !s.readAt.IsZero() && now.Before(s.readAt.Add(readStateEvery)) {
		return s.stored, true, s.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), readStateTime)
	defer cancel()
	var err error
	if found.log, err = s.app.Changes.Stats(ctx); err == nil {
		found.jobs, err = s.app.Jobs.CountKinds(ctx)
	}
	if err == nil {
		var all job.Stats
		all, err = s.app.Jobs.Stats(ctx)
		found.due = all.OldestDue
	}
	if err == nil {
		found.lag, err = s.app.Index.Lag(ctx)
	}
	if err != nil {
		s.failed++
		s.readAt = time.Time{}
		return stored{}, false, s.failed
	}
	s.stored, s.readAt = found, now
	return found, true, s.failed
}
