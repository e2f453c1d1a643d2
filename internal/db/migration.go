package db

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"ariga.io/atlas/sql/migrate"
)

//go:embed migrations
var embedded embed.FS

// Migrations returns the migrations of this binary: the folders sqlite and mysql with their SQL files.
func Migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // only for a malformed constant path
	}
	return sub
}

// migration is one SQL file of one dialect.
type migration struct {
	version  string // 14 digits
	file     string // name of the file
	checksum string // SHA-256 of the text, in hex
	text     string
}

var migrationFile = regexp.MustCompile(`^([0-9]{14})_[a-z0-9_]+\.sql$`)

// migrations reads the files of the dialect in fsys, in the order of their versions.
func (d Dialect) migrations(fsys fs.FS) ([]migration, error) {
	folder := "sqlite"
	if d == MySQL {
		folder = "mysql"
	}
	entries, err := fs.ReadDir(fsys, folder) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("db: migrations: %w", err)
	}
	var all []migration
	for _, e := range entries {
		if path.Ext(e.Name()) != ".sql" {
			continue
		}
		m := migrationFile.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("db: migration %s/%s: want a name like 20261122000010_change.sql", folder, e.Name())
		}
		if len(all) > 0 && all[len(all)-1].version == m[1] {
			return nil, fmt.Errorf("db: migrations %s and %s/%s have the same version", all[len(all)-1].file, folder, e.Name())
		}
		b, err := fs.ReadFile(fsys, path.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("db: migrations: %w", err)
		}
		text := strings.ReplaceAll(string(b), "\r\n", "\n") // a checkout with other line ends is the same migration
		sum := sha256.Sum256([]byte(text))
		all = append(all, migration{version: m[1], file: e.Name(), checksum: hex.EncodeToString(sum[:]), text: text})
	}
	return all, nil
}

// statements splits the text of a migration as the dialect reads it.
func (d Dialect) statements(m migration) ([]string, error) {
	scanner := migrate.Scanner{ScannerOptions: migrate.ScannerOptions{
		MatchBegin:       true, // triggers
		BackslashEscapes: d == MySQL,
		HashComments:     d == MySQL,
	}}
	scanned, err := scanner.Scan(m.text)
	if err != nil {
		return nil, fmt.Errorf("db: migration %s: %w", m.file, err)
	}
	var statements []string
	for _, s := range scanned {
		if text := strings.TrimSpace(strings.TrimSuffix(s.Text, ";")); text != "" {
			statements = append(statements, text)
		}
	}
	return statements, nil
}
