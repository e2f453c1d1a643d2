package change

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"farley/internal/fault"
)

// Codec seals positions into cursors, 60 characters that are safe in URLs, and opens them again. Nodes with the same key
// open each other's. It is safe for concurrent use.
//
// A cursor is a version byte, a nonce, and position and epoch, and once the database has been restored its history, under
// AES-256-GCM. The nonce is a MAC of the content: a
// stream seals thousands a second, too many for random nonces of 96 bits, and equal cursors reveal only that the
// position is equal.
type Codec struct {
	aead    cipher.AEAD
	mac     []byte
	history atomic.Uint32
}

const (
	// firstHistory is the version of cursors of a log that was never restored: position in 8 bytes, hash of the epoch in 8.
	firstHistory = 1
	// laterHistory is the version after that: position in 6 bytes, hash of the epoch in 6, history in 4.
	laterHistory = 2

	cursorNonce   = 12
	cursorContent = 16
	cursorSize    = 1 + cursorNonce + cursorContent + 16
)

// SetHistory names the history of the log (Log.History): cursors of another one are expired from then on. It is called
// before the first cursor is sealed.
func (c *Codec) SetHistory(history uint32) { c.history.Store(history) }

// NewCodec returns a codec for a key of 32 bytes.
func NewCodec(key []byte) (*Codec, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("change: the cursor key has %d bytes instead of 32", len(key))
	}
	keys, err := hkdf.Key(sha256.New, key, nil, "farley change cursor", 64)
	if err != nil {
		return nil, fmt.Errorf("change: cursor key: %w", err)
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("change: cursor key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("change: cursor key: %w", err)
	}
	return &Codec{aead: aead, mac: keys[32:]}, nil
}

// Seal returns the cursor of a position for readers of an epoch (viewer.Viewer.Epoch).
func (c *Codec) Seal(position int64, epoch string) string {
	content, version := c.content(position, epoch)
	mac := hmac.New(sha256.New, c.mac)
	mac.Write(content[:])
	sealed := make([]byte, 1, cursorSize)
	sealed[0] = version
	sealed = append(sealed, mac.Sum(nil)[:cursorNonce]...)
	sealed = c.aead.Seal(sealed, sealed[1:], content[:], sealed[:1])
	return base64.RawURLEncoding.EncodeToString(sealed)
}

func (c *Codec) content(position int64, epoch string) (content [cursorContent]byte, version byte) {
	hash := epochHash(epoch)
	history := c.history.Load()
	binary.BigEndian.PutUint64(content[:8], uint64(position))
	if history == 0 {
		copy(content[8:], hash[:])
		return content, firstHistory
	}
	copy(content[:6], content[2:8])
	copy(content[6:12], hash[:])
	binary.BigEndian.PutUint32(content[12:], history)
	return content, laterHistory
}

// Open returns the position of a cursor. It returns fault.CursorExpired when the database has been restored since,
// fault.Resync when the cursor was sealed for another epoch, and fault.Invalid for anything that Seal did not make.
func (c *Codec) Open(cursor, epoch string) (int64, error) {
	if len(cursor) != base64.RawURLEncoding.EncodedLen(cursorSize) {
		return 0, invalidCursor() // also with line ends, which the decoder would skip
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(sealed) != cursorSize || sealed[0] != firstHistory && sealed[0] != laterHistory {
		return 0, invalidCursor()
	}
	content, err := c.aead.Open(nil, sealed[1:1+cursorNonce], sealed[1+cursorNonce:], sealed[:1])
	if err != nil {
		return 0, invalidCursor()
	}
	var history uint32
	hash := epochHash(epoch)
	position, mine, now := content[:8], content[8:], hash[:]
	if sealed[0] == laterHistory {
		position, mine, now = append([]byte{0, 0}, content[:6]...), content[6:12], hash[:6]
		history = binary.BigEndian.Uint32(content[12:])
	}
	if history != c.history.Load() {
		return 0, expired() // what was written after the backup is gone, and its positions tell of other changes now
	}
	if !bytes.Equal(mine, now) {
		return 0, fault.New(fault.Resync, "Rights have changed since this cursor was given: read the lists anew and begin at a new cursor.")
	}
	return int64(binary.BigEndian.Uint64(position)), nil
}

func epochHash(epoch string) [8]byte {
	sum := sha256.Sum256([]byte(epoch))
	return [8]byte(sum[:8])
}

func invalidCursor() error {
	var v fault.Violations
	v.Add([]any{"after"}, "FORMAT", "This is not a change cursor.")
	return v.Err()
}
