package seed

import (
	"slices"

	"farley/internal/access"
	"farley/internal/model"
)

// crud are the scopes of the actions on one kind of record; "" is NONE.
type crud struct{ create, read, update, delete string }

// rights are what a role may do, by model.Kind.Const.
type rights map[string]crud

// levels are the levels of one kind's fields, by model.Field.Const. rest is that of all fields which are neither named
// nor sensitive, sensitive that of the sensitive ones; "" leaves them to the policy's defaults. A rest of NONE keeps
// fields hidden that the model gets later.
type levels struct {
	rest, sensitive           access.Level
	write, read, masked, none []string
}

// fields are the levels of a role, by model.Kind.Const.
type fields map[string]levels

// definition is a shipped role.
type definition struct {
	key, name, description string
	rights                 rights
	named                  []access.Permission // named actions
	fields                 fields
}

// permissions lists the rights in the order of the model, so that equal rights are stored alike.
func (d *definition) permissions(set *model.Set) []access.Permission {
	var out []access.Permission
	for _, k := range set.Kinds {
		c := d.rights[k.Const]
		for _, p := range []access.Permission{
			{Object: k.Const, Action: access.Create, Scope: c.create},
			{Object: k.Const, Action: access.Read, Scope: c.read},
			{Object: k.Const, Action: access.Update, Scope: c.update},
			{Object: k.Const, Action: access.Delete, Scope: c.delete},
		} {
			if p.Scope != "" {
				out = append(out, p)
			}
		}
	}
	return append(out, d.named...)
}

// fieldLevels lists the levels in the order of the model.
func (d *definition) fieldLevels(set *model.Set) []access.FieldLevel {
	var out []access.FieldLevel
	for _, k := range set.Kinds {
		l, ok := d.fields[k.Const]
		if !ok {
			continue
		}
		for _, f := range k.Fields {
			if level := l.of(f); level != "" && !f.System && !f.Internal {
				out = append(out, access.FieldLevel{Object: k.Const, Field: f.Const, Level: level})
			}
		}
		if k.Customised() && l.sensitive != "" {
			out = append(out, access.FieldLevel{Object: k.Const, Field: access.SensitiveCustom, Level: l.sensitive})
		}
	}
	return out
}

func (l *levels) of(f *model.Field) access.Level {
	switch {
	case slices.Contains(l.write, f.Const):
		return access.LevelWrite
	case slices.Contains(l.read, f.Const):
		return access.LevelRead
	case slices.Contains(l.masked, f.Const):
		return access.LevelMasked
	case slices.Contains(l.none, f.Const):
		return access.LevelNone
	case f.Sensitive:
		return l.sensitive
	}
	return l.rest
}

// everything gives all kinds the same scopes, save those named by except.
func everything(set *model.Set, c crud, except ...string) rights {
	r := rights{}
	for _, k := range set.Kinds {
		if !k.Link && !slices.Contains(except, k.Const) {
			r[k.Const] = c
		}
	}
	return r
}

// sensitive sets the level of the sensitive fields of all kinds.
func sensitive(set *model.Set, level access.Level) fields {
	fs := fields{}
	for _, k := range set.Kinds {
		if !k.Link && (k.Customised() || slices.ContainsFunc(k.Fields, func(f *model.Field) bool { return f.Sensitive })) {
			fs[k.Const] = levels{sensitive: level}
		}
	}
	return fs
}

// exports grants that lists of objects are written into files.
func exports(scope string, objects ...string) []access.Permission {
	var out []access.Permission
	for _, object := range objects {
		out = append(out, access.Permission{Object: object, Action: "EXPORT", Scope: scope})
	}
	return out
}

// staff are the rights of a member of staff: beside his own ones he reads the directory, places, tags, products and pipelines, and
// has files, exports, reminders, notifications and a working calendar of his own.
func staff(r rights) rights {
	for _, object := range []string{"USER", "TEAM", "BRANCH", "TERRITORY", "TAG", "CUSTOM_FIELD", "LIFECYCLE_STAGE", "PRODUCT", "PRODUCT_CATEGORY", "PIPELINE", "STAGE"} {
		c := r[object]
		c.read = "ALL"
		r[object] = c
	}
	r["FILE"] = crud{create: "OWN", read: "OWN", delete: "OWN"}
	r["EXPORT"] = crud{read: "OWN"}
	// Reminders and notifications are everybody's own, and who sees an activity sees how it comes back.
	r["REMINDER"] = crud{create: "OWN", read: "OWN", update: "OWN", delete: "OWN"}
	r["NOTIFICATION"] = crud{read: "OWN"}
	r["RECURRENCE"] = crud{read: "SHARED"}
	// Who sees a record sees and takes part in what is said about it; what is said among users their membership opens alone.
	r["CIRCLE"], r["CIRCLE_MEMBER"] = crud{read: "OWN"}, crud{read: "OWN"}
	r["CONVERSATION"], r["POST"], r["READ_MARK"] = readAll, crud{create: "ALL", read: "ALL"}, crud{read: "OWN"}
	r["ANNOUNCEMENT_RECEIPT"] = crud{read: "OWN"}
	if _, said := r["ANNOUNCEMENT"]; !said {
		r["ANNOUNCEMENT"] = crud{read: "OWN"}
	}
	if _, said := r["CONTACT_PLAN"]; !said {
		r["CONTACT_PLAN"] = crud{read: "ALL"}
	}
	if _, said := r["WORKING_CALENDAR"]; !said {
		r["WORKING_CALENDAR"] = crud{create: "OWN", read: "ALL", update: "OWN", delete: "OWN"}
	}
	return r
}
