package importer

import (
	"farley/internal/fault"
	"farley/internal/importer/tabular"
	"farley/internal/model"
)

// Converted is a row as it was converted, for tests.
type Converted struct {
	In       map[string]any
	Key      string
	Skipped  bool
	Problems fault.Violations
}

// Convert compiles a mapping and converts one row.
func Convert(m Mapping, set *model.Set, columns, cells []string) (Converted, error) {
	p, err := compile(m, set, columns)
	if err != nil {
		return Converted{}, err
	}
	c := p.convert(tabular.Row{Number: 1, Cells: cells}, false)
	return Converted{c.in, c.key, c.skipped, c.problems}, nil
}

// DateOf is dateOf.
func DateOf(values ...string) (form string, ambiguous bool) { return dateOf(values, true) }
