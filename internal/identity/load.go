package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/viewer"
)

// directory is the trees of teams and territories and of who reports to whom, and the fields that the firm has added. What is
// in the bin is in no tree.
type directory struct {
	generation       int64
	teamsBelow       map[id.ID][]id.ID // team → teams directly below
	members          map[id.ID][]id.ID // team → users
	reports          map[id.ID][]id.ID // user → users directly below
	territoriesBelow map[id.ID][]id.ID // territory → territories directly below
	territories      map[id.ID][]id.ID // user → territories the user is a member of
	custom           *model.Catalogue
}

// load reads a user with everything that his rights depend on, in one snapshot.
func (s *Service) load(ctx context.Context, user id.ID, now time.Time) (*access.Actor, time.Time, error) {
	s.mu.Lock()
	generation := s.generation // before the snapshot: what is forgotten meanwhile must not be remembered as it was
	s.mu.Unlock()
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, now, err
	}
	defer func() { _ = tx.Close() }()

	v := viewer.Viewer{User: user}
	var active bool
	var kind string
	var locale, zone sql.NullString
	err = tx.QueryRow(ctx, `SELECT u.name, u.kind, u.active, u.locale, u.time_zone, u.team_id, u.partner_account_id, u.contact_id, b.id FROM users u
		LEFT JOIN branches b ON b.id = u.branch_id AND b.deleted_at IS NULL WHERE u.id = ? AND u.deleted_at IS NULL`,
		[]any{user}, &v.Name, &kind, &active, &locale, &zone, &v.Team, &v.PartnerAccount, &v.Contact, &v.Branch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !active {
		return nil, now, errInactive
	}
	if err != nil {
		return nil, now, err
	}
	v.Kind, v.Locale, v.TimeZone = viewer.Kind(kind), locale.String, zone.String
	if v.Kind != viewer.Partner {
		v.PartnerAccount = id.ID{}
	}
	if v.Kind != viewer.Portal {
		v.Contact = id.ID{}
	}
	until := now.Add(keepFor)
	roles, until, err := readRoles(ctx, tx, user, now, until)
	if err != nil {
		return nil, now, err
	}
	for _, r := range roles {
		x, err := id.Parse(r.ID)
		if err != nil {
			return nil, now, err
		}
		v.Roles = append(v.Roles, x)
	}
	dir, err := s.tree(ctx, tx, generation)
	if err != nil {
		return nil, now, err
	}
	dir.fill(&v)
	if !v.Contact.IsZero() {
		v.SelfAccounts, err = readIDs(ctx, tx, "SELECT account_id FROM account_contacts WHERE contact_id = ? AND deleted_at IS NULL ORDER BY account_id", v.Contact)
		if err != nil {
			return nil, now, err
		}
	}
	if v.LimitedShares, err = limitedShares(ctx, tx, &v); err != nil {
		return nil, now, err
	}
	policy, err := s.policy(dir.custom, roles)
	if err != nil {
		return nil, now, err
	}
	v.Epoch = epoch(&v, policy)
	return &access.Actor{Viewer: v, Policy: policy}, until, nil
}

// maxPolicies bounds how many combinations of roles are kept compiled.
const maxPolicies = 256

// compiled is a policy that is kept, with the fields that it was compiled with.
type compiled struct {
	custom *model.Catalogue
	policy *access.Policy
}

// policy compiles roles, or returns what they were compiled to before: everybody who has the same roles has the same policy, again
// and again, which the plans of reading are kept by.
func (s *Service) policy(custom *model.Catalogue, roles []access.Role) (*access.Policy, error) {
	said, err := json.Marshal(roles)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(said)
	if c, ok := s.policies.Get(key); ok && c.custom == custom {
		return c.policy, nil
	}
	p := access.CompileWith(s.set, custom, roles)
	s.policies.Add(key, compiled{custom, p})
	return p, nil
}

// readRoles returns the roles of a user, and when the first of their grants ends, if that is before until.
func readRoles(ctx context.Context, tx *db.Tx, user id.ID, now, until time.Time) ([]access.Role, time.Time, error) {
	rows, err := tx.QueryContext(ctx, `SELECT r.id, r.name, r.permissions, r.field_levels, r.screens, g.valid_until FROM role_grants g
		JOIN roles r ON r.id = g.role_id WHERE g.user_id = ? AND g.deleted_at IS NULL AND r.deleted_at IS NULL ORDER BY r.id`, user)
	if err != nil {
		return nil, until, err
	}
	defer func() { _ = rows.Close() }()
	var roles []access.Role
	for rows.Next() {
		var x id.ID
		var r access.Role
		var permissions, levels, screens sql.NullString
		var ends sql.NullTime
		if err := rows.Scan(&x, &r.Name, &permissions, &levels, &screens, &ends); err != nil {
			return nil, until, err
		}
		if ends.Valid {
			if !ends.Time.After(now) {
				continue
			}
			if ends.Time.Before(until) {
				until = ends.Time
			}
		}
		r.ID = x.String()
		if err := parse(permissions, &r.Permissions); err != nil {
			return nil, until, fmt.Errorf("role %s: permissions: %w", r.ID, err)
		}
		if err := parse(levels, &r.Fields); err != nil {
			return nil, until, fmt.Errorf("role %s: field levels: %w", r.ID, err)
		}
		if err := parse(screens, &r.Screens); err != nil {
			return nil, until, fmt.Errorf("role %s: screens: %w", r.ID, err)
		}
		roles = append(roles, r)
	}
	return roles, until, rows.Err()
}

