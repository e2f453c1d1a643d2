package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how far an X-Forwarded-For is followed.
const maxHops = 20

// client returns where a request comes from: the peer of the connection or, when that is a trusted proxy, what the proxies
// say. Each proxy adds the address that it saw at the right end of X-Forwarded-For, so the list is read from the right:
// what a trusted proxy wrote is believed, and the first address that is not a trusted proxy's is the client's. What stands
// left of it may be invented (RFC 7239 8.1 says the same of Forwarded). Where an entry is no address ("unknown"), the last
// one that is known counts. The zero address when even the peer is not known.
func client(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap().WithZone("")
	if len(trusted) == 0 {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if len(hops) > maxHops {
		hops = hops[len(hops)-maxHops:]
	}
	for _, text := range slices.Backward(hops) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(at) }) {
			return at
		}
		hop, ok := hopAddress(text)
		if !ok {
			return at
		}
		at = hop
	}
	return at
}

// hopAddress reads an entry: an address, with a port where a proxy adds one.
func hopAddress(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}
