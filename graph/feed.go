package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/read"
)

// feed is what the readers of one stream of changes have selected of each change and of the record in it.
type feed struct {
	r     *Resolver
	plan  *read.Plan
	kind  *model.Kind  // of a stream of one kind
	where input.Object // may be nil
	owner *access.Actor

	mu    sync.Mutex
	names map[id.ID]any // actors as the readers see them
}

// follow plans the current field, a stream or page of changes; path leads to the record in a change.
func (r *Resolver) follow(ctx context.Context, k *model.Kind, where input.Object, path ...string) *feed {
	return &feed{r: r, plan: r.Read.Prepare(ctx, path...), kind: k, where: where, owner: access.From(ctx)}
}

// loaded is the record of an event as its readers have selected it.
type loaded struct {
	node    read.Result
	witness *read.Witness // of the batch that it was read with; nil in a query, which has its own
}

// where returns the argument of that name of the current field.
func where(ctx context.Context) input.Object {
	o, _ := graphql.GetFieldContext(ctx).Args["where"].(input.Object)
	return o
}

// foresee names the sensitive fields that the feed may show its reader, by selection or by filter. It refuses a filter that
// makes no sense before anything is followed.
func (f *feed) foresee(ctx context.Context, a *access.Actor) (*read.Witness, error) {
	foreseen := f.plan.Foresee(ctx, a)
	if f.where == nil {
		return foreseen, nil
	}
	ctx, filter := read.WithWitness(ctx)
	err := f.r.reading(ctx, func(tx *db.Tx) error {
		_, err := f.r.Read.Matches(ctx, tx, a, f.kind, []id.ID{{}}, map[string]any(f.where))
		return err
	})
	foreseen.Merge(filter)
	return foreseen, err
}

// load reads the records of a batch of changes in one go.
func (f *feed) load(ctx context.Context, tx *db.Tx, reader change.Reader, ids []id.ID) (map[id.ID]any, error) {
	a := reader.(change.Actor).Actor
	ctx = access.With(ctx, a)
	var filter any
	if f.where != nil {
		filter = map[string]any(f.where)
	}
	out := make(map[id.ID]any, len(ids))
	if f.plan.Selected() {
		found, err := f.plan.Load(ctx, tx, a, ids, filter)
		for x, res := range found {
			out[x] = loaded{res, nil}
		}
		return out, err
	}
	byKind := map[*model.Kind][]id.ID{}
	for _, x := range ids {
		if k := f.r.Set.Of(x); k != nil && a.Policy.Readable(k) {
			byKind[k] = append(byKind[k], x)
		}
	}
	for k, some := range byKind {
		found, err := f.r.Read.Matches(ctx, tx, a, k, some, filter)
		if err != nil {
			return nil, err
		}
		for _, x := range found {
			out[x] = nil
		}
	}
	return out, nil
}

// loadFresh is load in a snapshot of its own, for a subscription: each event knows with what it was read.
func (f *feed) loadFresh(ctx context.Context, reader change.Reader, ids []id.ID) (map[id.ID]any, error) {
	ctx, w := read.WithWitness(ctx)
	tx, err := f.r.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	found, err := f.load(ctx, tx, reader, ids)
	for x, one := range found {
		l, _ := one.(loaded)
		l.witness = w
		found[x] = l
	}
	return found, err
}

// seen tells which of the records that relations lead to are in the reader's sight.
func (f *feed) seen(ctx context.Context, tx *db.Tx, reader change.Reader, ids []id.ID) (map[id.ID]bool, error) {
	a := reader.(change.Actor).Actor
	out := make(map[id.ID]bool, len(ids))
	byKind := map[*model.Kind][]id.ID{}
	for _, x := range ids {
		switch k := f.r.Set.Of(x); {
		case k == nil || !a.Policy.Readable(k):
		case a.Policy.Scopes(k, access.Read) == access.All && k.Sight != model.ByParents:
			out[x] = true
		default:
			byKind[k] = append(byKind[k], x)
		}
	}
	for k, some := range byKind {
		found, err := f.r.Read.Visible(ctx, tx, a, k, access.Read, some)
		if err != nil {
			return nil, err
		}
		for _, x := range found {
			out[x] = true
		}
	}
	return out, nil
}

// seenFresh is seen in a snapshot of its own.
func (f *feed) seenFresh(ctx context.Context, reader change.Reader, ids []id.ID) (seen map[id.ID]bool, err error) {
	tx, err := f.r.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	return f.seen(ctx, tx, reader, ids)
}

// value returns a change as the SDL has it, without its cursor, which is each reader's own.
func (f *feed) value(ctx context.Context, tx *db.Tx, a *access.Actor, e *change.Event) map[string]any {
	v := map[string]any{"op": string(e.Op)}
	if e.Op == change.Checkpoint {
		return v
	}
	k := f.r.Set.Coded(e.Kind)
	v["object"], v["recordId"] = k.Const, e.Record
	if e.Version == 0 {
		return v
	}
	changed := make([]any, len(e.Changed))
	for i, name := range e.Changed {
		changed[i] = name
	}
	v["version"], v["at"], v["changedFields"], v["actor"] = e.Version, e.At, changed, f.actor(ctx, tx, a, e.Actor)
	if one, ok := e.Node.(loaded); ok && !one.node.IsNull() {
		v["node"] = one.node
	}
	return v
}

