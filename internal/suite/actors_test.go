package suite_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// relation says how a record stands to an actor.
type relation string

const (
	none      relation = "none"
	mine      relation = "mine"       // he owns it
	ofMyTeam  relation = "team"       // somebody of his team owns it
	ofBranch  relation = "branch"     // somebody who works at his branch owns it
	readShare relation = "read share" // it is shared with him for reading
	editShare relation = "edit share"
)

// actor is a sort of caller.
type actor struct {
	name      string
	anonymous bool
	scopes    map[string]access.Scopes // by action, on every kind
	sensitive bool                     // reads and writes sensitive fields too
	relation  relation
}

func everything(s access.Scopes) map[string]access.Scopes {
	return map[string]access.Scopes{access.Create: s, access.Read: s, access.Update: s, access.Delete: s}
}

var actors = []actor{
	{name: "anonymous", anonymous: true},
	{name: "stranger"},
	{name: "reader", scopes: map[string]access.Scopes{access.Read: access.All}},
	{name: "auditor", scopes: map[string]access.Scopes{access.Read: access.All}, sensitive: true},
	{name: "outsider", scopes: everything(access.Shared), sensitive: true},
	{name: "owner", scopes: everything(access.Own), sensitive: true, relation: mine},
	{name: "teammate", scopes: everything(access.Team), sensitive: true, relation: ofMyTeam},
	{name: "teammate without that scope", scopes: everything(access.Own), sensitive: true, relation: ofMyTeam},
	{name: "colleague at the branch", scopes: everything(access.BranchScope), sensitive: true, relation: ofBranch},
	{name: "colleague at the branch without that scope", scopes: everything(access.Team), sensitive: true, relation: ofBranch},
	{name: "read sharee", scopes: everything(access.Shared), sensitive: true, relation: readShare},
	{name: "edit sharee", scopes: everything(access.Shared), sensitive: true, relation: editShare},
	{name: "administrator", scopes: everything(access.All), sensitive: true},
}

// covers is the policy in words: whether the actor's scope of an action covers a record of the kind that stands to him as
// his relation says.
func (a actor) covers(k *model.Kind, action string) bool {
	s := a.scopes[action]
	switch {
	case s == access.None:
		return false
	case s == access.All, k.Sight == model.Reference:
		return true
	}
	switch a.relation {
	case mine:
		return true
	case ofMyTeam:
		return s == access.Team || s == access.Shared
	case ofBranch:
		return s == access.BranchScope && (k.Placed || k.Sight == model.ByUser || k.Sight == model.ByParents && !k.Owned && access.Fits(model.Kinds(), k, s))
	case readShare:
		return s == access.Shared && shared(k) && action == access.Read
	case editShare:
		return s == access.Shared && shared(k) && (action == access.Read || action == access.Update)
	}
	return false
}

// shared reports whether a share reaches records of the kind, by themselves or by their parents.
func shared(k *model.Kind) bool {
	return k.Shareable || k.Sight == model.ByParents && !k.Owned && !slices.Contains(k.Parents, "user")
}

// stage has what the actors act on.
type stage struct {
	e     *farleytest.Env
	k     *model.Kind
	a     actor
	c     *farleytest.Client
	owner id.ID        // of the records that the actor acts on
	team  any          // the owner's, nil for none
	at    any          // the owner's branch, nil for none
	in    input.Object // of the next create
}

// set brings the actor and the owner of records on stage.
func set(t *testing.T, e *farleytest.Env, k *model.Kind, a actor) *stage {
	t.Helper()
	s := &stage{e: e, k: k, a: a}
	if a.anonymous {
		s.c = e.Anonymous()
		s.owner = e.User(t, nil).User
		return s
	}
	var role access.Role
	if a.scopes != nil {
		role = farleytest.Everything(e, access.All)
		var kept []access.Permission
		for _, p := range role.Permissions {
			scope := a.scopes[p.Action]
			if _, uniform := everything(access.All)[p.Action]; !uniform {
				scope = a.scopes[access.Update] // a named action goes with changing
			}
			if !access.Fits(e.Set, e.Set.Kind(p.Object), scope) {
				scope = access.Own
			}
			if scope != access.None {
				p.Scope = scope.String()
				kept = append(kept, p)
			}
		}
		role.Permissions = kept
		if !a.sensitive {
			role.Fields = nil
		}
	}
	in := input.Object{}
	if a.relation == ofMyTeam {
		in["team"] = e.Make(t, "Team", e.Valid(t, "Team")).String()
	}
	if a.relation == ofBranch {
		in["branch"] = e.Make(t, "Branch", e.Valid(t, "Branch")).String()
	}
	s.c = e.User(t, in, e.Role(t, role))
	s.owner = s.c.User
	if a.relation != mine {
		s.team, s.at = in["team"], in["branch"]
		s.owner = s.colleague(t)
	}
	return s
}

