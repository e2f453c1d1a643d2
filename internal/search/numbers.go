package search

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Telephone numbers are found by their last digits, by their first ones as they are typed, with or without country code.
const (
	phoneEnd   = "%" // before all digits from the last to the first
	phoneStart = "+" // before all digits
	minEnd     = 4   // last digits by which a number is found
)

// phoneTerms returns the terms of a number in E.164.
func phoneTerms(number string) []string {
	all := onlyDigits(number)
	if all == "" {
		return nil
	}
	out := []string{phoneStart + all, phoneEnd + reverse(all)}
	if p, err := phonenumbers.Parse(number, ""); err == nil {
		out = append(out, phonenumbers.GetNationalSignificantNumber(p))
	}
	return out
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// dialled returns the digits of a number as people dial it, without the zeros that stand for "abroad" or "elsewhere".
func dialled(number string) string { return strings.TrimLeft(number, "0") }
