package server

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests and operations. No label holds what a client can make up.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	operations *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	cost       prometheus.Histogram
	inFlight   prometheus.Gauge
	documents  *prometheus.CounterVec
}

// NewRegistry returns a registry with the metrics of the Go runtime, the process and the build.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	return registry
}

// buildInfo is a constant whose labels say which program this is.
func buildInfo() prometheus.Collector {
	version, revision := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "farley_build_info", Help: "1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": runtime.Version()},
	}, func() float64 { return 1 })
}

func newMetrics(registry *prometheus.Registry) *metrics {
	if registry == nil {
		registry = NewRegistry()
	}
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farley_http_requests_total", Help: "HTTP requests by route and status.",
		}, []string{"route", "status"}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farley_operations_total", Help: "GraphQL operations by kind and code of the first error, OK without one.",
		}, []string{"kind", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farley_operation_seconds", Help: "Time to execute queries and mutations.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 12),
		}, []string{"kind"}),
		cost: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farley_operation_cost", Help: "Computed cost of operations.", Buckets: prometheus.ExponentialBuckets(1, 4, 9),
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "farley_http_in_flight", Help: "HTTP requests being answered, sockets and streams included.",
		}),
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farley_documents_total", Help: "Documents looked up in the cache of parsed ones, by result: hit or miss.",
		}, []string{"result"}),
	}
	for _, kind := range []string{"query", "mutation"} { // so that a rate is known from the first one on
		m.operations.WithLabelValues(kind, "OK")
		m.seconds.WithLabelValues(kind)
	}
	m.documents.WithLabelValues("hit")
	m.documents.WithLabelValues("miss")
	m.requests.WithLabelValues("/graphql", "200")
	registry.MustRegister(m.requests, m.operations, m.seconds, m.cost, m.inFlight, m.documents)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) request(r *http.Request, status int) {
	m.requests.WithLabelValues(route(r), strconv.Itoa(status)).Inc()
}

func (m *metrics) operation(op operation) {
	code := string(op.Code)
	if code == "" {
		code = "OK"
	}
	m.operations.WithLabelValues(op.Kind, code).Inc()
	if op.Cost > 0 {
		m.cost.Observe(float64(op.Cost))
	}
	if op.Kind == "query" || op.Kind == "mutation" {
		m.seconds.WithLabelValues(op.Kind).Observe(op.Took.Seconds())
	}
}

// route is the address if it is one of ours, else "other": labels and log lines are not for clients to fill.
func route(r *http.Request) string {
	switch r.URL.Path {
	case "/", "/graphql", "/healthz", "/readyz", "/metrics":
		return r.URL.Path
	}
	if strings.HasPrefix(r.URL.Path, "/files/") {
		return "/files" // what follows is a secret
	}
	if strings.HasPrefix(r.URL.Path, "/calendar/") {
		return "/calendar"
	}
	if strings.HasPrefix(r.URL.Path, "/invitation/") {
		return "/invitation"
	}
	return "other"
}
