package purge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

const keep = 30 * 24 * time.Hour

func keeping(c *app.Config) { c.KeepDeleted = keep }

// empty moves the clock and runs what becomes due.
func empty(t *testing.T, e *farleytest.Env, d time.Duration) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() { e.Clock.Advance(e.Clock.Now().Add(d)) }); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, e *farleytest.Env, verb write.Verb, x id.ID) {
	t.Helper()
	err := e.Write.Run(write.AsSystem(context.Background()), write.Request{Verb: verb, Kind: e.Set.Of(x).Name, ID: &x}, "",
		func(context.Context, *write.Tx, write.Outcome) error { return nil })
	if err != nil {
		t.Fatalf("%s %s: %v", verb, x, err)
	}
}

// row is a record as the oracle knows it.
type row struct {
	kind    *model.Kind
	deleted time.Time
	refs    map[string]id.ID // by field
}

// everything reads all records of all kinds.
func everything(t *testing.T, e *farleytest.Env) map[id.ID]row {
	t.Helper()
	all := map[id.ID]row{}
	for _, k := range e.Set.Kinds {
		names, query := []string{}, "SELECT `id`, `deleted_at`"
		for _, f := range k.Fields {
			if f.Name != "id" && (f.Type == model.Ref || f.Type == model.ID) {
				names, query = append(names, f.Name), query+", `"+f.Column+"`"
			}
		}
		rows, err := e.DB.Pool().QueryContext(t.Context(), query+" FROM `"+k.Table+"`")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var x id.ID
			var at *time.Time
			refs := make([]id.ID, len(names))
			dest := []any{&x, &at}
			for i := range refs {
				dest = append(dest, &refs[i])
			}
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			r := row{kind: k, refs: map[string]id.ID{}}
			if at != nil {
				r.deleted = *at
			}
			for i, name := range names {
				r.refs[name] = refs[i]
			}
			all[x] = r
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	return all
}

// cannotBeWithout says the rule once more, plainly.
func cannotBeWithout(k *model.Kind, field string) bool {
	f := k.Field(field)
	return f.Write != model.Never && (k.Link || f.Required || slices.Contains(k.Parents, field))
}

// remaining is what a purge has to leave, by the plainest reading of the rules.
func remaining(all map[id.ID]row, before time.Time) []string {
	gone := map[id.ID]bool{}
	for x, r := range all {
		gone[x] = !r.kind.Kept && !r.deleted.IsZero() && r.deleted.Before(before)
	}
	for again := true; again; {
		again = false
		for x, r := range all {
			for field, to := range r.refs {
				if !gone[x] && gone[to] && cannotBeWithout(r.kind, field) {
					gone[x], again = true, true
				}
			}
		}
	}
	var left []string
	for x := range all {
		if !gone[x] {
			left = append(left, x.String())
		}
	}
	slices.Sort(left)
	return left
}

// Whatever was made, deleted and restored: a purge removes exactly what has been in the bin for long enough and what
// cannot be without it, and no row of any table refers to a record that is gone.
func TestPurge_leavesNothingDangling(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("users kept %t", kept), func(t *testing.T) {
			t.Parallel()
			leavesNothingDangling(t, kept)
		})
	}
}

// leavesNothingDangling tries it with users as a kind that is kept, as it is, and as one that is not: then who made a
// record goes, too.
func leavesNothingDangling(t *testing.T, kept bool) {
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Set.Kind("User").Kept = kept
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		w := &world{t: t, e: e, r: rand.New(rand.NewPCG(seed, 1)), made: map[string][]id.ID{}}
		purged := 0
		for range 4 {
			for range 40 {
				w.make()
			}
			for range 12 {
				w.bin()
			}
			e.Clock.Advance(e.Clock.Now().Add(time.Duration(w.r.IntN(20*24)) * time.Hour))
			for range 8 {
				w.bin()
				w.restore()
			}
			// Just short of an hour's run, so that the state before it is known.
			e.Clock.Advance(e.Clock.Now().Truncate(time.Hour).Add(time.Duration(w.r.IntN(25*24))*time.Hour + 59*time.Minute))
			before := everything(t, e)
			empty(t, e, 2*time.Minute)
			after := everything(t, e)

			want := remaining(before, e.Clock.Now().Add(-keep))
			var got []string
			for x := range after {
				got = append(got, x.String())
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("what is left (-want +got):\n%s", diff)
			}
			purged += len(before) - len(after)
			for x, r := range after {
				for field, to := range r.refs {
					if _, there := after[to]; !to.IsZero() && !there {
						t.Errorf("%s of %s leads to %s, which is gone", field, x, to)
					}
				}
			}
			if n := count(t, e, "SELECT COUNT(*) FROM external_refs WHERE record_id NOT IN (SELECT id FROM accounts)"); n != 0 {
				t.Errorf("%d keys of outside systems are left behind", n)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM record_phones WHERE record_id NOT IN (SELECT id FROM accounts UNION SELECT id FROM contacts UNION SELECT id FROM leads)"); n != 0 {
				t.Errorf("%d numbers are left behind", n)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE op = 'ERASED' AND fields = '[]'"); n != purged {
				t.Errorf("%d changes ERASED for %d purged records", n, purged)
			}
			w.forget(after)
		}
		if purged < 10 {
			t.Errorf("only %d records were purged: the test tries nothing", purged)
		}
	}, keeping)
}

