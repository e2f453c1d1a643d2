// Package input holds the one Go type behind the generated input objects of the API: filters, orders, and the inputs of
// creates and updates. Their shape is checked by the schema and by the tables that policy and writes use.
package input

import (
	"encoding/json"
	"errors"
	"io"
)

// Object is an input object as given: names to values, where null is nil and what is absent is not there. Values are
// string, bool, int64, float64, json.Number, []any and map[string]any.
type Object map[string]any

// UnmarshalGQL takes the decoded object.
func (o *Object) UnmarshalGQL(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return errors.New("want an input object")
	}
	*o = m
	return nil
}

// MarshalGQL writes the object as JSON.
func (o Object) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(map[string]any(o)) }
