package access

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/id"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	set := fixture()
	account := set.Kind("Account")
	reader := Role{Name: "reader", Permissions: []Permission{allow("ACCOUNT", Read, "ALL")}}
	seller := Role{
		Name:        "seller",
		Permissions: []Permission{allow("ACCOUNT", Read, "SHARED"), allow("ACCOUNT", Update, "OWN")},
		Fields:      []FieldLevel{level("ACCOUNT", "TAX_NUMBER", LevelWrite)},
	}
	mine := &Keys{ID: id.New(codeAccount, testNow), Owner: meID}
	shared := &Keys{ID: id.New(codeAccount, testNow), Shares: []ShareKey{{Grantee: teamID, Level: "READ"}}}
	other := &Keys{ID: id.New(codeAccount, testNow)}
	a := member(seller, reader)
	tests := []struct {
		name   string
		action string
		keys   *Keys
		field  string
		want   Explanation
	}{
		{"own", Update, mine, "", Explanation{true, "", []Reason{{"seller", "OWN", false, RuleGranted}}}},
		{"another's", Update, other, "", Explanation{false, "", []Reason{{"seller", "OWN", false, RuleOutOfScope}}}},
		{"no role", Delete, mine, "", Explanation{false, "", []Reason{{"", "", false, RuleNoRole}}}},
		{"shared", Read, shared, "", Explanation{true, "", []Reason{{"reader", "ALL", false, RuleGranted}, {"seller", "SHARED", true, RuleGranted}}}},
		{
			"a field by a share", Read, shared, "taxNumber",
			Explanation{true, LevelRead, []Reason{{"reader", "ALL", false, RuleFieldLevel}, {"seller", "SHARED", true, RuleGranted}}},
		},
		{
			"a field on another's", Read, other, "taxNumber",
			Explanation{false, LevelNone, []Reason{{"reader", "ALL", false, RuleFieldLevel}, {"seller", "SHARED", false, RuleOutOfScope}}},
		},
		{"a field to write", Update, mine, "taxNumber", Explanation{true, LevelWrite, []Reason{{"seller", "OWN", false, RuleGranted}}}},
	}
	for _, test := range tests {
		got := a.Explain(set, account, test.keys, test.action, account.Field(test.field), testNow)
		if d := cmp.Diff(test.want, got); d != "" {
			t.Error(test.name, d)
		}
	}

	// Of several scopes of a role, the one that covers the record is told.
	places := member(Role{Name: "places", Permissions: []Permission{allow("ACCOUNT", Read, "BRANCH"), allow("ACCOUNT", Read, "TERRITORY")}})
	places.Branch, places.Territories = id.New(codeBranch, testNow), []id.ID{id.New(codeTerritory, testNow)}
	for _, test := range []struct {
		scope string
		rule  Rule
		keys  *Keys
	}{
		{"BRANCH", RuleGranted, &Keys{ID: other.ID, Branch: places.Branch}},
		{"TERRITORY", RuleGranted, &Keys{ID: other.ID, Territory: places.Territories[0]}},
		{"BRANCH|TERRITORY", RuleOutOfScope, other},
	} {
		got := places.Explain(set, account, test.keys, Read, nil, testNow)
		if d := cmp.Diff([]Reason{{"places", test.scope, false, test.rule}}, got.Because); d != "" {
			t.Error(test.scope, d)
		}
	}

	note := set.Kind("Note")
	b := member(Role{Name: "notes", Permissions: []Permission{allow("NOTE", Read, "ALL")}})
	keys := &Keys{ID: id.New(codeNote, testNow), Parents: []ParentKeys{{"Account", *mine}}}
	want := Explanation{false, "", []Reason{{Rule: RuleParent}, {"notes", "ALL", false, RuleGranted}}}
	if d := cmp.Diff(want, b.Explain(set, note, keys, Read, nil, testNow)); d != "" {
		t.Error("a parent out of sight", d)
	}
}

// Whoever is allowed has a role that grants it, and nobody is whose record is hidden or whom no role grants anything.
func TestExplain_reasonsFitTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorldInMemory()
	rapid.Check(t, func(t *rapid.T) {
		w.fill(t)
		a := w.actor(t)
		for x, keys := range w.rows {
			k := w.kind[x]
			for _, action := range []string{Read, Update, Delete} {
				e := a.Explain(w.set, k, keys, action, nil, testNow)
				granted, hidden := false, false
				for _, r := range e.Because {
					granted = granted || r.Rule == RuleGranted
					hidden = hidden || r.Rule == RuleParent
				}
				if e.Allowed != (granted && !hidden) {
					t.Fatalf("%s %s: %+v", k.Name, action, e)
				}
				if e.Allowed != a.May(w.set, k, keys, action, testNow) {
					t.Fatalf("%s %s: %+v is not what May says", k.Name, action, e)
				}
			}
		}
	})
}
