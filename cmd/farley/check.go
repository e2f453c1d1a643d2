package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"farley/internal/auth"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/server"
	"farley/internal/telemetry"
)

// check looks at the configuration and at what it leads to. It takes the flags of serve, so that the two see the same.
type check struct {
	serve `embed:""`
	URL   string `name:"url" help:"Only ask this address of a running server (http://127.0.0.1:8080/readyz), for health checks of containers."`
	JSON  bool   `name:"json" help:"Write the settings and the results as one JSON object."`
}

// Run implements the command. It fails when something does not work.
func (c *check) Run(ctx context.Context, k *kong.Context) error {
	if c.URL != "" {
		return c.ask(ctx)
	}
	settings := settingsOf(k)
	in := &inspection{check: c, clock: clock.System{}}
	in.run(ctx)
	write := in.text
	if c.JSON {
		write = in.json
	}
	if err := write(os.Stdout, settings); err != nil {
		return err
	}
	if n := in.problems(); n > 0 {
		return fmt.Errorf("problems: %d", n)
	}
	return nil
}

// inspection is one run of all checks. The database is opened once, by the check that is named for it.
type inspection struct {
	*check
	clock   clock.Clock
	store   *db.DB // nil when the database could not be opened
	pending []string
	results []result
}

// result is what one check found.
type result struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
}

// The states of a result.
const (
	fine    = "ok"
	advised = "advice" // it works, and could be better
	problem = "problem"
)

// advice is an error that is none yet.
type advice struct{ error }

// reporter tells of one thing that was checked: an error, some advice, or what is fine about it.
type reporter func(what string, err error, detail string, args ...any)

func (in *inspection) report(what string, err error, detail string, args ...any) {
	r := result{Check: what, State: fine, Detail: fmt.Sprintf(detail, args...)}
	var a advice
	switch {
	case errors.As(err, &a):
		r.State, r.Detail = advised, err.Error()
	case err != nil:
		r.State, r.Detail = problem, mask(err.Error())
	}
	in.results = append(in.results, r)
}

func (in *inspection) problems() (n int) {
	for _, r := range in.results {
		if r.State == problem {
			n++
		}
	}
	return n
}

// checks are all that is looked at, in order. Those after the database find it in inspection.store, and are left out when it
// could not be opened.
var checks = []func(context.Context, *inspection, reporter){
	checkSettings, checkFolder, checkKeys, checkTraces, checkNATS, checkMail, checkFiles, checkDisk,
	checkDatabase, checkFacts, checkClock, checkMigrations, checkChanges, checkIssuers,
}

func (in *inspection) run(ctx context.Context) {
	for _, look := range checks {
		look(ctx, in, in.report)
	}
	if in.store != nil {
		_ = in.store.Close()
	}
}

func checkSettings(_ context.Context, in *inspection, report reporter) {
	_, err := in.book()
	report("currencies", err, "amounts are compared in %s", in.ReportingCurrency)
	_, err = limits(in.Limit)
	report("limits", err, "%d differ from their defaults", len(in.Limit))
	var bad []error
	for _, origin := range in.AllowedOrigins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			bad = append(bad, fmt.Errorf("%q is no origin: want https://app.example.com", origin))
		}
	}
	report("origins", errors.Join(bad...), "pages of %d other origins may call", len(in.AllowedOrigins))
	if in.AllowList == "" {
		return
	}
	f, err := os.Open(in.AllowList)
	if err != nil {
		report("allow-list", err, "")
		return
	}
	defer func() { _ = f.Close() }()
	allowed, err := server.ReadManifest(f)
	report("allow-list", err, "%d operations may run", len(allowed))
}

// checkFolder tries to write where the embedded database and the keys are.
func checkFolder(_ context.Context, in *inspection, report reporter) {
	if in.Database != "" && in.Keys != "" {
		return // nothing is kept there
	}
	info, err := os.Stat(in.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		report("data folder", nil, "%s is not there yet; the server makes it", in.Data)
		return
	case err != nil:
		report("data folder", err, "")
		return
	case !info.IsDir():
		report("data folder", fmt.Errorf("%s is no folder", in.Data), "")
		return
	}
	f, err := os.CreateTemp(in.Data, ".farley-check-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if mode := info.Mode().Perm(); err == nil && mode&0o007 != 0 {
		err = advice{fmt.Errorf("%s has mode %04o: everybody on this machine may look into it", in.Data, mode)}
	}
	report("data folder", err, "%s can be written", in.Data)
}

// oldKey is the age at which a signing key should have been rotated.
const oldKey = 365 * 24 * time.Hour

func checkKeys(_ context.Context, in *inspection, report reporter) {
	file := in.Keys
	if file == "" {
		file = filepath.Join(in.Data, "keys.json")
	}
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		report("keys", nil, "%s is not there yet; the server makes it", file)
		return
	}
	if err != nil {
		report("keys", err, "")
		return
	}
	now := in.clock.Now()
	ring, err := auth.OpenKeyring(file, now)
	if err != nil {
		report("keys", err, "")
		return
	}
	kid, since := ring.Signing(now)
	age := now.Sub(since)
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		err = advice{fmt.Errorf("%s has mode %04o: 0600 is enough", file, mode)}
	} else if age > oldKey {
		err = advice{fmt.Errorf("the key %s has signed for %d days: make a new one by farley keys rotate", kid, int(age.Hours()/24))}
	}
	report("keys", err, "%s signs since %s", kid, since.Format(time.DateOnly))
}

