package main

import (
	"bytes"
	"strings"
	"text/template"

	"farley/internal/model"
)

var resolverTemplate = template.Must(template.New("resolvers").Funcs(template.FuncMap{"duplicates": duplicates, "title": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }}).Parse(`package graph

import (
	"context"

	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/write"
)

// uniform are the fields of Query that one and list answer.
var uniform = map[string]asked{
{{- range . }}{{ if not .Link }}
	{{ printf "%q" .Single }}: {kind: {{ printf "%q" .Name }}},
	{{ printf "%q" .Plural }}: {kind: {{ printf "%q" .Name }}, list: true},
{{- end }}{{ end }}
}
{{ range . }}{{ if not .Link }}
{{ if .Upsert -}}
func (r *queryResolver) {{ .Name }}(ctx context.Context, x *id.ID, external input.Object) (*read.Result, error) {
	return r.one(ctx, {{ printf "%q" .Name }}, x, external)
}
{{- else -}}
func (r *queryResolver) {{ .Name }}(ctx context.Context, x id.ID) (*read.Result, error) {
	return r.one(ctx, {{ printf "%q" .Name }}, &x, nil)
}
{{- end }}

func (r *queryResolver) {{ .Plural | title }}(ctx context.Context, _ *int64, _ *string, _ *int64, _ *string, _ input.Object, _ []input.Object) (*read.Result, error) {
	return r.list(ctx, {{ printf "%q" .Name }})
}
{{ if .Makable }}
func (r *mutationResolver) Create{{ .Name }}(ctx context.Context, in input.Object{{ if duplicates . }}, onDuplicate *string{{ end }}, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Create, Kind: {{ printf "%q" .Name }}, Input: in{{ if duplicates . }}, OnDuplicate: onDuplicate{{ end }}, DryRun: dryRun, Key: idempotencyKey})
}
{{ if .Upsert }}
func (r *mutationResolver) Update{{ .Name }}(ctx context.Context, x *id.ID, external input.Object, in input.Object, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Update, Kind: {{ printf "%q" .Name }}, ID: x, External: external, Input: in, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}

func (r *mutationResolver) Delete{{ .Name }}(ctx context.Context, x *id.ID, external input.Object, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Delete, Kind: {{ printf "%q" .Name }}, ID: x, External: external, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}

func (r *mutationResolver) Restore{{ .Name }}(ctx context.Context, x *id.ID, external input.Object, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Restore, Kind: {{ printf "%q" .Name }}, ID: x, External: external, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}

func (r *mutationResolver) Upsert{{ .Name }}(ctx context.Context, external input.Object, in input.Object{{ if duplicates . }}, onDuplicate *string{{ end }}, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Upsert, Kind: {{ printf "%q" .Name }}, External: external, Input: in{{ if duplicates . }}, OnDuplicate: onDuplicate{{ end }}, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}
{{ else }}
func (r *mutationResolver) Update{{ .Name }}(ctx context.Context, x id.ID, in input.Object, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Update, Kind: {{ printf "%q" .Name }}, ID: &x, Input: in, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}
{{ if not .Lasting }}
func (r *mutationResolver) Delete{{ .Name }}(ctx context.Context, x id.ID, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Delete, Kind: {{ printf "%q" .Name }}, ID: &x, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}

func (r *mutationResolver) Restore{{ .Name }}(ctx context.Context, x id.ID, expectedVersion *int64, dryRun *bool, idempotencyKey *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Restore, Kind: {{ printf "%q" .Name }}, ID: &x, ExpectedVersion: expectedVersion, DryRun: dryRun, Key: idempotencyKey})
}
{{ end }}{{ end }}{{ end }}
func (r *subscriptionResolver) {{ .Name }}Changed(ctx context.Context, _ input.Object, after *string) (<-chan *read.Result, error) {
	return r.changed(ctx, {{ printf "%q" .Name }}, after)
}
{{ end }}{{ end }}`))

// resolvers writes the resolvers of the uniform operations: one call each.
func resolvers(kinds []*model.Kind) []byte {
	var b bytes.Buffer
	if err := resolverTemplate.Execute(&b, kinds); err != nil {
		panic(err) // the template is ours and the data are checked
	}
	return b.Bytes()
}
