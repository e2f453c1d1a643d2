package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
)

// The ids of entries sort as the trail does, and a write's id gives back its place in the change log.
func TestIDs_sortAsTheTrail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := start.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "at")))
		a, b := rapid.Int64Range(1, 1<<61-1).Draw(t, "a"), rapid.Int64Range(1, 1<<61-1).Draw(t, "b")
		x, y := audit.WriteID(at, a), audit.WriteID(at, b)
		if got, isWrite := audit.SeqOf(x); got != a || !isWrite {
			t.Fatalf("%d becomes %d, %v", a, got, isWrite)
		}
		if (x.Compare(y) < 0) != (a < b) {
			t.Fatalf("%d and %d sort as %d", a, b, x.Compare(y))
		}
		if parsed, err := id.Parse(x.String()); err != nil || parsed != x {
			t.Fatalf("%s does not parse: %v", x, err)
		}
	})
}

// event is an entry as the oracle knows it: entries of one instant are told apart by what the trail says their ids are.
type event struct {
	at     time.Time
	action string
	user   id.ID
	kind   id.Kind
	ids    []id.ID
	mark   string // in operation
}

const pageOf = `query($user: ID, $object: Object, $record: ID, $action: [AuditAction!], $from: DateTime, $to: DateTime, $first: Int, $after: Cursor) {
	auditTrail(user: $user, object: $object, record: $record, action: $action, from: $from, to: $to, first: $first, after: $after) {
		edges { node { id at operation } } pageInfo { hasNextPage endCursor } } }`

// However writes and other entries interleave, whichever of them were pruned meanwhile, and whatever is asked for: the
// pages together are exactly what is asked for, in one order, each entry once.
func TestTrail_pagesAreTheWhole(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		who := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ_AUDIT", Scope: "ALL"}}}))
		e.Settle(t)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			if round > 25 {
				return // each round asks a database many times
			}
			base := e.Clock.Now().Add(time.Second)
			e.Clock.Advance(base)
			users := []id.ID{id.New(32, base), id.New(32, base), {}}
			records := []id.ID{id.New(16, base), id.New(16, base), id.New(17, base)}
			var all []event
			n := rapid.IntRange(0, 40).Draw(rt, "entries")
			for i := range n {
				ev := event{
					at:   base.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "at")) * time.Microsecond),
					user: rapid.SampledFrom(users).Draw(rt, "user"), mark: fmt.Sprint(round, ".", i),
				}
				r := rapid.SampledFrom(records).Draw(rt, "record")
				ev.kind, ev.ids = r.Kind(), []id.ID{r}
				if rapid.Bool().Draw(rt, "write") {
					ev.action = rapid.SampledFrom([]string{"CREATED", "UPDATED"}).Draw(rt, "op")
					appendWrite(t, e, ev)
				} else {
					ev.action = rapid.SampledFrom([]string{"SENSITIVE_READ", "SIGN_IN"}).Draw(rt, "action")
					if ev.action == "SENSITIVE_READ" && ev.kind == 16 && rapid.Bool().Draw(rt, "several") {
						ev.ids = records[:2]
					}
					err := e.Audit.Record(context.Background(), audit.Entry{
						At: ev.at, Action: audit.Action(ev.action), User: ev.user, Object: ev.kind, Records: ev.ids, Operation: ev.mark,
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				all = append(all, ev)
			}
			e.Settle(t)
			prune := func() {
				if rapid.Bool().Draw(rt, "prune") {
					before := base.Add(time.Duration(rapid.IntRange(0, 6).Draw(rt, "before")) * time.Microsecond)
					if _, err := e.Changes.Prune(t.Context(), before); err != nil {
						t.Fatal(err)
					}
				}
			}
			prune()
			for range 4 {
				vars, fits := question(rt, base, users, records)
				want := map[string]bool{}
				for _, ev := range all {
					if fits(ev) {
						want[ev.mark] = true
					}
				}
				vars["first"] = rapid.IntRange(1, 12).Draw(rt, "first")
				type place struct{ at, id string }
				var got []place
				for page := 0; ; page++ {
					p := who.Query(t, pageOf, vars).At("auditTrail")
					for i := range p.At("edges").Len() {
						node := p.At(fmt.Sprintf("edges.%d.node", i))
						mark := node.At("operation").Text()
						if !want[mark] {
							rt.Fatalf("%v: %s is not asked for, or there twice", vars, mark)
						}
						delete(want, mark)
						got = append(got, place{node.At("at").Text(), string(idBytes(node.At("id").ID()))})
					}
					if !p.At("pageInfo.hasNextPage").V.(bool) {
						break
					}
					vars["after"] = p.At("pageInfo.endCursor").Text()
					prune() // an entry keeps its place when it moves
				}
				if len(want) > 0 {
					rt.Fatalf("%v: missing are %v", vars, want)
				}
				if !slices.IsSortedFunc(got, func(a, b place) int {
					ta, _ := time.Parse(time.RFC3339Nano, a.at)
					tb, _ := time.Parse(time.RFC3339Nano, b.at)
					if c := tb.Compare(ta); c != 0 {
						return c
					}
					return slices.Compare([]byte(b.id), []byte(a.id))
				}) {
					rt.Fatalf("%v: not in order", vars)
				}
			}
		})
	})
}