// checkTraces tries to reach the collector, which the server can do without.
func checkTraces(ctx context.Context, in *inspection, report reporter) {
	if !in.Traces && !telemetry.Wanted() {
		return
	}
	endpoint := "http://localhost:4318" // the exporter's default
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if v := os.Getenv(name); v != "" {
			endpoint = v
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		report("traces", errors.New("the endpoint is no URL: want http://host:4318"), "")
		return
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		report("traces", advice{fmt.Errorf("%s does not answer: spans are dropped", address)}, "")
		return
	}
	_ = conn.Close()
	report("traces", nil, "%s answers", address)
}

// The free disk space below which something will fail soon.
const (
	littleSpace = 1 << 30
	noSpace     = 128 << 20
)

func checkDisk(_ context.Context, in *inspection, report reporter) {
	if in.Database != "" && !strings.HasPrefix(in.Database, "sqlite:") {
		return
	}
	folder := in.Data
	if u, err := url.Parse(in.Database); err == nil && u.Scheme == "sqlite" {
		folder = filepath.Dir(u.Path)
	}
	for { // of a folder that is not there yet, the one in which it will be
		if _, err := os.Stat(folder); err == nil || filepath.Dir(folder) == folder {
			break
		}
		folder = filepath.Dir(folder)
	}
	free, err := freeSpace(folder)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return
	case err == nil && free < noSpace:
		err = fmt.Errorf("%d MiB are free", free>>20)
	case err == nil && free < littleSpace:
		err = advice{fmt.Errorf("%d MiB are free", free>>20)}
	}
	report("disk", err, "%d GiB are free", free>>30)
}

func checkDatabase(ctx context.Context, in *inspection, report reporter) {
	if in.Database == "" {
		if _, err := os.Stat(filepath.Join(in.Data, "farley.db")); errors.Is(err, os.ErrNotExist) {
			report("database", nil, "there is none yet; the server makes it")
			return
		}
	}
	target, err := in.url()
	if err == nil {
		in.store, err = db.Open(ctx, target)
	}
	if err == nil {
		err = in.store.Ping(ctx)
	}
	report("database", err, "%s answers", scheme(target))
}

func checkFacts(ctx context.Context, in *inspection, report reporter) {
	if in.store == nil {
		return
	}
	f, err := in.store.Facts(ctx)
	if err == nil {
		err = judge(in.store.Dialect, f)
	}
	if in.store.Dialect == db.SQLite {
		report("database settings", err, "SQLite %s, journal %s", f.Version, f.Settings["journal_mode"])
		return
	}
	isolation := f.Settings["tx_isolation"] + f.Settings["transaction_isolation"] // each server knows one of them
	if f.Settings["tx_isolation"] != "" {
		isolation = f.Settings["tx_isolation"]
	}
	report("database settings", err, "%s, %s, time zone %s, default isolation %s (Farley sets its own)",
		f.Version, f.Settings["character_set_database"], f.Settings["time_zone"], isolation)
}

var versionNumber = regexp.MustCompile(`^(\d+)\.(\d+)`)

// judge returns what is wrong with a database, else what could be better.
func judge(d db.Dialect, f db.Facts) error {
	var bad, better []error
	s := f.Settings
	if d == db.SQLite {
		if s["journal_mode"] != "wal" {
			bad = append(bad, fmt.Errorf("the journal mode is %s: readers and the writer would wait for each other", s["journal_mode"]))
		}
		if s["encoding"] != "UTF-8" {
			bad = append(bad, fmt.Errorf("the encoding is %s", s["encoding"]))
		}
		return errors.Join(bad...)
	}
	if v := versionNumber.FindStringSubmatch(f.Version); v != nil {
		major, _ := strconv.Atoi(v[1]) // digits by the pattern
		minor, _ := strconv.Atoi(v[2])
		if strings.Contains(f.Version, "MariaDB") && (major < 10 || major == 10 && minor < 6) || !strings.Contains(f.Version, "MariaDB") && major < 8 {
			bad = append(bad, fmt.Errorf("version %s lacks SKIP LOCKED: want MariaDB 10.6 or MySQL 8.0 at least", f.Version))
		}
	}
	if s["character_set_database"] != "utf8mb4" {
		better = append(better, fmt.Errorf("the schema's character set is %s; Farley's tables say utf8mb4 themselves, but make the schema so too", s["character_set_database"]))
	}
	if s["character_set_connection"] != "utf8mb4" {
		bad = append(bad, fmt.Errorf("the connection's character set is %s", s["character_set_connection"]))
	}
	if s["time_zone"] != "+00:00" {
		bad = append(bad, fmt.Errorf("the connection's time zone is %s", s["time_zone"]))
	}
	if s["read_only"] == "ON" {
		bad = append(bad, errors.New("the server is read-only"))
	}
	if n, err := strconv.Atoi(s["max_connections"]); err == nil && n < 100 {
		better = append(better, fmt.Errorf("max_connections is %d; each node opens up to 48", n))
	}
	if n, err := strconv.Atoi(s["max_allowed_packet"]); err == nil && n < 4<<20 {
		better = append(better, fmt.Errorf("max_allowed_packet is %d bytes; want 4 MiB at least", n))
	}
	if s["innodb_flush_log_at_trx_commit"] != "1" && s["wsrep_on"] != "ON" {
		better = append(better, errors.New("innodb_flush_log_at_trx_commit is not 1: a crash may lose what was committed"))
	}
	if len(bad) == 0 && len(better) > 0 {
		return advice{errors.Join(better...)}
	}
	return errors.Join(append(bad, better...)...)
}

