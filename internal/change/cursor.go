package change

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"farley/internal/fault"
)

// Codec seals positions into cursors, 60 characters that are safe in URLs, and opens them again. Nodes with the same key
// open each other's. It is safe for concurrent use.
//
// A cursor is a version byte, a nonce, and position and epoch under AES-256-GCM. The nonce is a MAC of the content: a
// stream seals thousands a second, too many for random nonces of 96 bits, and equal cursors reveal only that the
// position is equal.
type Codec struct {
	aead cipher.AEAD
	mac  []byte
}

const (
	cursorVersion = 1
	cursorNonce   = 12
	cursorContent = 16 // position, hash of the epoch
	cursorSize    = 1 + cursorNonce + cursorContent + 16
)

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
	var content [cursorContent]byte
	binary.BigEndian.PutUint64(content[:8], uint64(position))
	hash := epochHash(epoch)
	copy(content[8:], hash[:])

	mac := hmac.New(sha256.New, c.mac)
	mac.Write(content[:])
	sealed := make([]byte, 1, cursorSize)
	sealed[0] = cursorVersion
	sealed = append(sealed, mac.Sum(nil)[:cursorNonce]...)
	sealed = c.aead.Seal(sealed, sealed[1:], content[:], sealed[:1])
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the position of a cursor. It returns fault.Resync when the cursor was sealed for another epoch, and
// fault.Invalid for anything that Seal did not make.
func (c *Codec) Open(cursor, epoch string) (int64, error) {
	if len(cursor) != base64.RawURLEncoding.EncodedLen(cursorSize) {
		return 0, invalidCursor() // also with line ends, which the decoder would skip
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(sealed) != cursorSize || sealed[0] != cursorVersion {
		return 0, invalidCursor()
	}
	content, err := c.aead.Open(nil, sealed[1:1+cursorNonce], sealed[1+cursorNonce:], sealed[:1])
	if err != nil {
		return 0, invalidCursor()
	}
	if hash := epochHash(epoch); [8]byte(content[8:]) != hash {
		return 0, fault.New(fault.Resync, "Rights have changed since this cursor was given: read the lists anew and begin at a new cursor.")
	}
	return int64(binary.BigEndian.Uint64(content[:8])), nil
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
