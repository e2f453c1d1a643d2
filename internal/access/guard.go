package access

import (
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/fault"
	"farley/internal/model"
)

// Guard decides before an operation runs whether its actor may use every field that it selects, filters or orders by,
// and writes. It is safe for concurrent use.
type Guard struct {
	tables *tables
	plans  *lru.Cache[planKey, *plan]
}

// Verdict is what remains of an operation.
type Verdict struct {
	// Doc and Operation are the ones that were asked about, or copies without the selections that were dropped.
	Doc       *ast.QueryDocument
	Operation *ast.OperationDefinition
	// Dropped are the response paths of the selections marked @optional that were dropped, at most 100; a fragment stands
	// as "...Name", an inline one as "...".
	Dropped []ast.Path
}

// planKey names the part of a decision that does not depend on the variables. Documents are kept parsed by the query
// cache, so their address is their identity; the key keeps them alive.
type planKey struct {
	doc      *ast.QueryDocument
	op       *ast.OperationDefinition
	policy   string
	signedIn bool
}

const keptPlans = 2000

// NewGuard returns a guard over a schema whose directives map it to the kinds of set. What Check lists is refused.
func NewGuard(schema *ast.Schema, set *model.Set) *Guard {
	plans, err := lru.New[planKey, *plan](keptPlans)
	if err != nil {
		panic("access: " + err.Error()) // only for a size below one
	}
	return &Guard{tables: newTables(schema, set), plans: plans}
}

// Decide returns what of op may run for a, given coerced variables. The error is a *fault.Error: Unauthenticated when
// nobody is signed in and the operation is not public; otherwise Forbidden with the path of every field that a may not
// use, up to 20, as violations. Neither doc nor op is changed.
func (g *Guard) Decide(a *Actor, doc *ast.QueryDocument, op *ast.OperationDefinition, vars map[string]any) (Verdict, error) {
	key := planKey{doc, op, a.Policy.Fingerprint(), a.SignedIn()}
	p, ok := g.plans.Get(key)
	if !ok {
		p = g.plan(a, doc, op, nil)
		g.plans.Add(key, p)
	}

	problems, optional := p.variables(a.Policy, vars)
	if len(optional) > 0 {
		p = g.plan(a, doc, op, optional) // depends on the values, so it is not kept
		problems, _ = p.variables(a.Policy, vars)
	}
	if len(p.problems)+len(problems) > 0 {
		return Verdict{}, refusal(a, append(slices.Clone(p.problems), problems...))
	}
	return Verdict{Doc: p.doc, Operation: p.op, Dropped: p.dropped}, nil
}

// problem is one use that is not allowed.
type problem struct {
	path      ast.Path
	what      string
	root      bool // at a root field
	violation string
}

// The limits of what a refusal and a verdict list.
const (
	maxProblems = 20
	maxDropped  = 100
)

func refusal(a *Actor, problems []problem) error {
	if !a.SignedIn() && slices.ContainsFunc(problems, func(p problem) bool { return p.root }) {
		return fault.New(fault.Unauthenticated, "Sign in first.").At(anyPath(problems[0].path)...)
	}
	problems = problems[:min(len(problems), maxProblems)]
	err := fault.New(fault.Forbidden, "You may not use %s.", problems[0].what).At(anyPath(problems[0].path)...)
	for _, p := range problems {
		err.Violations = append(err.Violations, fault.Violation{
			Path: anyPath(p.path), Code: p.violation, Message: "You may not use %s.", Args: []any{p.what},
		})
	}
	return err
}

func anyPath(path ast.Path) []any {
	out := make([]any, len(path))
	for i, e := range path {
		switch e := e.(type) {
		case ast.PathName:
			out[i] = string(e)
		case ast.PathIndex:
			out[i] = int(e)
		}
	}
	return out
}

// plan is what is decided about an operation without its variables.
type plan struct {
	doc      *ast.QueryDocument
	op       *ast.OperationDefinition
	problems []problem
	dropped  []ast.Path
	vars     []varUse
}

// varUse is a variable in a position of the schema that has to be looked into.
type varUse struct {
	value    *ast.Value // where it stands
	slot     *slot
	path     ast.Path
	optional ast.Selection // the innermost selection around it that is marked @optional
}

// variables walks the values of the variables. It returns what is not allowed, and the selections to drop instead.
func (p *plan) variables(policy *Policy, vars map[string]any) ([]problem, map[ast.Selection]bool) {
	var problems []problem
	var optional map[ast.Selection]bool
	for i := range p.vars {
		u := &p.vars[i]
		v, given := vars[u.value.Raw]
		if !given || v == nil {
			continue
		}
		c := values{policy: policy}
		c.walk(u.slot, v, &step{})
		if len(c.problems) == 0 {
			continue
		}
		if u.optional != nil {
			if optional == nil {
				optional = map[ast.Selection]bool{}
			}
			optional[u.optional] = true
			continue
		}
		slices.SortFunc(c.problems, func(a, b problem) int { return strings.Compare(a.path.String(), b.path.String()) })
		problems = append(problems, prefixed(u.path, c.problems)...)
	}
	return problems[:min(len(problems), maxProblems)], optional
}