// maxSkew is how far the clocks of node and database may be apart. Only node clocks count, so what matters is that one is
// wrong.
const maxSkew = 5 * time.Second

func checkClock(ctx context.Context, in *inspection, report reporter) {
	if in.store == nil || in.store.Dialect == db.SQLite {
		return
	}
	before := in.clock.Now()
	f, err := in.store.Facts(ctx)
	if err != nil {
		report("clock", err, "")
		return
	}
	after := in.clock.Now()
	skew := max(before.Sub(f.Now), f.Now.Sub(after), 0)
	if skew > maxSkew {
		err = fmt.Errorf("this machine's clock and the database's are %s apart", skew.Round(time.Millisecond))
	}
	report("clock", err, "less than %s from the database's", maxSkew)
}

func checkMigrations(ctx context.Context, in *inspection, report reporter) {
	if in.store == nil {
		return
	}
	var err error
	in.pending, err = in.store.Pending(ctx)
	detail := "none to apply"
	if len(in.pending) > 0 {
		detail = fmt.Sprintf("%d to apply, the last %s; the server does it at its start", len(in.pending), in.pending[len(in.pending)-1])
	}
	report("migrations", err, "%s", detail)
}

// waitsTooLong is how long a change may be without a position while a server runs.
const waitsTooLong = 30 * time.Second

func checkChanges(ctx context.Context, in *inspection, report reporter) {
	if in.store == nil || len(in.pending) > 0 {
		return
	}
	s, err := change.NewLog(in.store, change.Options{Clock: in.clock}).Stats(ctx)
	if err == nil && s.OldestWaiting > waitsTooLong {
		err = advice{fmt.Errorf("%d changes wait for their positions, one for %s: no server is running, or its sequencer stands still", s.Waiting, s.OldestWaiting.Round(time.Second))}
	}
	report("change log", err, "%d changes over %d days", s.Kept, int(s.OldestKept.Hours()/24))
}

// ask succeeds when the server answers that it is well.
func (c *check) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL, res.Status)
	}
	return nil
}

const askTime = 5 * time.Second

func scheme(url string) string {
	before, _, _ := strings.Cut(url, ":")
	return before
}

// setting is one setting in use.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // flag, environment, default
}

// settingsOf lists the settings of the command, secrets masked.
func settingsOf(k *kong.Context) []setting {
	given := map[*kong.Flag]bool{}
	for _, p := range k.Path {
		if p.Flag != nil {
			given[p.Flag] = true
		}
	}
	var all []setting
	for _, f := range k.Flags() {
		if f.Name == "help" || f.Name == "url" || f.Name == "json" {
			continue
		}
		s := setting{Name: f.Name, Value: mask(fmt.Sprint(f.Target.Interface())), Source: "default"}
		for _, name := range f.Envs {
			if _, ok := os.LookupEnv(name); ok {
				s.Source = "environment"
			}
		}
		if given[f] {
			s.Source = "flag"
		}
		if secretName.MatchString(f.Name) && s.Value != "" {
			s.Value = masked
		}
		all = append(all, s)
	}
	return all
}

const masked = "***"

var (
	secretName = regexp.MustCompile(`(?i)password|secret`)
	// userInfo is greedy: a password may hold anything, and rather too much is masked than too little.
	userInfo = regexp.MustCompile(`://([^:/@\s]*):\S*@`)
)

// mask leaves passwords out of URLs.
func mask(text string) string { return userInfo.ReplaceAllString(text, "://$1:"+masked+"@") }

func (in *inspection) text(w io.Writer, settings []setting) error {
	say(w, "Settings\n")
	for _, s := range settings {
		say(w, "  %-20s %-11s %s\n", s.Name, s.Source, s.Value)
	}
	say(w, "Checks\n")
	for _, r := range in.results {
		say(w, "  %s %s: %s\n", map[string]string{fine: "✓", advised: "!", problem: "✗"}[r.State], r.Check, strings.ReplaceAll(r.Detail, "\n", "; "))
	}
	return nil
}

func (in *inspection) json(w io.Writer, settings []setting) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		OK       bool      `json:"ok"`
		Settings []setting `json:"settings"`
		Checks   []result  `json:"checks"`
	}{in.problems() == 0, settings, in.results})
}
