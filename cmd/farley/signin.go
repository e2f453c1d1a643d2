package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"farley/internal/auth"
)

// lockout reads the limits on failed sign-ins that differ from their defaults.
func lockout(given map[string]string) (auth.Lockout, error) {
	var l auth.Lockout
	numbers := map[string]*int{
		"account": &l.AccountFailures, "address": &l.AddressFailures, "accountMails": &l.AccountMails, "addressMails": &l.AddressMails,
	}
	times := map[string]*time.Duration{"first": &l.First, "longest": &l.Longest, "quiet": &l.Quiet}
	for name, text := range given {
		var err error
		var positive bool
		switch {
		case numbers[name] != nil:
			*numbers[name], err = strconv.Atoi(text)
			positive = *numbers[name] > 0
		case times[name] != nil:
			*times[name], err = time.ParseDuration(text)
			positive = *times[name] > 0
		default:
			names := slices.Sorted(maps.Keys(numbers))
			names = slices.Sorted(slices.Values(slices.AppendSeq(names, maps.Keys(times))))
			return l, fmt.Errorf("there is no limit %q on failed sign-ins; there are %s", name, strings.Join(names, ", "))
		}
		if err != nil {
			return l, fmt.Errorf("lockout %s=%s: %w", name, text, err)
		}
		if !positive {
			return l, fmt.Errorf("lockout %s=%s: want more than nothing", name, text)
		}
	}
	return l, nil
}

// networks reads networks in CIDR form, or single addresses.
func networks(given []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range given {
		p, err := auth.ParseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}
