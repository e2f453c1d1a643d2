// Package match says by what two records may be the same: the values of their fields become keys, and records that share a
// key are candidates. How much a shared key tells is decided here as well, so that whoever asks gets the same answer.
package match

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"

	"farley/internal/text"
)

// Type is what a key was made of. The numbers are stored.
type Type int

// The types of keys.
const (
	Text       Type = 1 + iota // any other value, folded
	Email                      // an e-mail address
	Phone                      // a number in E.164
	Domain                     // the domain of a web site
	MailDomain                 // the domain of an e-mail address, unless everybody may have one there
	Tax                        // a tax number: its letters and digits
	Name                       // a name, folded
	Core                       // a name without legal form, in any order of its words
	Sound                      // how the words of a name sound
)

// Key is one thing by which records meet.
type Key struct {
	Type  Type
	Value int64 // of a hash: equal texts of the same sort have equal ones
}

// Sort groups the types whose keys meet each other, and which are one piece of evidence together.
type Sort int

// The sorts of evidence.
const (
	OfText Sort = 1 + iota
	OfEmail
	OfPhone
	OfDomain
	OfTax
	OfName
)

// Sort returns what the type is evidence of.
func (t Type) Sort() Sort {
	switch t {
	case Email:
		return OfEmail
	case Phone:
		return OfPhone
	case Domain, MailDomain:
		return OfDomain
	case Tax:
		return OfTax
	case Name, Core, Sound:
		return OfName
	}
	return OfText
}

// MailDomainWeight is what an equal domain tells that at least one of two records has in an e-mail address only: colleagues
// share it.
const MailDomainWeight = 20

// Weight returns what a key of the type tells whose field weighs so much, 1 to 100.
func (t Type) Weight(field int) int {
	switch t {
	case MailDomain:
		return min(field, MailDomainWeight)
	case Core:
		return field * 4 / 5
	case Sound:
		return field * 3 / 5
	}
	return field
}

// Leads reports whether records are looked up by keys of the type: what thousands may share only adds to what is known
// otherwise.
func (t Type) Leads() bool { return t != MailDomain }

// Scores of duplicates, 1 to 100.
const (
	Least   = 30 // from which on a record counts as a possible duplicate
	Refuses = 50 // from which on it is refused, where duplicates are
)

// Combine adds evidence to a score, as of independent evidence.
func Combine(score, weight int) int { return 100 - (100-score)*(100-weight)/100 }

// key returns the key of a text.
func key(t Type, s string) Key {
	sum := sha256.Sum256(append([]byte{byte('0' + t.Sort())}, s...))
	return Key{t, int64(binary.BigEndian.Uint64(sum[:8]))} //nolint:gosec // only equality counts
}

// Texts returns the keys of a value of a field without a meaning of its own.
func Texts(s string) []Key { return one(Text, text.Fold(s)) }

func one(t Type, s string) []Key {
	if s == "" {
		return nil
	}
	return []Key{key(t, s)}
}

// Phones returns the keys of a number in E.164.
func Phones(s string) []Key { return one(Phone, s) }

// Domains returns the keys of a web site's domain. A site at a provider where everybody may have one tells nothing.
func Domains(s string) []Key {
	if Public(s) {
		return nil
	}
	return one(Domain, strings.ToLower(s))
}

// Emails returns the keys of an address in its stored form.
func Emails(s string, withDomain bool) []Key {
	keys := one(Email, s)
	if _, domain, ok := strings.Cut(s, "@"); ok && withDomain && !Public(domain) {
		keys = append(keys, one(MailDomain, domain)...)
	}
	return keys
}

// Taxes returns the keys of a tax number: spaces, points and the like make no difference.
func Taxes(s string) []Key {
	return one(Tax, strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text.Fold(s)))
}

// Names returns the keys of a name of a firm or a person.
func Names(s string) []Key {
	ws := words(s)
	if len(ws) == 0 {
		return nil
	}
	keys := []Key{key(Name, strings.Join(ws, " "))}
	add := func(t Type, s string) {
		k := key(t, s)
		if s != "" && k.Value != keys[0].Value && k.Value != keys[len(keys)-1].Value {
			keys = append(keys, k)
		}
	}
	core, sounds := reduce(ws)
	add(Core, core)
	if sounds != "" {
		add(Sound, "~"+sounds)
	}
	return keys
}
