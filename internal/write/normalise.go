package write

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"farley/internal/change"
	"farley/internal/model"
	"farley/internal/text"
)

// maxShadow is the longest folded text that is kept, in characters.
const maxShadow = 255

// degree is how degrees are kept: in millionths.
const degree = 1_000_000

// normalise brings the values that change into their stored form, and the columns beside them up to date.
func (c *Change) normalise() {
	for _, f := range c.Kind.Fields {
		if f.Column == "" || f.System || !c.touched(f) {
			continue
		}
		switch f.Type {
		case model.String, model.Text, model.Date:
			c.normaliseText(f)
		case model.Int:
			if n, ok := c.column(f.Column).(int64); ok && !f.Internal && (n < 0 || n > math.MaxInt32) {
				c.Refuse(f.Name, "RANGE", "The number must be from 0 to %d.", math.MaxInt32)
			}
		case model.Degrees:
			if n, ok := c.column(f.Column).(int64); ok && (n < -int64(f.Max)*degree || n > int64(f.Max)*degree) {
				c.Refuse(f.Name, "RANGE", "The number must be from %v to %v.", -f.Max, f.Max)
			}
		case model.Enum:
			if s, ok := c.column(f.Column).(string); ok && !slices.Contains(f.Values, s) {
				c.Refuse(f.Name, "UNKNOWN", "There is no such value.")
			}
		case model.Choices:
			c.normaliseChoices(f)
		case model.Money:
			c.normaliseMoney(f)
		}
		if f.Unique {
			c.normaliseKey(f)
		}
	}
	if c.Op == change.Deleted || c.Op == change.Restored {
		for _, f := range c.Kind.Fields {
			if f.Unique {
				c.normaliseKey(f)
			}
		}
	}
}

func (c *Change) normaliseText(f *model.Field) {
	raw, ok := c.column(f.Column).(string)
	if !ok {
		c.shadows(f, "")
		return
	}
	s, problem := Format(f.Scalar, raw)
	switch {
	case !utf8.ValidString(raw) || f.Type == model.String && hasControl(s):
		c.Refuse(f.Name, "FORMAT", "The text has characters that are not allowed.")
		return
	case problem != "":
		c.Refuse(f.Name, "FORMAT", problem)
		return
	case s == "" && f.Required:
		c.Refuse(f.Name, "REQUIRED", "This field is required.")
		return
	case s == "":
		c.set(f.Column, nil)
		c.shadows(f, "")
		return
	case f.Max > 0 && utf8.RuneCountInString(s) > f.Max:
		c.Refuse(f.Name, "TOO_LONG", "The text is longer than %d characters.", f.Max)
		return
	}
	if s != raw {
		c.set(f.Column, s)
	}
	c.shadows(f, s)
}

func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) >= 0
}

// shadows keeps the folded text and the sort key beside a text.
func (c *Change) shadows(f *model.Field, s string) {
	if f.Fold != "" {
		if folded := cut(text.Fold(s), maxShadow); folded != "" {
			c.set(f.Fold, folded)
		} else {
			c.set(f.Fold, nil)
		}
	}
	if f.Sort != "" {
		if s != "" {
			c.set(f.Sort, c.Tx.sorter.Key(s))
		} else {
			c.set(f.Sort, nil)
		}
	}
}

func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// normaliseKey keeps the unique key of a live record; in the bin it has none, so that the value can be used again.
func (c *Change) normaliseKey(f *model.Field) {
	s, _ := c.column(f.Column).(string)
	if s == "" || c.column("deleted_at") != nil {
		c.set(f.Key, nil)
		return
	}
	c.set(f.Key, cut(text.Fold(s), maxShadow))
}

func (c *Change) normaliseChoices(f *model.Field) {
	raw, ok := c.column(f.Column).(string)
	if !ok {
		return
	}
	given := choices(raw)
	for _, v := range given {
		if len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			c.Refuse(f.Name, "UNKNOWN", "There is no such value.")
			return
		}
	}
	if len(f.Values) > 0 {
		given = slices.DeleteFunc(slices.Clone(f.Values), func(v string) bool { return !slices.Contains(given, v) })
	} else {
		given = distinct(given)
	}
	c.set(f.Column, joinChoices(given))
}

// distinct drops repeated texts. The order stays: problems name places in it.
func distinct(texts []string) []string {
	out := []string{}
	for _, s := range texts {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func joinChoices(vs []string) string {
	if len(vs) == 0 {
		return ""
	}
	return "|" + strings.Join(vs, "|") + "|"
}

func (c *Change) normaliseMoney(f *model.Field) {
	minor, ok := c.column(f.Column).(int64)
	currency, _ := c.column(f.Column + "_currency").(string)
	if !ok || currency == "" {
		c.set(f.Column, nil)
		c.set(f.Column+"_currency", nil)
		c.set(f.Column+"_reporting", nil)
		return
	}
	reporting, ok := c.Tx.w.Money.Reporting(minor, currency)
	if !ok {
		c.set(f.Column+"_reporting", nil)
		return
	}
	c.set(f.Column+"_reporting", reporting)
}
