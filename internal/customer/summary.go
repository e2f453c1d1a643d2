package customer

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/money"
	"farley/internal/read"
)

// Summaries answer the field summary of the kinds of customers: figures about a record, each as far as the reader may know
// it. All figures that are selected are read with one statement, for all records of a list at once.
type Summaries struct {
	Set   *model.Set
	Clock clock.Clock
	Read  *read.Engine // set before the first summary is read
	Book  *money.Book

	// Figures are what a summary has, beside those of the other areas.
	Figures []Figure
}

// Figure is one figure of a summary: a column of the statement over the records, which are the rows p.
type Figure struct {
	Name string   // field of the SDL type CustomerSummary
	On   []string // kinds of records that have it
	// At: the value is an instant; ID: the id of a record that is shown; else a number.
	At, ID bool
	// Of returns the SQL expression, which must be NULL on rows where the reader may not know the figure; false when he may
	// nowhere.
	Of func(s *Summing) (access.Cond, bool)
}

// Summing is the reading of summaries on its way into SQL.
type Summing struct {
	Set   *model.Set
	Actor *access.Actor
	Kind  *model.Kind // of the rows p
	Now   time.Time
}

// NewSummaries returns the summaries with the figures of this area.
func NewSummaries(set *model.Set, c clock.Clock, book *money.Book) *Summaries {
	return &Summaries{Set: set, Clock: c, Book: book, Figures: figures()}
}

const (
	lastContact  = "lastContactAt"
	nextActivity = "nextActivity"
	permissions  = "marketing"
	openAmount   = "openAmount"
)

func figures() []Figure {
	account, contact := []string{"Account"}, []string{"Contact"}
	both := []string{"Account", "Contact"}
	return []Figure{
		{Name: "lastActivityAt", On: both, At: true, Of: func(s *Summing) (access.Cond, bool) { return s.Own("lastActivityAt") }},
		{Name: "lastNoteAt", On: both, At: true, Of: func(s *Summing) (access.Cond, bool) { return s.Newest("notes", "createdAt") }},
		{Name: "notes", On: both, Of: func(s *Summing) (access.Cond, bool) { return s.Count("notes", "*") }},
		{Name: "convertedLeads", On: both, Of: func(s *Summing) (access.Cond, bool) { return s.Count("leads", "*") }},
		{Name: "openLeads", On: account, Of: func(s *Summing) (access.Cond, bool) { return s.openLeads("domain") }},
		{Name: "openLeads", On: contact, Of: func(s *Summing) (access.Cond, bool) { return s.openLeads("primaryEmail") }},
		{Name: "links", On: account, Of: func(s *Summing) (access.Cond, bool) { return s.current("accountContacts", "contact") }},
		{Name: "links", On: contact, Of: func(s *Summing) (access.Cond, bool) { return s.current("accountContacts", "account") }},
		{Name: "teamMembers", On: account, Of: func(s *Summing) (access.Cond, bool) { return s.current("accountTeam", "user") }},
		{Name: "stageSince", On: account, At: true, Of: func(s *Summing) (access.Cond, bool) {
			return s.Newest("stageHistory", "enteredAt", access.Cond{SQL: "t.`left_at` IS NULL"}, s.shown("StageHistory", "leftAt"))
		}},
		{Name: "openActivities", On: both, Of: func(s *Summing) (access.Cond, bool) {
			return s.Count("activities", "*", access.Cond{SQL: "t.`status` IN ('PLANNED', 'IN_PROGRESS')"}, s.shown("Activity", "status"))
		}},
		{Name: nextActivity, On: both, ID: true, Of: func(s *Summing) (access.Cond, bool) { return s.nextActivity() }},
		{Name: "openDeals", On: account, Of: func(s *Summing) (access.Cond, bool) {
			return s.Count("opportunities", "*", access.Cond{SQL: "t.`status` = 'OPEN'"}, s.shown("Opportunity", "status"))
		}},
		{Name: "openNeeds", On: contact, Of: func(s *Summing) (access.Cond, bool) {
			return s.Count("needs", "*", access.Cond{SQL: "t.`met_on` IS NULL"}, s.shown("Need", "metOn"))
		}},
	}
}

