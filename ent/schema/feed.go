package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/index"
)

// feeds are the indexes by which a timeline finds the newest records of each parent: by the column of the parent and the
// one that says when.
func feeds(at string, parents ...string) []ent.Index {
	var is []ent.Index
	for _, p := range parents {
		is = append(is, index.Fields(p, "deleted_at", at, "id"))
	}
	return is
}
