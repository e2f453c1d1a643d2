package markdown_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/markdown"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][]string{
		"":                                   nil,
		"plain @ann":                         nil,
		"[@Ann](user_1) and [@Bob](user_2)":  {"user_1", "user_2"},
		"[@Ann](user_1) twice [a](user_1)":   {"user_1"},
		"`[@Ann](user_1)`":                   nil,
		"    [@Ann](user_1)":                 nil,
		"\\[@Ann](user_1)":                   nil,
		"> * [**@Ann**](<user_1> \"title\")": {"user_1"},
		"[@Ann][a]\n\n[a]: user_1":           {"user_1"},
		"![@Ann](user_1)":                    nil,
		"شكرا [@أحمد](user_3)":               {"user_3"},
	} {
		if diff := cmp.Diff(want, markdown.Links(source)); diff != "" {
			t.Errorf("%q: %s", source, diff)
		}
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	user := func(to string) bool { return strings.HasPrefix(to, "user_") }
	for source, want := range map[string]string{
		"# Hi\n\n*all*":                            "<h1>Hi</h1>\n<p><em>all</em></p>\n",
		"[@Ann](user_1)":                           "<p><a href=\"#user_1\" rel=\"nofollow\">@Ann</a></p>\n",
		"[x](https://a.example)":                   "<p><a href=\"https://a.example\" rel=\"nofollow\">x</a></p>\n",
		"[x](javascript:alert(1))":                 "<p>x</p>\n",
		"<script>alert(1)</script>":                "\n",
		"a <img src=x onerror=y> b":                "<p>a  b</p>\n",
		"1 < 2 & \"3\"":                            "<p>1 &lt; 2 &amp; &#34;3&#34;</p>\n",
		"![x](data:text/html;base64,PHNjcmlwdD4=)": "<p><img alt=\"x\"></p>\n",
	} {
		got, err := markdown.HTML(source, user)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}
