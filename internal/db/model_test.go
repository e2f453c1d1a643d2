package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/go-sql-driver/mysql"
	"net/url"

	entmigrate "farley/ent/migrate"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// TestMigrations_makeTheModel fails with the statements that are missing in the last migration.
func TestMigrations_makeTheModel(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		store := plain(t, d)
		var missing bytes.Buffer
		err := entmigrate.NewSchema(entsql.OpenDB(string(d.Dialect), store)).WriteTo(context.Background(), &missing,
			entmigrate.WithDropColumn(true), entmigrate.WithDropIndex(true))
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.TrimSpace(missing.String()); s != "" && s != "PRAGMA foreign_keys = off;\nPRAGMA foreign_keys = on;" {
			t.Errorf("the migrations do not make the tables of ent/schema; missing:\n%s", s)
		}
	})
}

// plain opens the database without Farley's own pools.
func plain(t *testing.T, d *testdb.DB) *sql.DB {
	t.Helper()
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	driver, dsn := "sqlite", "file:"+u.Path+"?_pragma=foreign_keys(1)"
	if d.Dialect == db.MySQL {
		c := mysql.NewConfig()
		c.Net, c.Addr, c.User, c.DBName, c.ParseTime = "tcp", u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/"), true
		c.Passwd, _ = u.User.Password()
		driver, dsn = dialect.MySQL, c.FormatDSN()
	}
	store, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}
