package access

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/id"
	"farley/internal/viewer"
)

// The ids of the actor of these tests.
var (
	meID    = id.New(codeUser, testNow)
	reportA = id.New(codeUser, testNow)
	teamID  = id.New(codeTeam, testNow)
)

func member(roles ...Role) *Actor {
	return &Actor{
		Viewer: viewer.Viewer{User: meID, Team: teamID, Teams: []id.ID{teamID}, Reports: []id.ID{reportA}},
		Policy: Compile(fixture(), roles),
	}
}

func role(permissions ...Permission) Role { return Role{Permissions: permissions} }

const shareOfRow = "EXISTS (SELECT 1 FROM `shares` share WHERE share.`record_id` = t.`id` AND share.`grantee_id` IN (?,?) AND share.`deleted_at` IS NULL AND (share.`expires_at` IS NULL OR share.`expires_at` > ?)"

func TestSight_sql(t *testing.T) {
	t.Parallel()
	set := fixture()
	tests := []struct {
		name, kind, action string
		role               Role
		want               Cond
	}{
		{"no right", "Account", Read, role(), Cond{SQL: "1=0"}},
		{"all", "Account", Read, role(allow("ACCOUNT", Read, "ALL")), Cond{}},
		{"own", "Account", Read, role(allow("ACCOUNT", Read, "OWN")), Cond{"t.`owner_id` = ?", []any{meID}}},
		{
			"shared, to read", "Account", Read, role(allow("ACCOUNT", Read, "SHARED")),
			Cond{"(t.`team_id` = ? OR t.`owner_id` IN (?,?) OR " + shareOfRow + "))", []any{teamID, meID, reportA, meID, teamID, Moment{testNow}}},
		},
		{
			"shared, to update", "Account", Update, role(allow("ACCOUNT", Update, "SHARED")),
			Cond{"(t.`team_id` = ? OR t.`owner_id` IN (?,?) OR " + shareOfRow + " AND share.`level` = 'EDIT'))", []any{teamID, meID, reportA, meID, teamID, Moment{testNow}}},
		},
		{
			"shared, to delete: shares do not count", "Account", Delete, role(allow("ACCOUNT", Delete, "SHARED")),
			Cond{"(t.`team_id` = ? OR t.`owner_id` IN (?,?))", []any{teamID, meID, reportA}},
		},
		{"a reference in any scope", "Tag", Read, role(allow("TAG", Read, "SELF")), Cond{}},
		{
			"by a parent", "Session", Read, role(allow("SESSION", Read, "ALL"), allow("USER", Read, "OWN")),
			Cond{"((t.`user_id` IS NULL OR EXISTS (SELECT 1 FROM `users` sight_1 WHERE (sight_1.`id` = t.`user_id` AND sight_1.`deleted_at` IS NULL AND sight_1.`id` = ?))) AND t.`user_id` IS NOT NULL)", []any{meID}},
		},
		{
			"own scope of a child means its parent's", "Session", Read, role(allow("SESSION", Read, "OWN"), allow("USER", Read, "ALL")),
			Cond{"((t.`user_id` IS NULL OR EXISTS (SELECT 1 FROM `users` sight_1 WHERE (sight_1.`id` = t.`user_id` AND sight_1.`deleted_at` IS NULL AND sight_1.`id` = ?))) AND t.`user_id` IS NOT NULL)", []any{meID}},
		},
		{"a parent that may not be read", "Session", Read, role(allow("SESSION", Read, "ALL")), Cond{SQL: "1=0"}},
		{"a kind that is its own parent", "Loop", Read, role(allow("LOOP", Read, "ALL")), Cond{SQL: "1=0"}},
	}
	for _, test := range tests {
		got := member(test.role).Sight(set, set.Kind(test.kind), "t", test.action, testNow)
		if d := cmp.Diff(test.want, got); d != "" {
			t.Error(test.name, d)
		}
	}
}

