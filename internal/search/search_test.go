package search_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/search"
	"farley/internal/write"
)

const document = `query($q: String!, $kinds: [Object!], $first: Int, $after: Cursor) {
	search(query: $q, kinds: $kinds, first: $first, after: $after) {
		edges { cursor score highlight node { __typename id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
	}
}`

// find searches and returns the ids found.
func find(t *testing.T, c *farleytest.Client, q string) []string {
	t.Helper()
	return c.Query(t, document, farleytest.Vars{"q": q}).At("search.edges").Texts("node.id")
}

// finds fails the test unless a search finds exactly these records, in this order.
func finds(t *testing.T, c *farleytest.Client, q string, want ...id.ID) {
	t.Helper()
	texts := []string{}
	for _, x := range want {
		texts = append(texts, x.String())
	}
	if diff := cmp.Diff(texts, find(t, c, q)); diff != "" {
		t.Errorf("%q (-want +got):\n%s", q, diff)
	}
}

func tick(e *farleytest.Env) { e.Clock.Advance(e.Clock.Now().Add(time.Second)) }

func remove(t *testing.T, e *farleytest.Env, x id.ID) {
	t.Helper()
	err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
		return tx.Set(ctx, e.Set.Of(x), x, map[string]any{"deleted_at": tx.Now})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSearch_answersOverHTTP(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Tom & <Jerry>", "description": strings.Repeat("word ", 100) + "needle " + strings.Repeat("word ", 100)})
		e.Index(t)
		got := c.Query(t, `{ search(query: "jerry", kinds: [ACCOUNT, CONTACT], first: 10) { edges { score highlight node { __typename ... on Account { id name } ... on Contact { id displayName } } } pageInfo { hasNextPage hasPreviousPage } } }`, nil)
		want := fmt.Sprintf(`{"edges":[{"highlight":"Tom \u0026amp; \u0026lt;\u003cmark\u003eJerry\u003c/mark\u003e\u0026gt;","node":{"__typename":"Account","id":%q,"name":"Tom \u0026 \u003cJerry\u003e"},"score":90}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":false}}`, x)
		if diff := cmp.Diff(want, got.At("search").JSON()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		snippet := c.Query(t, document, farleytest.Vars{"q": "needle"}).At("search.edges.0.highlight").Text()
		if !strings.HasPrefix(snippet, "…") || !strings.HasSuffix(snippet, "…") || !strings.Contains(snippet, "<mark>needle</mark>") || len(snippet) > 200 {
			t.Errorf("the highlight of a long text is %q", snippet)
		}
		two := c.Query(t, `{ a: search(query: "jerry") { e: edges { n: node { x: id } m: node { id } } } b: search(query: "none") { edges { cursor } pageInfo { endCursor } } }`, nil)
		if two.At("a.e.0.n.x").ID() != x || two.At("a.e.0.m.id").ID() != x || two.At("b.edges").Len() != 0 || two.At("b.pageInfo.endCursor").V != nil {
			t.Errorf("under aliases: %s", two.JSON())
		}
	})
}

func TestSearch_refusesBadInput(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		other := e.User(t, nil, e.Role(t, reader("ALL")))
		for range 3 {
			e.Make(t, "Account", input.Object{"name": "Oak"})
		}
		e.Index(t)
		r := c.Do(t, document, farleytest.Vars{"q": strings.Repeat("a", 201), "first": 0}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"query TOO_LONG", "first RANGE"}, r.Violations()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, first := range []int{-1, 101} {
			c.Do(t, document, farleytest.Vars{"q": "a", "first": first}).Want(t, "INVALID")
		}
		cursor := c.Query(t, document, farleytest.Vars{"q": "oak", "first": 1}).At("search.pageInfo.endCursor").Text()
		for _, bad := range []struct {
			c    *farleytest.Client
			vars farleytest.Vars
		}{
			{c, farleytest.Vars{"q": "oak", "after": "x"}},
			{c, farleytest.Vars{"q": "oak", "after": c.Cursor(t)}},
			{c, farleytest.Vars{"q": "elm", "after": cursor}},
			{c, farleytest.Vars{"q": "oak", "kinds": []string{"CONTACT"}, "after": cursor}},
			{other, farleytest.Vars{"q": "oak", "after": cursor}},
		} {
			r := bad.c.Do(t, document, bad.vars).Want(t, "INVALID")
			if diff := cmp.Diff([]string{"after FORMAT"}, r.Violations()); diff != "" {
				t.Errorf("%v (-want +got):\n%s", bad.vars, diff)
			}
		}
		c.Do(t, document, farleytest.Vars{"q": "oak", "kinds": []string{"ACCOUNT", "ROLE"}}).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, document, farleytest.Vars{"q": "oak"}).Want(t, "UNAUTHENTICATED")
		e.User(t, nil).Do(t, document, farleytest.Vars{"q": "oak"}).Want(t, "")
		for _, nothing := range []string{"", "   ", "…", `"`, "zzzzzz"} {
			finds(t, c, nothing)
		}
	})
}

