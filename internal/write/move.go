package write

import "context"

// Move lets a write bring a record that goes from stage to stage (a deal) into another one. The rules of its kind say what
// follows.
type Move struct {
	Reopens bool // the record is closed, and open afterwards
	Free    bool // what the stage demands is not asked for
}

type moveKey struct{}

// WithMove returns a context in which a write may change the stage of a record: others may not.
func WithMove(ctx context.Context, m Move) context.Context {
	return context.WithValue(ctx, moveKey{}, &m)
}

// MoveOf returns the move under way, nil when there is none.
func MoveOf(ctx context.Context) *Move {
	m, _ := ctx.Value(moveKey{}).(*Move)
	return m
}
