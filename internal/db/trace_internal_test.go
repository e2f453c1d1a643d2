package db

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestWithoutValues(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT id FROM t1 WHERE a = ? LIMIT 21":                           "SELECT id FROM t1 WHERE a = ? LIMIT ?",
		"UPDATE changes SET position = 7 + FIELD(seq,1,2,3) WHERE seq = 1": "UPDATE changes SET position = ? + FIELD(seq,?) WHERE seq = ?",
		`SELECT 'it''s \' secret', "x", ` + "`col'1`" + ` FROM t`:          "SELECT ?, ?, `col'1` FROM t",
		"SELECT x'00ff' + 0xFF * 1.5e3 FROM utf8mb4":                       "SELECT x? + ? * ? FROM utf8mb4",
		"INSERT INTO t VALUES (?, ?, 'open":                                "INSERT INTO t VALUES (?, ?, ?",
	} {
		if got := withoutValues(query); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", query, got, want)
		}
	}
}

// Without traces a statement's span costs nothing.
func TestStatementSpan_isFreeWhenNothingIsRecorded(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
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

func TestDescribe_leavesValuesOut(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("create account: %w", &mysql.MySQLError{Number: 1062, Message: "Duplicate entry 'o'brien@example.com' for key 'user_email_key'"})
	if got, want := Describe(err), "create account: Error 1062: Duplicate entry '?'"; got != want {
		t.Errorf("described as %q; want %q", got, want)
	}
	if got := Describe(errors.New("it's 'ours'")); got != "it's 'ours'" {
		t.Errorf("our own words become %q", got)
	}
}
