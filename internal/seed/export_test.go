package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"farley/internal/input"
	"farley/internal/model"
)

// CheckDefinitions reports objects and fields in the tables that the model does not have: a misspelt one would be
// silently without effect.
func CheckDefinitions(set *model.Set) error {
	var errs []error
	for _, d := range definitions(set) {
		for object := range d.rights {
			if set.Kind(object) == nil {
				errs = append(errs, fmt.Errorf("%s: no object %s", d.key, object))
			}
		}
		for object, l := range d.fields {
			k := set.Kind(object)
			for _, name := range slices.Concat(l.write, l.read, l.masked, l.none) {
				if k == nil || k.ByConst(name) == nil {
					errs = append(errs, fmt.Errorf("%s: no field %s.%s", d.key, object, name))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// PlanDemo returns what the demo is going to write, as JSON, with ids replaced by the order in which they appear.
func PlanDemo(set *model.Set, now time.Time) (string, error) {
	f := newFirm(set, now, nil)
	var records []input.Object
	for _, b := range f.batches() {
		for _, r := range b.records {
			records = append(records, r.in)
		}
	}
	for i := range demoUsers {
		records = append(records, f.user(&demoUsers[i]))
	}
	text, err := json.Marshal(records)
	seen := map[string]string{}
	return ids.ReplaceAllStringFunc(string(text), func(x string) string {
		if seen[x] == "" {
			seen[x] = fmt.Sprint("#", len(seen))
		}
		return seen[x]
	}), err
}

var ids = regexp.MustCompile(`[a-z]{3,4}_[0-9a-z]{26}`)
