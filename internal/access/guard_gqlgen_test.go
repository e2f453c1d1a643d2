package access

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"

	"farley/internal/fault"
)

// operation parses a document as gqlgen does before the extension runs.
func operation(t *testing.T, e *Extension, query string) *graphql.OperationContext {
	t.Helper()
	doc, errs := gqlparser.LoadQuery(e.Guard.tables.schema, query)
	if errs != nil {
		t.Fatal(errs)
	}
	return &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]}
}

func TestExtension_refuses(t *testing.T) {
	t.Parallel()
	e := &Extension{Guard: NewGuard(testSchema(t), fixture())}
	oc := operation(t, e, `{ b: contacts { edges { node { birthday account { notes { id } } } } } }`)
	err := e.MutateOperationContext(With(t.Context(), someone(rep())), oc)
	if fault.CodeOf(err) != fault.Forbidden {
		t.Fatal("not a fault:", err)
	}
	type shown struct {
		Message, Path string
		Extensions    map[string]any
	}
	want := shown{"You may not use Contact.birthday.", "b.edges.node.birthday", map[string]any{
		"code": "FORBIDDEN",
		"violations": []map[string]any{
			{"path": []any{"b", "edges", "node", "birthday"}, "code": "FORBIDDEN", "message": "You may not use Contact.birthday."},
			{"path": []any{"b", "edges", "node", "account", "notes"}, "code": "FORBIDDEN", "message": "You may not use Account.notes."},
		},
	}}
	if d := cmp.Diff(want, shown{err.Message, err.Path.String(), err.Extensions}); d != "" {
		t.Error(d)
	}
}

func TestExtension_drops(t *testing.T) {
	t.Parallel()
	e := &Extension{Guard: NewGuard(testSchema(t), fixture())}
	oc := operation(t, e, `{ health contacts { edges { node { name birthday @optional } } } }`)
	doc := oc.Doc
	if err := e.MutateOperationContext(With(t.Context(), someone(rep())), oc); err != nil {
		t.Fatal(err)
	}
	if oc.Doc == doc || oc.Operation != oc.Doc.Operations[0] {
		t.Error("the operation still has its document")
	}
	if d := cmp.Diff(`query { health contacts { edges { node { name } } } }`, printed(oc.Doc)); d != "" {
		t.Error(d)
	}
	if paths := Dropped(oc); len(paths) != 1 || paths[0].String() != "contacts.edges.node.birthday" {
		t.Error(paths)
	}
	plain := operation(t, e, `{ health }`)
	if err := e.MutateOperationContext(With(t.Context(), someone(rep())), plain); err != nil || Dropped(plain) != nil {
		t.Error(err, Dropped(plain))
	}
}
