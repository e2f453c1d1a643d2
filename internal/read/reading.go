package read

import (
	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/model"
)

// reading says how a field of the records under one alias may be read.
type reading struct {
	whole  bool        // on every row
	plain  access.Cond // else where
	masked access.Cond // and where it shows masked instead
}

// reading asks the policy about a field. It returns Forbidden when the field never shows: the guard refuses such
// operations before they run, this is the second lock on that door.
func (r *run) reading(k *model.Kind, f *model.Field, alias string, path []any) (reading, error) {
	if f.Internal || !r.reachable(f) {
		return reading{}, forbidden(path)
	}
	plain, whole := r.a.FieldCond(r.Set, k, f, alias, r.now)
	if whole {
		return reading{whole: true}, nil
	}
	if !r.a.Policy.Field(k, f).Shows() {
		return reading{}, forbidden(path)
	}
	return reading{plain: plain, masked: r.a.MaskedCond(r.Set, k, f, alias, r.now)}, nil
}

// reachable reports whether a field is no relation, or one to a kind that may be read.
func (r *run) reachable(f *model.Field) bool {
	if f.Type != model.Ref && f.Type != model.Many {
		return true
	}
	target := r.kind(f.Target)
	return target != nil && r.a.Policy.Readable(target)
}

// comparable returns what filters and orders may use of a column: what is masked is not compared.
func (r *run) comparable(k *model.Kind, f *model.Field, alias, column string, path []any) (access.Cond, error) {
	rd, err := r.reading(k, f, alias, path)
	if err != nil {
		return access.Cond{}, err
	}
	if !rd.whole && r.a.Policy.Field(k, f).Read == access.None {
		return access.Cond{}, forbidden(path)
	}
	r.compares(k, f)
	return rd.guard(name(alias, column)), nil
}

// guard returns the expression where the field shows, NULL elsewhere.
func (rd reading) guard(expr string) access.Cond {
	if rd.whole {
		return access.Cond{SQL: expr}
	}
	return caseWhen(rd.plain, expr)
}

func caseWhen(c access.Cond, expr string) access.Cond {
	if c.IsTrue() {
		return access.Cond{SQL: expr}
	}
	return access.Cond{SQL: "CASE WHEN " + c.SQL + " THEN " + expr + " END", Args: c.Args}
}

func forbidden(path []any) error {
	return fault.New(fault.Forbidden, "You may not use this field.").At(path...)
}

// sight is the condition that a record is not in the bin and may be read.
func (r *run) sight(k *model.Kind, alias string) access.Cond {
	return access.And(live(alias), r.a.Sight(r.Set, k, alias, access.Read, r.now))
}

func live(alias string) access.Cond { return access.Cond{SQL: name(alias, "deleted_at") + " IS NULL"} }

func name(alias, column string) string { return alias + ".`" + column + "`" }

func table(k *model.Kind) string { return "`" + k.Table + "`" }
