package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ImportRun is the kind Import; ent makes a package of the name, and import is a word of Go.
type ImportRun struct{ ent.Schema }

var importRun = decl.Kind{
	API: "Import", Code: 42, Prefix: "impt", Sight: model.ByOwner, Owned: true, ByFarley: true, Title: "name",
	Doc: "A file of rows made into records, with the rights of who started it; see startImport.",
	Members: []*decl.Member{
		decl.Name("name", "What the file is called.").Required().ReadOnly(),
		decl.Scalar("object", "Object", "The kind of records.").MaxLen(60).Required().ReadOnly().Unfiltered(),
		decl.Enum("mode", "ImportMode", "What it does with a row.",
			decl.Value{Name: "CREATE", Doc: "Makes a record; a row whose key is there already is skipped."},
			decl.Value{Name: "UPDATE", Doc: "Changes the record with the row's key; a row without one is a problem."},
			decl.Value{Name: "UPSERT", Doc: "Changes the record with the row's key, and makes one where there is none."}).Required().Default("UPSERT").ReadOnly(),
		decl.Enum("on_duplicate", "ImportDuplicates", "What it does with a row that would make a record which seems to exist already, by the rules that creates have.",
			decl.Value{Name: "SKIP", Doc: "Leaves the row out."},
			decl.Value{Name: "UPDATE", Doc: "Changes the likeliest one."},
			decl.Value{Name: "CREATE", Doc: "Makes the record anyway."},
			decl.Value{Name: "REJECT", Doc: "Tells the row as a problem."}).Required().Default("REJECT").ReadOnly(),
		decl.Bool("trial", "Whether it only tries: it does everything, tells all problems, and keeps no record.").ReadOnly(),
		decl.Enum("status", "ImportStatus", "How far it is.",
			decl.Value{Name: "PENDING", Doc: "It has not begun."},
			decl.Value{Name: "RUNNING", Doc: "It is under way."},
			decl.Value{Name: "DONE", Doc: "All rows have been looked at; those that could not be taken are in the error file."},
			decl.Value{Name: "FAILED", Doc: "It ended before the last row; message says why. resumeImport goes on."},
			decl.Value{Name: "CANCELLED", Doc: "Somebody stopped it. What was done stays; resumeImport goes on, undoImport takes it back."},
			decl.Value{Name: "UNDOING", Doc: "What it did is being taken back."},
			decl.Value{Name: "UNDONE", Doc: "What it did has been taken back, as far as nobody had changed it since."}).Required().Default("PENDING").ReadOnly(),
		decl.Int("total", "How many rows the file has; null while that is not known.").ReadOnly(),
		decl.Int("done", "How many rows have been looked at.").ReadOnly(),
		decl.Int("created", "How many records were made of rows.").ReadOnly(),
		decl.Int("updated", "How many records were changed.").ReadOnly(),
		decl.Int("unchanged", "How many records were as the row says already.").ReadOnly(),
		decl.Int("skipped", "How many rows were left out, by the mapping or as duplicates.").ReadOnly(),
		decl.Int("failed", "How many rows could not be taken.").ReadOnly(),
		decl.Int("undone", "How many records have been taken back.").ReadOnly(),
		decl.Int("kept", "How many records could not be taken back: somebody changed or removed them since.").ReadOnly(),
		decl.Text("message", "Why it failed.").MaxLen(500).ReadOnly().Unfiltered(),
		decl.Ref("file", File.Type, "The file.").Plain().ReadOnly(),
		decl.Ref("error_file", File.Type, "The rows that could not be taken, in the form of the file with the reasons in a column of its own, to be corrected and imported again. Only who started the import may fetch it.").Plain().ReadOnly(),
		decl.DateTime("started_at", "When it began.").ReadOnly(),
		decl.DateTime("ended_at", "When it ended.").ReadOnly(),
		decl.DateTime("undo_until", "Until when it can be undone; null for one that cannot.").ReadOnly(),
		decl.LongText("request", "What was asked for, as JSON.").Internal(),
		decl.AnyID("job", "The job that does it.").Internal(),
	},
}

// Fields returns the columns.
func (ImportRun) Fields() []ent.Field { return importRun.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ImportRun) Edges() []ent.Edge { return importRun.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ImportRun) Indexes() []ent.Index { return importRun.Indexes() }

// Annotations returns what the generator reads.
func (ImportRun) Annotations() []schema.Annotation { return importRun.Annotations() }
