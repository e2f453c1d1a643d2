package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/auth"
)

func TestLockout_readsWhatDiffers(t *testing.T) {
	t.Parallel()
	got, err := lockout(map[string]string{"account": "3", "address": "9", "first": "2m", "longest": "30m", "quiet": "12h", "accountMails": "2", "addressMails": "4"})
	want := auth.Lockout{
		AccountFailures: 3, AddressFailures: 9, First: 2 * time.Minute, Longest: 30 * time.Minute, Quiet: 12 * time.Hour, AccountMails: 2, AddressMails: 4,
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(err, d)
	}
	for _, bad := range []map[string]string{{"accounts": "3"}, {"account": "many"}, {"account": "0"}, {"first": "1"}, {"quiet": "-1h"}} {
		if _, err := lockout(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestNetworks_readsNetworksAndAddresses(t *testing.T) {
	t.Parallel()
	got, err := networks([]string{"10.1.2.3/8", "2001:db8::1", "::ffff:192.0.2.0/120"})
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("192.0.2.0/24")}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" || err != nil {
		t.Error(err, d)
	}
	for _, bad := range []string{"", "proxy", "10.0.0.0/33", "fe80::1%eth0", "::ffff:0.0.0.0/80"} {
		if _, err := networks([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
