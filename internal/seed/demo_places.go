package seed

import (
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// demoBranches are the firm's offices, by the key of the team that works there; the root's people sit in Riyadh.
var demoBranches = []struct{ team, name, country, zone string }{
	{"riyadh", "Riyadh office", "SA", riyadh},
	{"dubai", "Dubai office", "AE", dubai},
	{"london", "London office", "GB", london},
}

// demoTerritories are the parts of the firm's market, those above first. Rules are a country and regions of it; members
// are keys of demoUsers.
var demoTerritories = []struct {
	key, name, parent string
	countries         []string
	regions           []string // of the one country
	members           []string
}{
	{key: "gulf", name: "Gulf states", countries: []string{"AE", "KW", "BH", "QA", "OM"}, members: []string{"dubai_manager"}},
	{key: "saudi", name: "Saudi Arabia", parent: "gulf", countries: []string{"SA"}, members: []string{"regional_manager"}},
	{key: "centre", name: "Riyadh and the centre", parent: "saudi", countries: []string{"SA"}, regions: []string{"Riyadh", "Qassim"}, members: []string{"sales_rep"}},
	{key: "west", name: "Western region", parent: "saudi", countries: []string{"SA"}, regions: []string{"Makkah", "Madinah"}, members: []string{"abdullah"}},
	{key: "east", name: "Eastern Province", parent: "saudi", countries: []string{"SA"}, regions: []string{"Eastern Province"}},
	{key: "egypt", name: "Egypt", countries: []string{"EG"}},
	{key: "europe", name: "Europe", countries: []string{"FR", "NL", "BE", "AT", "CH"}, members: []string{"london_manager"}},
	{key: "uk", name: "United Kingdom", parent: "europe", countries: []string{"GB"}},
	{key: "germany", name: "Germany", parent: "europe", countries: []string{"DE"}},
}

// placeBatch makes branches and territories, as far as an attempt that was cut short has not left them.
func (f *firm) placeBatch() *batch {
	b := &batch{what: "branches and territories", maker: f.users["administrator"]}
	for _, o := range demoBranches {
		if f.left[o.name] {
			continue
		}
		c := countries[o.country]
		b.add("Branch", input.Object{
			"id": f.branches[o.team].String(), "name": o.name, "addresses": f.addresses(c.cities[0], &c, 0), "phones": []any{f.number(c.phones)}, "timeZone": o.zone,
		})
	}
	for i, t := range demoTerritories {
		if f.left[t.name] {
			continue
		}
		in := input.Object{"id": f.territories[t.key].String(), "name": t.name, "priority": int64(10 * (i + 1))}
		if t.parent != "" {
			in["parent"] = f.territories[t.parent].String()
		}
		rules := []any{}
		for _, country := range t.countries {
			if len(t.regions) == 0 {
				rules = append(rules, map[string]any{"country": country})
			}
			for _, region := range t.regions {
				rules = append(rules, map[string]any{"country": country, "region": region})
			}
		}
		in["rules"] = rules
		b.add("Territory", in)
	}
	return b
}

// findPlaces looks up the branches and territories that are left of an attempt that was cut short: a second set of the
// same rules would never win.
func (f *firm) findPlaces(ctx context.Context, w *write.Writer) error {
	tx, err := w.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	found := map[string]id.ID{}
	rows, err := tx.QueryContext(ctx, "SELECT id, name FROM branches WHERE deleted_at IS NULL UNION ALL SELECT id, name FROM territories WHERE deleted_at IS NULL")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x id.ID
		var name string
		if err := rows.Scan(&x, &name); err != nil {
			return err
		}
		found[name] = x
	}
	for _, b := range demoBranches {
		if x, ok := found[b.name]; ok {
			f.branches[b.team], f.left[b.name] = x, true
		}
	}
	for _, t := range demoTerritories {
		if x, ok := found[t.name]; ok {
			f.territories[t.key], f.left[t.name] = x, true
		}
	}
	return rows.Err()
}

// branchOf returns the branch of a user, zero for outsiders.
func (f *firm) branchOf(user string) id.ID {
	team := f.office(user)
	if team == "root" {
		team = "riyadh"
	}
	return f.branches[team]
}

// staff gives the territories their members and the branches their managers, once there are users.
func (f *firm) staff(ctx context.Context, tx *write.Tx) error {
	for _, t := range demoTerritories {
		members := []any{}
		for _, key := range t.members {
			members = append(members, f.users[key].String())
		}
		if _, err := tx.Update(ctx, tx.Kinds().Kind("Territory"), f.territories[t.key], input.Object{"members": members}); err != nil {
			return err
		}
	}
	for _, t := range demoTeams {
		if f.branches[t.key].IsZero() {
			continue
		}
		in := input.Object{"manager": f.users[t.lead].String()}
		if _, err := tx.Update(ctx, tx.Kinds().Kind("Branch"), f.branches[t.key], in); err != nil {
			return err
		}
	}
	return nil
}

// regionalManager is a role of the firm's own, as others make theirs: a sales manager who answers for territories instead
// of a team.
const regionalManager = "regional_manager"

func (f *firm) regionalRole(ctx context.Context, tx *write.Tx) error {
	roles := selling()
	i := slices.IndexFunc(roles, func(d definition) bool { return d.key == "sales_manager" })
	d := roles[i]
	permissions := d.permissions(f.set)
	for i := range permissions {
		p := &permissions[i]
		if p.Scope != "ALL" && access.Fits(f.set, f.set.Kind(p.Object), access.TerritoryScope) {
			p.Scope = access.TerritoryScope.String()
		}
	}
	name, err := freeName(ctx, tx, f.regional, "regional manager")
	if err != nil {
		return err
	}
	return create(ctx, tx, record{"Role", input.Object{
		"id": f.regional.String(), "name": name, "description": "Leads the sales of a territory, whichever team sells there. A copy of sales manager.",
		"permissions": permissionInputs(permissions), "fieldLevels": levelInputs(d.fieldLevels(f.set)),
		"screens": []any{"pipeline.board", "reports.territories"},
	}})
}
