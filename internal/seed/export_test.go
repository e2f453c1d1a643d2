package seed

import (
	"errors"
	"fmt"
	"slices"

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
