package db

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Facts are what decides whether a database is fit for Farley.
type Facts struct {
	Version string
	// Settings are those of the connections that Farley opens, by the database's own names.
	Settings map[string]string
	// Now is the database's clock; zero when it has none of its own.
	Now time.Time
}

// Facts asks the database about itself.
func (d *DB) Facts(ctx context.Context) (Facts, error) {
	f := Facts{Settings: map[string]string{}}
	var err error
	if d.Dialect == SQLite {
		err = d.sqliteFacts(ctx, &f)
	} else {
		err = d.mysqlFacts(ctx, &f)
	}
	if err != nil {
		return Facts{}, fmt.Errorf("db: facts: %w", err)
	}
	return f, nil
}

func (d *DB) sqliteFacts(ctx context.Context, f *Facts) error {
	if err := d.writes.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&f.Version); err != nil {
		return err
	}
	for _, name := range []string{"journal_mode", "synchronous", "foreign_keys", "encoding"} {
		var value string
		if err := d.writes.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return err
		}
		f.Settings[name] = value
	}
	return nil
}

func (d *DB) mysqlFacts(ctx context.Context, f *Facts) error {
	err := d.writes.QueryRowContext(ctx, "SELECT VERSION(), UTC_TIMESTAMP(6)").Scan(&f.Version, &f.Now)
	if err != nil {
		return err
	}
	names := []any{
		"transaction_isolation", "tx_isolation", "character_set_database", "character_set_connection", "collation_connection", "time_zone", "sql_mode",
		"innodb_flush_log_at_trx_commit", "max_connections", "max_allowed_packet", "read_only", "wsrep_on",
	}
	rows, err := d.writes.QueryContext(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN (?"+strings.Repeat(", ?", len(names)-1)+")", names...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		f.Settings[name] = value.String
	}
	return rows.Err()
}
