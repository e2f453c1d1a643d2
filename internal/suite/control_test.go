package suite_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// command is a uniform mutation of one record with control arguments.
type command struct {
	verb   string
	in     input.Object
	x      id.ID
	binned bool
}

// do sends a command with more arguments ("dryRun: true").
func (m command) do(t *testing.T, c *farleytest.Client, k *model.Kind, arguments string, headers ...string) *farleytest.Response {
	t.Helper()
	var vars, args []string
	values := farleytest.Vars{}
	if m.verb == "create" || m.verb == "update" || m.verb == "upsert" {
		typ := "Update"
		if m.verb == "create" {
			typ = "Create"
		}
		vars, args, values["in"] = append(vars, "$in: "+typ+k.Name+"Input!"), append(args, "input: $in"), m.in
	}
	switch m.verb {
	case "create":
	case "upsert":
		vars, args, values["key"] = append(vars, "$key: String!"), append(args, `external: {system: "sap", id: $key}`), m.x.String()
	default:
		vars, args, values["id"] = append(vars, "$id: ID!"), append(args, "id: $id"), m.x.String()
	}
	sel := fmt.Sprintf("it: %s { id version updatedAt deletedAt }", k.Single)
	if m.verb == "delete" {
		sel = "id version"
	}
	return c.Do(t, fmt.Sprintf("mutation(%s) { it: %s%s(%s %s) { %s } }", strings.Join(vars, ", "), m.verb, k.Name, strings.Join(args, ", "), arguments, sel), values, headers...)
}

// commands returns one of each uniform mutation, each of a record of its own.
func commands(t *testing.T, e *farleytest.Env, k *model.Kind) []command {
	t.Helper()
	f := editable(t, k)
	fresh := func() id.ID { return e.Make(t, k.Name, e.Valid(t, k.Name)) }
	change := func() input.Object { return input.Object{f.Name: e.Value(t, k, f, 7)} }
	in := e.Valid(t, k.Name)
	x := id.New(k.Code, e.Clock.Now())
	in["id"] = x.String()
	out := []command{{verb: "create", in: in, x: x}, {verb: "update", in: change(), x: fresh()}}
	if !k.Lasting {
		binned := fresh()
		bin(t, e, k, binned)
		out = append(out, command{verb: "delete", x: fresh()}, command{verb: "restore", x: binned, binned: true})
	}
	if k.Upsert {
		m := command{verb: "upsert", in: change(), x: fresh()}
		external(t, e, k, m.x)
		out = append(out, m)
	}
	e.Identity.Invalidate()
	return out
}

// eachCommand runs fn for each uniform mutation of each kind, as somebody who may do everything.
func eachCommand(t *testing.T, fn func(t *testing.T, e *farleytest.Env, c *farleytest.Client, k *model.Kind, m command)) {
	t.Helper()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			for _, m := range commands(t, e, k) {
				t.Run(k.Name+"/"+m.verb, func(t *testing.T) { fn(t, e, admin, k, m) })
			}
		}
	})
}

// A write on a version that has passed is refused with the present one, and does nothing; on the present one it is done.
func TestControl_expectedVersion(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, e *farleytest.Env, c *farleytest.Client, k *model.Kind, m command) {
		if m.verb == "create" {
			return
		}
		before := stateOf(t, e, k, m.x)
		for _, wrong := range []int64{before.Version - 1, before.Version + 1} {
			r := m.do(t, c, k, fmt.Sprintf("expectedVersion: %d", wrong)).Want(t, "CONFLICT")
			if v := r.Errors[0].Extensions.Version; v != before.Version {
				t.Errorf("the present version is said to be %d, it is %d", v, before.Version)
			}
		}
		if after := stateOf(t, e, k, m.x); after != before {
			t.Errorf("before %+v, after %+v", before, after)
		}
		m.do(t, c, k, fmt.Sprintf("expectedVersion: %d", before.Version)).Want(t, "")
		if v := version(t, e, k, m.x); v != before.Version+1 {
			t.Errorf("the version is %d, want %d", v, before.Version+1)
		}
	})
}

