package db_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// without returns the migrations before a version.
func without(t *testing.T, version string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	for _, folder := range []string{"sqlite", "mysql"} {
		for _, name := range sqlFiles(t, folder) {
			if name >= version {
				continue
			}
			text, err := fs.ReadFile(db.Migrations(), path.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			out[path.Join(folder, name)] = &fstest.MapFile{Data: text}
		}
	}
	return out
}

// The numbers of records that were there before the table of numbers are found in it.
func TestMigrations_fillTheTableOfNumbers(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, without(t, "20261122000210"))
		const (
			system = "`id`, `version`, `created_at`, `updated_at`"
			values = ", 1, '2026-11-22 09:00:00', '2026-11-22 09:00:00'"
		)
		for _, statement := range []string{
			"INSERT INTO `accounts` (" + system + ", `name`, `phones`) VALUES (X'01" + strings.Repeat("00", 15) + "'" + values + `, 'Elm', '["+966112003000","+966501234567","+966112003000"]')`,
			"INSERT INTO `accounts` (" + system + ", `name`, `phones`) VALUES (X'02" + strings.Repeat("00", 15) + "'" + values + `, 'Oak', '[]')`,
			"INSERT INTO `accounts` (" + system + ", `name`) VALUES (X'03" + strings.Repeat("00", 15) + "'" + values + `, 'Ash')`,
			"INSERT INTO `leads` (" + system + ", `status`, `queued`, `phones`) VALUES (X'04" + strings.Repeat("00", 15) + "'" + values + `, 'NEW', FALSE, '["+966112003000"]')`,
			"INSERT INTO `contacts` (" + system + ", `do_not_contact`, `primary_phone`, `phones`) VALUES (X'05" + strings.Repeat("00", 15) + "'" + values +
				`, FALSE, '+966501234567', '[{"number":"+966112003000","kind":"WORK","primary":false},{"number":"+966501234567","kind":"HOME","primary":true}]')`,
		} {
			if err := write(t.Context(), d, statement); err != nil {
				t.Fatal(statement, err)
			}
		}
		migrate(t, d, db.Migrations())
		for query, want := range map[string]int{
			"": 5, "WHERE number = '+966112003000'": 3, "WHERE number = '+966112003000' AND main = TRUE": 2, "WHERE number = '+966501234567' AND main = TRUE": 1,
		} {
			if got := number(t, d, "SELECT COUNT(*) FROM record_phones "+query); got != want {
				t.Errorf("%d numbers %s, want %d", got, query, want)
			}
		}
	})
}
