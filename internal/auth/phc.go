package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a stored hash may ask for at most, so that a bad row cannot take all memory.
const (
	maxMemory = 1 << 20 // KiB: 1 GiB
	maxTime   = 64
)

var errNotPHC = errors.New("not an argon2id PHC string")

// phc is a password hash as the PHC string format writes it:
// $argon2id$v=19$m=19456,t=2,p=1$<salt>$<digest>, base64 without padding.
type phc struct {
	cost         Cost
	salt, digest []byte
}

// String returns the text form.
func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.digest))
}

func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errNotPHC
	}
	cost, err := parseCost(parts[3])
	if err != nil {
		return phc{}, err
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, err := b64.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return phc{}, errNotPHC
	}
	digest, err := b64.DecodeString(parts[5])
	if err != nil || len(digest) < 16 || len(digest) > 64 {
		return phc{}, errNotPHC
	}
	return phc{cost, salt, digest}, nil
}

func parseCost(s string) (Cost, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return Cost{}, errNotPHC
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		if !ok {
			return Cost{}, errNotPHC
		}
		v, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return Cost{}, errNotPHC
		}
		n[i] = v
	}
	if n[0] < 8 || n[0] > maxMemory || n[1] < 1 || n[1] > maxTime || n[2] < 1 || n[2] > 255 {
		return Cost{}, errNotPHC
	}
	return Cost{uint32(n[0]), uint32(n[1]), uint8(n[2])}, nil
}