// A dry run answers as the write would, and keeps nothing, its key neither.
func TestControl_dryRun(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, e *farleytest.Env, c *farleytest.Client, k *model.Kind, m command) {
		before := stateOf(t, e, k, m.x)
		dry := m.do(t, c, k, `dryRun: true, idempotencyKey: "`+m.x.String()+`"`).Want(t, "")
		if after := stateOf(t, e, k, m.x); after != before {
			t.Errorf("before %+v, after %+v", before, after)
		}
		wet := m.do(t, c, k, `idempotencyKey: "`+m.x.String()+`"`).Want(t, "")
		if a, b := (farleytest.Data{V: dry.Data}).JSON(), (farleytest.Data{V: wet.Data}).JSON(); a != b {
			t.Errorf("the dry run answers %s, the write %s", a, b)
		}
		if v := version(t, e, k, m.x); v != before.Version+1 {
			t.Errorf("the version is %d, want %d", v, before.Version+1)
		}
	})
}

// The same request under the same key is done once and answered alike; another request under it is refused.
func TestControl_idempotencyKey(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, e *farleytest.Env, c *farleytest.Client, k *model.Kind, m command) {
		key := `idempotencyKey: "` + m.x.String() + `"`
		first := m.do(t, c, k, key).Want(t, "")
		before := stateOf(t, e, k, m.x)
		again := m.do(t, c, k, key).Want(t, "")
		if a, b := (farleytest.Data{V: first.Data}).JSON(), (farleytest.Data{V: again.Data}).JSON(); a != b {
			t.Errorf("repeated, the answer is %s, was %s", b, a)
		}
		other := m
		if m.in != nil {
			f := editable(t, k)
			other.in = input.Object{}
			for name, v := range m.in {
				other.in[name] = v
			}
			other.in[f.Name] = e.Value(t, k, f, 9)
		} else {
			other.x = id.New(k.Code, e.Clock.Now())
		}
		other.do(t, c, k, key).Want(t, "IDEMPOTENCY_MISMATCH")
		if after := stateOf(t, e, k, m.x); after != before {
			t.Errorf("before %+v, after %+v", before, after)
		}
	})
}

// Requests with the same key that arrive together are one.
func TestControl_idempotencyKeyAtOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			t.Run(k.Name, func(t *testing.T) {
				m := command{verb: "create", in: e.Valid(t, k.Name)}
				rows, from := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"), mark(t, e)
				answers := make([]string, 8)
				var wg sync.WaitGroup
				for i := range answers {
					wg.Go(func() {
						r := m.do(t, admin, k, `idempotencyKey: "at once `+k.Name+`"`)
						answers[i] = farleytest.Data{V: r.Data}.JSON() + strings.Join(r.Codes(), " ")
					})
				}
				wg.Wait()
				for _, a := range answers {
					if a != answers[0] || !strings.Contains(a, `"version":1`) {
						t.Errorf("one answer is %s, another %s", answers[0], a)
					}
				}
				if n := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"); n != rows+1 {
					t.Errorf("there are %d records more", n-rows)
				}
				if told := since(t, e, from); len(told) != 1+len(farleytest.Touches(k.Name)) {
					t.Errorf("told of %s", summary(told, nil))
				}
			})
		}
	})
}

// The header's key is joined with the response name: two mutations of one request are both done, and a repetition gives
// both again.
func TestControl_idempotencyHeader(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			t.Run(k.Name, func(t *testing.T) {
				document := fmt.Sprintf(`mutation($a: Create%[1]sInput!, $b: Create%[1]sInput!) { a: create%[1]s(input: $a) { it: %[2]s { id } } b: create%[1]s(input: $b) { it: %[2]s { id } } }`, k.Name, k.Single)
				vars := farleytest.Vars{"a": e.Valid(t, k.Name), "b": e.Valid(t, k.Name)}
				rows := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`")
				send := func() farleytest.Data {
					return farleytest.Data{V: admin.Do(t, document, vars, "Idempotency-Key", "header "+k.Name).Want(t, "").Data}
				}
				first := send()
				if first.At("a.it.id").Text() == first.At("b.it.id").Text() {
					t.Errorf("both are %s", first.JSON())
				}
				if again := send(); again.JSON() != first.JSON() {
					t.Errorf("repeated, the answer is %s, was %s", again.JSON(), first.JSON())
				}
				if n := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"); n != rows+2 {
					t.Errorf("there are %d records more, want 2", n-rows)
				}
			})
		}
	})
}
