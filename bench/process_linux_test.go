package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"farley/internal/id"
)

// asHandler, in the environment, has the test program be the handler: what it is told as JSON.
const asHandler = "FARLEY_BENCH_HANDLER"

type handlerConfig struct {
	URL       string `json:"url"`
	Rep, Team id.ID
}

func TestMain(m *testing.M) {
	if told := os.Getenv(asHandler); told != "" {
		if err := serveHandler(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveHandler(told string) error {
	var c handlerConfig
	if err := json.Unmarshal([]byte(told), &c); err != nil {
		return err
	}
	h, err := newHandler(context.Background(), c.URL, c.Rep, c.Team)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("answers at http://" + l.Addr().String()) //nolint:forbidigo // it is how the address is told
	return (&http.Server{Handler: &h.mux, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// process is a server under measurement.
type process struct {
	base   string // http://host:port
	pid    int
	binary string   // of Farley
	at     []string // flags that say where its database is
	tokens map[string]string
}

// token returns an access token of a user of Farley.
func (p *process) token(tb testing.TB, email string) string {
	tb.Helper()
	if t, ok := p.tokens[email]; ok {
		return t
	}
	said, err := exec.CommandContext(tb.Context(), p.binary, append([]string{"token", "--user", email}, p.at...)...).Output()
	if err != nil {
		tb.Fatalf("token: %v", err)
	}
	p.tokens[email] = strings.TrimSpace(string(said))
	return p.tokens[email]
}

var answersAt = regexp.MustCompile(`http://[0-9.:]+`)

// start runs a command until it says where it answers, and until the test ends.
func start(tb testing.TB, cmd *exec.Cmd) *process {
	tb.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	log, err := os.CreateTemp(tb.TempDir(), "log")
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = log.Close()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "answers at") {
			go func() {
				for lines.Scan() { //nolint:revive // so that it never waits for a reader
				}
			}()
			return &process{base: answersAt.FindString(lines.Text()), pid: cmd.Process.Pid}
		}
	}
	said, _ := os.ReadFile(log.Name()) // for the message only
	tb.Fatalf("%s ended before it answered: %s", cmd.Path, said)
	return nil
}

// startHandler runs the handler as a process of its own.
func startHandler(tb testing.TB, f *firm) *process {
	tb.Helper()
	told, err := json.Marshal(handlerConfig{URL: f.URL, Rep: f.rep, Team: f.team})
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(os.Environ(), asHandler+"="+string(told))
	return start(tb, cmd)
}

// startFarley builds and runs the server, and returns an access token of the rep. The rows were put in past the server, which
// would make their search terms beside the first requests, so they are made before.
func startFarley(tb testing.TB, f *firm) (p *process, token string) {
	tb.Helper()
	return startFarleyAfter(tb, f, "search", "rebuild")
}

// startFarleyAfter is startFarley where the built program runs another command first, or none.
func startFarleyAfter(tb testing.TB, f *firm, command ...string) (p *process, token string) {
	tb.Helper()
	dir := tb.TempDir()
	binary := filepath.Join(dir, "farley")
	if said, err := exec.CommandContext(tb.Context(), "go", "build", "-o", binary, "farley/cmd/farley").CombinedOutput(); err != nil {
		tb.Fatalf("build: %v: %s", err, said)
	}
	at := []string{"--data", filepath.Join(dir, "data"), "--database", f.URL}
	if len(command) > 0 {
		if said, err := exec.CommandContext(tb.Context(), binary, append(command, at...)...).CombinedOutput(); err != nil {
			tb.Fatalf("%s: %v: %s", command, err, said)
		}
	}
	p = start(tb, exec.CommandContext(tb.Context(), binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--limit", "budgetPerSecond=-1"}, at...)...))
	p.binary, p.at, p.tokens = binary, at, map[string]string{}
	return p, p.token(tb, f.repEmail)
}

// ticksPerSecond is the unit of /proc/<pid>/stat on Linux.
const ticksPerSecond = 100

// processor is the processor time that a process has had.
func (p *process) processor(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		tb.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// peak is the most memory that a process has had, in MiB.
func (p *process) peak(tb testing.TB) int {
	tb.Helper()
	return p.memory(tb, "VmHWM:")
}

// resident is the memory that a process has, in MiB.
func (p *process) resident(tb testing.TB) int {
	tb.Helper()
	return p.memory(tb, "VmRSS:")
}

func (p *process) memory(tb testing.TB, which string) int {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, which); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				tb.Fatal(err)
			}
			return kib >> 10
		}
	}
	return 0
}
