package oidc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/text"
	"farley/internal/write"
)

// maxRaces bounds the tries against other requests that bring the same user for the first time.
const maxRaces = 5

// errRace ends a try that another request was faster than.
var errRace = errors.New("oidc: somebody else made it just now")

// person is what admitting asks of a user.
type person struct {
	kind   string
	email  string
	active bool // and not in the bin
	since  time.Time
}

// admits reports whether a token issued to the user at the instant counts.
func (p person) admits(issuedAt time.Time) bool { return p.active && !issuedAt.Before(p.since) }

// readPerson reads a user. One who does not exist is not active.
func readPerson(ctx context.Context, q db.Querier, user id.ID, lock string) (person, error) {
	var p person
	var since sql.NullTime
	err := scan(ctx, q, "SELECT kind, email, active, tokens_since FROM users WHERE id = ? AND deleted_at IS NULL"+lock, []any{user},
		&p.kind, &p.email, &p.active, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return person{}, nil
	}
	if since.Valid {
		p.since = since.Time.UTC()
	}
	return p, err
}

// scan reads one row.
func scan(ctx context.Context, q db.Querier, query string, args []any, dest ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// link is the row that ties a subject of an issuer to a user.
type link struct {
	user id.ID
	// decided is when the token was issued that last decided on roles.
	decided time.Time
}

// readLink finds the user of a subject; a zero link says that there is none.
func readLink(ctx context.Context, q db.Querier, issuer, subject string) (link, error) {
	var l link
	var decided sql.NullTime
	err := scan(ctx, q, "SELECT user_id, roles_at FROM outside_identities WHERE issuer = ? AND subject = ?", []any{issuer, subject}, &l.user, &decided)
	if errors.Is(err, sql.ErrNoRows) {
		return link{}, nil
	}
	if decided.Valid {
		l.decided = decided.Time.UTC()
	}
	return l, err
}

// admit returns the user that a statement is about. Only a statement that changes something costs a write.
func (s *Service) admit(ctx context.Context, i *trusted, st statement) (id.ID, error) {
	user, err := s.settled(ctx, i, st)
	if err != nil || !user.IsZero() {
		return user, err
	}
	for range maxRaces {
		err = s.write.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
			user, err = i.settle(ctx, tx, st)
			return err
		})
		if !errors.Is(err, errRace) {
			break
		}
	}
	if errors.Is(err, errRace) {
		return id.ID{}, fault.Wrap(fault.Conflict, err, "Somebody else is writing the same record. Try again.")
	}
	if err != nil {
		return id.ID{}, err
	}
	s.changed()
	return user, nil
}

// settled returns the user when the statement changes nothing; the zero id when it does. What is refused is refused here
// already, so that nobody takes the lock of writers by tokens that lead nowhere.
func (s *Service) settled(ctx context.Context, i *trusted, st statement) (id.ID, error) {
	tx, err := s.write.DB.Snapshot(ctx)
	if err != nil {
		return id.ID{}, err
	}
	defer func() { _ = tx.Close() }()
	l, err := readLink(ctx, tx, i.Issuer.Issuer, st.subject)
	if err != nil {
		return id.ID{}, err
	}
	linked := !l.user.IsZero()
	if !linked {
		if l.user, _, err = i.lookUp(ctx, tx, st); err != nil || l.user.IsZero() {
			return id.ID{}, err
		}
	}
	p, err := readPerson(ctx, tx, l.user, "")
	if err != nil {
		return id.ID{}, err
	}
	if err := i.welcome(p, st); err != nil || !linked {
		return id.ID{}, err
	}
	plan, err := i.plan(ctx, tx, l, st, s.clock.Now())
	if err != nil || !plan.empty() {
		return id.ID{}, err
	}
	return l.user, nil
}

// welcome refuses users who may not come by this issuer.
func (i *trusted) welcome(p person, st statement) error {
	switch {
	case !p.admits(st.issuedAt):
		return refused("the user is not active, or has signed out everywhere")
	case p.kind != i.UserKind:
		return refused("the user is of a kind that the issuer does not vouch for")
	}
	return nil
}

// settle finds, links or makes the user and brings the roles in step, in the transaction.
func (i *trusted) settle(ctx context.Context, tx *write.Tx, st statement) (id.ID, error) {
	l, err := readLink(ctx, tx, i.Issuer.Issuer, st.subject)
	if err != nil {
		return id.ID{}, err
	}
	if l.user.IsZero() {
		if l.user, err = i.find(ctx, tx, st); err != nil {
			return id.ID{}, err
		}
	}
	// The lock on the user makes requests that bring the same user one after the other.
	if _, err := tx.Lock(ctx, tx.Kinds().Kind("User"), l.user); err != nil {
		return id.ID{}, err
	}
	p, err := readPerson(ctx, tx, l.user, tx.Dialect.ForUpdate())
	if err != nil {
		return id.ID{}, err
	}
	if err := i.welcome(p, st); err != nil {
		return id.ID{}, err
	}
	// What was read before the lock may have changed; what another request has committed meanwhile shows now.
	now, err := readLink(ctx, tx, i.Issuer.Issuer, st.subject)
	if err != nil {
		return id.ID{}, err
	}
	if now.user.IsZero() {
		if err := i.tie(ctx, tx, l.user, st); err != nil {
			return id.ID{}, err
		}
	} else if now.user != l.user {
		return id.ID{}, errRace
	}
	l.decided = now.decided
	plan, err := i.plan(ctx, tx, l, st, tx.Now)
	if err != nil {
		return id.ID{}, err
	}
	return l.user, plan.run(ctx, tx, i.Issuer.Issuer, st)
}