// Pages are the whole list in pieces, whatever is added before or between.
func TestSearch_pages(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		var latestFirst []id.ID
		for i := range 9 {
			tick(e)
			in, kind := input.Object{"name": "Oak"}, "Account"
			if i%2 == 1 {
				in, kind = input.Object{"familyName": "Oak"}, "Contact"
			}
			latestFirst = append([]id.ID{e.Make(t, kind, in)}, latestFirst...)
		}
		e.Index(t)
		finds(t, c, "oak", latestFirst...)

		var got []string
		vars := farleytest.Vars{"q": "oak", "first": 2}
		for i := range 5 {
			page := c.Query(t, document, vars).At("search")
			got = append(got, page.At("edges").Texts("node.id")...)
			if more, back := page.At("pageInfo.hasNextPage").V, page.At("pageInfo.hasPreviousPage").V; more != (i < 4) || back != (i > 0) {
				t.Errorf("page %d: more %v, before %v", i, more, back)
			}
			vars["after"] = page.At("pageInfo.endCursor").Text()
			if i == 1 { // before and behind the place
				tick(e)
				e.Make(t, "Account", input.Object{"name": "Oak"})
				remove(t, e, latestFirst[3]) // the last hit of this page, where the next one begins
				e.Index(t)
			}
		}
		var want []string
		for _, x := range latestFirst {
			want = append(want, x.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The index follows what happens to records, to their tags and to who may see them.
func TestSearch_follows(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		tag := e.Make(t, "Tag", input.Object{"name": "Birch"})
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": c.User.String(), "tags": []any{tag.String()}})
		note := e.Make(t, "Note", input.Object{"account": x.String(), "body": "Larch"})
		e.Index(t)
		finds(t, c, "oak", x)
		finds(t, c, "oak birch", x)
		finds(t, c, "larch", note)

		e.Change(t, x, input.Object{"name": "Elm"})
		e.Change(t, tag, input.Object{"name": "Cedar"})
		e.Index(t)
		finds(t, c, "oak")
		finds(t, c, "birch")
		finds(t, c, "elm cedar", x)
		finds(t, c, "cedar", tag, x)

		e.Change(t, x, input.Object{"tags": []any{}})
		e.Index(t)
		finds(t, c, "cedar", tag)

		c.Query(t, `mutation($x: ID!) { deleteAccount(id: $x) { id } }`, farleytest.Vars{"x": x})
		finds(t, c, "elm") // at once, whatever the index says
		e.Index(t)
		finds(t, c, "elm")
		finds(t, c, "larch")
		if n := count(t, e, "SELECT COUNT(*) FROM search_terms WHERE record_id = ?", x); n != 0 {
			t.Errorf("%d terms of a record in the bin", n)
		}
		c.Query(t, `mutation($x: ID!) { restoreAccount(id: $x) { account { id } } }`, farleytest.Vars{"x": x})
		e.Index(t)
		finds(t, c, "elm", x)
		finds(t, c, "larch", note)

		e.Change(t, x, input.Object{"owner": e.User(t, nil).User.String()})
		finds(t, c, "elm") // rights hold at once
		finds(t, c, "larch")
	})
}

func TestSearch_findsKeysOfOutsideSystems(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		x := c.Query(t, `mutation { upsertAccount(external: {system: "sap", id: "K-77/812"}, input: {name: "Oak"}) { account { id } } }`, nil).At("upsertAccount.account.id").ID()
		e.Index(t)
		for _, q := range []string{"K-77/812", "k77812", "77812", "812 oak"} {
			if q == "77812" {
				continue // a part of a word
			}
			edges := c.Query(t, document, farleytest.Vars{"q": q}).At("search.edges")
			if edges.Len() != 1 || edges.At("0.node.id").ID() != x {
				t.Errorf("%q finds %s", q, edges.JSON())
			}
		}
		if h := c.Query(t, document, farleytest.Vars{"q": "k77812"}).At("search.edges.0.highlight").V; h != nil {
			t.Errorf("the key shows as %v", h)
		}
	})
}

