package access

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/viewer"
)

const poolSize = 3

// world is a small random database, once in SQL and once as keys.
type world struct {
	set    *model.Set
	db     *sql.DB
	pool   map[id.Kind][]id.ID
	rows   map[id.ID]*Keys
	kind   map[id.ID]*model.Kind
	shares []any // the rows of the table of shares, value by value
	// answers keeps what statements answered since the last fill: many fields have the same condition.
	answers map[string][]id.ID
}

// newWorldInMemory returns a world without SQL.
func newWorldInMemory() *world {
	w := &world{set: fixture(), pool: map[id.Kind][]id.ID{}}
	for _, k := range w.set.Kinds {
		for i := range poolSize {
			w.pool[k.Code] = append(w.pool[k.Code], id.New(k.Code, time.UnixMilli(int64(i)+1)))
		}
	}
	return w
}

func newWorld(t *testing.T) *world {
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(t.Name(), "/", "_")+"?mode=memory&_time_format=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })

	w := newWorldInMemory()
	w.db = db
	must(t, db, "CREATE TABLE shares (record_id BLOB, grantee_id BLOB, level TEXT, fields TEXT, expires_at datetime, deleted_at datetime)")
	for _, k := range w.set.Kinds {
		columns := []string{"id BLOB PRIMARY KEY", "owner_id BLOB", "team_id BLOB", "partner_id BLOB", "partner_account_id BLOB", "deleted_at datetime"}
		for _, f := range k.Fields {
			if f.Type == model.Ref && !slices.Contains(columns, f.Column+" BLOB") {
				columns = append(columns, f.Column+" BLOB")
			}
			if f.Type == model.Date {
				columns = append(columns, f.Column+" TEXT")
			}
		}
		must(t, db, "CREATE TABLE "+k.Table+" ("+strings.Join(columns, ", ")+")")
	}
	return w
}

type failer interface {
	Helper()
	Fatal(args ...any)
}

func must(t failer, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if db == nil {
		return
	}
	if _, err := db.ExecContext(context.Background(), statement, args...); err != nil {
		t.Fatal(statement, args, err)
	}
}

// some draws an id of the kind, or none.
func (w *world) some(t *rapid.T, k id.Kind) id.ID {
	i := rapid.IntRange(-1, poolSize-1).Draw(t, "some")
	if i < 0 {
		return id.ID{}
	}
	return w.pool[k][i]
}

func (w *world) several(t *rapid.T, k id.Kind) []id.ID {
	n := rapid.IntRange(0, 2).Draw(t, "several")
	out := make([]id.ID, 0, n)
	for range n {
		out = append(out, w.pool[k][rapid.IntRange(0, poolSize-1).Draw(t, "one")])
	}
	return out
}

// fill replaces all rows by random ones. Kinds stand in the set before their children.
func (w *world) fill(t *rapid.T) {
	w.rows, w.kind, w.answers = map[id.ID]*Keys{}, map[id.ID]*model.Kind{}, map[string][]id.ID{}
	w.shares = nil
	for _, k := range w.set.Kinds {
		var columns []string
		var args []any
		for _, x := range w.pool[k.Code] {
			row := w.row(t, k, x)
			columns = slices.Sorted(maps.Keys(row))
			for _, c := range columns {
				args = append(args, row[c])
			}
		}
		w.replace(t, k.Table, columns, args)
		if k.Code == codeMember {
			w.settleMembers()
		}
	}
	w.replace(t, "shares", []string{"record_id", "grantee_id", "level", "fields", "expires_at", "deleted_at"}, w.shares)
}

// settleMembers gives members their contact as it is with all who take part in it.
func (w *world) settleMembers() {
	for _, x := range w.pool[codeMember] {
		for i := range w.rows[x].Parents {
			p := &w.rows[x].Parents[i]
			p.Keys = *w.rows[p.ID]
		}
	}
}

// takesPart draws who takes part in the contact of a member, and from when to when.
func (w *world) takesPart(t *rapid.T, keys *Keys, columns map[string]any) {
	day := func(name string) (string, any) {
		n := rapid.IntRange(-2, 2).Draw(t, name)
		if n == -2 {
			return "", nil
		}
		s := Day(testNow.AddDate(0, 0, n))
		return s, s
	}
	p := ParticipantKey{User: w.some(t, codeUser)}
	columns["user_id"] = p.User
	p.From, columns["from_date"] = day("from")
	p.To, columns["to_date"] = day("to")
	if !keys.Deleted && len(keys.Parents) > 0 && !p.User.IsZero() {
		contact := w.rows[keys.Parents[0].ID]
		contact.Participants = append(contact.Participants, p)
	}
}

// replace makes args the rows of a table.
func (w *world) replace(t *rapid.T, table string, columns []string, args []any) {
	must(t, w.db, "DELETE FROM "+table)
	if len(args) > 0 {
		rows := strings.TrimSuffix(strings.Repeat(marks(len(columns))+",", len(args)/len(columns)), ",")
		must(t, w.db, "INSERT INTO "+table+" ("+strings.Join(columns, ",")+") VALUES "+rows, args...)
	}
}

