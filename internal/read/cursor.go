package read

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// sealer makes and opens list cursors.
//
// A cursor is base64 (URL alphabet, no padding) of a version byte, a nonce and the AES-GCM seal of the values of the
// order's terms, the id last. The additional data binds it to the list, its order, its filter and its viewer. The nonce is
// a keyed hash of all that, so one position always has one cursor; it does not tell what the position is. The values are
// padded, so that the length tells little as well.
type sealer struct {
	aead cipher.AEAD
	mac  []byte
}

const (
	cursorVersion = 1
	cursorBlock   = 32
	maxCursor     = 8 << 10 // bytes of text; sort keys are at most 255 bytes each
)

var errCursor = errors.New("read: not a cursor of this list")

// newSealer takes a key of 32 bytes that all nodes share.
func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("read: the cursor key has %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(derive(key, "cursor seal"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead, mac: derive(key, "cursor nonce")}, nil
}

func derive(key []byte, use string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(use))
	return h.Sum(nil)
}

// seal appends the cursor of a position to dst. Values are nil, int64, string, []byte or time.Time.
func (s *sealer) seal(dst []byte, bound []byte, values []any) []byte {
	plain := encodeKeys(values)
	h := hmac.New(sha256.New, s.mac)
	h.Write(bound)
	h.Write(plain)
	sealed := append([]byte{cursorVersion}, h.Sum(nil)[:s.aead.NonceSize()]...)
	nonce := sealed[1:]
	sealed = s.aead.Seal(sealed, nonce, plain, bound)
	return base64.RawURLEncoding.AppendEncode(dst, sealed)
}

// open returns the values of a cursor. It fails for any text that seal has not made with the same bound.
func (s *sealer) open(cursor string, bound []byte) ([]any, error) {
	if len(cursor) > maxCursor {
		return nil, errCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1+s.aead.NonceSize() || b[0] != cursorVersion {
		return nil, errCursor
	}
	nonce, sealed := b[1:1+s.aead.NonceSize()], b[1+s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, sealed, bound)
	if err != nil {
		return nil, errCursor
	}
	return decodeKeys(plain)
}

const (
	tagEnd = iota
	tagNull
	tagInt
	tagText
	tagBytes
	tagTime
)

func encodeKeys(values []any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, tagNull)
		case int64:
			b = binary.AppendVarint(append(b, tagInt), v)
		case time.Time:
			b = binary.AppendVarint(append(b, tagTime), v.UnixMicro())
		case string:
			b = append(binary.AppendUvarint(append(b, tagText), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, tagBytes), uint64(len(v))), v...)
		}
	}
	b = append(b, tagEnd)
	for len(b)%cursorBlock != 0 {
		b = append(b, 0)
	}
	return b
}

func decodeKeys(b []byte) ([]any, error) {
	var values []any
	for len(b) > 0 && b[0] != tagEnd {
		tag := b[0]
		b = b[1:]
		switch tag {
		case tagNull:
			values = append(values, nil)
		case tagInt, tagTime:
			v, n := binary.Varint(b)
			if n <= 0 {
				return nil, errCursor
			}
			b = b[n:]
			if tag == tagInt {
				values = append(values, v)
				continue
			}
			values = append(values, time.UnixMicro(v).UTC())
		case tagText, tagBytes:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return nil, errCursor
			}
			v := b[n : n+int(size)]
			b = b[n+int(size):]
			if tag == tagText {
				values = append(values, string(v))
				continue
			}
			values = append(values, v)
		default:
			return nil, errCursor
		}
	}
	return values, nil
}
