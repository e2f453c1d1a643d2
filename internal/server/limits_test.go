package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"

	"farley/internal/fault"
)

// tight are limits small enough to write documents at their edge.
func tight() Limits {
	return Limits{Tokens: 60, Depth: 3, Aliases: 2, EqualNames: 3, RootFields: 4, Fragments: 2, Directives: 1, ListLength: 3,
		InputDepth: 3, MergeWork: 40, Cost: 1_000}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query string
		limit string // the limit that refuses, "" for none
		value float64
		max   float64
	}{
		{"tokens at the limit", "{name " + strings.Repeat("#c\n", 57) + "}", "", 0, 0},
		{"tokens", "{name " + strings.Repeat("#c\n", 58) + "}", "tokens", 61, 60},
		{"depth at the limit", "{self{self{name}}}", "", 0, 0},
		{"depth", "{self{self{self{name}}}}", "depth", 4, 3},
		{"depth through fragments", "{self{...A}} fragment A on Query{self{...B}} fragment B on Query{self{name}}", "depth", 4, 3},
		{"inline fragments add no depth", "{self{...{...{self{name}}}}}", "", 0, 0},
		{"aliases at the limit", "{a:name b:name}", "", 0, 0},
		{"aliases", "{a:name b:name c:name}", "aliases", 3, 2},
		{"equal names at the limit", "{name name name}", "", 0, 0},
		{"equal names", "{name name name name}", "equalNames", 4, 3},
		{"equal names through inline fragments", "{name name ...{name ...{name}}}", "equalNames", 4, 3},
		{"equal names through fragments", "{name name ...A} fragment A on Query{name name}", "equalNames", 4, 3},
		{"root fields", "{name self{name} find(id:1){id} nodes(ids:1){id} accounts{pageInfo{hasNextPage}}}", "rootFields", 5, 4},
		{"fragments", "{...A} fragment A on Query{...B} fragment B on Query{...C} fragment C on Query{name}", "fragments", 3, 2},
		{"directives", "{name @skip(if:false) @include(if:true)}", "directives", 2, 1},
		{"directives on spreads", "{... @skip(if:false) @include(if:true){name}}", "directives", 2, 1},
		{"list at the limit", "{nodes(ids:[1,2,3]){id}}", "", 0, 0},
		{"list", "{nodes(ids:[1,2,3,4]){id}}", "listLength", 4, 3},
		{"list in a default", "query($i:[ID!]!=[1,2,3,4]){nodes(ids:$i){id}}", "listLength", 4, 3},
		{"input depth at the limit", "{accounts(where:{and:{and:{}}}){pageInfo{hasNextPage}}}", "", 0, 0},
		{"input depth", "{accounts(where:{and:{and:{and:{}}}}){pageInfo{hasNextPage}}}", "inputDepth", 4, 3},
		{"input depth in directives", "{name @include(if:[[[[true]]]])}", "inputDepth", 4, 3},
		{"cost", "{accounts(first:1001){pageInfo{hasNextPage}}}", "cost", 2004, 1000},
	}
	b := setup(t, func(c *Config) { c.Limits = tight() }, nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, body := b.query(t, c.query)
			a := decode(t, body)
			if c.limit == "" {
				if len(a.Errors) > 0 {
					t.Errorf("refused: %s", body)
				}
				return
			}
			if len(a.Errors) != 1 {
				t.Fatalf("answer %s, want one error", body)
			}
			want := map[string]any{"code": "LIMITED", "limit": c.limit, "value": c.value, "max": c.max}
			if diff := cmp.Diff(want, a.Errors[0].Extensions); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLimits_variables(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Limits = tight() }, nil)
	cases := []struct{ variables, limit string }{
		{`{"w":{"and":[{"name":"x"}]}}`, ""},
		{`{"w":{"ids":["1","2","3"]}}`, ""},
		{`{"w":{"ids":["1","2","3","4"]}}`, "listLength"},
		{`{"w":{"and":[{"and":[{"name":"x"}]}]}}`, "inputDepth"},
		{`{"a":1,"b":2,"c":3,"d":4}`, "listLength"},
		{`{"unused":{"a":1,"b":2,"c":3,"d":4}}`, "listLength"},
	}
	for _, c := range cases {
		_, body := b.do(t, http.MethodPost, "/graphql",
			`{"query":"query($w:AccountFilter){accounts(where:$w){pageInfo{hasNextPage}}}","variables":`+c.variables+`}`)
		a := decode(t, body)
		var limit any = ""
		if len(a.Errors) > 0 {
			limit = a.Errors[0].Extensions["limit"]
		}
		if limit != c.limit {
			t.Errorf("%s: limit %v, want %q: %s", c.variables, limit, c.limit, body)
		}
	}
}