func count(t *testing.T, e *farleytest.Env, query string, args ...any) (n int) {
	t.Helper()
	if err := e.DB.Pool().QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// world makes, deletes and restores records at random.
type world struct {
	t      *testing.T
	e      *farleytest.Env
	r      *rand.Rand
	n      int
	made   map[string][]id.ID // live ones, by kind
	binned []id.ID
}

// some returns a live record of the kind at random, nil when there is none, or now and then.
func (w *world) some(kind string) any {
	if l := w.made[kind]; len(l) > 0 && w.r.IntN(4) > 0 {
		return l[w.r.IntN(len(l))].String()
	}
	return nil
}

func (w *world) make() {
	w.n++
	name := fmt.Sprint("N", w.n)
	kinds := []string{"Account", "Account", "Contact", "Note", "Tag", "Team", "Territory", "Branch", "Share", "AccountContact", "TerritoryMember", "User", "Role", "RoleGrant"}
	kind := kinds[w.r.IntN(len(kinds))]
	in := input.Object{}
	need := func(field string, value any) bool {
		if value == nil {
			return false
		}
		in[field] = value
		return true
	}
	may := func(field string, value any) { need(field, value) }
	owned := func() {
		may("owner", w.some("User"))
		may("team", w.some("Team"))
		may("partner", w.some("Account"))
	}
	ok := true
	switch kind {
	case "Account":
		in["name"], in["phones"] = name, []any{"+966112003000"}
		owned()
		may("parent", w.some("Account"))
		may("branch", w.some("Branch"))
		may("territory", w.some("Territory"))
		if tag := w.some("Tag"); tag != nil {
			in["tags"] = []any{tag}
		}
	case "Contact":
		in["familyName"] = name
		owned()
		may("referredBy", w.some("Contact"))
	case "Note":
		in["body"] = name
		ok = need([]string{"account", "contact"}[w.n%2], w.some([]string{"Account", "Contact"}[w.n%2]))
	case "Tag", "Role":
		in["name"] = name
	case "Team", "Territory":
		in["name"] = name
		may("parent", w.some(kind))
	case "Branch":
		in["name"] = name
		may("manager", w.some("User"))
	case "Share":
		ok = need("record", w.some("Account")) && need("grantee", w.some([]string{"Team", "User", "Account"}[w.n%3]))
	case "AccountContact":
		ok = need("account", w.some("Account")) && need("contact", w.some("Contact"))
	case "TerritoryMember":
		ok = need("territory", w.some("Territory")) && need("user", w.some("User"))
	case "User":
		in["name"], in["email"] = name, name+"@example.com"
		may("team", w.some("Team"))
		may("branch", w.some("Branch"))
	case "RoleGrant":
		ok = need("role", w.some("Role")) && need("user", w.some("User"))
	}
	if !ok {
		return
	}
	var out write.Outcome
	err := w.e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) (err error) {
		out, err = tx.Create(ctx, w.e.Set.Kind(kind), in, "ALLOW")
		if by, _ := w.some("User").(string); err == nil && by != "" {
			_, err = tx.ExecContext(ctx, "UPDATE `"+w.e.Set.Kind(kind).Table+"` SET created_by_id = ? WHERE id = ?", id.MustParse(by), out.ID)
		}
		if err == nil && kind == "Account" {
			_, err = tx.ExecContext(ctx, "INSERT INTO external_refs (kind, system_name, external_id, record_id, created_at) VALUES (?, 'erp', ?, ?, ?)",
				int64(w.e.Set.Kind(kind).Code), name, out.ID, tx.Now)
		}
		return err
	})
	if err != nil { // the same link twice
		return
	}
	w.made[kind] = append(w.made[kind], out.ID)
}

func (w *world) bin() {
	var all []id.ID
	for _, k := range w.e.Set.Kinds {
		all = append(all, w.made[k.Name]...)
	}
	if len(all) == 0 {
		return
	}
	x := all[w.r.IntN(len(all))]
	do(w.t, w.e, write.Delete, x)
	k := w.e.Set.Of(x).Name
	w.made[k] = slices.DeleteFunc(w.made[k], func(y id.ID) bool { return x == y })
	w.binned = append(w.binned, x)
}

func (w *world) restore() {
	if len(w.binned) == 0 {
		return
	}
	i := w.r.IntN(len(w.binned))
	x := w.binned[i]
	do(w.t, w.e, write.Restore, x)
	w.binned = slices.Delete(w.binned, i, i+1)
	k := w.e.Set.Of(x).Name
	w.made[k] = append(w.made[k], x)
}

// forget drops what is gone.
func (w *world) forget(there map[id.ID]row) {
	gone := func(x id.ID) bool { _, ok := there[x]; return !ok }
	for k := range w.made {
		w.made[k] = slices.DeleteFunc(w.made[k], gone)
	}
	w.binned = slices.DeleteFunc(w.binned, gone)
}

