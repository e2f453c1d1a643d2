package secrecy_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// record is a stored record: all columns, as nil, id.ID, string, int64, bool or time.Time.
type record struct {
	kind   *model.Kind
	id     id.ID
	values map[string]any
}

func (r *record) ref(column string) id.ID { x, _ := r.values[column].(id.ID); return x }

func (r *record) text(column string) string { s, _ := r.values[column].(string); return s }

func (r *record) live() bool { return r.values["deleted_at"] == nil }

// world is everything that is stored, at one moment.
type world struct {
	set     *model.Set
	records map[id.ID]*record
	byKind  map[*model.Kind][]*record // by id
	now     time.Time
}

// stored reads the world past all rights.
func stored(t *testing.T, e *farleytest.Env) *world {
	t.Helper()
	w := &world{set: e.Set, records: map[id.ID]*record{}, byKind: map[*model.Kind][]*record{}, now: e.Clock.Now()}
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	for _, k := range e.Set.Kinds {
		ids, err := allIDs(t.Context(), tx, k)
		if err != nil {
			t.Fatal(err)
		}
		values, err := e.App.Read.Values(t.Context(), tx, k, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range ids {
			r := &record{k, x, values[x]}
			w.records[x] = r
			w.byKind[k] = append(w.byKind[k], r)
		}
	}
	return w
}

func allIDs(ctx context.Context, tx *db.Tx, k *model.Kind) ([]id.ID, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM "+k.Table+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var ids []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		ids = append(ids, x)
	}
	return ids, rows.Err()
}

// maker makes random records.
type maker struct {
	t                                          *testing.T
	e                                          *farleytest.Env
	rnd                                        *rand.Rand
	teams, users, partners, accounts, contacts []id.ID
	tags, links, notes, shares                 []id.ID
	branches, territories                      []id.ID
}

// populate makes a world in which everything that scopes depend on occurs.
func populate(t *testing.T, e *farleytest.Env, rnd *rand.Rand) *maker {
	t.Helper()
	m := &maker{t: t, e: e, rnd: rnd}
	for i := range 3 {
		in := input.Object{"name": fmt.Sprintf("team %d", i)}
		if i == 1 {
			in["parent"] = m.teams[0].String()
		}
		m.teams = append(m.teams, m.make("Team", in))
	}
	for i := range 3 {
		m.branches = append(m.branches, m.make("Branch", input.Object{"name": fmt.Sprintf("branch %d", i)}))
	}
	for i := range 5 {
		in := input.Object{"name": fmt.Sprintf("territory %d", i)}
		if i > 1 {
			in["parent"] = m.territories[i-2].String()
		}
		m.territories = append(m.territories, m.make("Territory", in))
	}
	for i := range 3 {
		m.tags = append(m.tags, m.make("Tag", input.Object{"name": "tag " + string(rune('a'+i))}))
	}
	for i := range 2 {
		m.partners = append(m.partners, m.make("Account", input.Object{"name": fmt.Sprintf("partner %d", i), "kinds": []any{"PARTNER"}}))
	}
	m.contacts = append(m.contacts, m.make("Contact", input.Object{"familyName": "customer"}))
	for i := range 6 {
		in := input.Object{"email": fmt.Sprintf("u%d@example.com", i), "name": fmt.Sprintf("user %c", 'a'+i), "team": m.some(m.teams), "manager": m.some(m.users), "branch": m.some(m.branches)}
		switch i {
		case 4:
			in["kind"], in["partnerAccount"] = "PARTNER", m.partners[0].String()
		case 5:
			in["kind"], in["contact"] = "PORTAL", m.contacts[0].String()
		}
		m.users = append(m.users, m.make("User", in))
	}
	for _, x := range m.territories {
		e.Change(t, x, input.Object{"members": []any{m.one(m.users), m.one(m.users)}})
	}
	m.accounts = slices.Clone(m.partners)
	for range 10 {
		m.account()
	}
	for range 6 {
		m.contact()
	}
	for range 12 {
		m.link()
	}
	for range 12 {
		m.note()
	}
	for range 10 {
		m.share()
	}
	for range 10 {
		m.takesPart()
	}
	for _, list := range [][]id.ID{m.accounts[3:], m.contacts[1:], m.links, m.notes, m.branches[2:], m.territories[1:]} {
		bin(t, e, list[rnd.IntN(len(list))])
	}
	return m
}

func (m *maker) make(kind string, in input.Object) id.ID {
	m.t.Helper()
	tick(m.e)
	for name, v := range in {
		if v == nil {
			delete(in, name)
		}
	}
	return m.e.Make(m.t, kind, in)
}

// some returns one of ids as text, nil for none, which happens as well.
func (m *maker) some(ids []id.ID) any {
	i := m.rnd.IntN(len(ids) + 1)
	if i == len(ids) {
		return nil
	}
	return ids[i].String()
}

func (m *maker) one(ids []id.ID) string { return ids[m.rnd.IntN(len(ids))].String() }

func (m *maker) word() string { return words[m.rnd.IntN(len(words))] }

var words = []string{"ash", "elm", "fir", "oak", "yew"}

// maybe returns v, or nil.
func (m *maker) maybe(v any) any {
	if m.rnd.IntN(3) == 0 {
		return nil
	}
	return v
}

func (m *maker) account() {
	in := input.Object{
		"name": m.word(), "owner": m.some(m.users), "team": m.maybe(m.some(m.teams)), "partner": m.maybe(m.some(m.partners)), "parent": m.some(m.accounts),
		"branch": m.some(m.branches), "territory": m.some(m.territories),
	}
	for name, v := range m.values("Account") {
		in[name] = v
	}
	if tags := m.some(m.tags); tags != nil {
		in["tags"] = []any{tags}
	}
	m.accounts = append(m.accounts, m.make("Account", in))
}

