package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// executor generates gqlgen's part: graph/generated and graph/model.
func executor() error {
	cfg, err := config.LoadConfig("gqlgen.yml")
	if err != nil {
		return fmt.Errorf("gqlgen.yml: %w", err)
	}
	if err := api.Generate(cfg, api.PrependPlugin(engine{})); err != nil {
		return fmt.Errorf("gqlgen: %w", err)
	}
	return nil
}

// engine takes out of gqlgen's hands what the read engine answers: for generation, objects that it writes are scalars
// bound to read.Result, input objects of the model are scalars bound to input.Object, and enums are strings. The schema
// that is served stays as it is written, so validation and introspection see the real types.
type engine struct{}

// Name implements plugin.Plugin.
func (engine) Name() string { return "farley" }

// MutateSchema implements plugin.SchemaMutator.
func (engine) MutateSchema(s *ast.Schema) error {
	for _, d := range s.Types {
		if d.BuiltIn || !answered(d) {
			continue
		}
		d.Kind, d.Fields, d.EnumValues, d.Interfaces, d.Types = ast.Scalar, nil, nil, nil, nil
	}
	return nil
}

// MutateConfig implements plugin.ConfigMutator.
func (engine) MutateConfig(cfg *config.Config) error {
	original, err := sources()
	if err != nil {
		return err
	}
	for name, d := range original.Types {
		if d.BuiltIn || !answered(d) {
			continue
		}
		switch d.Kind {
		case ast.Enum:
			cfg.Models.Add(name, "github.com/99designs/gqlgen/graphql.String")
		case ast.InputObject:
			cfg.Models.Add(name, "farley/internal/input.Object")
		default:
			cfg.Models.Add(name, "farley/internal/read.Result")
		}
	}
	return nil
}

func answered(d *ast.Definition) bool {
	switch d.Kind {
	case ast.Enum:
		return true
	case ast.InputObject:
		return d.Directives.ForName("input") != nil
	case ast.Object, ast.Interface:
		return d.Directives.ForName("kind") != nil || d.Directives.ForName("engine") != nil
	}
	return false
}

// sources loads the schema as it is written.
func sources() (*ast.Schema, error) {
	files, err := filepath.Glob("schema/*.graphql")
	if err != nil {
		return nil, err
	}
	var in []*ast.Source
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		in = append(in, &ast.Source{Name: f, Input: string(b)})
	}
	s, err := gqlparser.LoadSchema(in...)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return s, nil
}