func idBytes(x id.ID) []byte { return x[:] }

// question draws a filter within the round, and what it lets through.
func question(rt *rapid.T, base time.Time, users, records []id.ID) (farleytest.Vars, func(event) bool) {
	vars := farleytest.Vars{"from": base.Format(time.RFC3339Nano)}
	var tests []func(event) bool
	if rapid.Bool().Draw(rt, "by user") {
		u := rapid.SampledFrom(users[:2]).Draw(rt, "whose")
		vars["user"] = u.String()
		tests = append(tests, func(ev event) bool { return ev.user == u })
	}
	if rapid.Bool().Draw(rt, "by object") {
		kind, object := id.Kind(16), "ACCOUNT"
		if rapid.Bool().Draw(rt, "contacts") {
			kind, object = 17, "CONTACT"
		}
		vars["object"] = object
		tests = append(tests, func(ev event) bool { return ev.kind == kind })
	}
	if rapid.Bool().Draw(rt, "by record") {
		r := rapid.SampledFrom(records).Draw(rt, "which")
		vars["record"] = r.String()
		tests = append(tests, func(ev event) bool { return slices.Contains(ev.ids, r) })
	}
	if rapid.Bool().Draw(rt, "by action") {
		actions := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"CREATED", "UPDATED", "SENSITIVE_READ", "SIGN_IN"}), 0, 3, rapid.ID).Draw(rt, "actions")
		vars["action"] = actions
		tests = append(tests, func(ev event) bool { return slices.Contains(actions, ev.action) })
	}
	if rapid.Bool().Draw(rt, "in a span") {
		from := base.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "from")) * time.Microsecond)
		to := base.Add(time.Duration(rapid.IntRange(2, 6).Draw(rt, "to")) * time.Microsecond)
		vars["from"], vars["to"] = from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)
		tests = append(tests, func(ev event) bool { return !ev.at.Before(from) && ev.at.Before(to) })
	}
	return vars, func(ev event) bool {
		return !slices.ContainsFunc(tests, func(test func(event) bool) bool { return !test(ev) })
	}
}

// appendWrite puts a change row into the log.
func appendWrite(t *testing.T, e *farleytest.Env, ev event) {
	t.Helper()
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return e.Changes.Append(ctx, tx, change.Row{
			Kind: ev.kind, Record: ev.ids[0], Op: change.Op(ev.action), Version: 1, Actor: ev.user, At: ev.at, Operation: ev.mark,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