// row draws one row, enters its keys and returns its columns.
func (w *world) row(t *rapid.T, k *model.Kind, x id.ID) map[string]any {
	keys := &Keys{ID: x, Deleted: rapid.IntRange(0, 9).Draw(t, "deleted") == 0}
	columns := map[string]any{"id": x, "deleted_at": nil}
	if keys.Deleted {
		columns["deleted_at"] = testNow
	}
	if k.Owned {
		keys.Owner, keys.Team, keys.Partner = w.some(t, codeUser), w.some(t, codeTeam), w.some(t, codeAccount)
		columns["owner_id"], columns["team_id"], columns["partner_id"] = keys.Owner, keys.Team, keys.Partner
	}
	if k.Sight == model.ByUser {
		keys.UserPartner, keys.Branch = w.some(t, codeAccount), w.some(t, codeBranch)
		columns["partner_account_id"], columns["branch_id"] = keys.UserPartner, keys.Branch
	}
	if k.Placed {
		keys.Branch, keys.Territory = w.some(t, codeBranch), w.some(t, codeTerritory)
		columns["branch_id"], columns["territory_id"] = keys.Branch, keys.Territory
	}
	if column := selfColumn(k); column != "" {
		keys.Self = w.some(t, codeContact)
		columns[column] = keys.Self
	}
	for _, name := range k.Parents {
		p := w.set.Kind(k.Field(name).Target)
		parent := w.some(t, p.Code)
		columns[k.Field(name).Column] = parent
		if parent.IsZero() {
			continue
		}
		pk := ParentKeys{Kind: p.Name}
		if row := w.rows[parent]; row != nil {
			pk.Keys = *row
		} else {
			pk.Deleted = true // the kind's own row that is yet to come: a loop, never in sight
		}
		keys.Parents = append(keys.Parents, pk)
	}
	if k.Code == codeMember {
		w.takesPart(t, keys, columns)
	}
	for range rapid.IntRange(0, 2).Draw(t, "shares") {
		w.share(t, keys)
	}
	w.rows[x], w.kind[x] = keys, k
	return columns
}

func (w *world) share(t *rapid.T, keys *Keys) {
	s := ShareKey{
		Grantee: w.some(t, rapid.SampledFrom([]id.Kind{codeUser, codeTeam, codeAccount, codeBranch, codeTerritory}).Draw(t, "grantee")),
		Level:   rapid.SampledFrom([]string{"READ", "COMMENT", "EDIT"}).Draw(t, "level"),
	}
	var fields *string
	if f := rapid.SampledFrom([]string{"all", "", "|NAME|", "|PHONE|TAX_NUMBER|"}).Draw(t, "fields"); f != "all" {
		fields = &f
	}
	s.Fields = ShareFields(fields)
	var until, deleted any
	if h := rapid.IntRange(-1, 2).Draw(t, "until"); h < 2 {
		s.Until = testNow.Add(time.Duration(h) * time.Microsecond)
		until = s.Until
	}
	if rapid.IntRange(0, 4).Draw(t, "unshared") == 0 {
		deleted = testNow
	}
	w.shares = append(w.shares, keys.ID, s.Grantee, s.Level, fields, until, deleted)
	if deleted == nil && !s.Grantee.IsZero() {
		keys.Shares = append(keys.Shares, s)
	}
}

var scopeWords = []string{"NONE", "OWN", "TEAM", "SHARED", "BRANCH", "TERRITORY", "ALL", "PARTNER", "SELF"}

func drawRole(t *rapid.T, set *model.Set) Role {
	r := Role{ID: rapid.StringMatching("[a-f]").Draw(t, "role")}
	for _, k := range set.Kinds {
		for _, action := range []string{Create, Read, Update, Delete, "MERGE"} {
			r.Permissions = append(r.Permissions, Permission{k.Const, action, rapid.SampledFrom(scopeWords).Draw(t, k.Const+" "+action)})
		}
		for _, f := range k.Fields {
			if l := rapid.SampledFrom([]Level{"", "", LevelNone, LevelMasked, LevelRead, LevelWrite}).Draw(t, k.Const+"."+f.Const); l != "" {
				r.Fields = append(r.Fields, FieldLevel{k.Const, f.Const, l})
			}
		}
	}
	return r
}

func (w *world) actor(t *rapid.T) *Actor {
	roles := make([]Role, rapid.IntRange(0, 2).Draw(t, "roles"))
	for i := range roles {
		roles[i] = drawRole(t, w.set)
	}
	return &Actor{
		Viewer: viewer.Viewer{
			User: w.some(t, codeUser), Team: w.some(t, codeTeam), Teams: w.several(t, codeTeam), Reports: w.several(t, codeUser),
			Branch: w.some(t, codeBranch), Territories: w.several(t, codeTerritory),
			PartnerAccount: w.some(t, codeAccount), Contact: w.some(t, codeContact), SelfAccounts: w.several(t, codeAccount),
			LimitedShares: rapid.Bool().Draw(t, "limited"),
		},
		Policy: Compile(w.set, roles),
	}
}

