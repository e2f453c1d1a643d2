package app_test

import (
	"context"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/rule"
	"farley/internal/write"
)

type (
	writeTx = write.Tx
	idOf    = id.ID
)

func asSystem() context.Context { return write.AsSystem(context.Background()) }

func fillCustom(e *farleytest.Env) (int64, error) { return rule.FillCustom(asSystem(), e.Write) }