// find returns the user whose verified e-mail address the statement has, and makes one where that is configured.
func (i *trusted) find(ctx context.Context, tx *write.Tx, st statement) (id.ID, error) {
	user, email, err := i.lookUp(ctx, tx, st)
	if err != nil || !user.IsZero() {
		return user, err
	}
	return i.make(ctx, tx, email, st)
}

// lookUp returns the user whose verified e-mail address the statement has; the zero id where one is to be made with the
// address.
func (i *trusted) lookUp(ctx context.Context, q db.Querier, st statement) (user id.ID, email string, err error) {
	if st.email == "" {
		return user, "", refused("an unknown subject without a verified e-mail address")
	}
	email, problem := write.Format("EmailAddress", st.email)
	if problem != "" || !sameLocal(st.email, email) {
		return user, "", refused("an e-mail address that cannot be used")
	}
	var kept string
	// The key passes over accents and the like, as it must to keep addresses apart; here the address itself has to agree.
	err = scan(ctx, q, "SELECT id, email FROM users WHERE email_key = ? AND deleted_at IS NULL", []any{text.Fold(email)}, &user, &kept)
	switch {
	case err == nil && kept == email:
		return user, email, i.free(ctx, q, user, st)
	case err == nil:
		return id.ID{}, "", refused("another user has an e-mail address that looks the same")
	case !errors.Is(err, sql.ErrNoRows):
		return id.ID{}, "", err
	case !i.CreateUsers:
		return id.ID{}, "", refused("nobody has this e-mail address")
	case len(i.targets) > 0 && len(i.named(st)) == 0:
		return id.ID{}, "", refused("nobody has this e-mail address, and the token brings no role")
	}
	return id.ID{}, email, nil
}

// free refuses a user whom another subject of the issuer has. That this subject has him is no matter: another request may
// have been faster.
func (i *trusted) free(ctx context.Context, q db.Querier, user id.ID, st statement) error {
	var one int
	err := scan(ctx, q, "SELECT 1 FROM outside_identities WHERE issuer = ? AND user_id = ? AND subject <> ?", []any{i.Issuer.Issuer, user, st.subject}, &one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return refused("another subject of the issuer has this user")
}

// sameLocal reports whether the local parts differ in the case of ASCII letters at most. Lower case of other letters may
// be an ASCII letter (the Kelvin sign), which would be somebody else's address.
func sameLocal(given, stored string) bool {
	a, _, _ := strings.Cut(strings.TrimSpace(given), "@")
	b, _, _ := strings.Cut(stored, "@")
	lower := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, a)
	return lower == b
}

// make makes a user.
func (i *trusted) make(ctx context.Context, tx *write.Tx, email string, st statement) (id.ID, error) {
	o, err := tx.Create(ctx, tx.Kinds().Kind("User"), input.Object{"email": email, "name": displayName(st.name, email), "kind": i.UserKind}, "ALLOW")
	var f *fault.Error
	if errors.As(err, &f) && slices.ContainsFunc(f.Violations, func(v fault.Violation) bool { return v.Code == "TAKEN" }) {
		return id.ID{}, errRace // the same user, at the same moment
	}
	if fault.CodeOf(err) == fault.Invalid {
		return id.ID{}, fault.Wrap(fault.Unauthenticated, err, "The access token is not valid. Sign in again.")
	}
	return o.ID, err
}

// maxName is what a user's name takes, in characters.
const maxName = 200

// displayName makes a name fit for the field; without one the address has to do.
func displayName(name, email string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name)), " ")
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	if name == "" {
		return email
	}
	return name
}

// tie links a subject to a user, once and for good. Another subject of the issuer cannot have the same user.
func (i *trusted) tie(ctx context.Context, tx *write.Tx, user id.ID, st statement) error {
	if err := i.free(ctx, tx, user, st); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO outside_identities (issuer, subject, user_id, linked_at) VALUES (?, ?, ?, ?)",
		i.Issuer.Issuer, st.subject, user, tx.Now)
	if db.Clash(err) {
		return errRace
	}
	return err
}

