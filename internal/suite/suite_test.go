package suite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/change"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

var (
	all  = flag.Bool("farley.all", false, "take all combinations instead of a sample")
	only = flag.String("farley.kind", "", "test the kind of this name only")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

// kinds returns the kinds that the API has operations of.
func kinds(e *farleytest.Env) []*model.Kind {
	return slices.DeleteFunc(slices.Clone(e.Set.Kinds), func(k *model.Kind) bool { return k.Link || !k.Makable() })
}

// open returns the kinds that a test looks at: all of them; under the race detector, which makes everything ten times
// slower and finds its faults in any kind, every fourth, others in each test.
func open(t *testing.T, e *farleytest.Env) []*model.Kind {
	t.Helper()
	var out []*model.Kind
	start := random(t.Name()).IntN(4)
	for i, k := range kinds(e) {
		if *only == k.Name || *only == "" && (!raceDetector || *all || i%4 == start) {
			out = append(out, k)
		}
	}
	return out
}

// random returns a source of numbers of its own for each name, the same in every run.
func random(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// reading runs fn on rows of a query past the API.
func reading(t testing.TB, e *farleytest.Env, fn func(rows *sql.Rows) error, query string, args ...any) {
	t.Helper()
	tx, err := e.DB.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// number returns the one number that a query gives, past the API.
func number(t testing.TB, e *farleytest.Env, query string, args ...any) int64 {
	t.Helper()
	var n sql.NullInt64
	reading(t, e, func(rows *sql.Rows) error { return rows.Scan(&n) }, query, args...)
	return n.Int64
}

// state is what a refused write must not change.
type state struct {
	Rows    int64 // of the kind's table
	Version int64 // of one record
	Changes int64 // rows of the change log
	Keys    int64 // idempotency keys
}

func stateOf(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID) state {
	t.Helper()
	return state{
		Rows:    number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"),
		Version: version(t, e, k, x),
		Changes: number(t, e, "SELECT COUNT(*) FROM changes"),
		Keys:    number(t, e, "SELECT COUNT(*) FROM idempotency_keys"),
	}
}

func version(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID) int64 {
	t.Helper()
	return number(t, e, "SELECT version FROM `"+k.Table+"` WHERE id = ?", x)
}

// told is a change row, without what differs from run to run.
type told struct {
	Record  id.ID
	Op      change.Op
	Version int64
	Fields  []change.FieldChange
}

// mark is a place in the change log, for since.
func mark(t testing.TB, e *farleytest.Env) int64 {
	t.Helper()
	return number(t, e, "SELECT MAX(seq) FROM changes")
}

// since returns the change rows written since a mark.
func since(t testing.TB, e *farleytest.Env, mark int64) []told {
	t.Helper()
	var out []told
	reading(t, e, func(rows *sql.Rows) error {
		var r told
		var op string
		var fields []byte
		if err := rows.Scan(&r.Record, &op, &r.Version, &fields); err != nil {
			return err
		}
		r.Op = change.Op(op)
		if k := e.Set.Of(r.Record); k != nil && k.Sight == model.ByParents && !k.Makable() {
			return nil // a row of the history of the record, which comes beside its change
		}
		out = append(out, r)
		return json.Unmarshal(fields, &out[len(out)-1].Fields)
	}, "SELECT record_id, op, version, fields FROM changes WHERE seq > ? ORDER BY seq", mark)
	return out
}

// settle waits until every committed change has its position.
func settle(t testing.TB, e *farleytest.Env) {
	t.Helper()
	for end := time.Now().Add(farleytest.Deadline); ; {
		n, err := e.Changes.Sequence(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the change log does not settle")
		}
	}
}

// execute changes rows past the API, for what only Farley's own work changes.
func execute(t testing.TB, e *farleytest.Env, statement string, args ...any) {
	t.Helper()
	if _, err := e.DB.Pool().ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// summary writes change rows in one line, those of records by their place in known.
func summary(rows []told, known map[id.ID]string) string {
	parts := make([]string, len(rows))
	for i, r := range rows {
		name := known[r.Record]
		if name == "" {
			name = r.Record.String()
		}
		parts[i] = fmt.Sprintf("%s %s v%d", name, r.Op, r.Version)
	}
	return strings.Join(parts, ", ")
}

// idOf reads an id out of an input.
func idOf(in input.Object, field string) id.ID {
	s, _ := in[field].(string)
	x, _ := id.Parse(s)
	return x
}

// editable returns a field of the kind that an update can change to another value.
func editable(t testing.TB, k *model.Kind) *model.Field {
	t.Helper()
	for _, f := range k.Fields {
		if f.Write == model.Always && f.Type != model.Ref && f.Type != model.Many && !f.Sensitive {
			return f
		}
	}
	t.Fatalf("%s has no field that can be changed", k.Name)
	return nil
}

// selection returns what has to be selected of a field, with an own list for relations to many.
func selection(f *model.Field) string {
	switch f.Type {
	case model.Ref:
		return f.Name + " { id }"
	case model.Many:
		return f.Name + "(first: 3) { nodes { id } }"
	case model.Money:
		return f.Name + " { amount currency }"
	case model.Objects:
		return f.Name + " { " + strings.Join(embedded(f.Scalar), " ") + " }"
	}
	return f.Name
}

// sdl is the schema of the API.
var sdl = sync.OnceValue(func() *ast.Schema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}).Schema()
})

// embedded returns the members of an embedded object.
func embedded(name string) []string {
	var out []string
	for _, f := range sdl().Types[name].Fields {
		out = append(out, f.Name)
	}
	return out
}