func TestLimits_negativeIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Limits = Limits{Aliases: -1, RootFields: -1, Tokens: -1, Cost: -1} }, nil)
	var doc strings.Builder
	for i := range 1_000 {
		fmt.Fprintf(&doc, " a%d:name", i)
	}
	_, body := b.query(t, "{"+doc.String()+"}")
	if want := `{"data":{"name":"farley"}}`; body != want { // without a limit on cost, nothing tells the cost
		t.Errorf("answer %s, want %s", body, want)
	}
}

// TestIntrospectionQuery_isAllowed sends the deepest part of the query that tools send.
func TestIntrospectionQuery_isAllowed(t *testing.T) {
	t.Parallel()
	ofType := "kind name"
	for range 9 {
		ofType = "kind name ofType{" + ofType + "}"
	}
	query := "query IntrospectionQuery{__schema{queryType{name kind} types{...FullType} directives{name locations args{...InputValue}}}}" +
		" fragment FullType on __Type{kind name fields(includeDeprecated:true){name args(includeDeprecated:true){...InputValue} type{...TypeRef}}" +
		" inputFields(includeDeprecated:true){...InputValue} interfaces{...TypeRef} enumValues(includeDeprecated:true){name} possibleTypes{...TypeRef}}" +
		" fragment InputValue on __InputValue{name type{...TypeRef} defaultValue} fragment TypeRef on __Type{" + ofType + "}"
	if _, body := setup(t, nil, nil).query(t, query); code(t, body) != "" {
		t.Errorf("refused: %s", body)
	}
}

func TestDefer_isRefused(t *testing.T) {
	t.Parallel()
	if _, body := setup(t, nil, nil).query(t, "{...@defer{name}}"); code(t, body) != "BAD_REQUEST" {
		t.Errorf("answer %s, want BAD_REQUEST", body)
	}
}

func TestValidation_stopsAfterTenErrors(t *testing.T) {
	t.Parallel()
	_, body := setup(t, func(c *Config) { c.Limits.RootFields = 100 }, nil).query(t, "{"+strings.Repeat("nam ", 20)+strings.Repeat("nme ", 20)+"}")
	if got := len(decode(t, body).Errors); got != maxValidationErrors {
		t.Errorf("%d errors, want %d", got, maxValidationErrors)
	}
}

func TestValidation_quotesNoLongText(t *testing.T) {
	t.Parallel()
	_, body := setup(t, nil, nil).query(t, `{find(id:["`+strings.Repeat("x", 10_000)+`"])}`)
	if len(body) > 1_000 || code(t, body) != "BAD_REQUEST" {
		t.Errorf("answer of %d bytes: %.400s", len(body), body)
	}
}

func TestVariables_thatDoNotFit(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	_, body := b.do(t, http.MethodPost, "/graphql",
		`{"query":"query($w:AccountFilter){accounts(where:$w){pageInfo{hasNextPage}}}","variables":{"w":{"and":[{"nam":"x"}]}}}`)
	a := decode(t, body)
	if len(a.Errors) != 1 {
		t.Fatalf("answer %s, want one error", body)
	}
	want := map[string]any{"code": "BAD_REQUEST", "violations": []any{map[string]any{
		"path": []any{"w", "and", 0.0, "nam"}, "code": "FORMAT", "message": "The value does not fit its type."}}}
	if diff := cmp.Diff(want, a.Errors[0].Extensions); diff != "" || a.Errors[0].Path != nil {
		t.Errorf("path %v, %s", a.Errors[0].Path, diff)
	}
}

func TestDocuments_areParsedOnce(t *testing.T) {
	t.Parallel()
	d := newDocuments(parseTestSchema(), DefaultLimits(), true, 2)
	first, errs := d.get("{name}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if again, _ := d.get("{name}"); again != first {
		t.Error("the second get parsed again")
	}
	for i := range 5 {
		d.get(fmt.Sprintf("{a%d:name}", i))
	}
	if d.cache.Len() != 2 {
		t.Errorf("%d documents kept, want 2", d.cache.Len())
	}
	long := "{name}#" + strings.Repeat("x", maxCachedDocument)
	d.get(long)
	if d.cache.Contains(long) {
		t.Error("a long document is kept")
	}
	d.get("{nam}")
	if d.cache.Contains("{nam}") {
		t.Error("an invalid document is kept")
	}
}