// maxNames bounds the actors that one feed remembers.
const maxNames = 1000

// actor returns who made a change, nil when that user is not in the readers' sight.
func (f *feed) actor(ctx context.Context, tx *db.Tx, a *access.Actor, x id.ID) any {
	if x.IsZero() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.names[x]; ok {
		return v
	}
	if f.names == nil || len(f.names) > maxNames {
		f.names = map[id.ID]any{}
	}
	f.names[x] = f.lookUpActor(ctx, tx, a, x)
	return f.names[x]
}

// lookUpActor reads who made a change: in tx, or else in a snapshot of its own.
func (f *feed) lookUpActor(ctx context.Context, tx *db.Tx, a *access.Actor, x id.ID) any {
	if tx == nil {
		fresh, err := f.r.DB.Snapshot(ctx)
		if err != nil {
			return nil
		}
		defer func() { _ = fresh.Close() }()
		tx = fresh
	}
	users := f.r.Set.Kind("User")
	name := users.Field("name")
	if _, whole := a.FieldCond(f.r.Set, users, name, "t", f.r.Clock.Now()); !whole {
		return nil
	}
	found, err := f.r.Read.Visible(ctx, tx, a, users, access.Read, []id.ID{x})
	if err != nil || len(found) == 0 {
		return nil
	}
	var text string
	if err := tx.QueryRow(ctx, "SELECT name FROM users WHERE id = ?", []any{x}, &text); err != nil {
		return nil
	}
	return map[string]any{"id": x, "displayName": text}
}

// cursorMark stands where each reader's own cursor goes into bytes that a group shares.
const cursorMark = "@@cursor@@"

// rendered is one event, written once for all members of a group.
type rendered struct {
	parts   [][]byte // between the cursors
	witness *read.Witness
	err     error
}

// render writes an event for a group.
func (f *feed) render(e *change.Event) any {
	ctx := access.With(context.Background(), f.owner)
	v := f.value(ctx, nil, f.owner, e)
	v["cursor"] = cursorMark
	res, err := f.plan.Render(ctx, v)
	if err != nil {
		return rendered{err: err}
	}
	one, _ := e.Node.(loaded)
	return rendered{parts: bytes.Split(res.JSON(), []byte(cursorMark)), witness: one.witness}
}

// filters names the fields that the filter reads.
func (f *feed) filters() []string {
	var names []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if f.kind.Field(name) != nil {
					names = append(names, name)
				}
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	if f.where != nil {
		walk(map[string]any(f.where))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// me finds the filter that means another user for everybody.
var me = regexp.MustCompile(`\bme\b`)

// key is the same for subscribers who are told the same: the same document, variables and policy, and, where the rights
// or the filter depend on who reads, the same reader. Who has the same rights by their own words keeps having the same when
// custom fields change.
func (f *feed) key(ctx context.Context, a *access.Actor) string {
	oc := graphql.GetOperationContext(ctx)
	vars, err := json.Marshal(f.variables(ctx))
	if err != nil {
		vars = []byte(a.User.String()) // cannot be compared: a group of its own
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s", oc.RawQuery, oc.OperationName, vars, graphql.GetFieldContext(ctx).Field.Alias, a.Policy.Fingerprint()+a.Policy.Rights())
	if f.personalRights(a) || me.MatchString(oc.RawQuery) || me.Match(vars) {
		fmt.Fprintf(h, "\x00%s\x00%s\x00%t", a.User, a.Epoch, a.LimitedShares)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// variables are those that say what a reader is told. From where he goes on is left out: once he has caught up he is told the same as
// others who began elsewhere.
func (f *feed) variables(ctx context.Context) map[string]any {
	oc := graphql.GetOperationContext(ctx)
	after := graphql.GetFieldContext(ctx).Field.Arguments.ForName("after")
	if after == nil || after.Value == nil || after.Value.Kind != ast.Variable {
		return oc.Variables
	}
	name := after.Value.Raw
	uses := regexp.MustCompile(`\$`+regexp.QuoteMeta(name)+`\b`).FindAllStringIndex(oc.RawQuery, 3)
	if len(uses) != 2 { // beside its declaration it stands elsewhere too
		return oc.Variables
	}
	out := maps.Clone(oc.Variables)
	delete(out, name)
	return out
}

// personalRights reports whether what the actor may read depends on who he is beyond his policy.
func (f *feed) personalRights(a *access.Actor) bool {
	for _, k := range f.r.Set.Kinds {
		if k.Sight != model.Reference && a.Policy.Personal(k) {
			return true
		}
	}
	return false
}