func TestBranches(t *testing.T) {
	t.Parallel()
	set := fixture()
	account := set.Kind("Account")
	for _, scope := range []string{"NONE", "OWN", "ALL"} {
		if b := member(role(allow("ACCOUNT", Read, scope))).Branches(set, account, "t", Read, testNow); b != nil {
			t.Errorf("%s: %v, want nil", scope, b)
		}
	}
	got := member(role(allow("ACCOUNT", Read, "SHARED"))).Branches(set, account, "t", Read, testNow)
	want := []Branch{
		{Cond: Cond{"t.`owner_id` IN (?,?)", []any{meID, reportA}}, Each: []Cond{{"t.`owner_id` = ?", []any{meID}}, {"t.`owner_id` = ?", []any{reportA}}}},
		{Cond: Cond{"t.`team_id` = ?", []any{teamID}}},
		{Cond: Cond{
			"t.`id` IN (SELECT share.`record_id` FROM `shares` share WHERE share.`grantee_id` IN (?,?) AND share.`deleted_at` IS NULL AND (share.`expires_at` IS NULL OR share.`expires_at` > ?))",
			[]any{meID, teamID, Moment{testNow}},
		}, ViaShares: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBranches_placesHaveAnIndexEach(t *testing.T) {
	t.Parallel()
	set := fixture()
	a := member(role(allow("ACCOUNT", Read, "BRANCH"), allow("ACCOUNT", Read, "TERRITORY")))
	a.Branch, a.Territories = id.New(codeBranch, testNow), []id.ID{id.New(codeTerritory, testNow), id.New(codeTerritory, testNow)}
	got := a.Branches(set, set.Kind("Account"), "t", Read, testNow)
	want := []Branch{
		{Cond: Cond{"t.`owner_id` = ?", []any{meID}}},
		{Cond: Cond{"t.`branch_id` = ?", []any{a.Branch}}},
		{Cond: Cond{"t.`territory_id` IN (?,?)", []any{a.Territories[0], a.Territories[1]}}, Each: []Cond{{"t.`territory_id` = ?", []any{a.Territories[0]}}, {"t.`territory_id` = ?", []any{a.Territories[1]}}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	set := fixture()
	for _, test := range []struct {
		kind              string
		branch, territory bool
	}{
		{"Account", true, true},
		{"Link", true, true},     // by its account or contact
		{"Note", false, false},   // it has an owner of its own, and no place
		{"Remark", true, true},   // by way of links
		{"User", true, false},    // a user has a branch
		{"Session", true, false}, // the user's
		{"Tag", true, true},      // any scope covers a reference
		{"Ticket", false, false},
		{"Loop", false, false},
	} {
		k := set.Kind(test.kind)
		if got := Fits(set, k, BranchScope); got != test.branch {
			t.Errorf("BRANCH on %s: %v", test.kind, got)
		}
		if got := Fits(set, k, TerritoryScope); got != test.territory {
			t.Errorf("TERRITORY on %s: %v", test.kind, got)
		}
		if !Fits(set, k, Own) || !Fits(set, k, All) || !Fits(set, k, PartnerScope) || !Fits(set, k, None) {
			t.Errorf("%s: a scope that needs no place does not fit", test.kind)
		}
	}
}

// Change rows written before records had places decode, and such records are of no branch.
func TestKeys_ofOldChangeRows(t *testing.T) {
	t.Parallel()
	set := fixture()
	x, owner := id.New(codeAccount, testNow), id.New(codeUser, testNow)
	var old Keys
	if err := json.Unmarshal([]byte(`{"i":"`+x.String()+`","o":"`+owner.String()+`"}`), &old); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Keys{ID: x, Owner: owner}, old); d != "" {
		t.Error(d)
	}
	a := member(role(allow("ACCOUNT", Read, "BRANCH"), allow("ACCOUNT", Read, "TERRITORY")))
	if a.Sees(set, set.Kind("Account"), &old, testNow) {
		t.Error("who has no place sees what has none")
	}
	branch, territory := id.New(codeBranch, testNow), id.New(codeTerritory, testNow)
	b, err := json.Marshal(Keys{ID: x, Branch: branch, Territory: territory})
	if err != nil {
		t.Fatal(err)
	}
	member := Keys{ID: x, Participants: []ParticipantKey{{User: owner, From: "2026-11-22"}, {User: owner, To: "2026-11-22"}}}
	if b, err := json.Marshal(member); err != nil || string(b) != `{"i":"`+x.String()+`","w":[{"u":"`+owner.String()+`","f":"2026-11-22"},{"u":"`+owner.String()+`","t":"2026-11-22"}]}` {
		t.Errorf("participants are written as %s, %v", b, err)
	}
	if want := `{"i":"` + x.String() + `","b":"` + branch.String() + `","y":"` + territory.String() + `"}`; string(b) != want {
		t.Errorf("keys are written as %s, want %s", b, want)
	}
}

// Both days are included, whatever the hour, in UTC.
func TestParticipantKey_Counts(t *testing.T) {
	t.Parallel()
	day := func(d, hour int) time.Time {
		return time.Date(2026, 11, d, hour, 59, 59, 0, time.FixedZone("", 3*3600))
	}
	for _, test := range []struct {
		from, to string
		at       time.Time
		want     bool
	}{
		{"", "", day(22, 9), true},
		{"2026-11-22", "2026-11-22", day(22, 9), true},
		{"2026-11-22", "", day(22, 2), false}, // the 21st in UTC
		{"2026-11-22", "", day(22, 3), true},
		{"", "2026-11-22", day(23, 2), true},
		{"", "2026-11-22", day(23, 3), false},
	} {
		if got := (ParticipantKey{From: test.from, To: test.to}).Counts(test.at); got != test.want {
			t.Errorf("from %q to %q at %s: %v", test.from, test.to, test.at, got)
		}
	}
}

const partOfRow = "EXISTS (SELECT 1 FROM `members` part WHERE part.`contact_id` = t.`id` AND part.`user_id` = ? AND part.`deleted_at` IS NULL" +
	" AND (part.`from_date` IS NULL OR part.`from_date` <= ?) AND (part.`to_date` IS NULL OR part.`to_date` >= ?))"

// Whoever takes part is led by an index of his own in each branch.
func TestSight_ofParticipants(t *testing.T) {
	t.Parallel()
	set := fixture()
	contact := set.Kind("Contact")
	today := Today{testNow}
	a := member(role(allow("CONTACT", Read, "OWN")))
	want := Cond{"(t.`owner_id` = ? OR " + partOfRow + ")", []any{meID, meID, today, today}}
	if d := cmp.Diff(want, a.Sight(set, contact, "t", Read, testNow)); d != "" {
		t.Error(d)
	}
	var got []string
	for _, b := range a.Branches(set, contact, "t", Read, testNow) {
		got = append(got, b.SQL)
	}
	led := "t.`id` IN (SELECT part.`contact_id` FROM `members` part WHERE part.`user_id` = ? AND part.`deleted_at` IS NULL" +
		" AND (part.`from_date` IS NULL OR part.`from_date` <= ?) AND (part.`to_date` IS NULL OR part.`to_date` >= ?))"
	if d := cmp.Diff([]string{"t.`owner_id` = ?", led}, got); d != "" {
		t.Error(d)
	}
	for scope, sees := range map[string]bool{"OWN": true, "TEAM": true, "SHARED": true, "BRANCH": true, "PARTNER": true, "SELF": false} {
		b := member(role(allow("CONTACT", Read, scope)))
		if got := b.Sees(set, contact, &Keys{ID: id.New(codeContact, testNow), Participants: []ParticipantKey{{User: meID}}}, testNow); got != sees {
			t.Errorf("%s covers what I take part in: %v", scope, got)
		}
		if got := b.Sees(set, contact, &Keys{ID: id.New(codeContact, testNow), Participants: []ParticipantKey{{User: reportA}}}, testNow); got != (scope == "TEAM" || scope == "SHARED") {
			t.Errorf("%s covers what a report takes part in: %v", scope, got)
		}
	}
}

func TestFieldCond_sql(t *testing.T) {
	t.Parallel()
	set := fixture()
	account := set.Kind("Account")
	own := role(allow("ACCOUNT", Read, "OWN"))
	own.Fields = []FieldLevel{level("ACCOUNT", "TAX_NUMBER", LevelRead)}
	all := role(allow("ACCOUNT", Read, "ALL"))
	shared := role(allow("ACCOUNT", Read, "SHARED"))

	a := member(own, all)
	cond, whole := a.FieldCond(set, account, account.Field("taxNumber"), "t", testNow)
	if d := cmp.Diff(Cond{"t.`owner_id` = ?", []any{meID}}, cond); d != "" || whole {
		t.Error("a role's own rows:", whole, d)
	}
	if cond, whole := a.FieldCond(set, account, account.Field("name"), "t", testNow); !whole || !cond.IsTrue() {
		t.Error("all rows:", whole, cond)
	}
	if cond, whole := member(all).FieldCond(set, account, account.Field("taxNumber"), "t", testNow); whole || !cond.IsFalse() {
		t.Error("no row:", whole, cond)
	}

	b := member(shared)
	if _, whole := b.FieldCond(set, account, account.Field("name"), "t", testNow); !whole {
		t.Error("shares without limits limit the field")
	}
	b.LimitedShares = true
	cond, whole = b.FieldCond(set, account, account.Field("name"), "t", testNow)
	want := Cond{
		"(t.`team_id` = ? OR t.`owner_id` IN (?,?) OR " + shareOfRow + " AND (share.`fields` IS NULL OR INSTR(share.`fields`, ?) > 0)))",
		[]any{teamID, meID, reportA, meID, teamID, Moment{testNow}, "|NAME|"},
	}
	if d := cmp.Diff(want, cond); d != "" || whole {
		t.Error("a limited share:", whole, d)
	}
	if _, whole := b.FieldCond(set, account, account.Field("version"), "t", testNow); !whole {
		t.Error("a limited share hides a system field")
	}
}

func TestFrom_nobodyMaySeeNothing(t *testing.T) {
	t.Parallel()
	set := fixture()
	a := From(t.Context())
	for _, k := range set.Kinds {
		if c := a.Sight(set, k, "t", Read, testNow); !c.IsFalse() {
			t.Error(k.Name, c)
		}
	}
	if b := From(With(t.Context(), member())); !b.SignedIn() || a.SignedIn() {
		t.Error("who acts is not what was put into the context")
	}
}

func TestCovers_everyScope(t *testing.T) {
	t.Parallel()
	set := fixture()
	fresh := func(k id.Kind) id.ID { return id.New(k, testNow) }
	a := member()
	a.Branch, a.Territories = fresh(codeBranch), []id.ID{fresh(codeTerritory), fresh(codeTerritory)}
	a.PartnerAccount, a.Contact, a.SelfAccounts = fresh(codeAccount), fresh(codeContact), []id.ID{fresh(codeAccount)}
	account := func(change func(*Keys)) *Keys {
		k := &Keys{ID: fresh(codeAccount), Owner: fresh(codeUser), Team: fresh(codeTeam), Partner: fresh(codeAccount), Branch: fresh(codeBranch), Territory: fresh(codeTerritory)}
		change(k)
		return k
	}
	sharedWith := func(x id.ID) func(*Keys) {
		return func(k *Keys) { k.Shares = []ShareKey{{Grantee: x, Level: "READ"}} }
	}
	tests := []struct {
		name, kind string
		keys       *Keys
		want       []Scopes // besides All
	}{
		{"a stranger's", "Account", account(func(*Keys) {}), nil},
		{"mine", "Account", account(func(k *Keys) { k.Owner = meID }), []Scopes{Own, Team, Shared, BranchScope, TerritoryScope, PartnerScope}},
		{"a report's", "Account", account(func(k *Keys) { k.Owner = reportA }), []Scopes{Team, Shared}},
		{"my team's", "Account", account(func(k *Keys) { k.Team = teamID }), []Scopes{Team, Shared}},
		{"my branch's", "Account", account(func(k *Keys) { k.Branch = a.Branch }), []Scopes{BranchScope}},
		{"in my territory", "Account", account(func(k *Keys) { k.Territory = a.Territories[0] }), []Scopes{TerritoryScope}},
		{"below my territory", "Account", account(func(k *Keys) { k.Territory = a.Territories[1] }), []Scopes{TerritoryScope}},
		{"shared with my branch", "Account", account(sharedWith(a.Branch)), []Scopes{Shared}},
		{"shared with a territory of mine", "Account", account(sharedWith(a.Territories[1])), []Scopes{Shared}},
		{"a ticket has no place", "Ticket", &Keys{ID: fresh(codeTicket), Branch: a.Branch, Territory: a.Territories[0]}, nil},
		{"my partner account's", "Account", account(func(k *Keys) { k.Partner = a.PartnerAccount }), []Scopes{PartnerScope}},
		{"my partner account", "Account", &Keys{ID: a.PartnerAccount}, []Scopes{PartnerScope}},
		{"shared with me", "Account", account(sharedWith(meID)), []Scopes{Shared, PartnerScope}},
		{"shared with my team", "Account", account(sharedWith(teamID)), []Scopes{Shared}},
		{"shared with my partner account", "Account", account(sharedWith(a.PartnerAccount)), []Scopes{Shared, PartnerScope}},
		{"my contact's account", "Account", &Keys{ID: a.SelfAccounts[0]}, []Scopes{SelfScope}},
		{"my contact", "Contact", &Keys{ID: a.Contact}, []Scopes{SelfScope}},
		{"my contact's ticket", "Ticket", &Keys{ID: fresh(codeTicket), Self: a.Contact}, []Scopes{SelfScope}},
		{"a ticket cannot be shared", "Ticket", &Keys{ID: fresh(codeTicket), Shares: []ShareKey{{Grantee: meID, Level: "READ"}}}, nil},
		{"me", "User", &Keys{ID: meID}, []Scopes{Own, Team, Shared, BranchScope, TerritoryScope, PartnerScope, SelfScope}},
		{"who works at my branch", "User", &Keys{ID: fresh(codeUser), Branch: a.Branch}, []Scopes{BranchScope}},
		{"who reports to me", "User", &Keys{ID: reportA}, []Scopes{Team, Shared}},
		{"a user of my partner account", "User", &Keys{ID: fresh(codeUser), UserPartner: a.PartnerAccount}, []Scopes{PartnerScope}},
		{"a tag", "Tag", &Keys{ID: fresh(codeTag)}, []Scopes{Own, Team, Shared, BranchScope, TerritoryScope, PartnerScope, SelfScope}},
	}
	for _, test := range tests {
		var got []Scopes
		for _, s := range scopeNames {
			if s.scope != All && a.Covers(set, set.Kind(test.kind), test.keys, s.scope, AnyShare, testNow) {
				got = append(got, s.scope)
			}
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Error(test.name, d)
		}
		if !a.Covers(set, set.Kind(test.kind), test.keys, All, AnyShare, testNow) || a.Covers(set, set.Kind(test.kind), test.keys, None, AnyShare, testNow) {
			t.Error(test.name, "ALL or NONE")
		}
	}
}

func TestMay_aShareToReadDoesNotLetChildrenBeChanged(t *testing.T) {
	t.Parallel()
	set := fixture()
	a := member(role(allow("ACCOUNT", Read, "SHARED"), allow("CONTACT", Read, "SHARED"), allow("LINK", Read, "SHARED"), allow("LINK", Update, "SHARED")))
	link := func(lvl string) *Keys {
		account := Keys{ID: id.New(codeAccount, testNow), Shares: []ShareKey{{Grantee: meID, Level: lvl, Fields: []string{"PHONE"}}}}
		return &Keys{ID: id.New(codeLink, testNow), Parents: []ParentKeys{{"Account", account}}}
	}
	k := set.Kind("Link")
	got := []bool{
		a.Sees(set, k, link("READ"), testNow), a.May(set, k, link("READ"), Update, testNow), a.May(set, k, link("EDIT"), Update, testNow),
	}
	if d := cmp.Diff([]bool{true, false, true}, got); d != "" {
		t.Error(d)
	}
}

// The fields that a share is limited to are those of the shared record, not those of its children.
func TestFieldCond_limitedSharesDoNotReachChildren(t *testing.T) {
	t.Parallel()
	set := fixture()
	k := set.Kind("Session")
	link := set.Kind("Link")
	shared := role(allow("LINK", Read, "SHARED"))
	partner := role(allow("LINK", Read, "PARTNER"))
	partner.Fields = []FieldLevel{level("LINK", "NAME", LevelNone)}
	a := member(shared, partner)
	a.LimitedShares = true
	cond, whole := a.FieldCond(set, link, link.Field("name"), "t", testNow)
	if whole || cond.IsFalse() {
		t.Fatal(whole, cond)
	}
	for _, arg := range cond.Args {
		if arg == "|NAME|" {
			t.Error("the parent's share is asked for a field of the child:", cond)
		}
	}
	if _, whole := member(role(allow("SESSION", Read, "OWN"))).FieldCond(set, k, k.Field("name"), "t", testNow); !whole {
		t.Error("not whole")
	}
	b := member(shared)
	b.LimitedShares = true
	if _, whole := b.FieldCond(set, link, link.Field("name"), "t", testNow); !whole {
		t.Error("a child's field depends on its parents' shares")
	}
}
