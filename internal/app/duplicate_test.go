package app_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"

	"github.com/google/go-cmp/cmp"
)

// same are cases of what is the same: what is there, what comes, and what is said of it. The empty want is: nothing.
var same = []struct {
	name, kind string
	there, new input.Object
	want       string
}{
	{"name", "Account", input.Object{"name": "Al Noor Trading"}, input.Object{"name": "AL NOOR  trading"}, "60 NAME"},
	{"legal form", "Account", input.Object{"name": "Al Noor Trading L.L.C."}, input.Object{"name": "Al Noor Trading"}, "48 NAME"},
	{"another script", "Account", input.Object{"name": "شركة النور للتجارة"}, input.Object{"name": "Al Noor Trading"}, "36 NAME"},
	{"legal name", "Account", input.Object{"name": "Noor", "legalName": "Al Noor Trading GmbH"}, input.Object{"name": "Al Noor Trading GmbH"}, "60 LEGAL_NAME"},
	{"another trade", "Account", input.Object{"name": "Al Noor Trading"}, input.Object{"name": "Al Noor Contracting"}, ""},
	{"web site", "Account", input.Object{"name": "Oak", "website": "https://www.oak.example/en"}, input.Object{"name": "Elm", "website": "oak.example"}, "80 DOMAIN"},
	{"web site and name", "Account", input.Object{"name": "Oak", "website": "oak.example"}, input.Object{"name": "oak", "website": "oak.example"}, "92 NAME,DOMAIN"},
	{"second address", "Account", input.Object{"name": "Oak", "emails": []any{"a@oak.example", "b@oak.example"}}, input.Object{"name": "Elm", "emails": []any{"B@oak.example"}}, "90 EMAILS"},
	{"domain of an address alone", "Account", input.Object{"name": "Oak", "website": "oak.example"}, input.Object{"name": "Elm", "emails": []any{"b@oak.example"}}, ""},
	{"domain of an address and name", "Account", input.Object{"name": "Oak Ltd", "website": "oak.example"}, input.Object{"name": "Oak", "emails": []any{"b@oak.example"}}, "59 NAME,DOMAIN"},
	{"public provider", "Account", input.Object{"name": "Oak Ltd", "emails": []any{"a@gmail.com"}}, input.Object{"name": "Oak", "emails": []any{"b@gmail.com"}}, "48 NAME"},
	{"second number", "Account", input.Object{"name": "Oak", "phones": []any{"+966 11 200 3000", "+966 11 200 3001"}}, input.Object{"name": "Elm", "phones": []any{"+966112003001"}}, "70 PHONES"},
	{"tax number", "Account", input.Object{"name": "Oak", "taxNumber": "SA 300-1"}, input.Object{"name": "Elm", "taxNumber": "sa3001"}, "95 TAX_NUMBER"},
	{"nothing", "Account", input.Object{"name": "Oak", "website": "oak.example"}, input.Object{"name": "Elm", "website": "elm.example"}, ""},
	{"person", "Contact", input.Object{"givenName": "John", "familyName": "Smith"}, input.Object{"givenName": "john", "familyName": "SMITH"}, "50 DISPLAY_NAME"},
	{"person in another script", "Contact", input.Object{"nativeName": "محمد علي"}, input.Object{"givenName": "Mohammed", "familyName": "Ali"}, "30 NATIVE_NAME"},
	{"not primary", "Contact", input.Object{"familyName": "Oak", "emails": []any{map[string]any{"address": "a@oak.example"}, map[string]any{"address": "b@oak.example"}}},
		input.Object{"familyName": "Elm", "emails": []any{map[string]any{"address": "B@oak.example"}}}, "95 EMAILS"},
	{"colleagues", "Contact", input.Object{"familyName": "Oak", "emails": []any{map[string]any{"address": "a@oak.example"}}},
		input.Object{"familyName": "Elm", "emails": []any{map[string]any{"address": "b@oak.example"}}}, ""},
	{"person's number", "Contact", input.Object{"familyName": "Oak", "phones": []any{map[string]any{"number": "+966112003000"}}},
		input.Object{"familyName": "Elm", "phones": []any{map[string]any{"number": "+966 11 200 3000"}}}, "70 PHONES"},
	{"lead", "Lead", input.Object{"company": "Oak", "emails": []any{"a@oak.example"}, "phones": []any{"+966112003000"}},
		input.Object{"familyName": "Elm", "emails": []any{"a@oak.example"}, "phones": []any{"+966112003000"}}, "99 EMAILS,PHONES"},
	{"leads of one firm", "Lead", input.Object{"familyName": "Ash", "website": "oak.example"}, input.Object{"familyName": "Elm", "website": "oak.example"}, ""},
	{"lead by the name of its firm", "Lead", input.Object{"company": "Oak Trading"}, input.Object{"company": "oak trading"}, "40 DISPLAY_NAME"},
}

