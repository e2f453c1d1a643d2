package export

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A list in one cell can be told apart again: by its separator, or as JSON where a value has that inside.
func TestCell_listsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.StringMatching(`[a-z;\[\]" \n]{1,6}`), 1, 5).Draw(t, "list")
		list := make([]any, len(want))
		for i, s := range want {
			list[i] = s
		}
		got, _ := cell(list).(string)
		var back []string
		if json.Unmarshal([]byte(got), &back) != nil {
			back = strings.Split(got, separator)
		}
		if diff := cmp.Diff(want, back); diff != "" {
			t.Errorf("%q: %s", got, diff)
		}
	})
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"": "", "a=b": "a=b", "=1+1": "'=1+1", "+966": "'+966", "-1": "'-1", "@x": "'@x", "\tx": "'\tx"} {
		if got := (&plan{Request: Request{GuardFormulas: true}}).guard(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
		if got := (&plan{}).guard(s); got != s {
			t.Errorf("unasked, %q becomes %q", s, got)
		}
	}
}

// Numbers that a spreadsheet would round stay texts.
func TestNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]any{"7": 7.0, "-1250.50": -1250.5, "12345678901234567": "12345678901234567", "0.000001": 0.000001} {
		if got := number(json.Number(s)); got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}
