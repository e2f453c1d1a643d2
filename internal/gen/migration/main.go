// Command migration writes the DDL of the whole model, as ent/schema declares it, for both dialects. It makes the first
// migration; later ones are written against the difference that the test of internal/db prints.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"farley/ent/migrate"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run ./internal/gen/migration DIRECTORY VERSION_NAME")
	}
	for _, d := range []struct{ name, folder, version string }{
		{dialect.SQLite, "sqlite", "3.46.0"},
		{dialect.MySQL, "mysql", "8.0.36"},
	} {
		ddl, err := schema.DDL(context.Background(), schema.DDLArgs{Dialect: d.name, Version: d.version, Tables: migrate.Tables})
		if err != nil {
			log.Fatal(fmt.Errorf("%s: %w", d.name, err))
		}
		path := filepath.Join(os.Args[1], d.folder, os.Args[2]+".sql")
		if err := os.WriteFile(path, []byte(ddl), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
