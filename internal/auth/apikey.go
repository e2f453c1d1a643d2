package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"time"

	"farley/internal/id"
)

// KindAPIKey is the kind of the ids of API keys.
const KindAPIKey id.Kind = 5

// An API key reads fk_k3v9p0xm_…: the prefix fk_ and 8 characters that are shown to tell keys apart, then 32 random bytes
// (52 characters) and the CRC-32 (IEEE) of all characters before (7 characters), in Crockford's base32. By the checksum
// whoever scans texts for secrets knows a key from something that only looks like one, without asking anybody.
const (
	apiKeyMark      = "fk_"
	apiKeyPrefixLen = len(apiKeyMark) + 8
	apiKeySecretLen = 52
	apiKeyCheckLen  = 7
	apiKeyLen       = apiKeyPrefixLen + 1 + apiKeySecretLen + apiKeyCheckLen
)

var apiKeyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newAPIKey returns the text of a new key.
func newAPIKey() string {
	var b [5 + 32]byte
	_, _ = rand.Read(b[:]) // never fails
	body := apiKeyMark + apiKeyEncoding.EncodeToString(b[:5]) + "_" + apiKeyEncoding.EncodeToString(b[5:])
	return body + apiKeyChecksum(body)
}

func apiKeyChecksum(body string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(body)))
	return apiKeyEncoding.EncodeToString(sum[:])
}

// IsAPIKey reports whether a bearer token says that it is an API key. It may still be a wrong one.
func IsAPIKey(token string) bool { return strings.HasPrefix(token, apiKeyMark) }

var errNotAPIKey = errors.New("not the text of an API key")

// hashAPIKey returns the hash under which the key is stored. The secret is random, so that one round is enough.
func hashAPIKey(key string) (string, error) {
	if len(key) != apiKeyLen || key[apiKeyPrefixLen] != '_' {
		return "", errNotAPIKey
	}
	body, check := key[:apiKeyLen-apiKeyCheckLen], key[apiKeyLen-apiKeyCheckLen:]
	if apiKeyChecksum(body) != check {
		return "", errors.New("the checksum of the API key is wrong")
	}
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// APIKey is a key with which a program acts as its user, without its secret.
type APIKey struct {
	ID         id.ID
	User       id.ID
	Name       string
	Prefix     string // what the secret begins with
	Addresses  []netip.Prefix
	CreatedAt  time.Time
	CreatedBy  id.ID     // zero for Farley itself
	ChangedAt  time.Time // when what it is good for last changed
	ExpiresAt  time.Time // zero for never
	LastUsedAt time.Time // zero while it has not been
	RevokedAt  time.Time // zero while it has not been
}

// LiveAt reports whether the key counts at an instant.
func (k APIKey) LiveAt(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// From reports whether the key may be used from the address. One that is not known is in no network.
func (k APIKey) From(a netip.Addr) bool {
	if len(k.Addresses) == 0 {
		return true
	}
	a = a.Unmap().WithZone("")
	for _, p := range k.Addresses {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

// ParseNetwork reads a network in CIDR form, or a single address, into its normal form.
func ParseNetwork(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		if a.Zone() != "" {
			return netip.Prefix{}, errors.New("an address with a zone")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() {
		const mapped = 96 // bits before the IPv4 address in ::ffff:0:0/96
		if p.Bits() < mapped {
			return netip.Prefix{}, errors.New("a network across IPv4 and IPv6")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), nil
}
