package opportunity

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/big"
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/read"
)

// How many cards of a stage a board shows.
const (
	defaultCards = 20
	maxCards     = 100
)

// Wanted says what of a board is read.
type Wanted struct {
	Counts, Amount, Weighted, Cards bool
}

// BoardRequest asks for a board.
type BoardRequest struct {
	Pipeline id.ID
	Where    map[string]any // a decoded filter, may be nil
	Cards    *int64         // of each stage at most
	Stage    *id.ID         // only this one
	After    *string        // cursor of its cards
	Wanted   Wanted
}

// Board is a pipeline with its deals by stage, as far as the reader sees them.
type Board struct {
	Pipeline id.ID
	Currency string // of all sums
	Stages   []*BoardStage
}

// BoardStage is one stage of a board. Sums are exact, in minor units of the board's currency.
type BoardStage struct {
	ID               id.ID
	Count            int64
	Amount, Weighted *big.Int
	Unconverted      int64 // deals whose amount is in no sum, for want of a rate
	Cards            []id.ID
	More             bool
	End              string // cursor of the last card, "" without cards
}

// Boards reads boards.
type Boards struct {
	Read *read.Engine
	Book *money.Book
}

// Board reads a board with at most four statements, whatever there is. It returns NOT_FOUND for a pipeline out of sight,
// Invalid for arguments, and Forbidden where a wanted field never shows to the actor.
func (b *Boards) Board(ctx context.Context, q db.Querier, a *access.Actor, req BoardRequest) (*Board, error) {
	size, err := req.check()
	if err != nil {
		return nil, err
	}
	pipelines := b.Read.Set.Kind("Pipeline")
	board := &Board{Pipeline: req.Pipeline, Currency: b.Book.ReportingCurrency()}
	if err := b.stages(ctx, q, a, board, req.Stage); err != nil {
		return nil, err
	}
	if len(board.Stages) == 0 {
		seen, err := b.Read.Visible(ctx, q, a, pipelines, access.Read, []id.ID{req.Pipeline})
		if err != nil {
			return nil, err
		}
		if len(seen) == 0 {
			return nil, fault.New(fault.NotFound, "There is no %s with this id.", pipelines.Name)
		}
		return board, req.noStage()
	}
	filter, err := b.Read.Filter(ctx, q, a, b.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil {
		return nil, err
	}
	stage, err := filter.Value("stage", "")
	if err != nil || filter.IsFalse() {
		return board, err
	}
	if !a.Sight(b.Read.Set, b.Read.Set.Kind("Opportunity"), read.Row, access.Read, b.Read.Clock.Now()).IsTrue() {
		// Whose deals they are leaves fewer than the stages do. SQLite would go by the index of stages, which has their order; the
		// plus takes that from the column, and means nothing to the MySQL family.
		stage.SQL = "+" + stage.SQL
	}
	r := &boardReading{Boards: b, BoardRequest: req, ctx: ctx, q: q, a: a, board: board, filter: filter, stage: stage, byID: map[id.ID]*BoardStage{}}
	for _, s := range board.Stages {
		r.byID[s.ID] = s
		r.ids = append(r.ids, s.ID)
	}
	if err := r.sums(); err != nil {
		return nil, err
	}
	return board, r.cards(size)
}

// filterOf is a nil any for no filter.
func filterOf(where map[string]any) any {
	if where == nil {
		return nil
	}
	return where
}

func (req *BoardRequest) check() (size int64, err error) {
	var p fault.Violations
	size = defaultCards
	if req.Cards != nil {
		if size = *req.Cards; size < 1 || size > maxCards {
			p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxCards)
		}
	}
	if req.After != nil && req.Stage == nil {
		p.Add([]any{"stage"}, "REQUIRED", "A cursor is one of the cards of a stage.")
	}
	return size, p.Err()
}

// noStage says that the stage that is asked for is not one of the pipeline.
func (req *BoardRequest) noStage() error {
	var p fault.Violations
	if req.Stage != nil {
		p.Add([]any{"stage"}, "NOT_FOUND", "There is no %s with this id.", "Stage")
	}
	return p.Err()
}

