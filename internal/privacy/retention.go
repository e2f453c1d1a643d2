package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// RetentionJob is the kind of the periodic job that follows the rules of retention.
const RetentionJob = "retention-rules"

const (
	retentionEvery = 24 * time.Hour
	candidates     = 200 // records that are looked up at once
)

// The actions of rules.
const (
	erases = "ERASE"
	bins   = "DELETE"
	clears = "CLEAR_FIELDS"
)

// rule is a retention rule as it is followed.
type rule struct {
	id     id.ID
	kind   *model.Kind
	basis  string // column
	now    time.Time
	before time.Time
	action string
	fields []*model.Field

	withoutConsent, leadStatus string
	exceptCustomers            bool
}

// read makes a rule of a stored record.
func (s *Service) read(x id.ID, values map[string]any) (*rule, error) {
	text := func(column string) string { v, _ := values[column].(string); return v }
	r := &rule{id: x, kind: s.Writer.Set.Kind(text("object")), action: text("action"), withoutConsent: text("without_consent_for"), leadStatus: text("lead_status")}
	r.exceptCustomers, _ = values["except_customers"].(bool)
	days, _ := values["days"].(int64)
	r.now = s.Writer.Clock.Now()
	r.before = r.now.AddDate(0, 0, -int(days))
	if r.kind == nil || r.kind.ByConst(text("basis")) == nil {
		return nil, fmt.Errorf("retention rule %s: no %s of %s", x, text("basis"), text("object"))
	}
	r.basis = r.kind.ByConst(text("basis")).Column
	var names []string
	if stored := text("fields"); stored != "" {
		if err := json.Unmarshal([]byte(stored), &names); err != nil {
			return nil, fmt.Errorf("retention rule %s: %w", x, err)
		}
	}
	for _, name := range names {
		if f := r.kind.ByConst(name); f != nil {
			r.fields = append(r.fields, f)
		}
	}
	return r, nil
}

// from is the part of a statement, from FROM on, that finds the records t to which the rule does something.
func (r *rule) from() (string, []any) {
	query := " FROM `" + r.kind.Table + "` t WHERE t.`" + r.basis + "` <= ?"
	if r.basis == "last_activity_at" {
		query = " FROM `" + r.kind.Table + "` t WHERE COALESCE(t.`last_activity_at`, t.`created_at`) <= ?"
	}
	args := []any{r.before}
	and := func(cond string, more ...any) { query, args = query+" AND "+cond, append(args, more...) }
	if r.basis == "deleted_at" {
		and("t.`deleted_at` IS NOT NULL")
	} else {
		and("t.`deleted_at` IS NULL")
	}
	if r.kind.Person {
		and("t.`erased_at` IS NULL")
		if column, value := r.kind.AboutIf(); column != "" && r.action == erases {
			and("t.`"+column+"` = ?", value)
		}
	}
	if r.action == clears {
		set := ""
		for i, f := range r.fields {
			if i > 0 {
				set += " OR "
			}
			set += "t.`" + f.Column + "` IS NOT NULL"
		}
		and("(" + set + ")")
	}
	r.conditions(and)
	return query, args
}

// conditions narrows a rule. One that the records cannot meet, because it is about another kind, leaves none.
func (r *rule) conditions(and func(cond string, args ...any)) {
	only := func(kind, cond string, args ...any) {
		if r.kind.Name != kind {
			cond, args = "1 = 0", nil
		}
		and(cond, args...)
	}
	if r.withoutConsent != "" {
		only("Contact", "COALESCE((SELECT c.`status` FROM `consents` c WHERE c.`contact_id` = t.`id` AND c.`purpose` = ? AND c.`deleted_at` IS NULL"+
			" ORDER BY c.`given_at` DESC, CASE c.`status` WHEN 'WITHDRAWN' THEN 0 ELSE 1 END, c.`id` DESC LIMIT 1), '') <> 'GRANTED'", r.withoutConsent)
	}
	if r.leadStatus != "" {
		only("Lead", "t.`status` = ?", r.leadStatus)
	}
	if !r.exceptCustomers {
		return
	}
	const customer = "%|CUSTOMER|%"
	switch r.kind.Name {
	case "Account":
		and("COALESCE(t.`kinds`, '') NOT LIKE ?", customer)
	case "Contact":
		and("NOT EXISTS (SELECT 1 FROM `account_contacts` l JOIN `accounts` a ON a.`id` = l.`account_id` WHERE l.`contact_id` = t.`id`"+
			" AND l.`deleted_at` IS NULL AND a.`deleted_at` IS NULL AND (l.`to_date` IS NULL OR l.`to_date` >= ?) AND a.`kinds` LIKE ?)", r.today(), customer)
	}
}

func (r *rule) today() string { return r.now.UTC().Format(time.DateOnly) }

// Preview is what a rule would do now.
type Preview struct {
	Count  int64
	Before time.Time
}

// Preview counts the records to which a rule would do something now, without regard to who asks.
func (s *Service) Preview(ctx context.Context, tx *db.Tx, x id.ID) (Preview, error) {
	k := s.Writer.Set.Kind("RetentionRule")
	values, err := s.Read.Values(ctx, tx, k, []id.ID{x})
	if err != nil {
		return Preview{}, err
	}
	if x.Kind() != k.Code || values[x] == nil || values[x]["deleted_at"] != nil {
		return Preview{}, write.NotFound(k)
	}
	r, err := s.read(x, values[x])
	if err != nil {
		return Preview{}, err
	}
	out := Preview{Before: r.before}
	from, args := r.from()
	return out, tx.QueryRow(ctx, "SELECT COUNT(*)"+from, args, &out.Count)
}

