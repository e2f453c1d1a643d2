package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/token"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"entgo.io/ent/entc/gen"

	"farley/internal/decl"
	"farley/internal/model"
)

// readKinds turns the annotations of the ent graph into kinds, ordered by code, and checks what a declaration cannot
// check alone.
func readKinds(g *gen.Graph) ([]*model.Kind, error) {
	var kinds []*model.Kind
	for _, n := range g.Nodes {
		raw, ok := n.Annotations[decl.Annotation{}.Name()]
		if !ok {
			return nil, fmt.Errorf("%s has no decl.Kind", n.Name)
		}
		b, err := json.Marshal(raw)
		if err != nil {
			return nil, err
		}
		var a decl.Annotation
		if err := json.Unmarshal(b, &a); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		name := cmp.Or(a.Kind.API, n.Name)
		k := &model.Kind{
			Name: name, Const: screaming(name), Single: lowerFirst(name), Plural: a.Kind.Plural,
			Code: a.Kind.Code, Prefix: a.Kind.Prefix, Table: n.Table(), Doc: a.Kind.Doc, Sight: a.Kind.Sight,
			Parents: a.Kind.Parents, Owned: a.Kind.Owned, Placed: a.Kind.Placed, Upsert: a.Kind.Upsert, Shareable: a.Kind.Shareable,
			Self: a.Kind.Self, PartnerSelf: a.Kind.PartnerSelf, Link: a.Kind.Link, Kept: a.Kind.Kept, Title: a.Kind.Title, Actions: a.Kind.Actions, Once: a.Kind.Once,
			Lasting: a.Kind.Lasting, Private: a.Kind.Private, FromLead: a.Kind.FromLead, Participants: a.Kind.Participants,
			Person: a.Kind.Person, PersonIf: a.Kind.PersonIf, About: a.Kind.About, GoesAlong: a.Kind.GoesAlong,
		}
		if name != n.Name {
			k.Ent = n.Name
		}
		if k.Plural == "" {
			k.Plural = k.Single + "s"
		}
		if !k.Link {
			k.Actions = append(k.Actions, "EXPORT") // lists of every kind can be written into a file
		}
		for i := range a.Members {
			k.Fields = append(k.Fields, &a.Members[i])
		}
		kinds = append(kinds, k)
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].Code < kinds[j].Code })
	return kinds, check(kinds)
}

func check(kinds []*model.Kind) error {
	set := model.NewSet(kinds...)
	codes, prefixes := map[int]string{}, map[string]string{}
	for _, k := range kinds {
		if k.Code < 16 || k.Code >= 2048 {
			return fmt.Errorf("%s: code %d is not in 16 to 2047", k.Name, k.Code)
		}
		if other := codes[int(k.Code)]; other != "" {
			return fmt.Errorf("%s and %s have the same code", k.Name, other)
		}
		if other := prefixes[k.Prefix]; other != "" || k.Prefix == "" {
			return fmt.Errorf("%s: the prefix %q is empty or taken by %q", k.Name, k.Prefix, other)
		}
		codes[int(k.Code)], prefixes[k.Prefix] = k.Name, k.Name
		if k.Doc == "" {
			return fmt.Errorf("%s has no description", k.Name)
		}
		for _, f := range k.Fields {
			if f.Doc == "" {
				return fmt.Errorf("%s.%s has no description", k.Name, f.Name)
			}
			if f.Target != "" && set.Kind(f.Target) == nil {
				return fmt.Errorf("%s.%s: no kind %s", k.Name, f.Name, f.Target)
			}
			if f.Back != "" && set.Kind(f.Target).Field(f.Back) == nil {
				return fmt.Errorf("%s.%s: %s has no field %s", k.Name, f.Name, f.Target, f.Back)
			}
		}
		if err := checkAbout(set, k); err != nil {
			return err
		}
		if err := checkParticipants(set, k); err != nil {
			return err
		}
		for _, p := range k.Parents {
			if f := k.Field(p); f == nil || f.Type != model.Ref {
				return fmt.Errorf("%s: parent %s is not a relation", k.Name, p)
			}
		}
	}
	return nil
}

func checkAbout(set *model.Set, k *model.Kind) error {
	for _, name := range k.About {
		f := k.Field(name)
		if f == nil || f.Type != model.ID && (f.Type != model.Ref || !set.Kind(f.Target).Person && len(set.Kind(f.Target).About) == 0) {
			return fmt.Errorf("%s: %s does not lead to a person", k.Name, name)
		}
	}
	if k.PersonIf == "" {
		return nil
	}
	name, value, _ := strings.Cut(k.PersonIf, "=")
	if f := k.Field(name); f == nil || !slices.Contains(f.Values, value) {
		return fmt.Errorf("%s: there is no %s", k.Name, k.PersonIf)
	}
	return nil
}

func checkParticipants(set *model.Set, k *model.Kind) error {
	p := k.Participants
	if p == nil {
		return nil
	}
	link := set.Kind(p.Kind)
	if !k.Owned || link == nil {
		return fmt.Errorf("%s: participants need an owned kind, and a kind of links", k.Name)
	}
	for name, t := range map[string]model.Type{p.Record: model.Ref, p.User: model.Ref, p.From: model.Date, p.To: model.Date} {
		if f := link.Field(name); name != "" && (f == nil || f.Type != t) {
			return fmt.Errorf("%s: participants: %s.%s is not of the right type", k.Name, p.Kind, name)
		}
	}
	return nil
}

