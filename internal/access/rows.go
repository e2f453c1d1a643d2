package access

import (
	"math"
	"slices"
	"time"

	"farley/internal/id"
	"farley/internal/model"
)

// Branch is one term of a condition that is an OR, with everything else that has to hold: the rows of all branches
// together, in which one row may appear several times, are the rows of the whole condition.
type Branch struct {
	Cond
	// ViaShares: the rows are found through the table of shares, not by an index of their own.
	ViaShares bool
	// ViaLinks: the rows are found through the table of those who take part in them.
	ViaLinks bool
	// Each is the same as Cond in several terms, one for each value of its column, when there are a few: an index has the rows
	// of each of them in order, and of all of them it has not. It is for databases that would read all of them.
	Each []Cond
}

// maxEach bounds Branch.Each: more are read, and sorted, together.
const maxEach = 12

// Sight is the condition under which action may be done on the row of k that alias names. It says nothing about the
// row's own bin; a parent in the bin hides its children. Kinds that are in sight by their parents need every parent that
// is set in READ sight, at least one, and
//   - with an owner of their own: an owner, team, partner or share within the action's scopes;
//   - without: parents within the action's scopes (whoever updates own accounts only updates their addresses only).
func (a *Actor) Sight(set *model.Set, k *model.Kind, alias, action string, now time.Time) Cond {
	r := rows{a, set, now}
	return r.cond(k, alias, []need{{a.Policy.Scopes(k, action), useFor(action)}}, true, nil)
}

// Within is the condition that one of scopes covers the row of k that alias names, with the shares that use counts. It
// does not ask whether the row's parents are in sight.
func (a *Actor) Within(set *model.Set, k *model.Kind, alias string, scopes Scopes, use ShareUse, now time.Time) Cond {
	r := rows{a, set, now}
	return r.cond(k, alias, []need{{scopes.Normal(), use}}, false, nil)
}

// Branches splits Sight into terms that an index can order each. It is nil when Sight is one such term already, or
// cannot be split: then use Sight.
func (a *Actor) Branches(set *model.Set, k *model.Kind, alias, action string, now time.Time) []Branch {
	n := need{a.Policy.Scopes(k, action), useFor(action)}
	if n.scopes == None || n.scopes == All || k.Sight == model.Reference || unowned(k) {
		return nil
	}
	r := rows{a, set, now}
	terms := r.terms(k, alias, n)
	if len(terms) == 0 || len(terms) == 1 && terms[0].Each == nil {
		return nil
	}
	rest := r.cond(k, alias, nil, true, nil)
	if rest.IsFalse() {
		return nil
	}
	branches := make([]Branch, len(terms))
	for i, t := range terms {
		switch {
		case t.ViaShares:
			t.Cond = r.sharedIDs(alias, t.grantees, n.use)
		case t.ViaLinks:
			t.Cond = r.participatedIDs(k, alias, t.users)
		}
		branches[i] = Branch{Cond: And(t.Cond, rest), ViaShares: t.ViaShares, ViaLinks: t.ViaLinks}
		for _, c := range t.Each {
			branches[i].Each = append(branches[i].Each, And(c, rest))
		}
	}
	return branches
}

// rows makes conditions on rows for one actor and moment.
type rows struct {
	a   *Actor
	set *model.Set
	now time.Time
}

// hopeless reports whether some need covers nothing.
func hopeless(needs []need) bool {
	return slices.ContainsFunc(needs, func(n need) bool { return n.scopes == None })
}

// unowned reports whether only the parents of k's records decide.
func unowned(k *model.Kind) bool { return k.Sight == model.ByParents && !k.Owned }

// cond is the condition that a row meets all needs and, if sight is asked for, that its parents are in READ sight. path
// holds the kinds on the way to the row: a kind that is a parent of itself is never in sight.
func (r rows) cond(k *model.Kind, alias string, needs []need, sight bool, path []*model.Kind) Cond {
	if hopeless(needs) || slices.Contains(path, k) || len(path) == len(aliases) {
		return never
	}
	path = append(path[:len(path):len(path)], k)

	if unowned(k) {
		return r.byParents(k, alias, tighten(needs), sight, path)
	}
	own := r.own(k, alias, tighten(needs))
	if k.Sight != model.ByParents || !sight {
		return own
	}
	return And(own, r.parents(k, alias, nil, true, path))
}

