package access

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/id"
	"farley/internal/model"
)

func TestCompile_fieldDefaults(t *testing.T) {
	t.Parallel()
	set := fixture()
	account := set.Kind("Account")
	user := set.Kind("User")
	reads := Role{Permissions: []Permission{allow("ACCOUNT", Read, "ALL"), allow("USER", Read, "ALL")}}
	writes := Role{Permissions: []Permission{allow("ACCOUNT", Read, "TEAM"), allow("ACCOUNT", Create, "ALL"), allow("ACCOUNT", Update, "OWN")}}
	with := func(r Role, fields ...FieldLevel) Role {
		r.Fields = fields
		return r
	}
	tests := []struct {
		name  string
		role  Role
		field string
		want  FieldRule
	}{
		{"a reader reads", reads, "name", FieldRule{Read: All}},
		{"a writer writes", writes, "name", FieldRule{Read: Team, Write: Own, Create: All}},
		{"a sensitive field is closed", writes, "taxNumber", FieldRule{}},
		{"unless a role opens it", with(writes, level("ACCOUNT", "TAX_NUMBER", LevelWrite)), "taxNumber", FieldRule{Read: Team, Write: Own, Create: All}},
		{"masked", with(writes, level("ACCOUNT", "TAX_NUMBER", LevelMasked)), "taxNumber", FieldRule{Masked: Team}},
		{"closed by a role", with(writes, level("ACCOUNT", "NAME", LevelNone)), "name", FieldRule{}},
		{"to read only", with(writes, level("ACCOUNT", "NAME", LevelRead)), "name", FieldRule{Read: Team}},
		{"system fields cannot be closed", with(writes, level("ACCOUNT", "VERSION", LevelNone)), "version", FieldRule{Read: Team}},
		{"what Farley keeps is not written", with(writes, level("ACCOUNT", "SCORE", LevelWrite)), "score", FieldRule{Read: Team}},
		{"what is given once is not updated", writes, "origin", FieldRule{Read: Team, Create: All}},
		{"a level without the action is nothing", with(reads, level("ACCOUNT", "NAME", LevelWrite)), "name", FieldRule{Read: All}},
	}
	for _, test := range tests {
		got := Compile(set, []Role{test.role}).Field(account, account.Field(test.field))
		if d := cmp.Diff(test.want, got); d != "" {
			t.Error(test.name, d)
		}
	}
	internal := with(reads, level("USER", "SECRET", LevelRead))
	if got := Compile(set, []Role{internal}).Field(user, user.Field("secret")); got != (FieldRule{}) {
		t.Errorf("an internal field: %+v", got)
	}
	two := Compile(set, []Role{with(writes, level("ACCOUNT", "TAX_NUMBER", LevelRead)), with(reads, level("ACCOUNT", "TAX_NUMBER", LevelMasked))})
	if d := cmp.Diff(FieldRule{Read: Team, Masked: All}, two.Field(account, account.Field("taxNumber"))); d != "" {
		t.Error("two roles:", d)
	}
}

func TestPolicy_actions(t *testing.T) {
	t.Parallel()
	set := fixture()
	p := Compile(set, []Role{{Permissions: []Permission{
		allow("SYSTEM", "MANAGE_USERS", "ALL"), allow("ACCOUNT", Read, "OWN"), allow("ACCOUNT", "MERGE", "NONE"), allow("ACCOUNT", Delete, "SOME"),
	}}})
	got := []bool{
		p.May("SYSTEM", "MANAGE_USERS"), p.May("SYSTEM", "OTHER"), p.May("ACCOUNT", "MERGE"), p.May("ACCOUNT", Delete),
		p.Readable(set.Kind("Account")), p.Readable(set.Kind("Contact")), nobody.May("SYSTEM", "MANAGE_USERS"),
	}
	if d := cmp.Diff([]bool{true, false, false, false, true, false, false}, got); d != "" {
		t.Error(d)
	}
}