func prefixes(kinds []*model.Kind) []byte {
	var b bytes.Buffer
	b.WriteString("package id\n\n// prefixes of the kinds of records.\nvar prefixes = map[Kind]string{\n")
	b.WriteString("\t2: \"sess\",\n\t3: \"job\",\n\t5: \"akey\",\n\t7: \"audt\",\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "\t%d: %q,\n", k.Code, k.Prefix)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

var typeNames = map[model.Type]string{
	model.ID: "ID", model.String: "String", model.Text: "Text", model.Int: "Int", model.Bool: "Bool", model.Degrees: "Degrees", model.DateTime: "DateTime",
	model.Date: "Date", model.Money: "Money", model.Enum: "Enum", model.Choices: "Choices", model.List: "List",
	model.Objects: "Objects", model.Ref: "Ref", model.Many: "Many",
}

var sightNames = map[model.Sight]string{
	model.ByOwner: "ByOwner", model.ByParents: "ByParents", model.Reference: "Reference", model.ByUser: "ByUser",
}

var writeNames = map[model.Writable]string{model.Never: "Never", model.OnCreate: "OnCreate", model.Always: "Always"}

// tables writes the kinds as Go literals.
func tables(kinds []*model.Kind) []byte {
	var b bytes.Buffer
	b.WriteString("package model\n\n// Kinds returns the kinds that ent/schema declares.\nfunc Kinds() *Set {\n\treturn NewSet(\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "\t\t%s(),\n", function(k))
	}
	b.WriteString("\t)\n}\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "\nfunc %s() *Kind {\n\treturn &Kind{\n", function(k))
		fmt.Fprintf(&b, "Name: %q, Const: %q, Single: %q, Plural: %q, Code: %d, Prefix: %q, Table: %q,\nDoc: %q,\nSight: %s,\n",
			k.Name, k.Const, k.Single, k.Plural, k.Code, k.Prefix, k.Table, k.Doc, sightNames[k.Sight])
		attrs(&b, []attr{{"Ent", k.Ent}, {"Parents", k.Parents}, {"Owned", k.Owned}, {"Placed", k.Placed}, {"Upsert", k.Upsert}, {"Shareable", k.Shareable}, {"Self", k.Self},
			{"PartnerSelf", k.PartnerSelf}, {"Link", k.Link}, {"Kept", k.Kept}, {"Title", k.Title}, {"Actions", k.Actions}, {"Once", k.Once},
			{"Lasting", k.Lasting}, {"Private", k.Private}, {"FromLead", k.FromLead},
			{"Person", k.Person}, {"PersonIf", k.PersonIf}, {"About", k.About}, {"GoesAlong", k.GoesAlong}})
		if p := k.Participants; p != nil {
			fmt.Fprintf(&b, "\nParticipants: &Participants{Kind: %q, Record: %q, User: %q,", p.Kind, p.Record, p.User)
			attrs(&b, []attr{{"From", p.From}, {"To", p.To}})
			b.WriteString("},")
		}
		b.WriteString("\nFields: []*Field{\n")
		for _, f := range k.Fields {
			fmt.Fprintf(&b, "{Name: %q, Const: %q, Type: %s,", f.Name, f.Const, typeNames[f.Type])
			attrs(&b, []attr{{"Column", f.Column}, {"Scalar", f.Scalar}, {"Doc", f.Doc}, {"System", f.System}, {"Required", f.Required},
				{"Sensitive", f.Sensitive}, {"Internal", f.Internal}, {"Personal", f.Personal}})
			if f.Write != model.Never {
				fmt.Fprintf(&b, " Write: %s,", writeNames[f.Write])
			}
			attrs(&b, []attr{{"Filter", f.Filter}, {"Order", f.Order}, {"Unique", f.Unique}, {"Fold", f.Fold}, {"Sort", f.Sort}, {"Key", f.Key},
				{"Max", f.Max}, {"Values", f.Values}, {"ValueDocs", f.ValueDocs}, {"Default", f.Default}, {"Duplicate", f.Duplicate}, {"Match", f.Match},
				{"Acyclic", f.Acyclic}, {"Target", f.Target}, {"Back", f.Back}})
			if t := f.Through; t != nil {
				fmt.Fprintf(&b, " Through: &Through{Link: %q, From: %q, To: %q},", t.Link, t.From, t.To)
			}
			b.WriteString("},\n")
		}
		b.WriteString("},\n}\n}\n")
	}
	return b.Bytes()
}

// function names the function that returns a kind.
func function(k *model.Kind) string {
	if token.IsKeyword(k.Single) {
		return k.Single + "Kind"
	}
	return k.Single
}

type attr struct {
	name  string
	value any
}

// attrs writes the attributes that differ from their zero values.
func attrs(b *bytes.Buffer, as []attr) {
	for _, a := range as {
		switch v := a.value.(type) {
		case string:
			if v != "" {
				fmt.Fprintf(b, " %s: %q,", a.name, v)
			}
		case bool:
			if v {
				fmt.Fprintf(b, " %s: true,", a.name)
			}
		case int:
			if v != 0 {
				fmt.Fprintf(b, " %s: %d,", a.name, v)
			}
		case []string:
			if len(v) > 0 {
				quoted := make([]string, len(v))
				for i, s := range v {
					quoted[i] = strconv.Quote(s)
				}
				fmt.Fprintf(b, " %s: []string{%s},", a.name, strings.Join(quoted, ", "))
			}
		}
	}
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// screaming turns "AccountContact" into "ACCOUNT_CONTACT".
func screaming(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func public(fields []*model.Field) []*model.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f *model.Field) bool { return f.Internal })
}