// where returns the ids of the rows of k that meet a condition, sorted.
func (w *world) where(t *rapid.T, k *model.Kind, c Cond) []id.ID {
	if c.IsFalse() {
		return nil
	}
	key := fmt.Sprint(k.Name, c.SQL, c.Args)
	if known, ok := w.answers[key]; ok {
		return known
	}
	statement := "SELECT t.id FROM " + k.Table + " t"
	if !c.IsTrue() {
		statement += " WHERE " + c.SQL
	}
	if n := strings.Count(c.SQL, "?"); n != len(c.Args) {
		t.Fatalf("%d marks and %d arguments: %s", n, len(c.Args), c.SQL)
	}
	rows, err := w.db.QueryContext(context.Background(), statement, c.Args...)
	if err != nil {
		t.Fatal(statement, err)
	}
	defer rows.Close()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, id.ID.Compare)
	w.answers[key] = out
	return out
}

// memory returns the ids of the rows of k for which decide is true, sorted.
func (w *world) memory(k *model.Kind, decide func(*Keys) bool) []id.ID {
	var out []id.ID
	for _, x := range w.pool[k.Code] {
		if decide(w.rows[x]) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, id.ID.Compare)
	return out
}

func same(t *rapid.T, what, sql string, want, got []id.ID) {
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s: memory (-) and SQL (+) differ: %s\n%s", what, d, sql)
	}
}

func TestSight_memoryAndSQLAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		w.fill(t)
		a := w.actor(t)
		for _, k := range w.set.Kinds {
			for _, action := range []string{Read, Update, Delete, "MERGE"} {
				c := a.Sight(w.set, k, "t", action, testNow)
				want := w.memory(k, func(keys *Keys) bool { return a.May(w.set, k, keys, action, testNow) })
				same(t, k.Name+" "+action, c.SQL, want, w.where(t, k, c))

				branches := a.Branches(w.set, k, "t", action, testNow)
				if branches == nil {
					continue
				}
				var got, each []id.ID
				for _, b := range branches {
					got = append(got, w.where(t, k, b.Cond)...)
					if b.Each == nil {
						b.Each = []Cond{b.Cond}
					}
					for _, c := range b.Each {
						each = append(each, w.where(t, k, c)...)
					}
				}
				for _, got := range [][]id.ID{got, each} {
					slices.SortFunc(got, id.ID.Compare)
					same(t, k.Name+" "+action+" branches", c.SQL, want, slices.Compact(got))
				}
			}
		}
	})
}

func TestFields_memoryAndSQLAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		w.fill(t)
		a := w.actor(t)
		for _, k := range w.set.Kinds {
			read := a.Sight(w.set, k, "t", Read, testNow)
			sees := func(keys *Keys) bool { return a.Sees(w.set, k, keys, testNow) }
			for _, f := range k.Fields {
				what := fmt.Sprint(k.Name, ".", f.Name)
				plain, whole := a.FieldCond(w.set, k, f, "t", testNow)
				want := w.memory(k, func(keys *Keys) bool { return sees(keys) && a.ReadsField(w.set, k, f, keys, testNow) })
				same(t, what+" plain", plain.SQL, want, w.where(t, k, And(read, plain)))
				if whole {
					same(t, what+" whole", "", want, w.memory(k, sees))
				}

				masked := a.MaskedCond(w.set, k, f, "t", testNow)
				want = w.memory(k, func(keys *Keys) bool { return sees(keys) && a.MasksField(w.set, k, f, keys, testNow) })
				same(t, what+" masked", masked.SQL, want, w.where(t, k, And(read, masked)))

				write := a.WriteCond(w.set, k, f, "t", testNow)
				want = w.memory(k, func(keys *Keys) bool { return a.WritesField(w.set, k, f, keys, testNow) })
				same(t, what+" write", write.SQL, want, w.where(t, k, write))
			}
		}
	})
}

func TestField_showsOnTheRowsOfTheGrantingRoleOnly(t *testing.T) {
	t.Parallel()
	w := newWorldInMemory()
	rapid.Check(t, func(t *rapid.T) {
		w.fill(t)
		a := w.actor(t)
		a.LimitedShares = false
		alone := make([]*Policy, len(a.Policy.roles))
		for i, r := range a.Policy.roles {
			alone[i] = Compile(w.set, []Role{r})
		}
		for _, k := range w.set.Kinds {
			for _, f := range k.Fields {
				got := w.memory(k, func(keys *Keys) bool {
					return a.Sees(w.set, k, keys, testNow) && a.ReadsField(w.set, k, f, keys, testNow)
				})
				want := w.memory(k, func(keys *Keys) bool {
					if !a.Sees(w.set, k, keys, testNow) {
						return false
					}
					return slices.ContainsFunc(alone, func(one *Policy) bool {
						return one.Field(k, f).Read != None && a.Covers(w.set, k, keys, one.Scopes(k, Read), AnyShare, testNow)
					})
				})
				same(t, k.Name+"."+f.Name, "", want, got)
			}
		}
	})
}