func drawRoles(t *rapid.T, name string) []Role {
	set := fixture()
	roles := make([]Role, rapid.IntRange(0, 3).Draw(t, name))
	for i := range roles {
		roles[i] = drawRole(t, set)
	}
	return roles
}

func TestPolicy_orderOfRolesDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roles := drawRoles(t, "roles")
		one := Compile(fixture(), roles)
		slices.Reverse(roles)
		other := Compile(fixture(), roles)
		if one.Fingerprint() != other.Fingerprint() {
			t.Fatal("another fingerprint")
		}
		if d := cmp.Diff(one.fields, other.fields) + cmp.Diff(one.objects, other.objects); d != "" {
			t.Fatal(d)
		}
	})
}

func TestPolicy_moreRolesNeverAllowLess(t *testing.T) {
	t.Parallel()
	set := fixture()
	rapid.Check(t, func(t *rapid.T) {
		roles := drawRoles(t, "roles")
		less, more := Compile(set, roles), Compile(set, append(slices.Clone(roles), drawRole(t, set)))
		for _, k := range set.Kinds {
			for _, action := range []string{Create, Read, Update, Delete, "MERGE"} {
				if !more.Scopes(k, action).Covers(less.Scopes(k, action)) {
					t.Fatalf("%s %s: %s, was %s", k.Name, action, more.Scopes(k, action), less.Scopes(k, action))
				}
			}
			for _, f := range k.Fields {
				was, is := less.Field(k, f), more.Field(k, f)
				if !is.Read.Covers(was.Read) || !is.Write.Covers(was.Write) || !is.Create.Covers(was.Create) || !(is.Read | is.Masked).Covers(was.Masked) {
					t.Fatalf("%s.%s: %+v, was %+v", k.Name, f.Name, is, was)
				}
			}
		}
	})
}

func TestFingerprint_tellsPoliciesApart(t *testing.T) {
	t.Parallel()
	set := fixture()
	base := rep()
	seen := map[string]string{}
	add := func(name string, change func(*Role)) {
		r := base
		r.Permissions, r.Fields = slices.Clone(base.Permissions), slices.Clone(base.Fields)
		change(&r)
		p := Compile(set, []Role{r}).Fingerprint()
		if other, ok := seen[p]; ok {
			t.Errorf("%s and %s look alike", name, other)
		}
		seen[p] = name
	}
	add("base", func(*Role) {})
	add("scope", func(r *Role) { r.Permissions[0].Scope = "TEAM" })
	add("action", func(r *Role) { r.Permissions = append(r.Permissions, allow("ACCOUNT", "MERGE", "OWN")) })
	add("level", func(r *Role) { r.Fields[0].Level = LevelRead })
	add("other object", func(r *Role) { r.Permissions = append(r.Permissions, allow("SYSTEM", "MANAGE_USERS", "ALL")) })

	renamed := base
	renamed.Name, renamed.ID = "other", "other"
	if Compile(set, []Role{renamed}).Fingerprint() != Compile(set, []Role{base, base}).Fingerprint() {
		t.Error("names or repetition change the fingerprint")
	}
}

func TestKeys_keepThemselvesInJSON(t *testing.T) {
	t.Parallel()
	x := func(n id.Kind) id.ID { return id.New(n, testNow) }
	in := Keys{
		ID: x(codeAccount), Owner: x(codeUser), Team: x(codeTeam), Partner: x(codeAccount), UserPartner: x(codeAccount), Self: x(codeContact),
		Shares: []ShareKey{
			{Grantee: x(codeUser), Level: "EDIT", Until: testNow},
			{Grantee: x(codeUser), Level: "READ", Fields: []string{}},
			{Grantee: x(codeUser), Level: "READ", Fields: []string{"NAME"}},
		},
		Parents: []ParentKeys{{Kind: "Account", Keys: Keys{ID: x(codeAccount), Deleted: true}}},
		Deleted: true,
	}
	b, err := json.Marshal(&in)
	if err != nil {
		t.Fatal(err)
	}
	var out Keys
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in, out); d != "" {
		t.Error(d)
	}
	if b, _ := json.Marshal(&Keys{}); string(b) != `{"i":""}` {
		t.Errorf("empty keys take %s", b)
	}
}