// harmless are documents that look hostile and are allowed. They must cost little.
func harmless() map[string]string {
	binary := "name"
	for range 8 { // 2^8 leaves, the deepest that fits the tokens
		binary = "self{" + binary + "}self{" + binary + "}"
	}
	var aliased strings.Builder // 2^13 expansions through 13 fragments with two aliases each
	aliased.WriteString("{...A0}")
	for i := range 13 {
		fmt.Fprintf(&aliased, " fragment A%d on Query{a:self{...A%d} b:self{...A%d}}", i, i+1, i+1)
	}
	aliased.WriteString(" fragment A13 on Query{name}")
	return map[string]string{"binary tree": "{" + binary + "}", "aliased expansions": aliased.String()}
}

// hostile are documents made to cost the server much.
func hostile() map[string]string {
	var pairs strings.Builder
	pairs.WriteString("{...A0 ...A0}")
	for i := range 25 {
		fmt.Fprintf(&pairs, " fragment A%d on Query{self{...B%d} self{...B%d}} fragment B%d on Query{self{...A%d} self{...A%d}}", i, i, i, i, i+1, i+1)
	}
	pairs.WriteString(" fragment A25 on Query{name}")

	var flat strings.Builder
	flat.WriteString("{...A0 ...A0}")
	for i := range 49 {
		fmt.Fprintf(&flat, " fragment A%d on Query{...A%d ...A%d}", i, i+1, i+1)
	}
	flat.WriteString(" fragment A49 on Query{name}")

	var subsets strings.Builder // merged sets are unions of fragments, many of them different
	subsets.WriteString("{...F0_0 ...F0_1 ...F0_2 ...F0_3}")
	for layer := range 11 {
		for i := range 4 {
			fmt.Fprintf(&subsets, " fragment F%d_%d on Query{", layer, i)
			for j := range 4 {
				if layer < 10 && i != j {
					fmt.Fprintf(&subsets, "x%d:self{...F%d_%d}", (i+j)%3, layer+1, j)
				}
			}
			subsets.WriteString(" name}")
		}
	}
	var wide strings.Builder
	for i := range 400 {
		fmt.Fprintf(&wide, "fragment F%d on Query{...F%d ...F%d}", i, (i+1)%400, (i+7)%400)
	}
	var unknownTypes strings.Builder
	for i := range 49 {
		fmt.Fprintf(&unknownTypes, " fragment F%d on Accounx%d{name}", i, i)
	}
	var variables strings.Builder
	for i := range 600 {
		fmt.Fprintf(&variables, "$v%d:Int ", i)
	}
	return map[string]string{
		"25 nested fragment pairs":    pairs.String(),
		"49 flat fragment pairs":      flat.String(),
		"4,000 equal fields":          "{" + strings.Repeat("name ", 4_000) + "}",
		"990 equal fields in inlines": "{" + strings.Repeat("...{name}", 330) + "}",
		"deep selections":             strings.Repeat("{self", 10_000),
		"deep closed selections":      "{" + strings.Repeat("self{", 640) + "name" + strings.Repeat("}", 641),
		"deep lists":                  "{nodes(ids:" + strings.Repeat("[", 10_000),
		"deep closed lists":           "{nodes(ids:" + strings.Repeat("[", 900) + strings.Repeat("]", 900) + "){id}}",
		"deep types":                  "query($a:" + strings.Repeat("[", 10_000),
		"unions of fragments":         subsets.String(),
		"cycle":                       "{...A} fragment A on Query{self{...B}} fragment B on Query{self{...A}}",
		"many cycles":                 "{...F0}" + wide.String(),
		"unknown types":               "{name}" + unknownTypes.String(),
		"unknown fields":              "{" + strings.Repeat("accountz ", 19) + "self{" + strings.Repeat("nam ", 19) + "}}",
		"unused variables":            "query(" + variables.String() + "){name}",
		"long string":                 `{find(id:"` + strings.Repeat("x", 1<<20) + `")}`,
		"long block string":           `{find(id:"""` + strings.Repeat("\n x", 300_000) + `""")}`,
		"long escapes":                `{find(id:"` + strings.Repeat(`é`, 170_000) + `")}`,
		"many commas":                 "{nam" + strings.Repeat(",", 1<<20) + "}",
		"long comment":                "{nam #" + strings.Repeat("x", 1<<20) + "\n}",
		"many comments":               "{nam " + strings.Repeat("#\n", 500_000) + "}",
		"long name":                   "{" + strings.Repeat("x", 1<<20) + "}",
		"costly pages":                "{accounts(first:100){edges{node{contacts(first:100){edges{node{account{contacts(first:100){edges{node{id}}}}}}}}}}}",
		"overflowing pages":           "{accounts(first:2147483647){edges{node{contacts(first:2147483647){edges{node{account{contacts(first:2147483647){edges{node{id}}}}}}}}}}}",
	}
}

