package app_test

import (
	"slices"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/seed"
)

// A filter by one related record, whose sight is looked up once and not for each row, finds nothing by a record that is out of
// sight or in the bin, and does not count it either.
func TestFilter_byOneRelatedRecord(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		own := e.Make(t, "Account", input.Object{"name": "Elm", "owner": rep.User.String()})
		hidden := e.Make(t, "Account", input.Object{"name": "Oak"})
		for _, account := range []string{own.String(), hidden.String()} {
			in := e.Valid(t, "Opportunity")
			in["account"], in["owner"] = account, rep.User.String()
			e.Make(t, "Opportunity", in)
		}
		found := func(op string, account any) int {
			t.Helper()
			d := rep.Query(t, `query($w: OpportunityWhere) { opportunities(where: $w) { nodes { id } totalCount { value } } }`,
				farleytest.Vars{"w": map[string]any{"account": map[string]any{"id": map[string]any{op: account}}}}).At("opportunities")
			n := d.At("nodes").Len()
			if d.At("totalCount.value").Int() != n {
				t.Errorf("%s %v: %s", op, account, d.JSON())
			}
			return n
		}
		for what, test := range map[string]struct {
			op      string
			account any
			want    int
		}{
			"one in sight": {"eq", own.String(), 1}, "one out of sight": {"eq", hidden.String(), 0}, "one of one in sight": {"in", []string{own.String()}, 1},
			"one of one out of sight": {"in", []string{hidden.String()}, 0}, "one of both": {"in", []string{own.String(), hidden.String()}, 1},
		} {
			if n := found(test.op, test.account); n != test.want {
				t.Errorf("%s: %d records, want %d", what, n, test.want)
			}
		}
		e.Admin(t).Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, farleytest.Vars{"id": own.String()})
		if n := found("eq", own.String()); n != 0 {
			t.Errorf("by one in the bin: %d records", n)
		}
	})
}

// The sums of who sees a part of all deals are read by whose they are, on SQLite by the indexes of teams and owners.
func TestBoard_readsWhatIsInSight(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		if err := seed.EnsurePipeline(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		team := e.Make(t, "Team", input.Object{"name": "North"})
		rep := e.User(t, input.Object{"team": team.String()}, e.Role(t, farleytest.Everything(e, access.Team)))
		for range 9 { // of few owners SQLite would read so by itself
			e.User(t, input.Object{"team": team.String()})
		}
		const document = `query($p: ID!) { pipelineBoard(pipeline: $p) { stages { count amount { amount } } } }`
		vars := farleytest.Vars{"p": seed.PipelineID(e.Set)}
		rep.Query(t, document, vars) // who asks is known then
		e.DB.Counter.Reset()
		rep.Query(t, document, vars)
		asked := slices.DeleteFunc(e.DB.Counter.Asked(), func(q string) bool { return !strings.Contains(q, "GROUP BY b.stage") })
		if len(asked) != 1 {
			t.Fatalf("the sums take %d statements: %q", len(asked), asked)
		}
		if e.DB.Dialect != db.SQLite {
			return // MariaDB plans by what there is
		}
		for _, r := range readsOf(t, e.DB.DB, asked[0]) {
			if !strings.Contains(r.index, "owner_id") && !strings.Contains(r.index, "team_id") {
				t.Errorf("deals are read by %q\n%s", r.index, asked[0])
			}
		}
	})
}
