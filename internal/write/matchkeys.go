package write

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text/match"
)

// The table match_keys holds, for every live record of a kind with fields that tell, the keys by which others may be the
// same. A record in the bin has none.

const (
	insertKeys  = 500    // keys that one INSERT writes
	waitingKeys = 10_000 // keys that wait at most
)

// teller gives the values of a record that tell.
type teller interface {
	text(field string) string
	// list returns the elements of a list, of objects that member of them.
	list(field, member string) []string
}

// fromChange is a record as it is after a change.
func fromChange(c *Change) teller {
	return storedValues{c.Kind, func(column string) any { return c.column(column) }}
}

// storedValues gives stored values.
type storedValues struct {
	kind   *model.Kind
	column func(column string) any
}

func (s storedValues) text(field string) string {
	f := s.kind.Field(field)
	if f == nil || f.Column == "" {
		return ""
	}
	v, _ := s.column(f.Column).(string)
	return v
}

func (s storedValues) list(field, member string) []string {
	stored := s.text(field)
	if stored == "" {
		return nil
	}
	if member == "" {
		var out []string
		_ = json.Unmarshal([]byte(stored), &out) // it was written by decode
		return out
	}
	var out []string
	for _, o := range Embedded(stored) {
		if v, _ := o[member].(string); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// fromInput gives the values of an input object.
type fromInput input.Object

func (in fromInput) text(field string) string { s, _ := in[field].(string); return s }

func (in fromInput) list(field, member string) []string {
	var out []string
	take := func(v any) {
		if o, ok := v.(map[string]any); ok && member != "" {
			v = o[member]
		} else if o, ok := v.(input.Object); ok && member != "" {
			v = o[member]
		}
		if s, _ := v.(string); s != "" {
			out = append(out, s)
		}
	}
	switch v := in[field].(type) {
	case []any:
		for _, e := range v {
			take(e)
		}
	case []string:
		return v
	case []input.Object:
		for _, e := range v {
			take(e)
		}
	}
	return out
}

// members are what counts of embedded objects: the member that tells, and its scalar.
var members = map[string][2]string{
	"ContactEmail": {"address", "EmailAddress"},
	"ContactPhone": {"number", "PhoneNumber"},
}

// matchKeys returns the keys of a record, each once. raw says that the values may not have their stored form yet.
func matchKeys(k *model.Kind, t teller, raw bool) []matchKey {
	var out []matchKey
	for _, f := range k.Fields {
		if f.Duplicate == 0 {
			continue
		}
		for _, key := range fieldKeys(f, t, raw) {
			if !slices.ContainsFunc(out, func(o matchKey) bool { return o.Value == key.Value }) {
				out = append(out, matchKey{key, f})
			}
		}
	}
	return out
}

func fieldKeys(f *model.Field, t teller, raw bool) []match.Key {
	scalar := f.Scalar
	var values []string
	switch f.Type {
	case model.Objects:
		m := members[f.Scalar]
		scalar, values = m[1], t.list(f.Name, m[0])
	case model.List:
		values = t.list(f.Name, "")
	default:
		s := t.text(f.Name)
		if from := derived[f.Name]; s == "" && from != nil {
			s = from(t)
		}
		values = []string{s}
	}
	var out []match.Key
	for _, s := range values {
		problem := ""
		if raw {
			s, problem = Format(scalar, s)
		}
		switch {
		case problem != "" || s == "":
		case scalar == "EmailAddress":
			out = append(out, match.Emails(s, true)...)
		case scalar == "PhoneNumber":
			out = append(out, match.Phones(s)...)
		case f.Match == "DOMAIN":
			out = append(out, match.Domains(s)...)
		case f.Match == "TAX":
			out = append(out, match.Taxes(s)...)
		case f.Match == "NAME" && strings.ContainsAny(s, "@+"):
			// nobody's name, but what stands where there is none
		case f.Match == "NAME":
			out = append(out, match.Names(s)...)
		default:
			out = append(out, match.Texts(s)...)
		}
	}
	return out
}

// fieldCode is the number of a field within its kind, in match_keys.
func fieldCode(f *model.Field) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(f.Name)) // never fails
	return int64(h.Sum32())
}