// stages reads the stages in sight, in their order; none when the pipeline is out of sight.
func (b *Boards) stages(ctx context.Context, q db.Querier, a *access.Actor, board *Board, only *id.ID) error {
	filter, err := b.Read.Filter(ctx, q, a, b.Read.Set.Kind("Stage"), nil)
	if err != nil || filter.IsFalse() {
		return err
	}
	pipeline := a.Sight(b.Read.Set, b.Read.Set.Kind("Pipeline"), "pipeline", access.Read, b.Read.Clock.Now())
	if pipeline.IsFalse() {
		return nil
	}
	where := access.And(access.Cond{SQL: "pipeline.`id` = ? AND pipeline.`deleted_at` IS NULL", Args: []any{board.Pipeline}}, pipeline, filter.Cond)
	query, args := "SELECT "+read.Row+".`id` FROM `stages` "+read.Row+" JOIN `pipelines` pipeline ON pipeline.`id` = "+read.Row+".`pipeline_id` WHERE "+where.SQL, where.Args
	if only != nil {
		query, args = query+" AND "+read.Row+".`id` = ?", append(args, *only)
	}
	query += " ORDER BY CASE " + read.Row + ".`kind` WHEN 'OPEN' THEN 0 ELSE 1 END, " + read.Row + ".`position`, " + read.Row + ".`id`"
	return db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		s := &BoardStage{Amount: new(big.Int), Weighted: new(big.Int)}
		board.Stages = append(board.Stages, s)
		return rows.Scan(&s.ID)
	})
}

// boardReading is the reading of one board.
type boardReading struct {
	*Boards
	BoardRequest
	ctx    context.Context
	q      db.Querier
	a      *access.Actor
	board  *Board
	filter *read.Filter
	stage  access.Cond
	byID   map[id.ID]*BoardStage
	ids    []id.ID
}

// where is the condition on the deals of the board.
func (r *boardReading) where() access.Cond {
	in := access.Cond{SQL: r.stage.SQL + " IN (?" + strings.Repeat(", ?", len(r.ids)-1) + ")", Args: append([]any{}, r.stage.Args...)}
	for _, x := range r.ids {
		in.Args = append(in.Args, x)
	}
	return access.And(in, r.filter.Cond)
}

// sums reads what the deals are worth: one statement, which adds up minor units by stage and currency. They are added in two
// halves, so that no sum leaves the whole numbers that both databases have; the rest is done here, on numbers of any size.
func (r *boardReading) sums() error {
	if !r.Wanted.Counts && !r.Wanted.Amount && !r.Wanted.Weighted {
		return nil
	}
	null := access.Cond{SQL: "NULL"}
	worth := [4]access.Cond{null, null, null, null} // amount, its currency, weighted amount, its currency
	held := null
	if r.Wanted.Amount {
		var err error
		if worth[0], err = r.filter.Value("amount", ""); err != nil {
			return err
		}
		if held, err = r.filter.Value("amount", "amount_currency"); err != nil {
			return err
		}
		worth[1] = frozen(held, "closed_amount_currency")
		worth[0] = frozen(worth[0], "closed_amount")
	}
	if r.Wanted.Weighted {
		weighted, err := r.filter.Value("expectedRevenue", "")
		if err != nil {
			return err
		}
		currency, err := r.filter.Value("expectedRevenue", "expected_revenue_currency")
		if err != nil {
			return err
		}
		worth[2] = frozenAs(weighted, read.Row+".`closed_amount`", "0")
		worth[3] = frozen(currency, "closed_amount_currency")
	}
	where := r.where()
	args := append([]any{}, r.stage.Args...)
	inner := "SELECT " + r.stage.SQL + " AS stage"
	for i, name := range []string{"amount", "currency", "weighted", "weighted_currency"} {
		inner += ", " + worth[i].SQL + " AS " + name
		args = append(args, worth[i].Args...)
	}
	inner += ", " + held.SQL + " AS held FROM `opportunities` " + read.Row + " WHERE " + where.SQL
	args = append(append(args, held.Args...), where.Args...)
	query := "SELECT b.stage, b.currency, b.weighted_currency, COUNT(*), COUNT(b.held), COUNT(b.amount), " + money.SumSQL("b.amount") + ", " + money.SumSQL("b.weighted") +
		" FROM (" + inner + ") b GROUP BY b.stage, b.currency, b.weighted_currency"
	return db.Each(r.ctx, r.q, query, args, func(rows *sql.Rows) error {
		var stage id.ID
		var currency, weighted sql.NullString
		var count, held, worth int64
		var sum [4]sql.NullString
		if err := rows.Scan(&stage, &currency, &weighted, &count, &held, &worth, &sum[0], &sum[1], &sum[2], &sum[3]); err != nil {
			return err
		}
		s := r.byID[stage]
		if s == nil {
			return nil
		}
		s.Count += count
		s.Unconverted += held
		ok, err := r.add(s.Amount, sum[0], sum[1], currency)
		if err != nil {
			return err
		}
		if ok {
			s.Unconverted -= worth
		}
		_, err = r.add(s.Weighted, sum[2], sum[3], weighted)
		return err
	})
}