// rolePlan is what has to happen to the role grants of a user.
type rolePlan struct {
	user id.ID
	give []id.ID // roles
	end  []id.ID // grants
}

func (p rolePlan) empty() bool { return len(p.give) == 0 && len(p.end) == 0 }

// plan compares the roles that the statement brings with the grants that the issuer made. Grants of others are left
// alone, except that one which has run out makes way for a role that the token brings.
func (i *trusted) plan(ctx context.Context, q db.Querier, l link, st statement, now time.Time) (rolePlan, error) {
	p := rolePlan{user: l.user}
	if st.issuedAt.Before(l.decided) {
		return p, nil // a younger token has said more
	}
	wanted, err := i.wanted(ctx, q, st)
	if err != nil {
		return p, err
	}
	held := map[id.ID]bool{}
	rows, err := q.QueryContext(ctx, "SELECT id, role_id, issuer, valid_until FROM role_grants WHERE user_id = ? AND deleted_at IS NULL ORDER BY id", l.user)
	if err != nil {
		return p, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var grant, role id.ID
		var issuer sql.NullString
		var until sql.NullTime
		if err := rows.Scan(&grant, &role, &issuer, &until); err != nil {
			return p, err
		}
		runs := !until.Valid || until.Time.After(now)
		switch {
		case wanted[role] && runs:
			held[role] = true
		case wanted[role], issuer.String == i.Issuer.Issuer:
			p.end = append(p.end, grant)
		}
	}
	if err := rows.Err(); err != nil {
		return p, err
	}
	for _, role := range slices.SortedFunc(maps.Keys(wanted), id.ID.Compare) {
		if !held[role] {
			p.give = append(p.give, role)
		}
	}
	return p, nil
}

// wanted returns the roles that a statement brings: what the map names, and of that what exists.
func (i *trusted) wanted(ctx context.Context, q db.Querier, st statement) (map[id.ID]bool, error) {
	found, err := roles(ctx, q, i.named(st))
	if err != nil {
		return nil, err
	}
	out := map[id.ID]bool{}
	for _, role := range found {
		out[role] = true
	}
	return out, nil
}

// named returns what the map has for the values of the statement, and nothing else: the one way from claims to roles.
func (i *trusted) named(st statement) []target {
	var out []target
	for _, value := range st.roles {
		if t, ok := i.targets[value]; ok && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// roles finds the roles of targets that exist.
func roles(ctx context.Context, q db.Querier, targets []target) (map[target]id.ID, error) {
	out := map[target]id.ID{}
	const chunk = 200 // databases bound the number of parameters
	for part := range slices.Chunk(targets, chunk) {
		ids, names := []any{id.ID{}}, []any{""} // never an empty list
		for _, t := range part {
			if t.name == "" {
				ids = append(ids, t.id)
			} else {
				names = append(names, t.name)
			}
		}
		query := "SELECT id, name_key FROM roles WHERE deleted_at IS NULL AND (id IN (?" + strings.Repeat(", ?", len(ids)-1) +
			") OR name_key IN (?" + strings.Repeat(", ?", len(names)-1) + "))"
		rows, err := q.QueryContext(ctx, query, append(ids, names...)...)
		if err != nil {
			return nil, err
		}
		err = each(rows, func() error {
			var role id.ID
			var name sql.NullString
			if err := rows.Scan(&role, &name); err != nil {
				return err
			}
			for _, t := range part {
				if t.name != "" && t.name == name.String || t.name == "" && t.id == role {
					out[t] = role
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func each(rows *sql.Rows, fn func() error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// missing returns the targets of an issuer that do not exist.
func (s *Service) missing(ctx context.Context, i *trusted) ([]error, error) {
	tx, err := s.write.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	found, err := roles(ctx, tx, slices.Collect(maps.Values(i.targets)))
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, value := range slices.Sorted(maps.Keys(i.targets)) {
		if t := i.targets[value]; !t.shipped && found[t].IsZero() {
			problems = append(problems, fmt.Errorf("roles: there is no role %q, which %q stands for", i.Roles[value], value))
		}
	}
	return problems, nil
}

// run ends and gives what the plan says, as Farley itself, and notes which token decided.
func (p rolePlan) run(ctx context.Context, tx *write.Tx, issuer string, st statement) error {
	if p.empty() {
		return nil
	}
	grants := tx.Kinds().Kind("RoleGrant")
	for _, grant := range p.end {
		if err := tx.Set(ctx, grants, grant, map[string]any{"deleted_at": tx.Now}); err != nil {
			return err
		}
	}
	for _, role := range p.give {
		if _, err := tx.Make(ctx, grants, map[string]any{"user_id": p.user, "role_id": role, "issuer": issuer}); err != nil {
			return fmt.Errorf("grant of an outside issuer: %w", err)
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE outside_identities SET roles_at = ? WHERE issuer = ? AND subject = ?", st.issuedAt, issuer, st.subject)
	return err
}