// said writes what is said of duplicates as in same.
func said(score int, fields []string) string {
	return fmt.Sprintf("%d %s", score, strings.Join(fields, ","))
}

// Create, upsert and the batch of an import agree about what is the same.
func TestDuplicates_oneSetOfRules(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		for i, c := range same {
			there := e.Make(t, c.kind, c.there)
			var want []string
			if c.want != "" {
				want = append(want, there.String()+" "+c.want)
			}
			single := e.Set.Kind(c.kind).Single
			fields := `duplicates { score reason ` + single + ` { id } }`
			asked := map[string]farleytest.Data{
				"create": ann.Query(t, `mutation($in: Create`+c.kind+`Input!) { create`+c.kind+`(input: $in, dryRun: true) { `+fields+` } }`, farleytest.Vars{"in": c.new}).At("create" + c.kind + ".duplicates"),
				"upsert": ann.Query(t, `mutation($in: Update`+c.kind+`Input!, $x: String!) { upsert`+c.kind+`(external: {system: "s", id: $x}, input: $in, dryRun: true) { `+fields+` } }`,
					farleytest.Vars{"in": c.new, "x": "new " + strconv.Itoa(i)}).At("upsert" + c.kind + ".duplicates"),
			}
			for by, d := range asked {
				var got []string
				for j := range d.Len() {
					one := d.At(strconv.Itoa(j))
					var reasons []string
					for k := range one.At("reason").Len() {
						reasons = append(reasons, one.At("reason."+strconv.Itoa(k)).Text())
					}
					got = append(got, one.At(single+".id").Text()+" "+said(one.At("score").Int(), reasons))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", c.name, by, diff)
				}
			}
			if diff := cmp.Diff(want, likely(t, e, c.kind, c.new)); diff != "" {
				t.Errorf("%s, batch (-want +got):\n%s", c.name, diff)
			}
			e.Change(t, there, blank(c.kind))
		}
	})
}

// blank takes away what tells.
func blank(kind string) input.Object {
	switch kind {
	case "Account":
		return input.Object{"name": "-", "legalName": nil, "website": nil, "phones": nil, "emails": nil, "taxNumber": nil}
	case "Contact":
		return input.Object{"givenName": nil, "familyName": nil, "nativeName": "-", "phones": nil, "emails": nil}
	}
	return input.Object{"familyName": nil, "company": "-", "website": nil, "phones": nil, "emails": nil}
}

