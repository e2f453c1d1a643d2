package suite_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// gadget is the one file that a new entity takes.
const gadget = `package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Gadget is a thing that a test adds.
type Gadget struct{ ent.Schema }

var gadget = decl.Kind{
	Code: 1999, Prefix: "gdgt", Sight: model.ByOwner, Owned: true, Upsert: true, Shareable: true, Title: "name",
	Doc: "A thing that a test adds.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required().Tells(50),
		decl.Name("nick_name", "Another name."),
		decl.Text("remark", "A remark."),
		decl.LongText("story", "A long text."),
		decl.Scalar("serial", "String", "A unique number.").Unique(),
		decl.Scalar("contact_email", "EmailAddress", "An address."),
		decl.Int("weight", "The weight in grams."),
		decl.Money("price", "The price."),
		decl.Bool("broken", "Whether it is broken."),
		decl.Date("made_on", "The day it was made."),
		decl.DateTime("seen_at", "When it was seen last."),
		decl.Enum("size", "GadgetSize", "The size.", decl.Value{Name: "SMALL", Doc: "Small."}, decl.Value{Name: "LARGE", Doc: "Large."}),
		decl.Choices("uses", "GadgetUse", "What it is for.", decl.Value{Name: "WORK", Doc: "Work."}, decl.Value{Name: "PLAY", Doc: "Play."}, decl.Value{Name: "SHOW", Doc: "Show."}),
		decl.List("links", "URL", "Addresses about it."),
		decl.Objects("places", "Address", "Where it is."),
		decl.Text("secret", "What few may know.").Sensitive(),
		decl.Ref("account", Account.Type, "Whose it is."),
		decl.Ref("part_of", Gadget.Type, "What it is a part of.").Plain().Acyclic(),
		decl.Many("parts", "Gadget", "partOf", "What is a part of it."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on it."),
	},
}

// Fields returns the columns.
func (Gadget) Fields() []ent.Field { return gadget.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Gadget) Edges() []ent.Edge { return gadget.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Gadget) Indexes() []ent.Index { return gadget.Indexes() }

// Annotations returns what the generator reads.
func (Gadget) Annotations() []schema.Annotation { return gadget.Annotations() }
`

// One file makes a working, permissioned, subscribable and documented entity: in a copy of the module a kind is added, the
// generator is run, its table is added as a migration, and the tests of this package are run on it.
func TestGadget_oneFileMakesAnEntity(t *testing.T) {
	t.Parallel()
	if os.Getenv("FARLEY_LONG") != "1" {
		t.Skip("slow: set FARLEY_LONG=1 to generate and test a new entity in a copy of the module")
	}
	root := copyModule(t)
	writeFile(t, filepath.Join(root, "ent", "schema", "gadget.go"), gadget)
	run(t, filepath.Join(root, "internal", "gen"), "go", "run", ".")

	dump := t.TempDir()
	for _, dialect := range []string{"sqlite", "mysql"} {
		if err := os.Mkdir(filepath.Join(dump, dialect), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, root, "go", "run", "./internal/gen/migration", dump, "all")
	for _, dialect := range []string{"sqlite", "mysql"} {
		ddl := read(t, filepath.Join(dump, dialect, "all.sql"))
		writeFile(t, filepath.Join(root, "internal", "db", "migrations", dialect, "20991231000000_gadget.sql"), tableOf(t, ddl, "gadgets"))
	}

	sdl := read(t, filepath.Join(root, "schema", "ent.graphql"))
	for _, want := range []string{
		`"""A thing that a test adds."""` + "\ntype Gadget implements Node", "  gadgets(", "  createGadget(", "  upsertGadget(", "  gadgetChanged(",
		"  " + `"""What few may know. Sensitive: seen by roles that name it."""` + "\n  secret: String",
	} {
		if !strings.Contains(sdl, want) {
			t.Errorf("the schema lacks %q", want)
		}
	}
	run(t, root, "go", "vet", "./internal/app", "./graph")
	out := run(t, root, "go", "test", "./internal/suite", "-v", "-farley.kind=Gadget", "-farley.all", "-run=^Test(Actors|Levels|Paging|Filters|Events|Control|Statements)_")
	for _, want := range []string{
		"--- PASS: TestActors_operations/sqlite/Gadget/edit_sharee/update", "--- PASS: TestActors_subscription/sqlite/Gadget/owner",
		"--- PASS: TestLevels_everyPosition/sqlite/Gadget/3", "--- PASS: TestFilters_againstRecordsInMemory/sqlite/Gadget/price",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the tests of the new entity lack %q", want)
		}
	}
}

// copyModule copies the sources of the module.
func copyModule(t *testing.T) string {
	t.Helper()
	from, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case name == ".":
			return nil
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir():
			return os.Mkdir(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular() || !sources[filepath.Ext(name)]:
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// sources are the extensions of the files that make the module.
var sources = map[string]bool{
	".go": true, ".mod": true, ".sum": true, ".yml": true, ".sql": true, ".graphql": true, ".tmpl": true, ".js": true, ".html": true, ".css": true,
	".json": true, ".txt": true, ".md": true, ".svg": true,
}

// tableOf picks the statements about one table out of the DDL of the whole model.
func tableOf(t *testing.T, ddl, table string) string {
	t.Helper()
	about := regexp.MustCompile("(?s)^(CREATE TABLE|ALTER TABLE) `" + table + "`|^CREATE (UNIQUE )?INDEX `[^`]+` ON `" + table + "`")
	var out strings.Builder
	for statement := range strings.SplitSeq(ddl, ";\n") {
		var lines []string
		for line := range strings.SplitSeq(statement, "\n") {
			if line != "" && !strings.HasPrefix(line, "--") {
				lines = append(lines, line)
			}
		}
		if s := strings.Join(lines, "\n"); about.MatchString(s) {
			out.WriteString(s + ";\n")
		}
	}
	if out.Len() == 0 {
		t.Fatalf("nothing about %s in the DDL", table)
	}
	return out.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it writes; a failure fails the test with it.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FARLEY_LONG=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(out.String()))
	}
	return out.String()
}

// tail keeps the end of a long output, and the lines of failures before it.
func tail(s string) string {
	const keep = 6000
	var failures []string
	for line := range strings.SplitSeq(s, "\n") {
		if strings.Contains(line, "--- FAIL") || strings.Contains(line, "_test.go:") {
			failures = append(failures, line)
		}
	}
	if len(failures) > 60 {
		failures = failures[:60]
	}
	return strings.Join(failures, "\n") + "\n…\n" + s[max(0, len(s)-keep):]
}