// Fields returns the computed fields.
func (s *Summaries) Fields() map[string]read.Computed {
	out := map[string]read.Computed{}
	for _, name := range []string{"Account", "Contact"} {
		k := s.Set.Kind(name)
		out[name+".summary"] = func(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
			return s.summaries(ctx, q, &Summing{Set: s.Set, Actor: a, Kind: k, Now: s.Clock.Now()}, f, ids)
		}
	}
	return out
}

func (s *Summaries) summaries(ctx context.Context, q db.Querier, sum *Summing, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	out := make(map[id.ID]any, len(ids))
	values := make(map[id.ID]map[string]any, len(ids))
	for _, x := range ids {
		values[x] = map[string]any{}
		out[x] = values[x]
	}
	selected := func(name string) bool { return s.Read.Selects(ctx, f, name) }
	var wanted []Figure
	for _, fig := range s.Figures {
		name := fig.Name
		if name == "lastActivityAt" || name == "lastNoteAt" {
			name = lastContact
		}
		if slices.Contains(fig.On, sum.Kind.Name) && selected(name) {
			wanted = append(wanted, fig)
		}
	}
	if err := sum.read(ctx, q, wanted, values); err != nil {
		return nil, err
	}
	for _, v := range values {
		if at := later(v["lastActivityAt"], v["lastNoteAt"]); !at.IsZero() {
			v[lastContact] = at
		}
	}
	if err := s.showNext(ctx, q, sum.Actor, f, values); err != nil {
		return nil, err
	}
	if sum.Kind.Name == "Account" && selected(openAmount) {
		if err := s.openAmounts(ctx, q, sum, values); err != nil {
			return nil, err
		}
	}
	if sum.Kind.Name == "Contact" && selected(permissions) {
		return out, sum.marketing(ctx, q, values)
	}
	return out, nil
}

