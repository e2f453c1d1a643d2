package rule

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"farley/internal/custom"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// definition is a custom field as its values are checked.
type definition struct {
	id        id.ID
	key       string
	kind      string
	target    string
	choices   []string
	otherwise string // the default, as JSON
	required  bool
	unique    bool
	archived  bool
	live      bool
}

// definitions returns the custom fields of a kind by key, those in the bin included. They are held until the transaction
// ends: what is checked against them stays true.
func definitions(ctx context.Context, tx *write.Tx, k *model.Kind) (map[string]*definition, error) {
	return write.Remember(tx, "custom fields of "+k.Const, []string{"CustomField"}, func() (map[string]*definition, error) {
		query := "SELECT `id`, `key`, `type`, `target`, `choices`, `default_value`, `is_required`, `is_unique`, `archived`, `deleted_at` IS NULL FROM `custom_fields` WHERE `object` = ? ORDER BY `id`" + tx.Dialect.ForShare()
		rows, err := tx.QueryContext(ctx, query, k.Const)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		defs := map[string]*definition{}
		for rows.Next() {
			d := &definition{}
			var target, choices, otherwise sql.NullString
			if err := rows.Scan(&d.id, &d.key, &d.kind, &target, &choices, &otherwise, &d.required, &d.unique, &d.archived, &d.live); err != nil {
				return nil, err
			}
			d.target, d.otherwise = target.String, otherwise.String
			if choices.Valid {
				if err := json.Unmarshal([]byte(choices.String), &d.choices); err != nil {
					return nil, err
				}
			}
			if was := defs[d.key]; was == nil || d.live {
				defs[d.key] = d
			}
		}
		return defs, rows.Err()
	})
}

const maxCustomText = 2000