// own is the condition that a row meets all needs by its own columns.
func (r rows) own(k *model.Kind, alias string, needs []need) Cond {
	if k.Sight == model.Reference {
		return r.a.defined(k, alias)
	}
	all := make([]Cond, 0, len(needs))
	for _, n := range needs {
		terms := r.terms(k, alias, n)
		slices.SortStableFunc(terms, func(s, t term) int { return s.effort() - t.effort() })
		some := make([]Cond, len(terms))
		for i, t := range terms {
			some[i] = t.Cond
		}
		all = append(all, Or(some...))
	}
	return And(all...)
}

// byParents is cond for records that have nothing but parents. A set of scopes covers the rows that one of its scopes
// covers, so parents that are covered by one scope each will not do.
func (r rows) byParents(k *model.Kind, alias string, needs []need, sight bool, path []*model.Kind) Cond {
	single, several := split(needs)
	all := []Cond{r.parents(k, alias, single, sight, path)}
	for _, choice := range several {
		some := make([]Cond, len(choice))
		for i, n := range choice {
			some[i] = r.parents(k, alias, []need{n}, false, path)
		}
		all = append(all, Or(some...))
	}
	return And(all...)
}

// parents is the condition that some parent is set and every one that is set meets needs and, if asked for, is in READ
// sight.
func (r rows) parents(k *model.Kind, alias string, needs []need, sight bool, path []*model.Kind) Cond {
	needs = tighten(needs)
	for i := range needs {
		needs[i].use.field = "" // the fields of a share are those of the parent
	}
	if !sight && len(needs) == 0 {
		return Cond{}
	}
	var every, some []Cond
	for _, name := range k.Parents {
		f := k.Field(name)
		if f == nil || r.set.Kind(f.Target) == nil {
			return never
		}
		fk := alias + "." + quote(f.Column)
		c := r.parent(r.set.Kind(f.Target), fk, needs, sight, path)
		if c.IsFalse() {
			every = append(every, Cond{SQL: fk + " IS NULL"})
			continue
		}
		every = append(every, Or(Cond{SQL: fk + " IS NULL"}, c))
		some = append(some, Cond{SQL: fk + " IS NOT NULL"})
	}
	return And(append(every, Or(some...))...)
}

// parent is the condition that the reference fk leads to a parent that meets needs.
func (r rows) parent(p *model.Kind, fk string, needs []need, sight bool, path []*model.Kind) Cond {
	alias := aliases[len(path)-1]
	if sight {
		needs = append(needs[:len(needs):len(needs)], need{r.a.Policy.Scopes(p, Read), AnyShare})
	}
	where := And(
		Cond{SQL: alias + ".`id` = " + fk + " AND " + alias + ".`deleted_at` IS NULL"},
		r.cond(p, alias, needs, sight, path),
	)
	if where.IsFalse() {
		return never
	}
	return Cond{SQL: "EXISTS (SELECT 1 FROM " + quote(p.Table) + " " + alias + " WHERE " + where.SQL + ")", Args: where.Args}
}

// aliases name the parents by their distance from the row. Who is further away is not in sight.
var aliases = [...]string{"sight_1", "sight_2", "sight_3", "sight_4", "sight_5", "sight_6", "sight_7", "sight_8"}

// term is one way in which a row is covered.
type term struct {
	Branch
	grantees []id.ID // of a term ViaShares
	users    []id.ID // of a term ViaLinks
}

// effort orders terms of an OR by what they cost: one of them that holds ends it. A list of values is made into a table first,
// other tables are looked into last.
func (t term) effort() int {
	if t.ViaLinks || t.ViaShares {
		return math.MaxInt
	}
	return len(t.Args)
}

