package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"farley/internal/broker"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/job"
	"farley/internal/mail"
	"farley/internal/stream"
)

// metrics measures what the packages tell of themselves; they know nothing of it. No label holds what a client can make
// up. docs/operations says which of them are worth an alert.
type metrics struct {
	dbSeconds *prometheus.HistogramVec
	dbErrors  *prometheus.CounterVec

	batchSize    prometheus.Histogram
	batchSeconds prometheus.Histogram
	batchErrors  prometheus.Counter
	events       prometheus.Counter
	eventDelay   prometheus.Histogram
	ended        *prometheus.CounterVec
	replays      prometheus.Counter

	authentications *prometheus.CounterVec
	published       *prometheus.CounterVec
	received        *prometheus.CounterVec
	jobRuns         *prometheus.CounterVec

	lost brokerHealth // nil for a broker that cannot lose messages
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		dbSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farley_db_seconds", Help: "Time of the parts of transactions: begin (with the wait for a connection), read, write, commit.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 3, 11),
		}, []string{"part"}),
		dbErrors: counters("farley_db_errors_total", "Failed parts of transactions by kind: conflict with another transaction, unique key taken, cancelled, other.", "part", "kind"),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farley_sequencer_batch_size", Help: "Changes that got their positions in one batch.", Buckets: []float64{0, 1, 2, 5, 10, 20, 50, 100, 200, 500},
		}),
		batchSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farley_sequencer_seconds", Help: "Time of a batch of the sequencer.", Buckets: prometheus.ExponentialBuckets(0.0005, 3, 10),
		}),
		batchErrors: counter("farley_sequencer_errors_total", "Batches of the sequencer that failed; each is tried again."),
		events:      counter("farley_events_sent_total", "Events handed to subscribers by their groups."),
		eventDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farley_event_delay_seconds", Help: "Time from a write to the delivery of its event to a group of subscribers.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
		}),
		ended:           counters("farley_subscriptions_ended_total", "Subscriptions that the server ended, by code.", "code"),
		replays:         counter("farley_replays_total", "Subscribers that began to read the change log by themselves."),
		authentications: counters("farley_authentications_total", "Tokens that were checked, by result: ok, anonymous (none was sent), refused, error.", "result"),
		published:       counters("farley_broker_published_total", "Messages to other nodes.", "topic"),
		received:        counters("farley_broker_received_total", "Messages from all nodes, this one included.", "topic"),
		jobRuns:         counters("farley_job_runs_total", "Runs of jobs that have ended on this node, by kind and by how they ended.", "kind", "outcome"),
	}
	m.fill()
	return m
}

// parts of transactions, as labels.
var parts = []db.Part{db.Begin, db.Read, db.Write, db.Commit}

// kinds of errors of the database, as labels.
const (
	conflict  = "conflict"
	unique    = "unique"
	cancelled = "cancelled"
	other     = "other"
)

// fill makes the series of the labels that are known beforehand: a rate needs a first value to rise from.
func (m *metrics) fill() {
	for _, part := range parts {
		m.dbSeconds.WithLabelValues(string(part))
		for _, kind := range []string{conflict, unique, cancelled, other} {
			m.dbErrors.WithLabelValues(string(part), kind)
		}
	}
	for _, code := range []fault.Code{fault.SlowConsumer, fault.Resync, fault.CursorExpired, fault.Unavailable, fault.Unauthenticated} {
		m.ended.WithLabelValues(string(code))
	}
	for _, result := range []string{"ok", "anonymous", "refused", "error"} {
		m.authentications.WithLabelValues(result)
	}
	for _, outcome := range job.Outcomes() {
		m.jobRuns.WithLabelValues(mail.Kind, string(outcome))
	}
	for _, topic := range topics {
		m.published.WithLabelValues(string(topic))
		m.received.WithLabelValues(string(topic))
	}
}

// register adds the metrics, and what is read at each scrape, to a registry.
func (m *metrics) register(registry *prometheus.Registry, a *App) error {
	all := []prometheus.Collector{
		m.dbSeconds, m.dbErrors, m.batchSize, m.batchSeconds, m.batchErrors, m.events, m.eventDelay, m.ended, m.replays,
		m.authentications, m.published, m.received, m.jobRuns, &state{app: a},
	}
	for _, c := range all {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// watch is told of the parts of transactions.
func (m *metrics) watch(part db.Part, took time.Duration, err error) {
	m.dbSeconds.WithLabelValues(string(part)).Observe(took.Seconds())
	if err == nil {
		return
	}
	kind := other
	switch {
	case db.Retryable(err):
		kind = conflict
	case db.Clash(err):
		kind = unique
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind = cancelled
	}
	m.dbErrors.WithLabelValues(string(part), kind).Inc()
}

// meter is told of the change log.
func (m *metrics) meter() change.Meter {
	return change.Meter{
		Batch: func(rows int, took time.Duration, err error) {
			if err != nil {
				m.batchErrors.Inc()
				return
			}
			m.batchSize.Observe(float64(rows))
			m.batchSeconds.Observe(took.Seconds())
		},
		Delivered: func(members int, delay time.Duration) {
			m.events.Add(float64(members))
			m.eventDelay.Observe(max(0, delay.Seconds())) // clocks of nodes differ
		},
		Ended:  func(code fault.Code) { m.ended.WithLabelValues(string(code)).Inc() },
		Replay: m.replays.Inc,
	}
}

// ran is told of the runs of jobs.
func (m *metrics) ran(kind string, outcome job.Outcome, _ time.Duration) {
	m.jobRuns.WithLabelValues(kind, string(outcome)).Inc()
}

// counting is an authenticator whose results are counted.
type counting struct {
	stream.Authenticator
	metrics *metrics
}

func (m *metrics) authenticator(a stream.Authenticator) stream.Authenticator { return counting{a, m} }

// Authenticate implements stream.Authenticator.
func (c counting) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	out, session, err := c.Authenticator.Authenticate(ctx, token)
	result := "ok"
	switch code := fault.CodeOf(err); {
	case code == fault.Unauthenticated, code == fault.Forbidden, code == fault.Limited:
		result = "refused"
	case err != nil:
		result = "error"
	case token == "":
		result = "anonymous"
	}
	c.metrics.authentications.WithLabelValues(result).Inc()
	return out, session, err
}

// brokerHealth is what brokers between processes tell of themselves.
type brokerHealth interface {
	Dropped() int64
	Connected() bool
}

var topics = []broker.Topic{broker.Changes, broker.Jobs, broker.Sessions}

// known keeps topics of others out of the labels.
func known(topic broker.Topic) string {
	for _, t := range topics {
		if t == topic {
			return string(t)
		}
	}
	return "other"
}

// countedBroker counts the messages of a broker.
type countedBroker struct {
	broker.Broker
	metrics *metrics
}

func (m *metrics) counted(b broker.Broker) broker.Broker {
	if health, ok := b.(brokerHealth); ok {
		m.lost = health
	}
	for _, topic := range topics {
		received := m.received.WithLabelValues(string(topic))
		b.Subscribe(topic, func([]byte) { received.Inc() })
	}
	return countedBroker{b, m}
}

// Publish implements broker.Broker.
func (c countedBroker) Publish(topic broker.Topic, message []byte) {
	c.metrics.published.WithLabelValues(known(topic)).Inc()
	c.Broker.Publish(topic, message)
}