// colleague makes a user of the owner's team.
func (s *stage) colleague(t *testing.T) id.ID {
	t.Helper()
	in := s.e.Valid(t, "User")
	if s.team != nil {
		in["team"] = s.team
	}
	if s.at != nil {
		in["branch"] = s.at
	}
	x := s.e.Make(t, "User", in)
	s.e.Identity.Invalidate()
	return x
}

// record makes a record that stands to the actor as his relation says.
func (s *stage) record(t *testing.T) id.ID {
	t.Helper()
	var x id.ID
	if s.k.Sight == model.ByUser {
		x = s.owner
		if s.a.relation != mine {
			x = s.colleague(t)
		}
	} else {
		in := s.e.ValidFor(t, s.k.Name, s.owner)
		x = s.e.Make(t, s.k.Name, in)
		if s.k.Sight == model.ByParents && !s.k.Owned {
			for _, name := range s.k.Parents {
				s.share(t, idOf(in, name))
			}
		}
	}
	if s.k.Shareable {
		s.share(t, x)
	}
	return x
}

func (s *stage) share(t *testing.T, x id.ID) {
	t.Helper()
	level := map[relation]string{readShare: "READ", editShare: "EDIT"}[s.a.relation]
	if level == "" || x.IsZero() || !s.e.Set.Of(x).Shareable {
		return
	}
	s.e.Make(t, "Share", input.Object{"record": x.String(), "grantee": s.c.User.String(), "level": level})
	s.e.Identity.Invalidate()
}

// operation is one of the uniform operations.
type operation struct {
	name   string
	action string
	binned bool // the record is in the bin before
	op     change.Op
	do     func(t *testing.T, s *stage, x id.ID) *farleytest.Response
	// code is the answer expected of an actor who is signed in and may do the action to some records.
	code func(s *stage) string
}

// target is the code for a write of one record: not in sight, not writable, or done.
func target(action string) func(s *stage) string {
	return func(s *stage) string {
		switch {
		case !s.a.covers(s.k, access.Read):
			return "NOT_FOUND"
		case !s.a.covers(s.k, action):
			return "FORBIDDEN"
		}
		return ""
	}
}

