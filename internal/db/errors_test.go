package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

func TestClash(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		exec(t, d, "CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE)")
		exec(t, d, "INSERT INTO people (id, code) VALUES (1, 'a')")
		for _, c := range []struct {
			name   string
			values string
			want   bool
		}{
			{"same primary key", "(1, 'b')", true},
			{"same unique key", "(2, 'a')", true},
			{"missing value", "(2, NULL)", false},
		} {
			err := write(t.Context(), d, "INSERT INTO people (id, code) VALUES "+c.values)
			if err == nil {
				t.Errorf("%s: no error", c.name)
			}
			if got := db.Clash(fmt.Errorf("insert: %w", err)); got != c.want {
				t.Errorf("%s: Clash is %t, want %t: %v", c.name, got, c.want, err)
			}
			if db.Retryable(err) {
				t.Errorf("%s: is retryable: %v", c.name, err)
			}
		}
	})
}

func TestClash_otherErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("UNIQUE"), sql.ErrNoRows, errLost} {
		if db.Clash(err) {
			t.Errorf("%v is a clash", err)
		}
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("deadlock"), false},
		{context.Canceled, false},
		{sql.ErrNoRows, false},
		{errLost, true},
		{fmt.Errorf("save: %w", errLost), true},
		{&mysql.MySQLError{Number: 1205}, true},
		{&mysql.MySQLError{Number: 1020}, true},
		{&mysql.MySQLError{Number: 1047}, true},
		{&mysql.MySQLError{Number: 1062}, false},
		{&mysql.MySQLError{Number: 1064}, false},
	} {
		if got := db.Retryable(c.err); got != c.want {
			t.Errorf("Retryable(%v) is %t, want %t", c.err, got, c.want)
		}
	}
}

// TestRetryable_busySQLite begins to write through a connection that does not wait, while another one writes.
func TestRetryable_busySQLite(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	impatient, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(d.URL, "sqlite://")+"?_txlock=immediate&_pragma=busy_timeout(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = impatient.Close() }()
	var busy error
	err = d.Write(t.Context(), func(ctx context.Context, _ *db.Tx) error {
		_, busy = impatient.BeginTx(ctx, nil)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if busy == nil || !db.Retryable(busy) {
		t.Errorf("%v is not retryable", busy)
	}
}