// Nothing goes a moment too early, and what was restored is no longer old when it is deleted again.
func TestPurge_atItsTime(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		x := e.Make(t, "Tag", input.Object{"name": "Old"})
		y := e.Make(t, "Tag", input.Object{"name": "Again"})
		do(t, e, write.Delete, x)
		do(t, e, write.Delete, y)
		e.Clock.Advance(e.Clock.Now().Add(keep - time.Hour))
		do(t, e, write.Restore, y)
		do(t, e, write.Delete, y)
		there := func(x id.ID) int { return count(t, e, "SELECT COUNT(*) FROM tags WHERE id = ?", x) }
		empty(t, e, time.Hour)
		if there(x) != 1 {
			t.Error("a record is gone after 30 days to the moment")
		}
		empty(t, e, time.Hour)
		if there(x) != 0 || there(y) != 1 {
			t.Errorf("an hour later %d of the old and %d of the restored are there", there(x), there(y))
		}
	}, keeping)
}

// What follows for others is told like any change, and who saw the bin hears of the end.
func TestPurge_isInTheChangeLog(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		holding := e.Make(t, "Account", input.Object{"name": "Holding", "owner": admin.User.String()})
		child := e.Make(t, "Account", input.Object{"name": "Child", "parent": holding.String(), "owner": admin.User.String()})
		do(t, e, write.Delete, holding)
		e.Settle(t)
		cursor := admin.Cursor(t)
		empty(t, e, keep+time.Hour)
		e.Settle(t)
		again := e.SignIn(t, admin.User)
		edges := again.Query(t, `query($c: Cursor!) { changes(after: $c, objects: [ACCOUNT]) { edges { node { op recordId version changedFields node { ... on Account { parent { id } } } } } } }`,
			farleytest.Vars{"c": cursor}).At("changes.edges")
		got := map[string]string{} // two records of one transaction come in any order
		for i := range edges.Len() {
			event := edges.At(fmt.Sprint(i, ".node"))
			got[event.At("recordId").Text()] = event.JSON()
		}
		want := map[string]string{
			child.String():   fmt.Sprintf(`{"changedFields":["parent"],"node":{"parent":null},"op":"UPDATED","recordId":%q,"version":2}`, child),
			holding.String(): fmt.Sprintf(`{"changedFields":null,"node":null,"op":"ERASED","recordId":%q,"version":null}`, holding),
		}
		if diff := cmp.Diff(want, got); diff != "" || edges.Len() != 2 {
			t.Errorf("%d changes (-want +got):\n%s", edges.Len(), diff)
		}
	}, keeping)
}

// A record that a live one needs by its rules stays, and holds up nothing else; so do users, whom history names.
func TestPurge_leavesWhatIsNeeded(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		partner := e.Make(t, "Account", input.Object{"name": "Partner"})
		other := e.Make(t, "Account", input.Object{"name": "Other"})
		user := e.Make(t, "User", input.Object{"name": "Pat", "email": "pat@example.com", "kind": "PARTNER", "partnerAccount": partner.String()})
		leaver := e.Make(t, "User", input.Object{"name": "Lee", "email": "lee@example.com"})
		do(t, e, write.Delete, partner)
		do(t, e, write.Delete, other)
		do(t, e, write.Delete, leaver)
		empty(t, e, keep+2*time.Hour)
		left := everything(t, e)
		if _, there := left[partner]; !there || left[user].refs["partnerAccount"] != partner {
			t.Error("the account of a live partner's user is gone")
		}
		if _, there := left[other]; there {
			t.Error("another account stays as well")
		}
		if _, there := left[leaver]; !there {
			t.Error("a user is gone")
		}
		do(t, e, write.Delete, user)
		empty(t, e, time.Hour)
		left = everything(t, e)
		if _, there := left[partner]; there || !left[user].refs["partnerAccount"].IsZero() {
			t.Error("a user in the bin holds the account")
		}
	}, keeping)
}

// More than fits into one transaction goes in several, and the job tells how far it is.
func TestPurge_inParts(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		account := e.Make(t, "Account", input.Object{"name": "Big"})
		err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
			for i := range 620 {
				if _, err := tx.Create(ctx, e.Set.Kind("Note"), input.Object{"body": fmt.Sprint(i), "account": account.String()}, "ALLOW"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tag := e.Make(t, "Tag", input.Object{"name": "Small"})
		do(t, e, write.Delete, account)
		do(t, e, write.Delete, tag)
		empty(t, e, keep+2*time.Hour)
		if n := count(t, e, "SELECT COUNT(*) FROM notes"); n != 0 {
			t.Errorf("%d notes are left", n)
		}
		boss := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "MANAGE_JOBS", Scope: "ALL"}}}))
		d := boss.Query(t, `{ jobs(where: {kind: "purge"}) { nodes { state every progress { done total } error } } }`, nil).At("jobs.nodes.0").JSON()
		if want := `{"error":null,"every":"PT1H","progress":{"done":2,"total":2},"state":"WAITING"}`; d != want {
			t.Errorf("the job: %s", d)
		}
	}, keeping)
}
