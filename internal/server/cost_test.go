package server

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name      string
		query     string
		variables map[string]any
		want      int
	}{
		{"one field", "{name}", nil, 1},
		{"field in field", "{self{name}}", nil, 2},
		{"connection without page", "{accounts{edges{cursor}}}", nil, 1 + 20*2},
		{"first", "{accounts(first:3){edges{cursor}}}", nil, 1 + 1 + 3*2},
		{"last", "{accounts(last:4){edges{cursor}}}", nil, 1 + 1 + 4*2},
		{"the larger of both", "{accounts(first:3 last:5){edges{cursor}}}", nil, 1 + 2 + 5*2},
		{"first of zero", "{accounts(first:0){edges{cursor}}}", nil, 1 + 1},
		{"negative first", "{accounts(first:-5){edges{cursor}}}", nil, 1 + 1},
		{"null first", "{accounts(first:null){edges{cursor}}}", nil, 1 + 1 + 20*2},
		{"first in a variable", "query($n:Int){accounts(first:$n){edges{cursor}}}", map[string]any{"n": json.Number("7")}, 1 + 1 + 7*2},
		{"first as int64", "query($n:Int){accounts(first:$n){edges{cursor}}}", map[string]any{"n": int64(7)}, 1 + 1 + 7*2},
		{"first as float", "query($n:Int){accounts(first:$n){edges{cursor}}}", map[string]any{"n": 7.0}, 1 + 1 + 7*2},
		{"first in a default", "query($n:Int=9){accounts(first:$n){edges{cursor}}}", nil, 1 + 1 + 9*2},
		{"absent variable", "query($n:Int){accounts(first:$n){edges{cursor}}}", nil, 1 + 1 + 20*2},
		{"nested", "{accounts(first:2){edges{node{contacts(first:3){edges{node{id}}}}}}}", nil, 1 + 1 + 2*(1+1+1+1+3*3)},
		{"plain list", "{accounts(first:1){edges{node{tags{label}}}}}", nil, 1 + 1 + (1 + 1 + 1 + 5)},
		{"list of ids", `{nodes(ids:["a","b","c"]){id}}`, nil, 1 + 4 + 3},
		{"list of ids in a variable", `query($i:[ID!]!){nodes(ids:$i){id}}`, map[string]any{"i": []any{"a", "b"}}, 1 + 3 + 2},
		{"filter", `{accounts(first:1 where:{name:"x" ids:["a","b"]}){pageInfo{hasNextPage}}}`, nil, 1 + 1 + 5 + 2},
		{"filter in a variable", `query($w:AccountFilter){accounts(first:1 where:$w){pageInfo{hasNextPage}}}`,
			map[string]any{"w": map[string]any{"name": "x", "ids": []any{"a", "b"}}}, 1 + 1 + 5 + 2},
		{"fragment", "{self{...F} a:self{...F}} fragment F on Query{name self{name}}", nil, 2 + 2*3},
		{"skipped", "{name @skip(if:true) self @include(if:false){name}}", nil, 0},
		{"skipped by a variable", "query($s:Boolean!){name @skip(if:$s) a:name @include(if:$s)}", map[string]any{"s": true}, 1},
		{"introspection", "{__schema{types{name fields{name}}}}", nil, 5},
	}
	d := newDocuments(parseTestSchema(), DefaultLimits(), true, 10)
	for _, c := range cases {
		doc, errs := d.get(c.query)
		if len(errs) > 0 {
			t.Errorf("%s: %v", c.name, errs)
			continue
		}
		if got := costOf(doc.Operations[0], c.variables); got != c.want {
			t.Errorf("%s: cost %d, want %d", c.name, got, c.want)
		}
	}
}

func TestCost_doesNotOverflow(t *testing.T) {
	t.Parallel()
	query := "id"
	for range 6 {
		query = "account{contacts(first:2147483647){edges{node{" + query + "}}}}"
	}
	query = "{accounts{edges{node{contacts{edges{node{" + query + "}}}}}}}"
	d := newDocuments(parseTestSchema(), Limits{Depth: -1}.withDefaults(), true, 10)
	doc, errs := d.get(query)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got := costOf(doc.Operations[0], nil); got != math.MaxInt {
		t.Errorf("cost %d, want the largest int", got)
	}
}

func TestCost_isLinearInFragments(t *testing.T) {
	t.Parallel()
	var doc strings.Builder
	doc.WriteString("{...F0}")
	for i := range 60 {
		fmt.Fprintf(&doc, " fragment F%d on Query{a:self{...F%d} b:self{...F%d}}", i, i+1, i+1)
	}
	doc.WriteString(" fragment F60 on Query{name}")
	limits := Limits{Depth: -1, Fragments: -1, Aliases: -1, Tokens: -1, MergeWork: -1}.withDefaults()
	parsed, errs := newDocuments(parseTestSchema(), limits, true, 10).get(doc.String())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := 1
	for range 60 {
		want = 2 * (1 + want)
	}
	if got := costOf(parsed.Operations[0], nil); got != want { // would take 2^60 steps otherwise
		t.Errorf("cost %d, want %d", got, want)
	}
}
