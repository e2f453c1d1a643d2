package server

import (
	"maps"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// rusageThread asks for the time of the calling thread alone, so that other tests do not count.
const rusageThread = 1

// TestHostileDocuments_costLittle measures the CPU time of each refusal.
func TestHostileDocuments_costLittle(t *testing.T) {
	t.Parallel()
	limit := 100 * time.Millisecond
	if raceEnabled {
		limit *= 10
	}
	b := setup(t, nil, nil)
	ctx := graphql.StartOperationTrace(t.Context())
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	documents := hostile()
	maps.Copy(documents, harmless())
	for name, query := range documents {
		before := threadTime(t)
		b.engine.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
		took := threadTime(t) - before
		t.Logf("%-28s %v", name, took)
		if took > limit {
			t.Errorf("%s: %v of CPU, want at most %v", name, took, limit)
		}
	}
}

func threadTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
