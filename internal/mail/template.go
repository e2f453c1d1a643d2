package mail

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"slices"
	"strings"
	texttemplate "text/template"

	"golang.org/x/text/language"
)

// Words are a mail in one language: templates of Go's text/template (Subject, Text) and html/template (HTML, the content
// of the body, whose values are escaped by where they stand).
type Words struct{ Subject, Text, HTML string }

// Template is a mail in several languages.
type Template struct {
	matcher language.Matcher
	tags    []language.Tag
	words   []parsed
}

type parsed struct {
	subject, text *texttemplate.Template
	html          *htmltemplate.Template
}

// frame is what every HTML mail stands in. Right-to-left is said in HTML, because mail programs drop style sheets.
const frame = `<!DOCTYPE html>
<html lang="{{.Lang}}" dir="{{.Dir}}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Subject}}</title></head>
<body dir="{{.Dir}}" style="font-family: sans-serif; line-height: 1.5; max-width: 40em; margin: 2em auto; padding: 0 1em; text-align: {{.Align}}">
{{.Content}}
</body>
</html>
`

var frameTemplate = htmltemplate.Must(htmltemplate.New("frame").Parse(frame))

// NewTemplate reads the words by language tag. "en" must be among them: it is what readers of other languages get. It
// returns an error for a template that cannot be read.
func NewTemplate(words map[string]Words) (*Template, error) {
	if _, ok := words["en"]; !ok {
		return nil, fmt.Errorf("mail: a template without English")
	}
	t := &Template{}
	names := slices.Sorted(maps.Keys(words))
	at := slices.Index(names, "en") // a matcher falls back on the first
	names[0], names[at] = names[at], names[0]
	for _, name := range names {
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("mail: template in %q: %w", name, err)
		}
		p, err := parse(words[name])
		if err != nil {
			return nil, fmt.Errorf("mail: template in %q: %w", name, err)
		}
		t.tags, t.words = append(t.tags, tag), append(t.words, p)
	}
	t.matcher = language.NewMatcher(t.tags)
	return t, nil
}

func parse(w Words) (p parsed, err error) {
	const strict = "missingkey=error" // a value that was forgotten fails the mail, and is not "<no value>" in it
	if p.subject, err = texttemplate.New("subject").Option(strict).Parse(w.Subject); err != nil {
		return p, err
	}
	if p.text, err = texttemplate.New("text").Option(strict).Parse(w.Text); err != nil {
		return p, err
	}
	p.html, err = htmltemplate.New("html").Option(strict).Parse(w.HTML)
	return p, err
}

// Message renders the mail in the language that fits the locale best, English when none does. To and Name are left to the
// caller.
func (t *Template) Message(locale string, values map[string]string) (Message, error) {
	wanted, _ := language.Parse(locale) // what is no tag is a language that nobody wrote
	_, i, _ := t.matcher.Match(wanted)
	tag, p := t.tags[i], t.words[i]

	var subject, text, content, whole bytes.Buffer
	if err := p.subject.Execute(&subject, values); err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	if err := p.text.Execute(&text, values); err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	if err := p.html.Execute(&content, values); err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	dir, align := "ltr", "left"
	if rightToLeft(tag) {
		dir, align = "rtl", "right"
	}
	err := frameTemplate.Execute(&whole, map[string]any{
		"Lang": tag.String(), "Dir": dir, "Align": align, "Subject": subject.String(),
		"Content": htmltemplate.HTML(content.String()), //nolint:gosec // html/template wrote it, escaping
	})
	if err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	return Message{Subject: strings.TrimSpace(subject.String()), Text: text.String(), HTML: whole.String(), Locale: tag.String()}, nil
}

// rightToLeft reports whether the language is written from right to left.
func rightToLeft(tag language.Tag) bool {
	script, _ := tag.Script()
	return slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc", "Nkoo"}, script.String())
}