// terms lists the ways in which the row meets a need by its own columns, each one index's work.
func (r rows) terms(k *model.Kind, alias string, n need) []term {
	var out []term
	for _, g := range r.a.reach(k, n.scopes) {
		c := oneOf(alias, g.column, g.ids...)
		if c.IsFalse() {
			continue
		}
		t := term{Branch: Branch{Cond: c}}
		if len(g.ids) > 1 && len(g.ids) <= maxEach && g.column != colID {
			for _, x := range g.ids {
				t.Each = append(t.Each, oneOf(alias, g.column, x))
			}
		}
		out = append(out, t)
	}
	if users := r.a.participants(k, n.scopes); len(users) > 0 && r.set.Kind(k.Participants.Kind) != nil {
		out = append(out, term{Branch: Branch{Cond: r.participates(k, alias, users), ViaLinks: true}, users: users})
	}
	if grantees := r.a.grantees(k, n); len(grantees) > 0 {
		out = append(out, term{Branch: Branch{Cond: r.shared(alias, grantees, n.use), ViaShares: true}, grantees: grantees})
	}
	return out
}

// part is the condition on the row named part, of a link, that one of users takes part by it now; with the table and the
// column of the record.
func (r rows) part(k *model.Kind, users []id.ID) (link, record string, c Cond) {
	l := r.set.Kind(k.Participants.Kind)
	column := func(name string) string { return "part." + quote(l.Field(name).Column) }
	c = oneOf("part", l.Field(k.Participants.User).Column, users...)
	c.SQL += " AND part.`deleted_at` IS NULL"
	today := Today{r.now}
	if name := k.Participants.From; name != "" {
		c.SQL += " AND (" + column(name) + " IS NULL OR " + column(name) + " <= ?)"
		c.Args = append(c.Args, today)
	}
	if name := k.Participants.To; name != "" {
		c.SQL += " AND (" + column(name) + " IS NULL OR " + column(name) + " >= ?)"
		c.Args = append(c.Args, today)
	}
	return quote(l.Table), column(k.Participants.Record), c
}

// participates is the condition that one of users takes part in the row.
func (r rows) participates(k *model.Kind, alias string, users []id.ID) Cond {
	link, record, c := r.part(k, users)
	return Cond{SQL: "EXISTS (SELECT 1 FROM " + link + " part WHERE " + record + " = " + alias + ".`id` AND " + c.SQL + ")", Args: c.Args}
}

// participatedIDs is the same, led by the links.
func (r rows) participatedIDs(k *model.Kind, alias string, users []id.ID) Cond {
	link, record, c := r.part(k, users)
	return Cond{SQL: alias + ".`id` IN (SELECT " + record + " FROM " + link + " part WHERE " + c.SQL + ")", Args: c.Args}
}

// shares is the condition on the row of shares named share that it counts for one of grantees.
func (r rows) shares(grantees []id.ID, use ShareUse) Cond {
	c := Cond{
		SQL:  "share.`deleted_at` IS NULL AND (share.`expires_at` IS NULL OR share.`expires_at` > ?)",
		Args: []any{Moment{r.now}},
	}
	if use.edit {
		c.SQL += " AND share.`level` = 'EDIT'"
	}
	if use.field != "" {
		c.SQL += " AND (share.`fields` IS NULL OR INSTR(share.`fields`, ?) > 0)"
		c.Args = append(c.Args, "|"+use.field+"|")
	}
	who := oneOf("share", "grantee_id", grantees...)
	return Cond{SQL: who.SQL + " AND " + c.SQL, Args: append(who.Args, c.Args...)}
}

// shared is the condition that the row is shared with one of grantees.
func (r rows) shared(alias string, grantees []id.ID, use ShareUse) Cond {
	c := r.shares(grantees, use)
	return Cond{
		SQL:  "EXISTS (SELECT 1 FROM `shares` share WHERE share.`record_id` = " + alias + ".`id` AND " + c.SQL + ")",
		Args: c.Args,
	}
}

// sharedIDs is the same, led by the shares.
func (r rows) sharedIDs(alias string, grantees []id.ID, use ShareUse) Cond {
	c := r.shares(grantees, use)
	return Cond{SQL: alias + ".`id` IN (SELECT share.`record_id` FROM `shares` share WHERE " + c.SQL + ")", Args: c.Args}
}