func TestHostileDocuments_areRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for name, query := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body := b.query(t, query)
			if c := code(t, body); c != "LIMITED" && c != "BAD_REQUEST" {
				t.Errorf("code %q: %.300s", c, body)
			}
			if len(body) > 10_000 {
				t.Errorf("an answer of %d bytes", len(body))
			}
		})
	}
}

func TestHarmlessDocuments_areAllowed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for name, query := range harmless() {
		if _, body := b.query(t, query); code(t, body) != "" {
			t.Errorf("%s: %.300s", name, body)
		}
	}
}

func TestHostileVariables(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	query := `"query":"query($w:AccountFilter){accounts(where:$w){pageInfo{hasNextPage}}}"`
	for name, variables := range map[string]string{
		"deep":      `{"w":` + strings.Repeat(`{"and":[`, 4_000) + strings.Repeat(`]}`, 4_000) + `}`,
		"very deep": `{"w":` + strings.Repeat(`[`, 400_000) + `}`,
		"long":      `{"w":{"ids":[` + strings.Repeat(`"1",`, 200_000) + `"1"]}}`,
		"number":    `{"w":` + strings.Repeat("9", 900_000) + `}`,
	} {
		body := `{` + query + `,"variables":` + variables + `}`
		_, got := b.do(t, http.MethodPost, "/graphql", body)
		if c := code(t, got); c != "LIMITED" && c != "BAD_REQUEST" {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

// FuzzDocument looks for documents that break the checks before execution.
func FuzzDocument(f *testing.F) {
	for _, query := range []string{"{name ...F} fragment F on Query{a:self{name @skip(if:true)}}",
		`query Q($a:[ID!]=["x"],$w:AccountFilter){nodes(ids:$a){id} accounts(where:$w first:2){edges{node{name(format:LONG)}}}}`,
		`{find(id:"""block"""){... on Account{tags{label}} ...on Contact{account{id}}}}`, "subscription{ticks}", "{__schema{types{name}}}"} {
		f.Add(query)
	}
	b := setup(f, func(c *Config) {
		c.Limits.BudgetPerSecond = -1
		c.Log = slog.New(slog.DiscardHandler)
	}, nil)
	ctx := graphql.StartOperationTrace(f.Context())
	f.Fuzz(func(t *testing.T, query string) {
		_, errs := b.engine.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
		if codeOf(errs) == fault.Internal {
			t.Errorf("%q: %v", query, errs)
		}
	})
}

func FuzzPost(f *testing.F) {
	for _, query := range []string{"{name}", "{", "query($a:ID!){find(id:$a){id}}", "{...A} fragment A on Query{...A}", "{accounts(first:-1){edges{cursor}}}"} {
		body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"a": "x"}})
		f.Add(string(body))
	}
	f.Add(`{"query":"{name}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`)
	f.Add(`[]`)
	f.Add(`{"query":null,"variables":{"a":[[[1e999]]]}}`)
	b := setup(f, func(c *Config) {
		c.Limits.BudgetPerSecond = -1
		c.Log = slog.New(slog.DiscardHandler)
	}, nil)
	f.Fuzz(func(t *testing.T, body string) {
		resp, got := b.do(t, http.MethodPost, "/graphql", body)
		if resp.StatusCode >= 500 || code(t, got) == "INTERNAL" {
			t.Errorf("%q: %d %s", body, resp.StatusCode, got)
		}
	})
}
