package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

const operations = "../../docs/operations/"

// scrape reads the metrics of a running server.
func scrape(t *testing.T, address string) map[string]*dto.MetricFamily {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value adds up the series of a metric that have the labels, written name, value, name, value; of a histogram, its count.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
				return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			})
		}
		if fits {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// What operators are to look at exists, with the labels by which they look.
func TestOperations_nameWhatIsExported(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	e.Admin(t).Query(t, `{ viewer { user { id } } }`, nil)
	families := scrape(t, e.Host+"/metrics")

	exprs := map[string]string{}
	for name, expr := range dashboard(t) {
		exprs[name] = expr
	}
	for name, expr := range alerts(t) {
		exprs[name] = expr
	}
	for name, expr := range exprs {
		checkExpr(t, families, name, expr)
	}
	for name := range families {
		if strings.HasPrefix(name, "farley_") && !strings.Contains(strings.Join(values(exprs), "\n"), name) {
			t.Errorf("neither dashboard nor alerts look at %s", name)
		}
	}
}

func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

func dashboard(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(operations + "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title, UID    string
		SchemaVersion int
		Panels        []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil || d.Title == "" || d.UID == "" || d.SchemaVersion == 0 {
		t.Fatalf("the dashboard is not valid: %v", err)
	}
	exprs, ids, rows := map[string]string{}, map[int]bool{}, []string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q has no place or id of its own", p.Title)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			exprs["panel "+p.Title+" "+target.RefID] = target.Expr
		}
	}
	if want := []string{"API", "Database", "Change log and subscriptions", "Jobs", "Process"}; !slices.Equal(rows, want) {
		t.Errorf("the rows are %v", rows)
	}
	return exprs
}

func alerts(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(operations + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile(operations + "runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	strict := yaml.NewDecoder(strings.NewReader(string(raw)))
	strict.KnownFields(true)
	if err := strict.Decode(&file); err != nil {
		t.Fatal(err)
	}
	exprs := map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s lacks severity or summary", r.Alert)
			}
			if !strings.HasSuffix(r.Annotations["runbook_url"], "runbook.md#"+strings.ToLower(r.Alert)) || !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
				t.Errorf("%s has no chapter in the runbook, or does not point there", r.Alert)
			}
			exprs["alert "+r.Alert] = r.Expr
		}
	}
	return exprs
}

var (
	selector = regexp.MustCompile(`\b((?:farley|process|go)_[a-z0-9_]+|up)\b(\{[^}]*\})?`)
	matcher  = regexp.MustCompile(`([a-z_]+) *(=~|!=|!~|=) *"([^"]*)"`)
	grouping = regexp.MustCompile(`by \(([^)]*)\)`)
)

// given are labels that Prometheus adds.
var given = []string{"job", "instance"}

func checkExpr(t *testing.T, families map[string]*dto.MetricFamily, where, expr string) {
	t.Helper()
	found := selector.FindAllStringSubmatch(grouping.ReplaceAllString(expr, ""), -1)
	if len(found) == 0 {
		t.Errorf("%s names no metric: %s", where, expr)
	}
	known := append([]string{}, given...)
	for _, f := range found {
		if f[1] == "up" {
			continue
		}
		labels, ok := labelsOf(families, f[1])
		if !ok {
			t.Errorf("%s: there is no metric %s", where, f[1])
			continue
		}
		known = append(known, labels...)
		for _, m := range matcher.FindAllStringSubmatch(f[2], -1) {
			if !slices.Contains(append(labels, given...), m[1]) {
				t.Errorf("%s: %s has no label %s", where, f[1], m[1])
			}
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			if !slices.Contains(known, strings.TrimSpace(label)) {
				t.Errorf("%s groups by %s, which nothing in it has", where, label)
			}
		}
	}
}

// labelsOf returns the labels of a metric, or of a part of a histogram.
func labelsOf(families map[string]*dto.MetricFamily, name string) ([]string, bool) {
	var extra []string
	f := families[name]
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && families[base].GetType() == dto.MetricType_HISTOGRAM {
			f = families[base]
			if suffix == "_bucket" {
				extra = []string{"le"}
			}
		}
	}
	if f == nil || len(f.GetMetric()) == 0 {
		return nil, false
	}
	for _, l := range f.GetMetric()[0].GetLabel() {
		extra = append(extra, l.GetName())
	}
	return extra, true
}

// The metrics move with what they measure.
func TestMetrics_move(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		before := scrape(t, e.Host+"/metrics")
		cursor := after(t, e, ann)
		s := ann.Subscribe(t, follow, farleytest.Vars{"after": cursor})
		for range 3 {
			e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
			s.Event(t)
		}
		ann.Do(t, `{ accounts(first: 1) { nodes { taxNumber } } }`, nil)
		ann.Do(t, `{ accounts(first: 1) { nodes { name } } }`, nil)
		ann.Do(t, `{ accounts(first: 1) { nodes { name } } }`, nil)
		ann.Do(t, `{ accounts(first: 1) { nodes { name } } }`, nil)
		e.WithToken("nonsense").Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		if open := scrape(t, e.Host+"/metrics"); value(open, "farley_subscriptions") != 1 || value(open, "farley_sockets_open") != 1 {
			t.Errorf("%v subscriptions over %v sockets", value(open, "farley_subscriptions"), value(open, "farley_sockets_open"))
		}
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		now := scrape(t, e.Host+"/metrics")
		rose := func(by float64, name string, labels ...string) {
			t.Helper()
			if got := value(now, name, labels...) - value(before, name, labels...); got < by {
				t.Errorf("%s %v has risen by %v; want %v at least", name, labels, got, by)
			}
		}
		rose(3, "farley_db_seconds", "part", "commit")
		rose(3, "farley_db_seconds", "part", "write")
		rose(3, "farley_db_seconds", "part", "read")
		rose(3, "farley_db_seconds", "part", "begin")
		rose(1, "farley_sequencer_batch_size")
		rose(1, "farley_events_sent_total")
		rose(1, "farley_event_delay_seconds")
		rose(1, "farley_replays_total")
		rose(3, "farley_changes_kept")
		rose(1, "farley_documents_total", "result", "hit")
		rose(2, "farley_documents_total", "result", "miss")
		rose(1, "farley_authentications_total", "result", "refused")
		rose(3, "farley_authentications_total", "result", "ok")
		rose(1, "farley_broker_published_total", "topic", "changes")
		rose(1, "farley_broker_received_total", "topic", "changes")
		rose(1, "farley_actors_total", "result", "hit")
		rose(1, "farley_plans_total", "result", "hit")
		rose(2, "farley_plans_total", "result", "miss")
		if value(now, "farley_changes_unsequenced") != 0 || value(now, "farley_broker_connected") != 1 {
			t.Errorf("unsequenced %v, connected %v", value(now, "farley_changes_unsequenced"), value(now, "farley_broker_connected"))
		}
	})
}