// retain follows all enabled rules, one after the other. Each record is a transaction of its own, which looks again whether
// the rule still means it; so a run that ended anyhow has done what it has done, and the next one finds the rest.
func (s *Service) retain(ctx context.Context, run *job.Run) error {
	rules, err := s.enabled(ctx)
	if err != nil {
		return err
	}
	var done int64
	for _, r := range rules {
		n, err := s.follow(ctx, r, func(n int64) error { return run.Progress(ctx, done+n, 0) })
		if err != nil {
			return fmt.Errorf("retention rule %s: %w", r.id, err)
		}
		done += n
		if err := s.report(ctx, r, n); err != nil {
			return err
		}
	}
	if done > 0 {
		if s.Settle != nil {
			if err := s.Settle(ctx); err != nil {
				return err
			}
		}
		if err := s.Writer.DB.Scrub(ctx); err != nil {
			return err
		}
	}
	return run.Progress(ctx, done, done)
}

// maxRules bounds the rules that are followed.
const maxRules = 1000

func (s *Service) enabled(ctx context.Context) ([]*rule, error) {
	tx, err := s.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	ids, err := queryIDs(ctx, tx, "SELECT `id` FROM `retention_rules` WHERE `deleted_at` IS NULL AND `enabled` = ? ORDER BY `id` LIMIT ?", true, maxRules)
	if err != nil {
		return nil, err
	}
	values, err := s.Read.Values(ctx, tx, s.Writer.Set.Kind("RetentionRule"), ids)
	if err != nil {
		return nil, err
	}
	var out []*rule
	for _, x := range ids {
		r, err := s.read(x, values[x])
		if err != nil {
			return nil, err
		}
		if r.action != clears || len(r.fields) > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}

// follow does to every record that a rule means what the rule says, and returns to how many.
func (s *Service) follow(ctx context.Context, r *rule, progress func(n int64) error) (n int64, err error) {
	var last id.ID
	for {
		page, err := s.page(ctx, r, last)
		if err != nil {
			return n, err
		}
		for _, x := range page {
			did, err := s.apply(ctx, r, x)
			if held(err) {
				continue // a record that stays needs it: perhaps tomorrow
			}
			if err != nil {
				return n, fmt.Errorf("%s: %w", x, err)
			}
			if did {
				n++
			}
			if err := progress(n); err != nil {
				return n, err
			}
		}
		if len(page) < candidates {
			return n, nil
		}
		last = page[len(page)-1]
	}
}

func (s *Service) page(ctx context.Context, r *rule, after id.ID) ([]id.ID, error) {
	tx, err := s.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	from, args := r.from()
	return queryIDs(ctx, tx, "SELECT t.`id`"+from+" AND t.`id` > ? ORDER BY t.`id` LIMIT ?", append(args, after[:], candidates)...)
}

// apply does to one record what a rule says, if the rule still means it.
func (s *Service) apply(ctx context.Context, r *rule, x id.ID) (did bool, err error) {
	ctx = write.AsSystem(ctx)
	more := false
	for first := true; first || more; first = false {
		err = s.Writer.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
			if first {
				did, more = false, false
				if meant, err := r.means(ctx, tx, x); err != nil || !meant {
					return err
				}
			}
			did = true
			var err error
			more, err = s.act(ctx, tx, r, x)
			if fault.CodeOf(err) == fault.Conflict || fault.CodeOf(err) == fault.Invalid {
				err = fmt.Errorf("%w: %w", write.ErrHeld, err) // its rules do not let it go
			}
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return did, nil
}

// means locks a record and reports whether the rule means it as it is now.
func (r *rule) means(ctx context.Context, tx *write.Tx, x id.ID) (bool, error) {
	if got, err := tx.Hold(ctx, r.kind, x); err != nil || got == nil {
		return false, err
	}
	from, args := r.from()
	found, err := queryIDs(ctx, tx.Tx, "SELECT t.`id`"+from+" AND t.`id` = ?", append(args, x)...)
	return len(found) > 0, err
}

// act does what the rule says in one transaction, and reports whether another one is needed.
func (s *Service) act(ctx context.Context, tx *write.Tx, r *rule, x id.ID) (more bool, err error) {
	switch {
	case r.action == bins:
		_, err := tx.Bin(ctx, r.kind, x)
		return false, err
	case r.action == clears:
		ok, err := tx.Clear(ctx, r.kind, x, r.fields)
		if err == nil && !ok {
			err = write.ErrHeld
		}
		return false, err
	case r.kind.Person:
		entry := audit.Entry{Action: audit.Erased, Object: r.kind.Code, Record: x, Detail: "erasure of personal data: RETENTION"}
		if err := s.Audit.RecordIn(ctx, tx.Tx, entry); err != nil {
			return false, err
		}
		_, err := s.begin(ctx, tx, r.kind, x)
		return false, err
	}
	_, done, err := tx.Remove(ctx, r.kind, x, removeBudget)
	return !done, err
}

// report writes on the rule when it was followed, and to how many records it did something.
func (s *Service) report(ctx context.Context, r *rule, n int64) error {
	return s.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		k := tx.Kinds().Kind("RetentionRule")
		got, err := tx.Lock(ctx, k, r.id)
		if err != nil || got == nil || got.InBin() {
			return err
		}
		return tx.Set(ctx, k, r.id, map[string]any{"last_run_at": tx.Now, "last_count": n})
	})
}