// likely says what a batch of one would find.
func likely(t *testing.T, e *farleytest.Env, kind string, in input.Object) []string {
	t.Helper()
	k := e.Set.Kind(kind)
	var out []string
	err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
		found, err := tx.Likely(ctx, k, []write.Candidate{write.CandidateOf(k, id.ID{}, in)})
		for _, d := range found[0] {
			out = append(out, d.ID.String()+" "+said(d.Score, d.Fields))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// REJECT refuses what is likely, and not what only sounds alike.
func TestDuplicates_rejected(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		e.Make(t, "Account", input.Object{"name": "Al Noor Trading"})
		const create = `mutation($n: String!) { createAccount(input: {name: $n}, onDuplicate: REJECT, dryRun: true) { account { name } duplicates { score } } }`
		ann.Do(t, create, farleytest.Vars{"n": "al noor trading"}).Want(t, "DUPLICATE")
		if got, want := ann.Query(t, create, farleytest.Vars{"n": "النور للتجارة"}).At("createAccount").JSON(), `{"account":{"name":"النور للتجارة"},"duplicates":[{"score":36}]}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A batch finds duplicates among its own rows, and takes two statements however many rows it has.
func TestLikely_batch(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		k := e.Set.Kind("Account")
		var there []id.ID
		for i := range 3 {
			there = append(there, e.Make(t, "Account", input.Object{"name": fmt.Sprintf("Firm number %d", i)}))
		}
		err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
			var rows []write.Candidate
			for i := range 500 {
				rows = append(rows, write.CandidateOf(k, id.New(k.Code, tx.Now), input.Object{"name": fmt.Sprintf("Firm Number %d", i/2)}))
			}
			var found [][]write.Duplicate
			var err error
			if n := statements(e, "match_keys", func() { found, err = tx.Likely(ctx, k, rows) }); n != 2 {
				t.Errorf("%d statements", n)
			}
			for i, ds := range found {
				var want []id.ID
				if i/2 < len(there) {
					want = append(want, there[i/2])
				}
				if i%2 == 1 {
					want = append(want, rows[i-1].ID)
				}
				slices.SortFunc(want, id.ID.Compare)
				var got []id.ID
				for _, d := range ds {
					got = append(got, d.ID)
				}
				if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
					t.Fatalf("row %d (-want +got):\n%s", i, diff)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Records that were there before keys were kept get theirs, in several transactions, and what is in the bin gets none.
func TestFillMatches(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ctx := context.Background()
		for i := range 250 {
			e.Make(t, "Account", input.Object{"name": fmt.Sprintf("Firm %d", i), "website": fmt.Sprintf("firm%d.example", i), "phones": []any{"+966112003000"}})
		}
		e.Make(t, "Contact", input.Object{"familyName": "Oak"})
		gone := e.Make(t, "Lead", input.Object{"company": "Gone"})
		e.Admin(t).Query(t, `mutation($id: ID!) { deleteLead(id: $id) { id } }`, farleytest.Vars{"id": gone.String()})
		want := matchKeys(t, e)
		exec(t, e, "DELETE FROM match_keys")
		exec(t, e, "UPDATE match_state SET generation = 0")
		var parts []int
		if err := e.Write.FillMatches(ctx, func(_ context.Context, n int) error { parts = append(parts, n); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{200, 50, 1, 0}, parts); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, matchKeys(t, e)); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		if n := statements(e, "match_", func() { _ = e.Write.FillMatches(ctx, nil) }); n != 1 {
			t.Errorf("%d statements when all is done", n)
		}
	})
}

// statements counts the statements of fn that say part.
func statements(e *farleytest.Env, part string, fn func()) int {
	e.DB.Counter.Reset()
	fn()
	return len(slices.DeleteFunc(e.DB.Counter.Statements(), func(s string) bool { return !strings.Contains(s, part) }))
}

// matchKeys returns all rows of match_keys.
func matchKeys(t *testing.T, e *farleytest.Env) []string {
	t.Helper()
	rows, err := e.DB.Pool().QueryContext(context.Background(), "SELECT kind, value, record_id, type, field FROM match_keys ORDER BY kind, value, record_id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var kind, value, typ, field int64
		var x id.ID
		if err := rows.Scan(&kind, &value, &x, &typ, &field); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(kind, value, x, typ, field))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Keys follow the record: changed with it, gone in the bin, back with it.
func TestMatchKeys_followTheRecord(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		x := e.Make(t, "Account", input.Object{"name": "Oak Trading", "website": "oak.example"})
		first := matchKeys(t, e)
		e.Change(t, x, input.Object{"name": "Elm Trading"})
		if changed := matchKeys(t, e); len(changed) != len(first) || cmp.Equal(first, changed) {
			t.Errorf("keys %v became %v", first, changed)
		}
		e.Change(t, x, input.Object{"name": "Oak Trading", "description": "As before."})
		vars := farleytest.Vars{"id": x.String()}
		ann.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, vars)
		if got := matchKeys(t, e); len(got) != 0 {
			t.Errorf("in the bin: %v", got)
		}
		ann.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, vars)
		if diff := cmp.Diff(first, matchKeys(t, e)); diff != "" {
			t.Errorf("restored (-want +got):\n%s", diff)
		}
	})
}

// A value that many share is looked up within bounds, and those that were made first are named.
func TestDuplicates_sharedByMany(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		var all []id.ID
		for i := range 30 {
			all = append(all, e.Make(t, "Account", input.Object{"name": fmt.Sprintf("Firm %d", i), "phones": []any{"+966112003000"}}))
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
		}
		found := likely(t, e, "Account", input.Object{"name": "Oak", "phones": []any{"+966112003000"}})
		want := []string{}
		for _, x := range all[:5] {
			want = append(want, x.String()+" 70 PHONES")
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// BenchmarkLikely looks up batches of 500 rows with 20,000 accounts there, as somebody with all rights.
func BenchmarkLikely(b *testing.B) {
	e := farleytest.On(b, testdb.SQLite(b))
	k := e.Set.Kind("Account")
	ctx := write.AsSystem(context.Background())
	row := func(i int) input.Object {
		return input.Object{
			"name": fmt.Sprintf("Al Noor %d Trading Co.", i), "website": fmt.Sprintf("https://www.noor%d.example", i),
			"phones": []any{fmt.Sprintf("+966112%06d", i)}, "emails": []any{fmt.Sprintf("info@noor%d.example", i)},
		}
	}
	const there, batch = 20_000, 500
	for start := 0; start < there; start += batch {
		err := e.Write.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
			for i := start; i < start+batch; i++ {
				if _, err := tx.Create(ctx, k, row(i), "ALLOW"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	ann := &access.Actor{Policy: access.Compile(e.Set, []access.Role{farleytest.Everything(e, access.All)})}
	n := there / 2
	for b.Loop() {
		err := e.Write.Do(access.With(context.Background(), ann), func(ctx context.Context, tx *write.Tx) error {
			rows := make([]write.Candidate, batch)
			for i := range rows {
				rows[i] = write.CandidateOf(k, id.New(k.Code, tx.Now), row(n+i*20))
			}
			_, err := tx.Likely(ctx, k, rows)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		n += 7
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "rows/s")
}