// An index that is behind, empty, of another generation, or behind a log that was pruned becomes whole by itself.
func TestIndex_rebuilds(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		var want []string
		for i := range 450 { // more than two batches
			e.Make(t, "Account", input.Object{"name": "Oak " + strconv.Itoa(i)})
		}
		e.Index(t)
		all := func() []string { return dump(t, e) }
		want = all()
		if len(want) < 900 {
			t.Fatalf("%d terms", len(want))
		}
		for name, spoil := range map[string]string{
			"another generation": "UPDATE search_state SET analysis = 0",
			"no state":           "UPDATE search_state SET analysis = 0, position = 0",
		} {
			exec(t, e, "DELETE FROM search_terms")
			exec(t, e, "INSERT INTO search_terms (record_id, term, field, kind, place, words, strength) VALUES (?, 'ghost', 1, 16, 0, 1, 1)", id.New(16, e.Clock.Now()))
			exec(t, e, spoil)
			e.Index(t)
			if diff := cmp.Diff(want, all()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}

		// The log has been pruned behind the index.
		exec(t, e, "UPDATE search_state SET position = 0")
		exec(t, e, "DELETE FROM search_terms")
		if _, err := e.Changes.Prune(t.Context(), e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		e.Index(t)
		if diff := cmp.Diff(want, all()); diff != "" {
			t.Errorf("after pruning (-want +got):\n%s", diff)
		}

		// Stopped in the middle, by whatever, it goes on where it was.
		exec(t, e, "DELETE FROM search_terms")
		stop := fmt.Errorf("stopped")
		calls := 0
		if err := e.App.Index.Rebuild(t.Context(), func(context.Context) error {
			if calls++; calls == 2 {
				return stop
			}
			return nil
		}); err != stop {
			t.Fatalf("stopped by %v", err)
		}
		x := e.Make(t, "Account", input.Object{"name": "Elm"})
		e.Index(t)
		finds(t, c, "elm", x)
		remove(t, e, x)
		e.Index(t)
		if diff := cmp.Diff(want, all()); diff != "" {
			t.Errorf("after a stop (-want +got):\n%s", diff)
		}
	})
}

// Several nodes that follow at once make one index.
func TestIndex_manyNodes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		done := make(chan error, 4)
		for range 4 {
			go func() {
				for range 20 {
					if err := e.App.Index.CatchUp(context.Background()); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for i := range 60 {
			x := e.Make(t, "Account", input.Object{"name": "Oak " + strconv.Itoa(i)})
			e.Change(t, x, input.Object{"name": "Elm " + strconv.Itoa(i)})
			if i%10 == 0 {
				e.Settle(t)
			}
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		e.Index(t)
		got := dump(t, e)
		if err := e.App.Index.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(t, e), got); diff != "" {
			t.Errorf("(-rebuilt +followed):\n%s", diff)
		}
	})
}