// clean brings a decoded JSON value into its stored form; nil for a text of blanks, which is no value. old is the value that
// the record has, of which what is no choice any more may stay. ok is false for what does not fit the field.
func (d *definition) clean(tx *write.Tx, v, old any) (clean any, ok bool) {
	switch d.kind {
	case custom.Boolean:
		_, ok := v.(bool)
		return v, ok
	case custom.MultiChoice:
		return d.cleanList(v, old)
	case custom.Money:
		return cleanMoney(tx, v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	switch d.kind {
	case custom.Choice:
		return s, slices.Contains(d.choices, s)
	case custom.Number:
		_, ok := custom.NumberKey(s)
		return s, ok
	case custom.Date, custom.URL:
		scalar := map[string]string{custom.Date: "Date", custom.URL: "URL"}[d.kind]
		s, problem := write.Format(scalar, s)
		return orNone(s), problem == "" && utf8.RuneCountInString(s) <= maxCustomText
	case custom.Reference:
		x, err := id.Parse(s)
		k := tx.Kinds().Kind(d.target)
		return x.String(), err == nil && k != nil && x.Kind() == k.Code
	}
	return orNone(strings.TrimSpace(s)), utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxCustomText && !controls(s)
}

// orNone is nil for "".
func orNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func controls(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) >= 0
}

// cleanList puts what is chosen into the order of the choices, each once.
func (d *definition) cleanList(v, old any) (any, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	may := slices.Clone(d.choices)
	kept, _ := old.([]any)
	for _, one := range kept {
		if s, ok := one.(string); ok && !slices.Contains(may, s) {
			may = append(may, s)
		}
	}
	chosen := map[string]bool{}
	for _, one := range list {
		s, ok := one.(string)
		if !ok || !slices.Contains(may, s) {
			return nil, false
		}
		chosen[s] = true
	}
	out := []any{}
	for _, s := range may {
		if chosen[s] {
			out = append(out, s)
		}
	}
	return out, true
}

func cleanMoney(tx *write.Tx, v any) (any, bool) {
	o, ok := v.(map[string]any)
	amount, _ := o["amount"].(string)
	given, _ := o["currency"].(string)
	currency, problem := write.Format("CurrencyCode", given)
	if !ok || len(o) != 2 || problem != "" || currency == "" {
		return nil, false
	}
	minor, err := tx.Money().Parse(amount, currency)
	if err != nil {
		return nil, false
	}
	return map[string]any{"amount": tx.Money().Format(minor, currency), "currency": currency}, true
}

// leadsTo returns the record that a clean value leads to, and its kind; nil for none.
func (d *definition) leadsTo(set *model.Set, v any) (*model.Kind, id.ID) {
	if d.kind != custom.Reference {
		return nil, id.ID{}
	}
	s, _ := v.(string)
	x, err := id.Parse(s)
	if err != nil {
		return nil, id.ID{}
	}
	return set.Kind(d.target), x
}

// entry is one value in customFields.
type entry struct {
	key   string
	value any
	index int // in the input, -1 for what was not given
}

func entries(stored string) []entry {
	var out []entry
	for i, o := range write.Embedded(stored) {
		key, _ := o["key"].(string)
		out = append(out, entry{key, o["value"], i})
	}
	return out
}

func stored(es []entry) any {
	if len(es) == 0 {
		return nil
	}
	out := make([]map[string]any, len(es))
	for i, e := range es {
		out[i] = map[string]any{"key": e.key, "value": e.value}
	}
	return string(write.Written(out))
}

func same(a, b any) bool { return string(write.Written(a)) == string(write.Written(b)) }

// customs is the list of values of one record on its way through the rule.
type customs struct {
	c       *write.Change
	defs    map[string]*definition
	old     []entry
	now     []entry
	held    map[string]any // old, by key
	denied  fault.Violations
	created bool
}

// customValues checks the values of custom fields against their definitions and the rights to each of them, completes them
// with defaults, keeps those of which the writer knows nothing, and has the table of values follow.
func customValues(ctx context.Context, c *write.Change) error {
	if !c.Kind.Customised() {
		return nil
	}
	binned := c.Old != nil && c.Old.InBin() != c.InBin()
	// Also when the list stays as it is: that it does must not be learned of what is hidden in it.
	if !c.Changes(model.CustomFields) && !c.Given(model.CustomFields) && !c.Created() && !binned {
		return nil
	}
	defs, err := definitions(ctx, c.Tx, c.Kind)
	if err != nil {
		return err
	}
	w := &customs{c: c, defs: defs, held: map[string]any{}, created: c.Created()}
	if c.Old != nil {
		s, _ := c.Old.Values[c.Kind.Field(model.CustomFields).Column].(string)
		w.old = entries(s)
	}
	for _, e := range w.old {
		w.held[e.key] = e.value
	}
	if binned {
		w.now = w.old
		return w.store(ctx)
	}
	if c.Created() && len(defs) == 0 && c.Text(model.CustomFields) == "" {
		return nil
	}
	if err := w.take(ctx); err != nil {
		return err
	}
	if len(w.denied) > 0 {
		return &fault.Error{Code: fault.Forbidden, Message: "The input is not allowed.", Violations: w.denied}
	}
	if w.unchanged() {
		w.now = w.old // in their order
	}
	c.Set(model.CustomFields, stored(w.now))
	return w.store(ctx)
}

func (w *customs) unchanged() bool {
	if len(w.now) != len(w.old) {
		return false
	}
	for _, e := range w.now {
		v, had := w.held[e.key]
		if !had || !same(v, e.value) {
			return false
		}
	}
	return true
}

// field returns a custom field as the policy of the writer has it; nil for one that is unknown to him.
func (w *customs) field(d *definition) *model.Field {
	f := w.c.Tx.Actor.Policy.CustomField(w.c.Kind, d.key)
	if f == nil || f.Custom.ID != d.id {
		return nil
	}
	return f
}

// rights returns what the writer may do with a field of this record.
func (w *customs) rights(ctx context.Context, d *definition) (known, reads, writes bool, err error) {
	if w.c.Tx.System() {
		return true, true, true, nil
	}
	f := w.field(d)
	if f == nil {
		return false, false, false, nil
	}
	writes, err = w.c.Writes(ctx, f)
	return true, w.c.Reads(f), writes, err
}

func (w *customs) refuse(e entry, member, code, message string, args ...any) {
	w.c.Problems.Add([]any{"input", model.CustomFields, e.index, member}, code, message, args...)
}

// take goes through what was given, then adds what stays and what is missing.
func (w *customs) take(ctx context.Context) error {
	given := map[string]bool{}
	for _, e := range entries(w.c.Text(model.CustomFields)) {
		if given[e.key] {
			w.refuse(e, "key", "TAKEN", "This value is taken.")
			continue
		}
		given[e.key] = true
		kept, err := w.one(ctx, e)
		if err != nil {
			return err
		}
		if kept != nil {
			w.now = append(w.now, *kept)
		}
	}
	if err := w.referencesInSight(ctx); err != nil {
		return err
	}
	if err := w.keepHidden(ctx, given); err != nil {
		return err
	}
	return w.complete(ctx, given)
}

// one checks one given value. It returns nil when it is refused, or none.
func (w *customs) one(ctx context.Context, e entry) (*entry, error) {
	d := w.defs[e.key]
	old, had := w.held[e.key]
	stays := had && same(old, e.value)
	if d == nil || !d.live {
		if w.c.Tx.System() && stays {
			return &e, nil
		}
		w.refuse(e, "key", "UNKNOWN", "There is no such field.")
		return nil, nil //nolint:nilnil // refused
	}
	known, reads, writes, err := w.rights(ctx, d)
	if err != nil {
		return nil, err
	}
	switch {
	case !known:
		w.refuse(e, "key", "UNKNOWN", "There is no such field.")
	case !writes && (!stays || !reads):
		w.denied.Add([]any{"input", model.CustomFields, e.index, "value"}, "FORBIDDEN", "You may not write this field.")
	case stays: // whatever has become of its field
		return &e, nil
	case d.archived:
		w.refuse(e, "key", "UNKNOWN", "There is no such field.")
	default:
		clean, ok := d.clean(w.c.Tx, e.value, old)
		if !ok {
			w.refuse(e, "value", "FORMAT", "The value does not fit its type.")
			return nil, nil //nolint:nilnil // refused
		}
		if clean == nil {
			return nil, nil //nolint:nilnil // no value
		}
		e.value = clean
		return &e, nil
	}
	return nil, nil //nolint:nilnil // refused
}

// referencesInSight refuses ids of records that the writer cannot see, in the same words whether they exist or not.
func (w *customs) referencesInSight(ctx context.Context) error {
	if w.c.Tx.System() {
		return nil
	}
	wanted := map[*model.Kind][]id.ID{}
	for _, e := range w.now {
		if v, had := w.held[e.key]; had && same(v, e.value) {
			continue
		}
		if k, x := w.defs[e.key].leadsTo(w.c.Tx.Kinds(), e.value); k != nil {
			wanted[k] = append(wanted[k], x)
		}
	}
	seen := map[id.ID]bool{}
	for k, ids := range wanted {
		found, err := w.c.Tx.Visible(ctx, k, ids)
		if err != nil {
			return err
		}
		for x := range found {
			seen[x] = true
		}
	}
	w.now = slices.DeleteFunc(w.now, func(e entry) bool {
		if v, had := w.held[e.key]; had && same(v, e.value) {
			return false
		}
		k, x := w.defs[e.key].leadsTo(w.c.Tx.Kinds(), e.value)
		if k == nil || seen[x] {
			return false
		}
		w.refuse(e, "value", "NOT_FOUND", "There is no %s with this id.", k.Name)
		return true
	})
	return nil
}

// keepHidden keeps the values that the list leaves out because its writer may not change them: he may not even see them.
func (w *customs) keepHidden(ctx context.Context, given map[string]bool) error {
	if w.c.Tx.System() {
		return nil
	}
	for _, e := range w.old {
		if given[e.key] {
			continue
		}
		d := w.defs[e.key]
		if d != nil && d.live {
			_, _, writes, err := w.rights(ctx, d)
			if err != nil {
				return err
			}
			if writes {
				if d.required && !d.archived {
					w.c.Refuse(model.CustomFields, "REQUIRED", "The custom field %s is required.", e.key)
				}
				continue
			}
		}
		e.index = -1
		w.now = append(w.now, e)
	}
	return nil
}

// complete gives a new record its defaults, and asks for what it has to have and its maker may give.
func (w *customs) complete(ctx context.Context, given map[string]bool) error {
	for _, key := range sortedKeys(w.defs) {
		d := w.defs[key]
		has := slices.ContainsFunc(w.now, func(e entry) bool { return e.key == key })
		if has || !d.live || d.archived {
			continue
		}
		if w.created && d.otherwise != "" && !d.unique && !given[key] {
			var v any
			if json.Unmarshal([]byte(d.otherwise), &v) == nil {
				if clean, ok := d.clean(w.c.Tx, v, nil); ok && clean != nil {
					w.now = append(w.now, entry{key, clean, -1})
					continue
				}
			}
		}
		if !d.required || w.c.Tx.System() || !w.created && !given[key] {
			continue
		}
		_, _, writes, err := w.rights(ctx, d)
		if err != nil {
			return err
		}
		if writes {
			w.c.Refuse(model.CustomFields, "REQUIRED", "The custom field %s is required.", key)
		}
	}
	return nil
}

func sortedKeys(defs map[string]*definition) []string {
	keys := make([]string, 0, len(defs))
	for key := range defs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
