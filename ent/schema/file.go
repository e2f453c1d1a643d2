package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// File is a file whose content lies in the blob store.
type File struct{ ent.Schema }

var file = decl.Kind{
	Code: 41, Prefix: "file", Sight: model.ByOwner, Owned: true, ByFarley: true, Title: "name",
	Doc: "A file: uploaded, or written by an export or an import. Its content is fetched at an address that downloadFile gives.",
	Members: []*decl.Member{
		decl.Name("name", "What the file is called, without a path.").Required().ReadOnly(),
		decl.Scalar("content_type", "String", "Its media type as far as its first bytes tell; application/octet-stream otherwise. What the uploader says is not believed.").MaxLen(200).ReadOnly(),
		decl.Int("size", "Its length in bytes; at most 2,147,483,647.").ReadOnly(),
		decl.Scalar("checksum", "String", "The SHA-256 of the content, 64 hexadecimal digits; null until the content is there.").MaxLen(64).ReadOnly(),
		decl.Enum("status", "FileStatus", "Whether the content is there.",
			decl.Value{Name: "PENDING", Doc: "It is still to come."},
			decl.Value{Name: "READY", Doc: "It is there, whole and checked."},
			decl.Value{Name: "EXPIRED", Doc: "It is gone for good: its time was over, or it may have held a person who was erased."}).Required().Default("PENDING").ReadOnly(),
		decl.Enum("purpose", "FilePurpose", "What it is for.",
			decl.Value{Name: "UPLOAD", Doc: "Somebody uploaded it."},
			decl.Value{Name: "EXPORT", Doc: "An export wrote it; only who started the export may fetch it."},
			decl.Value{Name: "IMPORT", Doc: "An import reads it; only who uploaded it may fetch it."},
			decl.Value{Name: "ERRORS", Doc: "An import wrote the rows into it that it could not take; only who started the import may fetch it."}).Required().Default("UPLOAD").ReadOnly(),
		decl.DateTime("expires_at", "When its content goes; null when it stays.").ReadOnly(),
		decl.Scalar("blob", "String", "Key of the content in the blob store.").MaxLen(100).Internal(),
		decl.Int("expected_size", "Length that was announced, in bytes.").Internal(),
		decl.Scalar("expected_checksum", "String", "SHA-256 that was announced.").MaxLen(64).Internal(),
	},
}

// Fields returns the columns.
func (File) Fields() []ent.Field { return file.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (File) Edges() []ent.Edge { return file.Edges() }

// Indexes returns the indexes that orders, scopes, relations and the sweep of the blob store need.
func (File) Indexes() []ent.Index { return append(file.Indexes(), index.Fields("blob")) }

// Annotations returns what the generator reads.
func (File) Annotations() []schema.Annotation { return file.Annotations() }