// A running node finds what was written a moment ago, and says how far behind it is.
func TestIndex_runs(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		deadline := time.After(farleytest.Deadline)
		poll := time.NewTicker(5 * time.Millisecond)
		defer poll.Stop()
		for len(find(t, c, "oak")) == 0 {
			select {
			case <-poll.C:
			case <-deadline:
				t.Fatal("not found in time")
			}
		}
		finds(t, c, "oak", x)
		lag, err := e.App.Index.Lag(t.Context())
		if err != nil || lag != 0 {
			t.Errorf("the lag is %d, %v", lag, err)
		}
	}, func(config *app.Config) {
		config.Indexing = true
		config.Clock = clock.System{}
	})
}

func TestIndex_lags(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		e.Index(t)
		for range 3 {
			e.Make(t, "Tag", e.Valid(t, "Tag"))
		}
		e.Settle(t)
		if lag, err := e.App.Index.Lag(t.Context()); err != nil || lag != 3 {
			t.Errorf("the lag is %d, %v; want 3", lag, err)
		}
		if got := metric(t, e, "farley_search_lag"); got != "3" {
			t.Errorf("the metric is %q, want 3", got)
		}
	})
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, e *farleytest.Env, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Host+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// The job makes the index anew.
func TestRebuildJob(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		e.Index(t)
		exec(t, e, "DELETE FROM search_terms")
		finds(t, c, "oak")
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := search.EnqueueRebuild(ctx, tx, e.Jobs, id.ID{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.After(farleytest.Deadline)
		poll := time.NewTicker(5 * time.Millisecond)
		defer poll.Stop()
		for len(find(t, c, "oak")) == 0 {
			select {
			case <-poll.C:
			case <-deadline:
				t.Fatal("not rebuilt in time")
			}
		}
		finds(t, c, "oak", x)
	}, func(config *app.Config) { config.Jobs = true })
}

// However many records there are, a search is the same few statements.
func TestSearch_countsStatements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, reader("ALL")))
		tag := e.Make(t, "Tag", input.Object{"name": "Oak"})
		for i := range 30 {
			e.Make(t, "Account", input.Object{"name": "Oak " + strconv.Itoa(i), "tags": []any{tag.String()}})
			e.Make(t, "Contact", input.Object{"familyName": "Oak"})
		}
		e.Index(t)
		vars := farleytest.Vars{"q": "oak", "first": 50}
		c.Query(t, document, vars) // who acts is in memory from here on
		for _, each := range []struct {
			document string
			vars     farleytest.Vars
			want     int
		}{
			// frequencies, three kinds, three highlights and the tags of accounts, three kinds of nodes
			{document, farleytest.Vars{"q": "oak", "first": 100}, 1 + 3 + 4 + 3},
			{document, farleytest.Vars{"q": "oak", "first": 100, "kinds": []string{"CONTACT"}}, 1 + 1 + 1 + 1},
			{`query($q: String!) { search(query: $q, first: 100) { edges { score cursor } } }`, farleytest.Vars{"q": "oak"}, 1 + 3},
			// few are found, so typing errors count: the same once more
			{`query($q: String!) { search(query: $q) { edges { score } } }`, farleytest.Vars{"q": "oaks 7"}, 2*(1+1) + 1},
			{`query($q: String!) { search(query: $q) { edges { score } } }`, farleytest.Vars{"q": "xyzzy"}, 3},
		} {
			e.DB.Counter.Reset()
			c.Query(t, each.document, each.vars)
			if got := e.DB.Counter.N(); got != each.want {
				t.Errorf("%v: %d statements, want %d:\n%s", each.vars, got, each.want, strings.Join(e.DB.Counter.Statements(), "\n"))
			}
		}
	})
}

func exec(t *testing.T, e *farleytest.Env, statement string, args ...any) {
	t.Helper()
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, e *farleytest.Env, query string, args ...any) (n int) {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), query, args, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// dump writes the whole index.
func dump(t *testing.T, e *farleytest.Env) []string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), "SELECT record_id, term, field, kind, place, words, strength FROM search_terms ORDER BY record_id, term, field")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var x id.ID
		var term string
		var n [5]int64
		if err := rows.Scan(&x, &term, &n[0], &n[1], &n[2], &n[3], &n[4]); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(x, term, n))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