// A policy that includes another one covers, on every record, what the other one does.
func TestPolicy_Includes(t *testing.T) {
	t.Parallel()
	w := newWorldInMemory()
	rapid.Check(t, func(t *rapid.T) {
		w.fill(t)
		a := w.actor(t)
		one, other := drawRole(t, w.set), drawRole(t, w.set)
		alone, both := Compile(w.set, []Role{one}), Compile(w.set, []Role{other, one})
		if !alone.Includes(alone) || !both.Includes(alone) || !alone.Includes(Compile(w.set, nil)) {
			t.Fatal("a policy does not include a part of itself")
		}
		if p := Compile(w.set, []Role{other}); !p.Includes(alone) {
			for _, k := range w.set.Kinds {
				for _, action := range []string{Create, Read, Update, Delete, "MERGE"} {
					if !p.Scopes(k, action).Covers(alone.Scopes(k, action)) {
						return
					}
				}
				for _, f := range k.Fields {
					p, q := p.Field(k, f), alone.Field(k, f)
					if !p.Read.Covers(q.Read) || !(p.Read | p.Masked).Covers(q.Masked) || !p.Write.Covers(q.Write) || !p.Create.Covers(q.Create) {
						return
					}
				}
			}
			t.Fatal("nothing is missing, and it is said not to include the other one")
		}
		less, more := &Actor{Viewer: a.Viewer, Policy: alone}, &Actor{Viewer: a.Viewer, Policy: both}
		for x, keys := range w.rows {
			k := w.kind[x]
			if less.Sees(w.set, k, keys, testNow) && !more.Sees(w.set, k, keys, testNow) {
				t.Fatalf("%s is seen by fewer rights only", k.Name)
			}
		}
	})
}

// A release that adds fields and kinds leaves the rights as they were, though the policy knows more; other grants do not.
func TestPolicy_rightsOutliveTheModel(t *testing.T) {
	t.Parallel()
	set := fixture()
	role := Role{ID: "1", Name: "r", Permissions: []Permission{allow("ACCOUNT", Read, "ALL"), allow("ACCOUNT", Update, "OWN")}, Fields: []FieldLevel{level("ACCOUNT", "TAX_NUMBER", LevelRead)}}
	before := Compile(set, []Role{role})

	var kinds []*model.Kind
	for _, k := range set.Kinds {
		grown := *k
		grown.Fields = append(slices.Clone(k.Fields), &model.Field{Name: "colour", Const: "COLOUR", Column: "colour", Type: model.String, Scalar: "String", Write: model.Always})
		kinds = append(kinds, &grown)
	}
	renamed := role
	renamed.Name, renamed.ID = "renamed", "2"
	renamed.Permissions = []Permission{role.Permissions[1], role.Permissions[0]}
	after := Compile(model.NewSet(kinds...), []Role{renamed, role})
	if before.Fingerprint() == after.Fingerprint() {
		t.Error("the policy of the grown model is the same: the test proves nothing")
	}
	if before.Rights() != after.Rights() {
		t.Error("the rights have changed with the model")
	}
	for name, change := range map[string]func(*Role){
		"scope":  func(r *Role) { r.Permissions = []Permission{allow("ACCOUNT", Read, "TEAM"), role.Permissions[1]} },
		"action": func(r *Role) { r.Permissions = role.Permissions[:1] },
		"level":  func(r *Role) { r.Fields = []FieldLevel{level("ACCOUNT", "TAX_NUMBER", LevelMasked)} },
		"field":  func(r *Role) { r.Fields = nil },
	} {
		other := role
		change(&other)
		if Compile(set, []Role{other}).Rights() == before.Rights() {
			t.Errorf("another %s makes no other rights", name)
		}
	}
}
