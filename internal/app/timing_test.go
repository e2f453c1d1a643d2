package app_test

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/farleytest"
	"farley/internal/input"
)

var timing = flag.Bool("farley.timing", false, "measure how long refused sign-ins take, with statistics")

// refusals are sign-ins that fail, each for a reason of its own.
type refusal struct{ name, email, password string }

// refusals makes the users that they are about.
func refusals(t *testing.T, e *farleytest.Env) []refusal {
	t.Helper()
	_, _, email := withPassword(t, e)
	admin := e.Admin(t)
	inactive := e.Make(t, "User", input.Object{"email": "inactive@example.com", "name": "Inactive"})
	admin.Query(t, `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`, farleytest.Vars{"id": inactive.String(), "p": password})
	e.Change(t, inactive, input.Object{"active": false})
	e.Make(t, "User", input.Object{"email": "without@example.com", "name": "Without"})
	return []refusal{
		{"wrong password", email, "not the password"},
		{"unknown user", "nobody@example.com", password},
		{"inactive user", "inactive@example.com", password},
		{"user without a password", "without@example.com", password},
	}
}

// The SQL of a refused sign-in does not depend on why it is refused. (That the hashes do not either is tested in package
// auth: TestLogin_refusesAlikeWithTheSameWork.)
func TestLogin_refusalsCostTheSameStatements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		var first []string
		for _, r := range refusals(t, e) {
			for round := range 3 { // with and without counters that are there already
				e.DB.Counter.Reset()
				e.Anonymous().Do(t, login, farleytest.Vars{"e": r.email, "p": r.password}).Want(t, "UNAUTHENTICATED")
				ran := ours(e.DB.Counter.Asked())
				if first == nil {
					first = ran
					if len(ran) != 6 { // look at the counters, find the user, make, lock and add to two counters
						t.Errorf("a refusal costs %d statements:\n%s", len(ran), strings.Join(ran, "\n"))
					}
				}
				if d := gocmp.Diff(first, ran); d != "" {
					t.Errorf("%s, round %d: %s", r.name, round, d)
				}
			}
		}
	})
}

// How long refused sign-ins take, over HTTP and with the real cost of hashing: -farley.timing.
func TestLogin_timing(t *testing.T) {
	t.Parallel()
	if !*timing {
		t.Skip("takes a minute, and a quiet machine: -farley.timing -run TestLogin_timing")
	}
	const samples = 200
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		kinds := refusals(t, e)
		took := make([][]float64, len(kinds))
		for i := range samples + 5 {
			for j := range kinds { // interleaved, in another order each time
				k := (j + i) % len(kinds)
				begin := time.Now()
				e.Anonymous().Do(t, login, farleytest.Vars{"e": kinds[k].email, "p": kinds[k].password}).Want(t, "UNAUTHENTICATED")
				if i >= 5 { // the first ones warm up
					took[k] = append(took[k], time.Since(begin).Seconds()*1000)
				}
			}
		}
		var b strings.Builder
		for k := range kinds {
			fmt.Fprintf(&b, "\n%-24s median %.3f ms", kinds[k].name, median(took[k]))
			if k > 0 {
				fmt.Fprintf(&b, ", Mann-Whitney against %s: p = %.3f", kinds[0].name, mannWhitney(took[0], took[k]))
			}
		}
		t.Log(b.String())
	}, func(c *app.Config) {
		c.PasswordCost = auth.Cost{}
		c.Lockout = auth.Lockout{AccountFailures: 1 << 30, AddressFailures: 1 << 30}
	})
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// mannWhitney returns the two-sided p-value of the hypothesis that both samples come from one distribution, by the normal
// approximation with correction for ties and continuity.
func mannWhitney(a, b []float64) float64 {
	type value struct {
		x     float64
		first bool
	}
	var all []value
	for _, x := range a {
		all = append(all, value{x, true})
	}
	for _, x := range b {
		all = append(all, value{x, false})
	}
	slices.SortFunc(all, func(v, w value) int { return cmp.Compare(v.x, w.x) })
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].x == all[i].x {
			j++
		}
		n := float64(j - i)
		ties += n*n*n - n
		for k := i; k < j; k++ {
			if all[k].first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	m, n := float64(len(a)), float64(len(b))
	u := ranks - m*(m+1)/2
	sigma := math.Sqrt(m * n / 12 * (m + n + 1 - ties/((m+n)*(m+n-1))))
	if sigma == 0 {
		return 1
	}
	z := max(math.Abs(u-m*n/2)-0.5, 0) / sigma
	return math.Erfc(z / math.Sqrt2)
}

// The statistics are those of the textbooks.
func TestMannWhitney(t *testing.T) {
	t.Parallel()
	var low, high []float64
	for i := range 20 {
		low, high = append(low, float64(i)), append(high, float64(i)+0.5)
	}
	if p := mannWhitney(low, low); p != 1 {
		t.Errorf("the same sample twice: p = %v", p)
	}
	if p := mannWhitney(low, high); p < 0.7 || p > 0.9 {
		t.Errorf("a small shift: p = %v", p)
	}
	for i := range high {
		high[i] += 20
	}
	if p := mannWhitney(low, high); p > 1e-6 {
		t.Errorf("apart: p = %v", p)
	}
	if m := median([]float64{3, 1, 2, 10}); m != 2.5 {
		t.Errorf("median %v", m)
	}
}