var operations = []operation{
	{
		name: "x", action: access.Read, code: target(access.Read),
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			return s.c.Do(t, fmt.Sprintf(`query($id: ID!) { it: %s(id: $id) { id version } }`, s.k.Single), farleytest.Vars{"id": x})
		},
	},
	{
		name: "xs", action: access.Read, code: func(*stage) string { return "" },
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			r := s.c.Do(t, fmt.Sprintf(`query($id: ID!) { it: %s(where: {id: {eq: $id}}) { nodes { id } totalCount { value } } }`, s.k.Plural), farleytest.Vars{"id": x})
			want := `null`
			if !s.a.anonymous && s.a.scopes[access.Read] != access.None {
				want = `{"nodes":[],"totalCount":{"value":0}}`
				if s.a.covers(s.k, access.Read) {
					want = fmt.Sprintf(`{"nodes":[{"id":%q}],"totalCount":{"value":1}}`, x)
				}
			}
			if got := (farleytest.Data{V: r.Data}).At("it").JSON(); got != want {
				t.Errorf("the list is %s, want %s", got, want)
			}
			return r
		},
	},
	{
		name: "create", action: access.Create, op: change.Created,
		code: func(s *stage) string {
			if s.k.Sight == model.ByUser && s.a.scopes[access.Create] != access.All {
				return "FORBIDDEN" // nobody is oneself before being made
			}
			return ""
		},
		do: func(t *testing.T, s *stage, _ id.ID) *farleytest.Response {
			return s.c.Do(t, fmt.Sprintf(`mutation($in: Create%[1]sInput!) { it: create%[1]s(input: $in) { it: %[2]s { id version } } }`, s.k.Name, s.k.Single), farleytest.Vars{"in": s.in})
		},
	},
	{
		name: "update", action: access.Update, op: change.Updated, code: target(access.Update),
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			f := editable(t, s.k)
			in := input.Object{f.Name: s.e.Value(t, s.k, f, 7)}
			return s.c.Do(t, fmt.Sprintf(`mutation($id: ID!, $in: Update%[1]sInput!) { it: update%[1]s(id: $id, input: $in) { it: %[2]s { id version } } }`, s.k.Name, s.k.Single), farleytest.Vars{"id": x, "in": in})
		},
	},
	{
		name: "delete", action: access.Delete, op: change.Deleted, code: target(access.Delete),
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			return s.c.Do(t, fmt.Sprintf(`mutation($id: ID!) { it: delete%s(id: $id) { id version } }`, s.k.Name), farleytest.Vars{"id": x})
		},
	},
	{
		name: "restore", action: access.Delete, op: change.Restored, binned: true, code: target(access.Delete),
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			return s.c.Do(t, fmt.Sprintf(`mutation($id: ID!) { it: restore%[1]s(id: $id) { it: %[2]s { id version } } }`, s.k.Name, s.k.Single), farleytest.Vars{"id": x})
		},
	},
	{
		name: "upsert", action: access.Update, op: change.Updated,
		code: func(s *stage) string {
			switch {
			case !s.a.covers(s.k, access.Read):
				return "CONFLICT"
			case !s.a.covers(s.k, access.Update):
				return "FORBIDDEN"
			}
			return ""
		},
		do: func(t *testing.T, s *stage, x id.ID) *farleytest.Response {
			external(t, s.e, s.k, x)
			f := editable(t, s.k)
			in := input.Object{f.Name: s.e.Value(t, s.k, f, 7)}
			return s.c.Do(t, fmt.Sprintf(`mutation($key: String!, $in: Update%[1]sInput!) { it: upsert%[1]s(external: {system: "sap", id: $key}, input: $in) { created it: %[2]s { id version } } }`, s.k.Name, s.k.Single),
				farleytest.Vars{"key": x.String(), "in": in})
		},
	},
}

// external gives a record a key of an outside system.
func external(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID) {
	t.Helper()
	execute(t, e, "INSERT INTO external_refs (kind, system_name, external_id, record_id, created_at) VALUES (?, 'sap', ?, ?, ?)", int64(k.Code), x.String(), x, e.Clock.Now())
}

// Every actor gets exactly the answer that his rights give him; a refusal writes nothing and is not told; what is done is
// told once.
func TestActors_operations(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for _, k := range open(t, e) {
			for _, a := range actors {
				s := set(t, e, k, a)
				for _, o := range operations {
					if o.name == "upsert" && !k.Upsert || o.action == access.Delete && k.Lasting {
						continue
					}
					t.Run(k.Name+"/"+a.name+"/"+o.name, func(t *testing.T) { s.operate(t, o) })
					if k.Sight == model.ByUser && a.relation == mine {
						s = set(t, e, k, a) // the last one may have ended himself
					}
				}
			}
		}
	})
}

func (s *stage) operate(t *testing.T, o operation) {
	e, k := s.e, s.k
	x := s.record(t)
	if o.binned {
		bin(t, e, k, x)
	}
	if o.op == change.Created {
		s.in = e.ValidFor(t, k.Name, s.c.User)
		e.Identity.Invalidate()
	}
	want := s.code(o)

	rows, v, from := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"), version(t, e, k, x), mark(t, e)
	r := o.do(t, s, x).Want(t, want)

	known, wantTold := map[id.ID]string{x: "it"}, ""
	if want == "" && o.op != "" {
		v++
		if o.op == change.Created {
			x, v = (farleytest.Data{V: r.Data}).At("it.it.id").ID(), 1
			known[x] = "it"
			rows++
		}
		wantTold = fmt.Sprintf("it %s v%d", o.op, v)
		for _, r := range touched(t, e, k, x) {
			known[r] = "touched"
			wantTold += fmt.Sprintf(", touched UPDATED v%d", version(t, e, e.Set.Of(r), r))
		}
	}
	if n := number(t, e, "SELECT COUNT(*) FROM `"+k.Table+"`"); n != rows {
		t.Errorf("there are %d rows, want %d", n, rows)
	}
	if n := version(t, e, k, x); n != v {
		t.Errorf("the record has version %d, want %d", n, v)
	}
	if got := summary(since(t, e, from), known); got != wantTold {
		t.Errorf("the change log has %q, want %q", got, wantTold)
	}
}

