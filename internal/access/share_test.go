package access

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTighten_keepsTheStricterNeed(t *testing.T) {
	t.Parallel()
	read, edit, named := need{Shared, AnyShare}, need{Shared, EditShare}, need{Shared, FieldShare("NAME")}
	tests := []struct {
		name     string
		in, want []need
	}{
		{"nothing", nil, []need{}},
		{"all", []need{{All, AnyShare}}, []need{}},
		{"twice the same", []need{read, read}, []need{read}},
		{"edit is stricter than any share", []need{read, edit}, []need{edit}},
		{"in either order", []need{edit, read}, []need{edit}},
		{"a field is stricter than any share", []need{read, named}, []need{named}},
		{"edit and a field", []need{edit, named}, []need{edit, named}},
		{"no share is stricter still", []need{edit, {Shared, NoShare}, read}, []need{{Shared, NoShare}}},
		{"own is stricter than team", []need{{Team, NoShare}, {Own, NoShare}}, []need{{Own, NoShare}}},
		{"partner and own", []need{{PartnerScope, AnyShare}, {Own, NoShare}}, []need{{PartnerScope, AnyShare}, {Own, NoShare}}},
	}
	for _, test := range tests {
		if d := cmp.Diff(test.want, tighten(test.in), cmp.AllowUnexported(need{}, ShareUse{})); d != "" {
			t.Error(test.name, d)
		}
	}
}

func TestUseFor(t *testing.T) {
	t.Parallel()
	got := []ShareUse{useFor(Read), useFor(Update), useFor(Delete), useFor("MERGE")}
	if d := cmp.Diff([]ShareUse{AnyShare, EditShare, NoShare, NoShare}, got, cmp.AllowUnexported(ShareUse{})); d != "" {
		t.Error(d)
	}
}
