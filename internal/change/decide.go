package change

import (
	"reflect"
	"slices"
	"time"

	"farley/internal/model"
)

// verdict is what one reader may be told of one change before anything is loaded.
type verdict struct {
	op       Op       // "": nothing
	changed  []string // visible names
	load     bool     // the record is in sight: what is told depends on loading it
	leave    bool     // it was in sight and the filter's fields changed: when it is not loaded, it has left
	withheld bool     // only the id is told
}

// decide applies the rules of sight to a change, in memory.
//
// The keys before the change are judged at the instant of the change, when the reader may have seen the record, those
// after it now: so a share that has run out in between makes the record leave, rather than stay forever.
//
// A change of hidden fields only tells nothing; that the version moves by more than one tells that there was one, which
// is documented.
func decide(set *model.Set, r Reader, row *Row, filter map[string]bool, now time.Time) verdict {
	k := set.Of(row.Record)
	if k == nil || k.Code != row.Kind {
		return verdict{}
	}
	before := row.Before != nil && r.Sees(k, row.Before, row.At)
	after := row.After != nil && r.Sees(k, row.After, now)
	gone := row.Op == Deleted || row.After == nil && (row.Op == Merged || row.Op == Erased)

	switch {
	case gone && before:
		// Also when the bin is in sight: who follows live records wants to hear that it is none any more.
		return verdict{op: row.Op, withheld: true}
	case gone:
		return verdict{}
	case before && !after:
		return verdict{op: Left, withheld: true}
	case !after:
		return verdict{}
	case !before && row.Op != Created && row.Op != Restored:
		// What changed while the record was out of sight is not told.
		return verdict{op: Entered, load: true}
	}
	changed := visibleChanges(k, r, row, before, now)
	if row.Op == Updated && len(changed) == 0 {
		return verdict{}
	}
	leave := before && slices.ContainsFunc(changed, func(name string) bool {
		return filter[name] || model.CustomKey(name) != "" && filter[model.CustomFields]
	})
	return verdict{op: row.Op, changed: changed, load: true, leave: leave}
}

// visibleChanges names the changed fields that the reader may read now, and those that the change made readable or
// hidden for him (by way of a share, an owner). Fields that every write moves (version, updatedAt) are not among them.
func visibleChanges(k *model.Kind, r Reader, row *Row, before bool, now time.Time) []string {
	var names []string
	for _, c := range row.Fields {
		f := r.Named(k, c.Field)
		if f == nil || f.System || f.Internal || slices.Contains(names, c.Field) {
			continue
		}
		if r.ReadsField(k, f, row.After, now) {
			names = append(names, c.Field)
		}
	}
	if !before || reflect.DeepEqual(row.Before, row.After) {
		return names
	}
	for _, f := range append(k.Fields[:len(k.Fields):len(k.Fields)], r.Custom(k)...) {
		if f.System || f.Internal || slices.Contains(names, f.Name) {
			continue
		}
		if r.ReadsField(k, f, row.Before, row.At) != r.ReadsField(k, f, row.After, now) {
			names = append(names, f.Name)
		}
	}
	return names
}