// frozen is an expression of open deals as it is, of closed ones the column of what they were worth when they were closed.
func frozen(v access.Cond, column string) access.Cond {
	column = read.Row + ".`" + column + "`"
	return frozenAs(v, column, column)
}

// frozenAs is v of open deals, and other expressions of those that are won and lost, where v shows at all.
func frozenAs(v access.Cond, won, lost string) access.Cond {
	return access.Cond{
		SQL:  "CASE WHEN " + v.SQL + " IS NULL THEN NULL WHEN " + read.Row + ".`status` = 'WON' THEN " + won + " WHEN " + read.Row + ".`status` = 'LOST' THEN " + lost + " ELSE " + v.SQL + " END",
		Args: append(append([]any{}, v.Args...), v.Args...),
	}
}

// add adds a sum of minor units in a currency to what there is in the reporting currency; false without a rate.
func (r *boardReading) add(to *big.Int, high, low, currency sql.NullString) (bool, error) {
	if !currency.Valid || !high.Valid {
		return false, nil
	}
	sum, err := money.ReadSum(high.String, low.String)
	if err != nil {
		return false, err
	}
	sum, ok := r.Book.ReportingSum(sum, currency.String)
	if ok {
		to.Add(to, sum)
	}
	return ok, nil
}

// cards reads the newest deals of each stage.
func (r *boardReading) cards(size int64) error {
	if !r.Wanted.Cards {
		return nil
	}
	where := r.where()
	bound, err := r.bound()
	if err != nil {
		return err
	}
	if r.After != nil {
		keys, err := r.Read.OpenCursor(*r.After, bound, "after")
		if err != nil {
			return err
		}
		where = access.And(where, access.Cond{SQL: read.Row + ".`id` < ?", Args: keys})
	}
	args := append(append(append([]any{}, r.stage.Args...), r.stage.Args...), where.Args...)
	query := "SELECT c.stage, c.id FROM (SELECT " + r.stage.SQL + " AS stage, " + read.Row + ".`id` AS id, ROW_NUMBER() OVER (PARTITION BY " + r.stage.SQL + " ORDER BY " + read.Row + ".`id` DESC) AS n" +
		" FROM `opportunities` " + read.Row + " WHERE " + where.SQL + ") c WHERE c.n <= ? ORDER BY c.stage, c.id DESC"
	var all []id.ID
	err = db.Each(r.ctx, r.q, query, append(args, size+1), func(rows *sql.Rows) error {
		var stage, x id.ID
		if err := rows.Scan(&stage, &x); err != nil {
			return err
		}
		s := r.byID[stage]
		switch {
		case s == nil:
		case int64(len(s.Cards)) == size:
			s.More = true
		default:
			s.Cards, all = append(s.Cards, x), append(all, x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.filter.Told(all)
	for _, s := range r.board.Stages {
		if n := len(s.Cards); n > 0 {
			r.Stage = &s.ID
			if bound, err = r.bound(); err != nil {
				return err
			}
			s.End = r.Read.SealCursor(bound, s.Cards[n-1][:])
		}
	}
	return nil
}

// bound are the words to which the cursors of a stage's cards are bound.
func (r *boardReading) bound() ([]string, error) {
	of, err := json.Marshal(r.Where)
	stage := ""
	if r.Stage != nil {
		stage = r.Stage.String()
	}
	return []string{"board", r.Pipeline.String(), stage, string(of), r.a.User.String()}, err
}
