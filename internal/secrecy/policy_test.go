package secrecy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

// reader is the policy once more, naively: it decides on the records of a world by the definitions of the roles, one
// scope at a time, and knows nothing of the code that it is compared with.
type reader struct {
	w                      *world
	user, team             id.ID
	partner, contact       id.ID
	branch                 id.ID
	teams, reports, selves map[id.ID]bool
	territories            map[id.ID]bool
	roles                  []access.Role
}

// as returns the reader that a user is in the world.
func (w *world) as(user id.ID) *reader {
	u := w.records[user]
	r := &reader{w: w, user: user, team: u.ref("team_id"), teams: map[id.ID]bool{}, reports: map[id.ID]bool{}, selves: map[id.ID]bool{}, territories: map[id.ID]bool{}}
	switch u.text("kind") {
	case "PARTNER":
		r.partner = u.ref("partner_account_id")
	case "PORTAL":
		r.contact = u.ref("contact_id")
	}
	users, teams := w.set.Kind("User"), w.set.Kind("Team")
	if !r.team.IsZero() {
		r.teams[r.team] = true
	}
	for grown := true; grown; {
		grown = false
		for _, t := range w.byKind[teams] {
			if t.live() && !r.teams[t.id] && r.teams[t.ref("parent_id")] {
				r.teams[t.id], grown = true, true
			}
		}
	}
	for grown := true; grown; {
		grown = false
		for _, x := range w.byKind[users] {
			above := x.ref("manager_id")
			if x.live() && !r.reports[x.id] && (above == user || r.reports[above] || r.teams[x.ref("team_id")]) {
				r.reports[x.id], grown = true, true
			}
		}
	}
	if b := w.records[u.ref("branch_id")]; b != nil && b.live() {
		r.branch = b.id
	}
	for _, m := range w.byKind[w.set.Kind("TerritoryMember")] {
		if t := w.records[m.ref("territory_id")]; m.live() && m.ref("user_id") == user && t.live() {
			r.territories[t.id] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, t := range w.byKind[w.set.Kind("Territory")] {
			if t.live() && !r.territories[t.id] && r.territories[t.ref("parent_id")] {
				r.territories[t.id], grown = true, true
			}
		}
	}
	for _, l := range w.byKind[w.set.Kind("AccountContact")] {
		if l.live() && !r.contact.IsZero() && l.ref("contact_id") == r.contact {
			r.selves[l.ref("account_id")] = true
		}
	}
	for _, g := range w.byKind[w.set.Kind("RoleGrant")] {
		role := w.records[g.ref("role_id")]
		if !g.live() || g.ref("user_id") != user || !role.live() {
			continue
		}
		var out access.Role
		_ = json.Unmarshal([]byte(role.text("permissions")), &out.Permissions) // it was written by Farley
		_ = json.Unmarshal([]byte(role.text("field_levels")), &out.Fields)
		r.roles = append(r.roles, out)
	}
	return r
}

// scopes lists the scopes in which a role allows an action.
func scopes(role access.Role, k *model.Kind, action string) []string {
	var out []string
	for _, p := range role.Permissions {
		if p.Object == k.Const && p.Action == action && p.Scope != "NONE" {
			out = append(out, p.Scope)
		}
	}
	return out
}

// readable reports whether some scope lets the reader read the kind.
func (r *reader) readable(k *model.Kind) bool {
	return slices.ContainsFunc(r.roles, func(role access.Role) bool { return scopes(role, k, access.Read) != nil })
}

// covers reports whether a scope covers a record. field limits which shares count; "" is any.
func (r *reader) covers(x *record, scope, field string) bool {
	switch {
	case x.kind.Sight == model.Reference || scope == "ALL":
		return x.kind.Sight != model.ByParents || x.kind.Owned || scope != "ALL" || len(r.parents(x)) > 0
	case x.kind.Sight == model.ByParents && !x.kind.Owned:
		parents := r.parents(x)
		for _, p := range parents {
			if p == nil || !p.live() || !r.covers(p, scope, "") {
				return false
			}
		}
		return len(parents) > 0
	}
	staff, mine := r.person(x)
	switch scope {
	case "OWN":
		return mine
	case "TEAM":
		return staff
	case "SHARED":
		return staff || r.shared(x, field, append(slices.Collect(maps.Keys(r.territories)), r.user, r.team, r.partner, r.branch)...)
	case "BRANCH":
		return mine || !r.branch.IsZero() && x.ref("branch_id") == r.branch
	case "TERRITORY":
		return mine || r.territories[x.ref("territory_id")]
	case "PARTNER":
		return mine || r.partners(x) || r.shared(x, field, r.user, r.partner)
	case "SELF":
		return r.self(x)
	}
	return false
}

// person reports whether a record is of the reader's team or people, and whether it is the reader's own.
func (r *reader) person(x *record) (staff, mine bool) {
	if x.kind.Name == "User" {
		mine = x.id == r.user
		return mine || r.reports[x.id], mine
	}
	mine = x.ref("owner_id") == r.user
	staff = mine || r.reports[x.ref("owner_id")] || r.teams[x.ref("team_id")]
	if x.kind.Name != "Account" {
		return staff, mine
	}
	today := r.w.now.Format(time.DateOnly)
	for _, p := range r.w.byKind[r.w.set.Kind("AccountTeamMember")] {
		if to := p.text("to_date"); p.live() && p.ref("account_id") == x.id && p.text("from_date") <= today && (to == "" || today <= to) {
			mine = mine || p.ref("user_id") == r.user
			staff = staff || mine || r.reports[p.ref("user_id")]
		}
	}
	return staff, mine
}

func (r *reader) partners(x *record) bool {
	if r.partner.IsZero() {
		return false
	}
	switch x.kind.Name {
	case "User":
		return x.ref("partner_account_id") == r.partner
	case "Account":
		return x.id == r.partner || x.ref("partner_id") == r.partner
	}
	return x.ref("partner_id") == r.partner
}

func (r *reader) self(x *record) bool {
	switch x.kind.Name {
	case "User":
		return x.id == r.user
	case "Contact":
		return !r.contact.IsZero() && x.id == r.contact
	case "Account":
		return r.selves[x.id]
	}
	return false
}

// shared reports whether a share opens the record to one of them.
func (r *reader) shared(x *record, field string, to ...id.ID) bool {
	if !x.kind.Shareable {
		return false
	}
	for _, s := range r.w.byKind[r.w.set.Kind("Share")] {
		until, ends := s.values["expires_at"].(time.Time)
		fields, limited := s.values["fields"].(string)
		grantee := s.ref("grantee_id")
		if s.live() && s.ref("record_id") == x.id && !grantee.IsZero() && slices.Contains(to, grantee) && (!ends || until.After(r.w.now)) &&
			(field == "" || !limited || strings.Contains(fields, "|"+field+"|")) {
			return true
		}
	}
	return false
}

func (r *reader) parents(x *record) []*record {
	var out []*record
	for _, name := range x.kind.Parents {
		if p := x.ref(x.kind.Field(name).Column); !p.IsZero() {
			out = append(out, r.w.records[p])
		}
	}
	return out
}

// sees reports whether a record is in READ sight, be it in the bin.
func (r *reader) sees(x *record) bool {
	if x == nil {
		return false
	}
	if x.kind.Sight == model.ByParents {
		parents := r.parents(x)
		for _, p := range parents {
			if !r.visible(p) {
				return false
			}
		}
		if len(parents) == 0 {
			return false
		}
	}
	for _, role := range r.roles {
		for _, s := range scopes(role, x.kind, access.Read) {
			if r.covers(x, s, "") {
				return true
			}
		}
	}
	return false
}

// visible reports whether a record is in sight and not in the bin.
func (r *reader) visible(x *record) bool { return x != nil && x.live() && r.sees(x) }

// level returns what a role makes of a field.
func level(role access.Role, k *model.Kind, f *model.Field) access.Level {
	for _, l := range slices.Backward(role.Fields) {
		if l.Object == k.Const && l.Field == f.Const {
			return l.Level
		}
	}
	switch {
	case f.Sensitive:
		return access.LevelNone
	case scopes(role, k, access.Create) != nil || scopes(role, k, access.Update) != nil:
		return access.LevelWrite
	}
	return access.LevelRead
}

// shows reports whether a field of a visible record shows.
func (r *reader) shows(x *record, f *model.Field) bool {
	if f.System {
		return true
	}
	for _, role := range r.roles {
		if l := level(role, x.kind, f); l != access.LevelRead && l != access.LevelWrite {
			continue
		}
		for _, s := range scopes(role, x.kind, access.Read) {
			if r.covers(x, s, f.Const) {
				return true
			}
		}
	}
	return false
}

// usable reports whether a field shows on some record, so that an operation may name it.
func (r *reader) usable(k *model.Kind, f *model.Field) bool {
	if f.Internal || f.Target != "" && f.Type != model.ID && !r.readable(r.w.set.Kind(f.Target)) {
		return false
	}
	return f.System || slices.ContainsFunc(r.roles, func(role access.Role) bool {
		l := level(role, k, f)
		return (l == access.LevelRead || l == access.LevelWrite) && scopes(role, k, access.Read) != nil
	})
}

// related lists the records that a relation of a visible record leads to, as far as they are in sight, by id.
func (r *reader) related(x *record, f *model.Field) []*record {
	if !r.shows(x, f) {
		return nil
	}
	target := r.w.set.Kind(f.Target)
	var out []*record
	switch {
	case f.Type == model.Ref:
		out = []*record{r.w.records[x.ref(f.Column)]}
	case f.Through == nil:
		for _, y := range r.w.byKind[target] {
			if y.ref(target.Field(f.Back).Column) == x.id {
				out = append(out, y)
			}
		}
	default:
		link := r.w.set.Kind(f.Through.Link)
		linked := map[id.ID]bool{}
		for _, l := range r.w.byKind[link] {
			if l.live() && l.ref(link.Field(f.Through.From).Column) == x.id {
				linked[l.ref(link.Field(f.Through.To).Column)] = true
			}
		}
		for _, y := range r.w.byKind[target] {
			if linked[y.id] {
				out = append(out, y)
			}
		}
	}
	return slices.DeleteFunc(out, func(y *record) bool { return !r.visible(y) })
}
