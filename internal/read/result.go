package read

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// Result is the finished JSON of a field. gqlgen takes it for a scalar. The zero Result is null.
type Result struct {
	json    []byte
	aliases map[string][]byte // by the path of aliases, joined by dots; instead of json
	depth   int               // how many aliases such a path has
	written func(ctx context.Context)
}

// OnWrite returns r with a function that is called when r is written into a response.
func (r Result) OnWrite(fn func(ctx context.Context)) Result {
	r.written = fn
	return r
}

var _ graphql.ContextMarshaler = Result{}

// Raw returns a result of finished JSON.
func Raw(json []byte) Result { return Result{json: json} }

// IsNull reports whether the result is null under every alias.
func (r Result) IsNull() bool {
	for _, b := range r.aliases {
		if string(b) != "null" {
			return false
		}
	}
	return len(r.json) == 0 || string(r.json) == "null"
}

// JSON returns the bytes of a result that has no aliases, "null" when there are none.
func (r Result) JSON() []byte {
	if len(r.json) == 0 {
		return []byte("null")
	}
	return r.json
}

// MarshalGQLContext writes the result for the field that is current in ctx.
func (r Result) MarshalGQLContext(ctx context.Context, w io.Writer) error {
	if r.written != nil {
		r.written(ctx)
	}
	_, err := w.Write(r.of(aliasPath(ctx, r.depth)))
	return err
}

// UnmarshalGQLContext always fails: results do not come in.
func (*Result) UnmarshalGQLContext(context.Context, any) error {
	return errors.New("read: a result is not an input")
}

func (r Result) of(path string) []byte {
	if r.aliases == nil {
		return r.JSON()
	}
	if b, ok := r.aliases[path]; ok {
		return b
	}
	return []byte("null")
}

// aliasPath returns the last n aliases that lead to the current field, list positions left out.
func aliasPath(ctx context.Context, n int) string {
	if n == 0 {
		return ""
	}
	path := make([]string, n)
	fc := graphql.GetFieldContext(ctx)
	for n > 0 && fc != nil {
		if fc.Field.Field != nil {
			n--
			path[n] = fc.Field.Alias
		}
		fc = fc.Parent
	}
	return strings.Join(path[n:], ".")
}