// showNext puts activities in the place of their ids, as the reader sees them.
func (s *Summaries) showNext(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, values map[id.ID]map[string]any) error {
	var ids []id.ID
	for _, v := range values {
		if x, ok := v[nextActivity].(id.ID); ok {
			ids = append(ids, x)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	shown, err := s.Read.Inside(ctx, q, a, f, nextActivity, ids)
	for _, v := range values {
		if x, ok := v[nextActivity].(id.ID); ok {
			v[nextActivity] = shown[x]
		}
	}
	return err
}

func later(a, b any) time.Time {
	x, _ := a.(time.Time)
	y, _ := b.(time.Time)
	if y.After(x) {
		return y
	}
	return x
}

// read reads figures of all records with one statement.
func (s *Summing) read(ctx context.Context, q db.Querier, figures []Figure, into map[id.ID]map[string]any) error {
	var b strings.Builder
	var args []any
	var kept []Figure
	b.WriteString("SELECT p.`id`")
	for _, f := range figures {
		c, ok := f.Of(s)
		if !ok {
			continue
		}
		b.WriteString(", " + c.SQL)
		args, kept = append(args, c.Args...), append(kept, f)
	}
	if kept == nil {
		return nil
	}
	b.WriteString(s.from(into, &args))
	return db.Each(ctx, q, b.String(), args, func(rows *sql.Rows) error {
		var x id.ID
		dests := []any{&x}
		for _, f := range kept {
			switch {
			case f.At:
				dests = append(dests, &read.Instant{})
			case f.ID:
				dests = append(dests, &id.ID{})
			default:
				dests = append(dests, &sql.NullInt64{})
			}
		}
		if err := rows.Scan(dests...); err != nil {
			return err
		}
		for i, f := range kept {
			switch v := dests[i+1].(type) {
			case *read.Instant:
				if !v.IsZero() {
					into[x][f.Name] = v.Time
				}
			case *id.ID:
				if !v.IsZero() {
					into[x][f.Name] = *v
				}
			case *sql.NullInt64:
				if v.Valid {
					into[x][f.Name] = v.Int64
				}
			}
		}
		return nil
	})
}

// from is the FROM of a statement over the records.
func (s *Summing) from(of map[id.ID]map[string]any, args *[]any) string {
	for x := range of {
		*args = append(*args, x)
	}
	return " FROM `" + s.Kind.Table + "` p WHERE p.`id` IN (?" + strings.Repeat(", ?", len(of)-1) + ")"
}

// shownOn is the condition under which a field of the row that alias names, in sight, shows to the reader.
func (s *Summing) shownOn(alias string, k *model.Kind, field string) access.Cond {
	c, whole := s.Actor.FieldCond(s.Set, k, k.Field(field), alias, s.Now)
	if whole {
		return access.Cond{}
	}
	return c
}

func (s *Summing) shown(kind, field string) access.Cond {
	return s.shownOn("t", s.Set.Kind(kind), field)
}

// Own is the value of a field of the record itself.
func (s *Summing) Own(field string) (access.Cond, bool) {
	c := s.shownOn("p", s.Kind, field)
	return when(c, access.Cond{SQL: "p.`" + s.Kind.Field(field).Column + "`"})
}

// when is an expression, NULL where a condition does not hold; false when it never does.
func when(c, expr access.Cond) (access.Cond, bool) {
	switch {
	case c.IsFalse():
		return c, false
	case c.IsTrue():
		return expr, true
	}
	return access.Cond{SQL: "CASE WHEN " + c.SQL + " THEN " + expr.SQL + " END", Args: append(append([]any{}, c.Args...), expr.Args...)}, true
}

// related is the condition on the rows t of a to-many relation of the record, in sight and not in the bin, and the condition
// on the record under which the relation shows.
func (s *Summing) related(relation string, more []access.Cond) (k *model.Kind, rows, open access.Cond) {
	f := s.Kind.Field(relation)
	k = s.Set.Kind(f.Target)
	if !s.Actor.Policy.Readable(k) {
		return k, never, never
	}
	rows = access.And(append([]access.Cond{
		{SQL: "t.`" + k.Field(f.Back).Column + "` = p.`id` AND t.`deleted_at` IS NULL"}, s.Actor.Sight(s.Set, k, "t", access.Read, s.Now), s.shownOn("t", k, f.Back),
	}, more...)...)
	return k, rows, s.shownOn("p", s.Kind, relation)
}

var never = access.Cond{SQL: "1=0"}

// Count is the number of records of a to-many relation in sight that meet conditions on the row t; of is "*", or the
// expression whose different values are counted.
func (s *Summing) Count(relation, of string, more ...access.Cond) (access.Cond, bool) {
	k, rows, open := s.related(relation, more)
	if rows.IsFalse() {
		return rows, false
	}
	return when(open, access.Cond{SQL: "(SELECT COUNT(" + of + ") FROM `" + k.Table + "` t WHERE " + rows.SQL + ")", Args: rows.Args})
}

// Newest is the latest value of an instant of the records of a to-many relation in sight.
func (s *Summing) Newest(relation, at string, more ...access.Cond) (access.Cond, bool) {
	k := s.Set.Kind(s.Kind.Field(relation).Target)
	column := "t.`" + k.Field(at).Column + "`"
	_, rows, open := s.related(relation, append([]access.Cond{s.shownOn("t", k, at)}, more...))
	if rows.IsFalse() {
		return rows, false
	}
	return when(open, access.Cond{SQL: "(SELECT " + column + " FROM `" + k.Table + "` t WHERE " + rows.SQL + " ORDER BY " + column + " DESC LIMIT 1)", Args: rows.Args})
}

// nextActivity is the open activity with the record that comes next.
func (s *Summing) nextActivity() (access.Cond, bool) {
	k := s.Set.Kind("Activity")
	const begins = "COALESCE(t.`start_at`, t.`due_at`)"
	_, rows, open := s.related("activities", []access.Cond{
		s.shownOn("t", k, "status"), s.shownOn("t", k, "startAt"), s.shownOn("t", k, "dueAt"),
		{SQL: "t.`status` IN ('PLANNED', 'IN_PROGRESS') AND " + begins + " >= ?", Args: []any{s.Now}},
	})
	if rows.IsFalse() {
		return rows, false
	}
	return when(open, access.Cond{SQL: "(SELECT t.`id` FROM `" + k.Table + "` t WHERE " + rows.SQL + " ORDER BY " + begins + ", t.`id` LIMIT 1)", Args: rows.Args})
}

// current counts those whom links lead to that hold today.
func (s *Summing) current(relation, other string) (access.Cond, bool) {
	k := s.Set.Kind(s.Kind.Field(relation).Target)
	today := access.Day(s.Now)
	return s.Count(relation, "DISTINCT t.`"+k.Field(other).Column+"`",
		access.Cond{SQL: "(t.`from_date` IS NULL OR t.`from_date` <= ?) AND (t.`to_date` IS NULL OR t.`to_date` >= ?)", Args: []any{today, today}},
		s.shownOn("t", k, "fromDate"), s.shownOn("t", k, "toDate"), s.shownOn("t", k, other))
}

// openLeads counts the open leads with the same value of a field.
func (s *Summing) openLeads(field string) (access.Cond, bool) {
	k := s.Set.Kind("Lead")
	column := "`" + k.Field(field).Column + "`"
	if !s.Actor.Policy.Readable(k) {
		return never, false
	}
	rows := access.And(access.Cond{SQL: "t." + column + " = p." + column + " AND t.`status` IN ('NEW', 'WORKING', 'QUALIFIED') AND t.`deleted_at` IS NULL"},
		s.Actor.Sight(s.Set, k, "t", access.Read, s.Now), s.shownOn("t", k, field), s.shownOn("t", k, "status"))
	if rows.IsFalse() {
		return rows, false
	}
	return when(s.shownOn("p", s.Kind, field), access.Cond{SQL: "(SELECT COUNT(*) FROM `leads` t WHERE " + rows.SQL + ")", Args: rows.Args})
}

// marketing says by which channels persons may be addressed with offers: as MayContact says it, for many at once. What Ask
// refuses is missing here.
func (s *Summing) marketing(ctx context.Context, q db.Querier, into map[id.ID]map[string]any) error {
	consents := s.Set.Kind("Consent")
	for _, name := range []string{"channel", "purpose", "status", "givenAt"} {
		if _, whole := s.Actor.FieldCond(s.Set, consents, consents.Field(name), "t", s.Now); !whole {
			return nil
		}
	}
	asked := access.And(s.shownOn("p", s.Kind, "consents"), s.shownOn("p", s.Kind, "doNotContact"),
		s.Actor.Within(s.Set, s.Kind, "p", s.Actor.Policy.Scopes(consents, access.Read), access.AnyShare, s.Now))
	if asked.IsFalse() {
		return nil
	}
	var args []any
	from := s.from(into, &args)
	stmt := "SELECT p.`id`, p.`do_not_contact`, w.`channel`, w.`status`" + strings.Replace(from, " p WHERE ",
		" p LEFT JOIN (SELECT t.`contact_id`, t.`channel`, t.`status`, ROW_NUMBER() OVER (PARTITION BY t.`contact_id`, t.`channel`"+
			" ORDER BY t.`given_at` DESC, CASE t.`status` WHEN 'WITHDRAWN' THEN 0 ELSE 1 END, t.`id` DESC) AS rn FROM `consents` t WHERE t.`purpose` = '"+marketing+
			"' AND t.`deleted_at` IS NULL AND t.`contact_id` IN (?"+strings.Repeat(", ?", len(into)-1)+")) w ON w.`contact_id` = p.`id` AND w.rn = 1 WHERE ", 1)
	args = append(slices.Clone(args), args...)
	if !asked.IsTrue() {
		stmt, args = stmt+" AND "+asked.SQL, append(args, asked.Args...)
	}
	said, never := map[id.ID]map[string]string{}, map[id.ID]bool{}
	err := db.Each(ctx, q, stmt, args, func(rows *sql.Rows) error {
		var x id.ID
		var no bool
		var channel, status sql.NullString
		if err := rows.Scan(&x, &no, &channel, &status); err != nil {
			return err
		}
		if said[x] == nil {
			said[x], never[x] = map[string]string{}, no
		}
		said[x][channel.String] = status.String
		return nil
	})
	for x, channels := range said {
		list := []any{}
		for _, channel := range consents.Field("channel").Values {
			allowed, because := decide(never[x], channels[channel], channel, marketing)
			list = append(list, map[string]any{"channel": channel, "allowed": allowed, "because": string(because)})
		}
		into[x][permissions] = list
	}
	return err
}
