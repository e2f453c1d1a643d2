package db

import (
	"context"
	"testing"
)

func TestWithoutValues(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT id FROM t1 WHERE a = ? LIMIT 21":                           "SELECT id FROM t1 WHERE a = ? LIMIT ?",
		"UPDATE changes SET position = 7 + FIELD(seq,1,2,3) WHERE seq = 1": "UPDATE changes SET position = ? + FIELD(seq,?) WHERE seq = ?",
		`SELECT 'it''s \' secret', "x", ` + "`col'1`" + ` FROM t`:           "SELECT ?, ?, `col'1` FROM t",
		"SELECT x'00ff' + 0xFF * 1.5e3 FROM utf8mb4":                      "SELECT x? + ? * ? FROM utf8mb4",
		"INSERT INTO t VALUES (?, ?, 'open":                                "INSERT INTO t VALUES (?, ?, ?",
	} {
		if got := withoutValues(query); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", query, got, want)
		}
	}
}

// Without traces a statement's span costs nothing.
func TestStatementSpan_isFreeWhenNothingIsRecorded(t *testing.T) {
	ctx := context.WithValue(context.Background(), struct{ n int }{1}, "a value as requests have")
	n := testing.AllocsPerRun(1000, func() {
		endStatement(statementSpan(ctx, SQLite, "SELECT 1"), nil, nil)
		_, span := writeSpan(ctx, SQLite)
		endWrite(span, 1, nil)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStatementSpan_off(b *testing.B) {
	ctx := context.WithValue(context.Background(), struct{ n int }{1}, "a value as requests have")
	b.ReportAllocs()
	for b.Loop() {
		endStatement(statementSpan(ctx, SQLite, "SELECT 1"), nil, nil)
	}
}
