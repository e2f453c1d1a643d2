package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver of the administrating pool
)

// privateServer is the server of this process, started once. It is a package variable because tests of a process share
// nothing else.
var privateServer = sync.OnceValues(func() (*server, error) { return startServer() })

// adminTimeout bounds the work of making or removing a schema.
const adminTimeout = time.Minute

func theServer(t testing.TB) *server {
	t.Helper()
	s, err := privateServer()
	return found(t, s, err)
}

func found(t testing.TB, s *server, err error) *server {
	t.Helper()
	if errors.Is(err, errNoServer) && os.Getenv("FARLEY_REQUIRE_MYSQL") != "1" {
		t.Skipf("testdb: %v; FARLEY_REQUIRE_MYSQL=1 makes this a failure", err)
	}
	if err != nil {
		t.Fatalf("testdb: MariaDB: %v", err)
	}
	return s
}

// emptySchema makes a schema without tables for the test and returns its URL.
func emptySchema(t testing.TB) string {
	t.Helper()
	s := theServer(t)
	schema, err := s.create(t.Context())
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	cleanup(t, schema, s.drop)
	return s.url(schema)
}

// migratedSchema takes a schema with the tables of all migrations for the test and returns its URL.
func migratedSchema(t testing.TB) string {
	t.Helper()
	s := theServer(t)
	schema, err := s.take(t.Context())
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	cleanup(t, schema, s.giveBack)
	return s.url(schema)
}

func cleanup(t testing.TB, schema string, end func(context.Context, string) error) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout) // the test's own context has ended
		defer cancel()
		if err := end(ctx, schema); err != nil {
			t.Errorf("testdb: clean up (is a transaction still open?): %v", err)
		}
	})
}

func (s *server) url(schema string) string {
	return (&url.URL{Scheme: "mysql", User: url.User("root"), Host: s.addr, Path: "/" + schema}).String()
}

// openAdmin opens the pool for work on schemas. A test that leaves a transaction open holds locks on its tables, and
// dropping them would wait for a day.
func (s *server) openAdmin() (err error) {
	s.admin, err = sql.Open("mysql", "root@tcp("+s.addr+")/?multiStatements=true&lock_wait_timeout=10&innodb_lock_wait_timeout=10")
	return err
}

// create makes a schema without tables.
func (s *server) create(ctx context.Context) (string, error) {
	schema := fmt.Sprintf("farley_%d", s.schemas.Add(1))
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+schema+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", fmt.Errorf("create schema: %w", err)
	}
	return schema, nil
}

func (s *server) drop(ctx context.Context, schema string) error {
	if _, err := s.admin.ExecContext(ctx, "DROP DATABASE "+schema); err != nil {
		return fmt.Errorf("drop schema: %w", err)
	}
	return nil
}
