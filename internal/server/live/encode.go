package live

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// appendResponse appends r as JSON. The data is copied as it is: encoding/json would scan every byte of it again.
func appendResponse(b []byte, r *graphql.Response) ([]byte, error) {
	data := []byte(r.Data)
	if len(data) == 0 && len(r.Errors) == 0 {
		data = []byte("null")
	}
	start := len(b)
	var err error
	member := func(present bool, name string, value any) {
		if !present || err != nil {
			return
		}
		var text []byte
		if raw, ok := value.([]byte); ok {
			text = raw
		} else {
			text, err = json.Marshal(value)
		}
		separator := byte(',')
		if len(b) == start {
			separator = '{'
		}
		b = append(b, separator, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		b = append(b, text...)
	}
	member(len(r.Errors) > 0, "errors", r.Errors)
	member(len(data) > 0, "data", data)
	member(r.Label != "", "label", r.Label)
	member(len(r.Path) > 0, "path", r.Path)
	member(r.HasNext != nil, "hasNext", r.HasNext)
	member(len(r.Extensions) > 0, "extensions", r.Extensions)
	return append(b, '}'), err
}

// marshalErrors returns errs as a JSON array. Extensions that cannot be written are left out rather than the error.
func marshalErrors(errs gqlerror.List) []byte {
	text, err := json.Marshal(errs)
	if err == nil {
		return text
	}
	bare := make(gqlerror.List, len(errs))
	for i, e := range errs {
		bare[i] = &gqlerror.Error{Message: e.Message, Extensions: map[string]any{"code": e.Extensions["code"]}}
	}
	text, err = json.Marshal(bare)
	if err != nil {
		return []byte(`[{"message":"internal error","extensions":{"code":"INTERNAL"}}]`)
	}
	return text
}
