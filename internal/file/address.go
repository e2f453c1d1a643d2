package file

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"farley/internal/fault"
	"farley/internal/id"
)

// How long addresses are good for.
const (
	DownloadTime = 5 * time.Minute
	UploadTime   = time.Hour
)

// use is what an address is good for.
type use byte

const (
	download use = iota + 1
	upload
)

// address is what the token of an address says. The token is all the right that its bearer needs, so it lasts for a short
// time; and it says who got it, whose present rights are looked at again when it is used.
type address struct {
	use     use
	file    id.ID
	user    id.ID
	expires time.Time
}

// Path begins the addresses of files.
const Path = "/files/"

const addressLen = 1 + 16 + 16 + 8

// seal writes an address.
func (f *Files) seal(a address) string {
	b := make([]byte, 0, addressLen+sha256.Size)
	b = append(b, byte(a.use))
	b = append(b, a.file[:]...)
	b = append(b, a.user[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(a.expires.Unix()))
	return Path + base64.RawURLEncoding.EncodeToString(append(b, f.sign(b)...))
}

func (f *Files) sign(b []byte) []byte {
	m := hmac.New(sha256.New, f.Secret)
	m.Write(b)
	return m.Sum(nil)
}

// unseal reads the token of an address. One that is wrong, or whose time is over, is NOT_FOUND, in the same words.
func (f *Files) unseal(token string, now time.Time) (address, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != addressLen+sha256.Size || !hmac.Equal(b[addressLen:], f.sign(b[:addressLen])) {
		return address{}, errAddress
	}
	a := address{use: use(b[0]), expires: time.Unix(int64(binary.BigEndian.Uint64(b[33:])), 0).UTC()}
	copy(a.file[:], b[1:])
	copy(a.user[:], b[17:])
	if !now.Before(a.expires) {
		return address{}, errAddress
	}
	return a, nil
}

// errAddress answers whatever cannot be fetched or put.
var errAddress = fault.New(fault.NotFound, "There is nothing at this address, or no longer. Ask for a new one.")
