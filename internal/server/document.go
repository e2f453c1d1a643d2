package server

import (
	"context"
	"strings"

	"github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"farley/internal/fault"
)

const (
	// maxCachedDocument bounds what one document takes in the cache; a longer one is parsed each time.
	maxCachedDocument = 64 << 10
	// maxValidationErrors ends the validation of a document with so many mistakes: suggesting names for thousands of
	// unknown fields takes seconds.
	maxValidationErrors = 10
	// maxMessage bounds messages that quote the document.
	maxMessage = 300
)

// documents turns texts into validated documents and remembers them. What it returns must not be changed.
type documents struct {
	schema      *ast.Schema
	limits      Limits
	suggestions bool
	cache       *lru.Cache[string, *ast.QueryDocument]
	looked      func(result string) // told of each look into the cache
}

func newDocuments(schema *ast.Schema, limits Limits, suggestions bool, size int) *documents {
	cache, err := lru.New[string, *ast.QueryDocument](size)
	if err != nil {
		panic("server: document cache: " + err.Error()) // only for a size below 1
	}
	return &documents{schema: schema, limits: limits, suggestions: suggestions, cache: cache, looked: func(string) {}}
}

// get returns the document for a text, parsed, within the limits and valid.
func (d *documents) get(query string) (*ast.QueryDocument, gqlerror.List) {
	if doc, ok := d.cache.Get(query); ok {
		d.looked("hit")
		return doc, nil
	}
	d.looked("miss")
	doc, errs := d.load(query)
	if len(errs) > 0 {
		return nil, errs
	}
	if len(query) <= maxCachedDocument {
		d.cache.Add(query, doc)
	}
	return doc, nil
}

func (d *documents) load(query string) (*ast.QueryDocument, gqlerror.List) {
	if err := checkTokens(query, d.limits.Tokens); err != nil {
		return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return nil, gqlerror.List{d.refusal(gqlerror.WrapIfUnwrapped(err))}
	}
	if len(doc.Operations) == 0 {
		return nil, gqlerror.List{gqlerror.Wrap(fault.New(fault.BadRequest, "The document has no operation."))}
	}
	if err := checkDocument(doc, d.limits); err != nil {
		return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
	}
	if errs := d.validate(doc); len(errs) > 0 {
		return nil, errs
	}
	if err := checkMerge(doc, d.schema, d.limits.MergeWork); err != nil {
		return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
	}
	return doc, nil
}

// enough is what ends a validation early. It never leaves validate.
type enough struct{}

func (d *documents) validate(doc *ast.QueryDocument) (errs gqlerror.List) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(enough); !ok {
				panic(p)
			}
		}
	}()

	defaults := rules.NewDefaultRules()
	defaults.RemoveRule(rules.OverlappingFieldsCanBeMergedRule.Name) // quadratic and worse; checkMerge does it
	own := rules.NewRules()
	for name, check := range defaults.GetInner() {
		own.AddRule(name, func(observers *core.Events, add core.AddErrFunc) {
			check(observers, func(options ...core.ErrorOption) {
				err := &gqlerror.Error{Rule: name}
				for _, option := range options {
					option(err)
				}
				errs = append(errs, d.refusal(err))
				if len(errs) >= maxValidationErrors {
					panic(enough{})
				}
			})
		})
	}
	_ = validator.ValidateWithRules(d.schema, doc, own) // the rules above collect what it would return
	return errs
}

// refusal makes a mistake in the document into the error that the client gets.
func (d *documents) refusal(err *gqlerror.Error) *gqlerror.Error {
	message := err.Message
	if !d.suggestions {
		message, _, _ = strings.Cut(message, " Did you mean ")
	}
	return &gqlerror.Error{
		Message:    shorten(message),
		Locations:  err.Locations,
		Extensions: map[string]any{"code": fault.BadRequest},
	}
}

// shorten cuts a message that quotes what a client sent.
func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}

type documentKey struct{}

// parsed hands the executor the document of this operation. It stands where gqlgen expects its query cache, so the
// executor neither parses nor validates.
type parsed struct{}

func (parsed) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(documentKey{}).(*ast.QueryDocument)
	return doc, ok
}

func (parsed) Add(context.Context, string, *ast.QueryDocument) {}