func (m *maker) contact() {
	in := input.Object{
		"familyName": m.word(), "owner": m.some(m.users), "team": m.maybe(m.some(m.teams)), "partner": m.maybe(m.some(m.partners)), "referredBy": m.some(m.contacts),
		"branch": m.some(m.branches), "territory": m.some(m.territories),
	}
	for name, v := range m.values("Contact") {
		in[name] = v
	}
	if tags := m.some(m.tags); tags != nil {
		in["tags"] = []any{tags}
	}
	m.contacts = append(m.contacts, m.make("Contact", in))
}

// values are those fields of a kind that nothing else follows from.
func (m *maker) values(kind string) map[string]any {
	day := func() string { return fmt.Sprintf("20%02d-01-01", m.rnd.IntN(5)) }
	switch kind {
	case "Account":
		return map[string]any{
			"taxNumber": m.maybe("tax " + m.word()), "industry": m.maybe(m.word()), "employees": m.maybe(float64(m.rnd.IntN(5))), "customerSince": m.maybe(day()),
			"annualRevenue": m.maybe(map[string]any{"amount": fmt.Sprintf("%d.00", m.rnd.IntN(5)), "currency": "USD"}),
			"customerType":  m.maybe([]string{"PERSON", "ENTERPRISE"}[m.rnd.IntN(2)]),
		}
	case "Contact":
		return map[string]any{"birthday": m.maybe(day()), "gender": m.maybe(m.word()), "title": m.maybe(m.word()), "doNotContact": m.rnd.IntN(2) == 0}
	case "AccountContact":
		return map[string]any{"role": m.maybe(m.word())}
	case "Note":
		return map[string]any{"title": m.maybe(m.word()), "body": m.word(), "pinned": m.rnd.IntN(2) == 0}
	}
	return nil
}

func (m *maker) link() {
	in := input.Object{"account": m.one(m.accounts), "contact": m.one(m.contacts), "fromDate": "2020-01-01"}
	for name, v := range m.values("AccountContact") {
		in[name] = v
	}
	m.links = append(m.links, m.make("AccountContact", in))
}

func (m *maker) note() {
	in := input.Object{}
	for name, v := range m.values("Note") {
		in[name] = v
	}
	if m.rnd.IntN(2) == 0 {
		in["account"] = m.one(m.accounts)
	} else {
		in["contact"] = m.one(m.contacts)
	}
	m.notes = append(m.notes, m.make("Note", in))
}

func (m *maker) share() {
	in := input.Object{
		"record": m.one(append(slices.Clone(m.accounts), m.contacts...)), "grantee": m.one(slices.Concat(m.users, m.teams, m.partners, m.branches, m.territories)),
		"owner": m.some(m.users), "level": []string{"READ", "COMMENT", "EDIT"}[m.rnd.IntN(3)],
	}
	if m.rnd.IntN(3) == 0 {
		in["fields"] = []any{"NAME", "EMPLOYEES", "OWNER"}
		if in["record"].(string)[:4] == "cont" {
			in["fields"] = []any{"DISPLAY_NAME", "BIRTHDAY", "NOTES"}
		}
	}
	if m.rnd.IntN(4) == 0 {
		in["expiresAt"] = m.e.Clock.Now().Add(time.Duration(m.rnd.IntN(3)-1) * 24 * time.Hour).Format(time.RFC3339)
	}
	m.shares = append(m.shares, m.make("Share", in))
}

// takesPart puts a user on the team of an account, at some time.
func (m *maker) takesPart() {
	in := input.Object{"account": m.one(m.accounts), "user": m.one(m.users), "role": fmt.Sprint("role ", m.rnd.Uint32())}
	day := func(days int) string { return m.e.Clock.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	switch m.rnd.IntN(4) {
	case 0:
		in["fromDate"] = day(1)
	case 1:
		in["fromDate"], in["toDate"] = day(-2), day(-1)
	case 2:
		in["fromDate"], in["toDate"] = day(0), day(0)
	}
	m.make("AccountTeamMember", in)
}

// bin moves a record to the bin past all rights.
func bin(t *testing.T, e *farleytest.Env, x id.ID) {
	t.Helper()
	if err := systemDelete(t.Context(), e, x); err != nil {
		t.Fatal(err)
	}
}

// roles makes one or two random roles.
func (m *maker) roles() []access.Role {
	out := make([]access.Role, 1+m.rnd.IntN(2))
	for i := range out {
		for _, k := range m.e.Set.Kinds {
			if k.Link {
				continue
			}
			for _, action := range []string{access.Read, access.Update} {
				scopes := []string{"NONE", "OWN", "TEAM", "SHARED", "ALL", "ALL", "PARTNER", "SELF", "BRANCH", "TERRITORY"}
				scope := scopes[m.rnd.IntN(len(scopes))]
				if action == access.Update && m.rnd.IntN(2) == 0 || !access.Fits(m.e.Set, k, access.ParseScope(scope)) {
					continue
				}
				out[i].Permissions = append(out[i].Permissions, access.Permission{Object: k.Const, Action: action, Scope: scope})
			}
			for _, f := range k.Fields {
				if f.System || f.Internal || m.rnd.IntN(4) > 0 && !f.Sensitive {
					continue
				}
				level := []access.Level{access.LevelNone, access.LevelRead, access.LevelWrite}[m.rnd.IntN(3)]
				out[i].Fields = append(out[i].Fields, access.FieldLevel{Object: k.Const, Field: f.Const, Level: level})
			}
		}
	}
	return out
}
