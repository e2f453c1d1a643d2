package auth

import (
	_ "embed" // the list
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"farley/internal/fault"
	"farley/internal/text"
)

// How long a new password is, in characters of its normal form.
const (
	MinPassword = 12
	MaxPassword = 200
)

// common are the commonest passwords of at least MinPassword characters, in lower case, one a line.
//
//go:embed common.txt
var common string

// maxUnit is the longest piece that a password may not consist of alone, again and again.
const maxUnit = 4

// CheckPassword adds to p, under the path, what is wrong with a new password of the account (NIST SP 800-63B 5.1.1.2):
// too short or too long, one of the commonest, a short piece repeated, or the user's own e-mail or name.
func CheckPassword(p *fault.Violations, path []any, password string, account Account) {
	normal := normalPassword(password)
	if n := utf8.RuneCountInString(normal); n < MinPassword || n > MaxPassword || len(password) > maxPassword {
		p.Add(path, "RANGE", "The password must have %d to %d characters.", MinPassword, MaxPassword)
		return
	}
	if isCommon(normal) || repeats([]rune(normal)) {
		p.Add(path, "WEAK", "This password is too easy to guess.")
		return
	}
	user, _, _ := strings.Cut(account.Email, "@")
	for _, own := range []string{account.Email, user, account.Name} {
		if own != "" && squeeze(own) == squeeze(password) {
			p.Add(path, "WEAK", "The password is the user's name or address.")
			return
		}
	}
}

func isCommon(password string) bool {
	password = strings.ToLower(password)
	for line := range strings.Lines(common) {
		if strings.TrimSuffix(line, "\n") == password {
			return true
		}
	}
	return false
}

// repeats reports whether the text is one short piece over and over: "aaaaaaaaaaaa", "abcabcabcabc".
func repeats(s []rune) bool {
	for unit := 1; unit <= maxUnit; unit++ {
		same := true
		for i := unit; i < len(s) && same; i++ {
			same = s[i] == s[i-unit]
		}
		if same {
			return true
		}
	}
	return false
}

// squeeze makes spellings of one name alike.
func squeeze(s string) string { return strings.ReplaceAll(text.Fold(s), " ", "") }

// normalPassword is the form that is hashed: keyboards write the same accented, Arabic or full-width letter in more than
// one way.
func normalPassword(s string) string { return norm.NFKC.String(s) }
