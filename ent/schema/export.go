package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Export is a list written into a file.
type Export struct{ ent.Schema }

var export = decl.Kind{
	Code: 43, Prefix: "expt", Sight: model.ByOwner, Owned: true, ByFarley: true, Title: "id",
	Doc: "A list of records written into a file, with the rights of who started it; see startExport.",
	Members: []*decl.Member{
		decl.Scalar("object", "Object", "The kind of records.").MaxLen(60).Required().ReadOnly().Unfiltered(),
		decl.Enum("format", "ExportFormat", "How the file is written.",
			decl.Value{Name: "CSV", Doc: "Comma-separated values by RFC 4180, UTF-8, the first line holds the names of the columns."},
			decl.Value{Name: "XLSX", Doc: "A workbook with one sheet; at most 1,048,575 records."},
			decl.Value{Name: "JSON_LINES", Doc: "One JSON object a line, fields as in the API."},
			decl.Value{Name: "VCARD", Doc: "vCard 4.0, contacts only."}).Required().ReadOnly(),
		decl.Enum("status", "ExportStatus", "How far it is.",
			decl.Value{Name: "WAITING", Doc: "It has not begun."},
			decl.Value{Name: "RUNNING", Doc: "It is under way."},
			decl.Value{Name: "DONE", Doc: "The file is there."},
			decl.Value{Name: "FAILED", Doc: "It ended without a file; problem says why."},
			decl.Value{Name: "CANCELLED", Doc: "Somebody stopped it."},
			decl.Value{Name: "EXPIRED", Doc: "It was done, and its file is gone."}).Required().Default("WAITING").ReadOnly(),
		decl.Int("done", "How many records have been written.").ReadOnly(),
		decl.Int("total", "How many there were when it began, at most 10,000 counted; null while that is not known, or for more.").ReadOnly(),
		decl.List("columns", "String", "The columns of the file, in order; null for a vCard.").MaxLen(200).ReadOnly().Unfiltered(),
		decl.Text("problem", "Why it failed.").MaxLen(500).ReadOnly().Unfiltered(),
		decl.Ref("file", File.Type, "The file.").ReadOnly(),
		decl.DateTime("started_at", "When it began.").ReadOnly(),
		decl.DateTime("finished_at", "When it ended.").ReadOnly(),
		decl.DateTime("expires_at", "When its file goes.").ReadOnly(),
		decl.LongText("request", "What was asked for, as JSON.").Internal(),
		decl.Int("attempt", "Number of the run that writes it.").Internal(),
		decl.AnyID("job", "The job that writes it.").Internal(),
	},
}

// Fields returns the columns.
func (Export) Fields() []ent.Field { return export.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Export) Edges() []ent.Edge { return export.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Export) Indexes() []ent.Index { return export.Indexes() }

// Annotations returns what the generator reads.
func (Export) Annotations() []schema.Annotation { return export.Annotations() }