func parse(s sql.NullString, into any) error {
	if !s.Valid || s.String == "" {
		return nil
	}
	return json.Unmarshal([]byte(s.String), into)
}

// tree returns the directory, from memory while nothing has changed. The transaction was begun in the generation.
func (s *Service) tree(ctx context.Context, tx *db.Tx, generation int64) (*directory, error) {
	s.mu.Lock()
	dir := s.directory
	s.mu.Unlock()
	if dir != nil {
		return dir, nil
	}
	dir = &directory{
		generation: generation, teamsBelow: map[id.ID][]id.ID{}, members: map[id.ID][]id.ID{}, reports: map[id.ID][]id.ID{},
		territoriesBelow: map[id.ID][]id.ID{}, territories: map[id.ID][]id.ID{},
	}
	for _, list := range []struct {
		query string
		into  map[id.ID][]id.ID
	}{
		{"SELECT parent_id, id FROM teams WHERE deleted_at IS NULL AND parent_id IS NOT NULL ORDER BY id", dir.teamsBelow},
		{"SELECT team_id, id FROM users WHERE team_id IS NOT NULL ORDER BY id", dir.members},
		{"SELECT manager_id, id FROM users WHERE manager_id IS NOT NULL ORDER BY id", dir.reports},
		{"SELECT parent_id, id FROM territories WHERE deleted_at IS NULL AND parent_id IS NOT NULL ORDER BY id", dir.territoriesBelow},
		{`SELECT m.user_id, m.territory_id FROM territory_members m JOIN territories t ON t.id = m.territory_id
			WHERE m.deleted_at IS NULL AND t.deleted_at IS NULL ORDER BY m.id`, dir.territories},
	} {
		if err := pairs(ctx, tx, list.query, list.into); err != nil {
			return nil, err
		}
	}
	var err error
	if dir.custom, err = customFields(ctx, tx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation == generation {
		s.directory = dir
	}
	return dir, nil
}

// customFields reads the definitions of the fields that the firm has added.
func customFields(ctx context.Context, tx *db.Tx) (*model.Catalogue, error) {
	rows, err := tx.QueryContext(ctx, "SELECT `id`, `object`, `key`, `type`, `target`, `position`, `sensitive` FROM `custom_fields` WHERE `deleted_at` IS NULL ORDER BY `id`")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	fields := map[string][]*model.Field{}
	for rows.Next() {
		var c model.Custom
		var object string
		var target sql.NullString
		var position sql.NullInt64
		var sensitive bool
		if err := rows.Scan(&c.ID, &object, &c.Key, &c.Type, &target, &position, &sensitive); err != nil {
			return nil, err
		}
		c.Target, c.Position = target.String, position.Int64
		fields[object] = append(fields[object], model.NewCustom(c, sensitive))
	}
	return model.NewCatalogue(fields), rows.Err()
}

func pairs(ctx context.Context, tx *db.Tx, query string, into map[id.ID][]id.ID) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var above, below id.ID
		if err := rows.Scan(&above, &below); err != nil {
			return err
		}
		into[above] = append(into[above], below)
	}
	return rows.Err()
}

// fill sets the teams, reports and territories of a viewer.
func (d *directory) fill(v *viewer.Viewer) {
	if !v.Team.IsZero() {
		v.Teams = closure([]id.ID{v.Team}, d.teamsBelow)
	}
	if mine := d.territories[v.User]; len(mine) > 0 {
		v.Territories = closure(mine, d.territoriesBelow)
	}
	below := slices.Clone(d.reports[v.User])
	for _, team := range v.Teams {
		below = append(below, d.members[team]...)
	}
	all := closure(below, d.reports)
	v.Reports = slices.DeleteFunc(all, func(x id.ID) bool { return x == v.User })
}

// closure returns everything reachable from the starts, starts included, sorted.
func closure(starts []id.ID, next map[id.ID][]id.ID) []id.ID {
	seen := map[id.ID]bool{}
	queue := slices.Clone(starts)
	for len(queue) > 0 {
		x := queue[0]
		queue = queue[1:]
		if seen[x] {
			continue
		}
		seen[x] = true
		queue = append(queue, next[x]...)
	}
	out := make([]id.ID, 0, len(seen))
	for x := range seen {
		out = append(out, x)
	}
	slices.SortFunc(out, id.ID.Compare)
	return out
}

func readIDs(ctx context.Context, tx *db.Tx, query string, args ...any) ([]id.ID, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return slices.Compact(out), rows.Err()
}

func limitedShares(ctx context.Context, tx *db.Tx, v *viewer.Viewer) (bool, error) {
	grantees := v.Grantees()
	args := make([]any, len(grantees))
	for i, g := range grantees {
		args[i] = g
	}
	ids, err := readIDs(ctx, tx, "SELECT id FROM shares WHERE deleted_at IS NULL AND fields IS NOT NULL AND grantee_id IN (?"+
		strings.Repeat(", ?", len(args)-1)+") LIMIT 1", args...)
	return len(ids) > 0, err
}

// epoch hashes what decides which rows and fields are in sight. A release that adds to the model leaves it as it is, so that
// the cursors of all clients survive it.
func epoch(v *viewer.Viewer, p *access.Policy) string {
	h := sha256.New()
	fmt.Fprintln(h, p.Rights(), v.Kind, v.User, v.Team, v.PartnerAccount, v.Contact, v.Branch)
	for _, list := range [][]id.ID{v.Teams, v.Reports, v.SelfAccounts, v.Territories} {
		fmt.Fprintln(h, len(list))
		for _, x := range list {
			h.Write(x[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
