package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
)

// refusal is what is counted into one entry: the same user was refused at the same place of the same operation.
type refusal struct {
	user            id.ID
	operation, path string
	code            fault.Code
}

// maxDistinct is how many different refusals of one user are told apart within a minute. Those beyond share one entry, so
// that nobody fills the table by asking for ever different things.
const maxDistinct = 100

const manyRefusals = "further refusals, not told apart"

// Refused notes that an operation was answered by an error. It looks at FORBIDDEN and UNAUTHENTICATED only, and only when
// it is known whom they refuse. It never waits: the first refusal is written with the next batch, and its count is brought
// up to date when the minute is over.
func (l *Log) Refused(ctx context.Context, f *fault.Error, path ast.Path) {
	a := access.From(ctx)
	if !a.SignedIn() || f.Code != fault.Forbidden && f.Code != fault.Unauthenticated {
		return
	}
	operation := operationName(ctx)
	key := refusal{a.User, cut(operation, maxOperation), cut(dotted(path), maxPath), f.Code}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.repeated(key) {
		return
	}
	e := Entry{Action: AccessRefused, Operation: key.operation, Path: key.path, Detail: string(f.Code)}
	if l.distinct[a.User] >= maxDistinct || len(l.waiting) >= maxWaiting {
		key = refusal{user: a.User}
		if l.repeated(key) {
			return
		}
		e.Operation, e.Path, e.Detail = "", "", manyRefusals
	} else {
		l.about(ctx, &e, f, path)
	}
	l.first(now, key, e.complete(ctx, now))
}

// counted is the count of one refusal.
type counted struct {
	entry id.ID
	n     int64
	told  int64 // of these, how many are in the entry
}

// repeated counts a refusal that has an open window. l.mu is held.
func (l *Log) repeated(key refusal) bool {
	w := l.refusals[key]
	if w == nil {
		return false
	}
	w.counted.n++
	return true
}

// first lets the entry of a refusal wait, and opens the window in which it is counted. l.mu is held.
func (l *Log) first(now time.Time, key refusal, e Entry) {
	w := &window{counted: counted{entry: e.ID, n: 1, told: 1}}
	w.close = func(time.Time) bool {
		if l.unwritten[w.counted.entry] {
			return true // the database is away; one entry is enough for that long
		}
		if w.counted.n > w.counted.told {
			l.times[w.counted.entry] = w.counted.n
		}
		delete(l.refusals, key)
		if l.distinct[key.user]--; l.distinct[key.user] <= 0 {
			delete(l.distinct, key.user)
		}
		return false
	}
	l.refusals[key] = w
	l.distinct[key.user]++
	l.unwritten[e.ID] = true
	l.append(e)
	l.open(now, w)
}

// about finds out what was refused: the field from the words of the error, the record from the arguments.
func (l *Log) about(ctx context.Context, e *Entry, f *fault.Error, path ast.Path) {
	for _, v := range f.Violations {
		l.named(e, v.Args)
	}
	if e.Object == 0 {
		l.named(e, f.Args)
	}
	if e.Record = l.argument(ctx, path); !e.Record.IsZero() && e.Object == 0 {
		if k := l.set.Of(e.Record); k != nil {
			e.Object = k.Code
		}
	}
}

// named takes the words with which errors call what is refused: "Account.taxNumber", "READ ACCOUNT", "Account".
func (l *Log) named(e *Entry, args []any) {
	if len(args) == 0 {
		return
	}
	what, _ := args[0].(string)
	if _, object, ok := strings.Cut(what, " "); ok {
		what = object
	}
	kind, field, _ := strings.Cut(what, ".")
	k := l.set.Kind(kind)
	if k == nil || e.Object != 0 && e.Object != k.Code {
		return
	}
	e.Object = k.Code
	if f := k.Field(field); f != nil && !slices.Contains(e.Fields, f.Name) {
		e.Fields = append(e.Fields, f.Name)
	}
}

// argument returns the record that the refused root field was about, as far as one of its arguments says so.
func (l *Log) argument(ctx context.Context, path ast.Path) id.ID {
	if len(path) == 0 || !graphql.HasOperationContext(ctx) {
		return id.ID{}
	}
	oc := graphql.GetOperationContext(ctx)
	alias, _ := path[0].(ast.PathName)
	if oc.Operation == nil {
		return id.ID{}
	}
	for _, s := range oc.Operation.SelectionSet {
		f, ok := s.(*ast.Field)
		if !ok || f.Alias != string(alias) || f.Definition == nil {
			continue
		}
		args := f.ArgumentMap(oc.Variables)
		if x := recordIn(args); !x.IsZero() {
			return x
		}
		switch in := args["input"].(type) {
		case map[string]any:
			return recordIn(in)
		case input.Object:
			return recordIn(in)
		}
	}
	return id.ID{}
}

func recordIn(args map[string]any) id.ID {
	for _, name := range []string{"id", "record", "user"} {
		switch v := args[name].(type) {
		case string:
			if x, err := id.Parse(v); err == nil {
				return x
			}
		case id.ID:
			return v
		}
	}
	return id.ID{}
}

func operationName(ctx context.Context) string {
	if !graphql.HasOperationContext(ctx) {
		return ""
	}
	oc := graphql.GetOperationContext(ctx)
	if oc.Operation == nil {
		return ""
	}
	return oc.Operation.Name
}

// dotted writes a path without the positions in lists, so that one refusal in a list is not many.
func dotted(path ast.Path) string {
	var names []string
	for _, p := range path {
		if name, ok := p.(ast.PathName); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}