// KeepMatches is the rule that keeps match_keys. The keys of all records of a transaction are written together, at its end
// or before they are looked at.
func KeepMatches(_ context.Context, c *Change) error {
	if !slices.ContainsFunc(c.Kind.Fields, func(f *model.Field) bool { return f.Duplicate > 0 }) {
		return nil
	}
	c.Then(func(ctx context.Context) error {
		var before, after []matchKey
		if c.Old != nil && !c.Old.InBin() {
			before = matchKeys(c.Kind, storedValues{c.Kind, func(column string) any { return c.Old.Values[column] }}, false)
		}
		if !c.InBin() {
			after = matchKeys(c.Kind, fromChange(c), false)
		}
		return c.Tx.replaceKeys(ctx, c.Kind, c.ID, before, after)
	})
	return nil
}

// keyRow is a row that waits to be written.
type keyRow struct {
	kind   id.Kind
	record id.ID
	key    matchKey
}

// replaceKeys drops the keys that a record no longer has, and writes those that it has anew.
func (tx *Tx) replaceKeys(ctx context.Context, k *model.Kind, x id.ID, before, after []matchKey) error {
	has := func(list []matchKey, key matchKey) bool { return slices.Contains(list, key) }
	var gone []any
	for _, key := range before {
		if !has(after, key) {
			gone = append(gone, key.Value)
		}
	}
	if len(gone) > 0 {
		if err := tx.flushKeys(ctx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM `match_keys` WHERE `kind` = ? AND `record_id` = ? AND `value` IN (?"+strings.Repeat(",?", len(gone)-1)+")",
			append([]any{int64(k.Code), x}, gone...)...)
		if err != nil {
			return err
		}
	}
	for _, key := range after {
		if !has(before, key) {
			tx.newKeys = append(tx.newKeys, keyRow{k.Code, x, key})
		}
	}
	if len(tx.newKeys) >= waitingKeys {
		return tx.flushKeys(ctx)
	}
	return nil
}

// flushKeys writes the keys that wait, in the order of the index.
func (tx *Tx) flushKeys(ctx context.Context) error {
	waiting := tx.newKeys
	tx.newKeys = nil
	slices.SortFunc(waiting, func(a, b keyRow) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.key.Value, b.key.Value), a.record.Compare(b.record))
	})
	for part := range slices.Chunk(waiting, insertKeys) {
		args := make([]any, 0, 5*len(part))
		for _, r := range part {
			args = append(args, int64(r.kind), r.key.Value, r.record, int64(r.key.Type), fieldCode(r.key.field))
		}
		// A backfill that is under way may have written them already.
		query := tx.insertIgnore() + " INTO `match_keys` (`kind`, `value`, `record_id`, `type`, `field`) VALUES (?,?,?,?,?)" + strings.Repeat(",(?,?,?,?,?)", len(part)-1)
		var err error
		if len(waiting) < insertKeys {
			_, err = tx.ExecContext(ctx, query, args...)
		} else if err = tx.flush(ctx); err == nil {
			tx.effects++
			err = tx.ExecLater(ctx, query, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) insertIgnore() string {
	if tx.Dialect == "sqlite3" {
		return "INSERT OR IGNORE"
	}
	return "INSERT IGNORE"
}

// ForgetMatches drops the keys of a record: for Writer.Forget and Writer.Wipe.
func ForgetMatches(ctx context.Context, tx *Tx, k *model.Kind, x id.ID) error {
	if !slices.ContainsFunc(k.Fields, func(f *model.Field) bool { return f.Duplicate > 0 }) {
		return nil
	}
	if err := tx.flushKeys(ctx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM `match_keys` WHERE `record_id` = ?", x)
	return err
}