// code is the answer that the actor has to get.
func (s *stage) code(o operation) string {
	switch {
	case s.a.anonymous:
		return "UNAUTHENTICATED"
	case s.a.scopes[o.action] == access.None:
		return "FORBIDDEN"
	case o.binned && s.k.Sight == model.ByUser && s.a.relation == mine:
		return "UNAUTHENTICATED" // who is in the bin is signed in no more
	}
	return o.code(s)
}

// bin moves a record to the bin as Farley itself.
func bin(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID) {
	t.Helper()
	err := e.Write.Run(write.AsSystem(context.Background()), write.Request{Verb: write.Delete, Kind: k.Name, ID: &x}, "",
		func(context.Context, *write.Tx, write.Outcome) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	e.Identity.Invalidate()
}

// touched returns the records that change with each change of a record.
func touched(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID) []id.ID {
	t.Helper()
	return pointed(t, e, k, x, farleytest.Touches(k.Name))
}

// pointed returns the records to which fields of one lead.
func pointed(t testing.TB, e *farleytest.Env, k *model.Kind, x id.ID, fields []string) []id.ID {
	t.Helper()
	var out []id.ID
	for _, name := range fields {
		reading(t, e, func(rows *sql.Rows) error {
			var r id.ID
			err := rows.Scan(&r)
			out = append(out, r)
			return err
		}, "SELECT `"+k.Field(name).Column+"` FROM `"+k.Table+"` WHERE id = ?", x)
	}
	return out
}

// A subscription is refused to whom reading is refused. Who reads hears of the records in his sight, and of no others.
func TestActors_subscription(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for _, k := range open(t, e) {
			for _, a := range actors {
				t.Run(k.Name+"/"+a.name, func(t *testing.T) { set(t, e, k, a).listen(t) })
			}
		}
	})
}

func (s *stage) listen(t *testing.T) {
	e, k := s.e, s.k
	x := s.record(t)
	document := fmt.Sprintf(`subscription($after: Cursor) { it: %sChanged(after: $after) { op recordId version node { id version } } }`, k.Single)
	switch {
	case s.a.anonymous:
		s.c.Do(t, document, nil).Want(t, "UNAUTHENTICATED")
		return
	case s.a.scopes[access.Read] == access.None:
		stream := s.c.Subscribe(t, document, nil)
		defer stream.Close()
		if got := stream.Refused(t).Extensions.Code; got != "FORBIDDEN" {
			t.Errorf("the subscription is refused with %s", got)
		}
		return
	}
	own := s.c.User
	if k.Sight != model.ByUser {
		own = e.Make(t, k.Name, e.ValidFor(t, k.Name, own))
	}
	e.Identity.Invalidate()
	settle(t, e)
	stream := s.c.Subscribe(t, document, farleytest.Vars{"after": s.c.Cursor(t)})
	defer stream.Close()
	f := editable(t, k)
	e.Change(t, x, input.Object{f.Name: e.Value(t, k, f, 5)})
	if !s.a.covers(k, access.Read) {
		x = own // an event of the record out of sight would come before this one
		e.Change(t, x, input.Object{f.Name: e.Value(t, k, f, 7)})
	}
	got := stream.Event(t).At("it").JSON()
	if want := fmt.Sprintf(`{"node":{"id":%[1]q,"version":%[2]d},"op":"UPDATED","recordId":%[1]q,"version":%[2]d}`, x, version(t, e, k, x)); got != want {
		t.Errorf("he hears %s, want %s", got, want)
	}
}
