package customer

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// Match is somebody who may be calling.
type Match struct {
	ID          id.ID
	Main        bool      // it is the main number
	LastContact time.Time // as far as the asker may know; zero for never
	open        bool      // of a lead: something may come of it
}

// Caller is the answer of LookUp.
type Caller struct {
	Number  string  // E.164
	Matches []Match // the likeliest first
	Leads   []id.ID // open leads among the matches, the newest first
	Notes   []id.ID // notes on the matches, the newest first
}

const (
	maxMatches = 10
	maxOpen    = 10
)

// callers are the kinds of those who call, the likeliest first.
var callers = []string{"Contact", "Account", "Lead"}

// LookUp finds who has a telephone number, as far as the asker sees the record and its numbers. region, an ISO 3166 country
// code, says how national numbers are read; "" leaves that to the asker's locale. It runs one statement for each kind and one
// more, however many records there are.
func LookUp(ctx context.Context, tx *db.Tx, w *write.Writer, number, region string) (Caller, error) {
	l := &lookUp{tx: tx, set: w.Set, a: access.From(ctx), now: w.Clock.Now()}
	var problem string
	if l.out.Number, problem = write.FormatPhone(number, cmp.Or(region, regionOf(l.a.Locale))); problem != "" || l.out.Number == "" {
		var p fault.Violations
		p.Add([]any{"phone"}, "FORMAT", "This is not a telephone number in international form.")
		return Caller{}, p.Err()
	}
	for _, name := range callers {
		if err := l.find(ctx, w.Set.Kind(name)); err != nil {
			return Caller{}, err
		}
	}
	l.rank()
	if err := l.notes(ctx); err != nil {
		return Caller{}, err
	}
	l.leads()
	return l.out, nil
}

// regionOf returns the country that a locale names, "" when it names none.
func regionOf(locale string) string {
	tag, err := language.Parse(locale)
	if err != nil {
		return ""
	}
	region, confidence := tag.Region()
	if confidence != language.Exact {
		return ""
	}
	return region.String()
}

type lookUp struct {
	tx  *db.Tx
	set *model.Set
	a   *access.Actor
	now time.Time
	out Caller
}

// shown is the condition under which a field of the row t, in sight, shows to the asker.
func (l *lookUp) shown(k *model.Kind, field string) access.Cond {
	c, whole := l.a.FieldCond(l.set, k, k.Field(field), "t", l.now)
	if whole {
		return access.Cond{}
	}
	return c
}

func (l *lookUp) find(ctx context.Context, k *model.Kind) error {
	cond := access.And(access.Cond{SQL: "p.`number` = ? AND t.`deleted_at` IS NULL", Args: []any{l.out.Number}},
		l.a.Sight(l.set, k, "t", access.Read, l.now), l.shown(k, "phones"))
	if cond.IsFalse() {
		return nil
	}
	last := access.Cond{SQL: "t.`last_activity_at`"}
	switch c := l.shown(k, "lastActivityAt"); {
	case c.IsFalse():
		last = access.Cond{SQL: "NULL"}
	case !c.IsTrue():
		last = access.Cond{SQL: "CASE WHEN " + c.SQL + " THEN t.`last_activity_at` END", Args: c.Args}
	}
	open := access.Cond{SQL: "1=1"}
	if k.Name == "Lead" {
		open = l.openLead()
	}
	args := append(append(slices.Clone(last.Args), open.Args...), cond.Args...)
	rows, err := l.tx.QueryContext(ctx, "SELECT t.`id`, p.`main`, "+last.SQL+", COALESCE(("+open.SQL+"), 0) FROM `record_phones` p JOIN `"+k.Table+"` t ON t.`id` = p.`record_id` WHERE "+cond.SQL+
		" ORDER BY p.`main` DESC, t.`id` DESC LIMIT ?", append(args, maxMatches)...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var m Match
		var at sql.NullTime
		if err := rows.Scan(&m.ID, &m.Main, &at, &m.open); err != nil {
			return err
		}
		if at.Valid {
			m.LastContact = at.Time.UTC()
		}
		l.out.Matches = append(l.out.Matches, m)
	}
	return rows.Err()
}

// openLead is the condition that something may come of the lead t, which takes its status to show.
func (l *lookUp) openLead() access.Cond {
	return access.And(l.shown(l.set.Kind("Lead"), "status"), access.Cond{SQL: "t.`status` IN ('NEW', 'WORKING', 'QUALIFIED')"})
}

// rank orders the matches: people before firms before leads, but leads that are done with last; of each kind those first
// whose main number it is, and with whom there was contact last.
func (l *lookUp) rank() {
	weight := func(m Match) int {
		n := slices.Index(callers, l.set.Of(m.ID).Name)
		if callers[n] == "Lead" && !m.open {
			n++
		}
		return n
	}
	main := func(m Match) int {
		if m.Main {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(l.out.Matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(main(a), main(b)), b.LastContact.Compare(a.LastContact), b.ID.Compare(a.ID))
	})
	l.out.Matches = l.out.Matches[:min(len(l.out.Matches), maxMatches)]
}

// of returns the ids of the matches of a kind.
func (l *lookUp) of(kind string) []any {
	var ids []any
	for _, m := range l.out.Matches {
		if l.set.Of(m.ID).Name == kind {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// notes finds the newest notes on the matches. A note is contact as well. The notes of each kind of match are a branch of
// their own, so that an index finds them.
func (l *lookUp) notes(ctx context.Context) error {
	k := l.set.Kind("Note")
	sight := access.And(access.Cond{SQL: "t.`deleted_at` IS NULL"}, l.a.Sight(l.set, k, "t", access.Read, l.now))
	var branches []string
	var args []any
	for _, name := range callers {
		f, ids := k.Field(l.set.Kind(name).Single), l.of(name)
		if len(ids) == 0 {
			continue
		}
		column := "t.`" + f.Column + "`"
		cond := access.And(access.Cond{SQL: column + " IN (?" + strings.Repeat(",?", len(ids)-1) + ")", Args: ids}, sight, l.shown(k, f.Name))
		if cond.IsFalse() {
			continue
		}
		branches = append(branches, "SELECT * FROM (SELECT t.`id`, t.`created_at`, "+column+" FROM `notes` t WHERE "+cond.SQL+" ORDER BY t.`created_at` DESC, t.`id` DESC LIMIT ?) n"+f.Column)
		args = append(append(args, cond.Args...), maxOpen)
	}
	if branches == nil {
		return nil
	}
	rows, err := l.tx.QueryContext(ctx, strings.Join(branches, " UNION ALL ")+" ORDER BY 2 DESC, 1 DESC LIMIT ?", append(args, maxOpen)...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x, subject id.ID
		var at time.Time
		if err := rows.Scan(&x, &at, &subject); err != nil {
			return err
		}
		l.out.Notes = append(l.out.Notes, x)
		for i := range l.out.Matches {
			if m := &l.out.Matches[i]; m.ID == subject && at.After(m.LastContact) {
				m.LastContact = at.UTC()
			}
		}
	}
	return rows.Err()
}

// leads lists the open leads among the matches.
func (l *lookUp) leads() {
	for _, m := range l.out.Matches {
		if m.open && l.set.Of(m.ID).Name == "Lead" {
			l.out.Leads = append(l.out.Leads, m.ID)
		}
	}
	slices.SortFunc(l.out.Leads, func(a, b id.ID) int { return b.Compare(a) })
}
