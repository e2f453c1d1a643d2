package read_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/viewer"
)

// account and person are the model in memory with which answers are compared.
type account struct {
	id            id.ID
	name          string
	employees     *int
	rating        *string
	founded       *string
	lastAt        *time.Time
	revenue       *int
	active        bool
	kinds, tags   []string
	owner         int // 0 none
	team          int // 0 none
	shared        bool
	tax           *string
	people, links []*person
	binned        bool
}

type person struct {
	id      id.ID
	name    string
	rank    *int
	account *account
}

var (
	names   = []string{"Al Noor", "al  noor", "النور", "Élan", "elan", "100%", "a_b", "axb", "Zeta!", "Straße", "ÜBER", "🦉 owl", "b"}
	ratings = []string{"COLD", "WARM", "HOT"}
	kinds   = []string{"CUSTOMER", "PARTNER", "SUPPLIER"}
	tags    = []string{"x", "X", "x,y", `q"`, "ع", ","}
	taxes   = []string{"300", "300%", "Tax-A", "tax-a", "T_1"}
	ranks   = 3
)

// world fills the tables with accounts and people full of ties, gaps and odd texts; the same ones every time.
func (e *env) world(t testing.TB, n int) []*account {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 7))
	some := func() bool { return rnd.IntN(4) > 0 }
	pick := func(from []string) string { return from[rnd.IntN(len(from))] }
	subset := func(from []string) []string {
		out := []string{}
		for _, x := range from {
			if rnd.IntN(3) == 0 {
				out = append(out, x)
			}
		}
		return out
	}
	var rows, contacts, links, shares []row
	for i := range 4 {
		r := row{"id": ident(codeUser, i+1), "name": names[i], "created_at": now}
		if i == 3 {
			r["deleted_at"] = now
		}
		e.insert(t, "users", r)
	}
	var out []*account
	for i := range n {
		a := &account{id: ident(codeAccount, i), name: pick(names), active: some(), kinds: subset(kinds), tags: subset(tags), owner: rnd.IntN(5), team: rnd.IntN(3),
			shared: rnd.IntN(5) == 0, binned: rnd.IntN(10) == 0}
		r := row{"id": a.id, "name": a.name, "created_at": now.Add(time.Duration(i/3) * time.Second), "active": a.active,
			"kinds": "", "owner_id": userID(a.owner), "team_id": teamID(a.team)}
		if len(a.kinds) > 0 {
			r["kinds"] = "|" + strings.Join(a.kinds, "|") + "|"
		}
		if len(a.tags) > 0 || some() {
			b, err := json.Marshal(a.tags)
			if err != nil {
				t.Fatal(err)
			}
			r["tags"] = string(b)
		}
		if some() {
			v := rnd.IntN(4) * 10
			a.employees, r["employees"] = &v, v
		}
		if some() {
			v := pick(ratings)
			a.rating, r["rating"] = &v, v
		}
		if some() {
			v := []string{"1999-12-31", "2000-01-01", "2024-02-29"}[rnd.IntN(3)]
			a.founded, r["founded"] = &v, v
		}
		if some() {
			v := now.Add(time.Duration(rnd.IntN(3)) * 500 * time.Millisecond).Add(time.Duration(rnd.IntN(2)) * time.Microsecond)
			a.lastAt, r["last_at"] = &v, v
		}
		if some() {
			v := rnd.IntN(4) * 100
			a.revenue, r["revenue"], r["revenue_currency"], r["revenue_reporting"] = &v, v, "SAR", v
		}
		if some() {
			v := pick(taxes)
			a.tax, r["tax_number"] = &v, v
		}
		if a.binned {
			r["deleted_at"] = now
		}
		if a.shared {
			shares = append(shares, row{"id": ident(codeLink, 9000+i), "record_id": a.id, "grantee_id": userID(1), "level": "READ"})
		}
		rows = append(rows, r)
		out = append(out, a)
	}
	for i := range n * 2 {
		p := &person{id: ident(codeContact, i), name: pick(names), account: out[rnd.IntN(n)]}
		r := row{"id": p.id, "name": p.name, "created_at": now, "account_id": p.account.id}
		if some() {
			v := rnd.IntN(ranks)
			p.rank, r["rank_no"] = &v, v
		}
		contacts = append(contacts, r)
		p.account.people = append(p.account.people, p)
		to := out[rnd.IntN(n)]
		to.links = append(to.links, p)
		links = append(links, row{"id": ident(codeLink, i), "account_id": to.id, "contact_id": p.id})
	}
	e.insert(t, "accounts", rows...)
	e.insert(t, "contacts", contacts...)
	e.insert(t, "account_contacts", links...)
	e.insert(t, "shares", shares...)
	return out
}

func userID(n int) any {
	if n == 0 {
		return nil
	}
	return ident(codeUser, n)
}

func teamID(n int) any {
	if n == 0 {
		return nil
	}
	return ident(codeTeam, n)
}

// who is an actor with what the model in memory knows of his rights.
type who struct {
	name  string
	actor *access.Actor
	sees  func(a *account) bool
	tax   func(a *account) bool
	users func(n int) bool
}

func (e *env) actors() []who {
	live := func(n int) bool { return n >= 1 && n <= 3 }
	me := viewer.Viewer{User: ident(codeUser, 1), Teams: []id.ID{ident(codeTeam, 1)}, Reports: []id.ID{ident(codeUser, 2)}}
	own := func(a *account) bool { return a.owner == 1 }
	team := func(a *account) bool { return own(a) || a.owner == 2 || a.team == 1 }
	shared := func(a *account) bool { return team(a) || a.shared }
	all := func(*account) bool { return true }
	readers := map[string]string{"CONTACT": "ALL", "USER": "ALL"}
	with := func(scope string, levels ...access.FieldLevel) access.Role {
		scopes := map[string]string{"ACCOUNT": scope}
		for k, v := range readers {
			scopes[k] = v
		}
		return role(scopes, levels...)
	}
	tax := taxLevel(access.LevelRead)
	return []who{
		{"all", e.actor(me, everything()), all, all, live},
		{"own", e.actor(me, with("OWN", tax)), own, all, live},
		{"team", e.actor(me, with("TEAM", tax)), team, all, live},
		{"shared", e.actor(me, with("SHARED", tax)), shared, all, live},
		{"all, tax number of own", e.actor(me, with("ALL"), with("OWN", tax)), all, own, live},
		{"shared, tax number of team", e.actor(me, with("SHARED"), with("TEAM", tax)), shared, team, live},
		{"all, users: self", e.actor(me, role(map[string]string{"ACCOUNT": "ALL", "CONTACT": "ALL", "USER": "OWN"}, tax)), all, all, func(n int) bool { return n == 1 }},
	}
}
