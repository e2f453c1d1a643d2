// Package blob keeps the content of files: bytes under keys that Farley makes, in a folder or in a bucket that speaks S3.
// What a blob is, whose it is and how long it stays is said by records in the database; here are only bytes.
//
// A key is written once and never again: new content has a new key, so that a reader never sees half of either, and what no
// record names can be found and removed (see Store.Each).
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"strings"
	"time"
)

// ErrNotFound is returned, wrapped, for a key without a blob.
var ErrNotFound = errors.New("blob: there is no such blob")

// MaxSize is the most bytes that a blob can have: sizes are 32-bit in the API.
const MaxSize = 1<<31 - 1

// Info is what is known of a blob that has been written.
type Info struct {
	Key    string
	Size   int64
	SHA256 string // 64 hexadecimal digits in lower case
}

// Stored is what a store tells of a blob.
type Stored struct {
	Key  string
	Size int64
	At   time.Time // when it was written, by the clock of the store
}

// Reader reads a blob. It reads from any place without reading what is before it.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	// Size is the length of the whole blob.
	Size() int64
}

// Store keeps blobs. It is safe for concurrent use, by several nodes as well.
type Store interface {
	// Put reads r to its end and keeps it under a key. It comes into being whole or not at all: after an error, or a crash,
	// there is none. More than limit bytes (0: MaxSize) are refused with TooLargeError. Memory used does not depend on the length.
	Put(ctx context.Context, key string, r io.Reader, limit int64) (Info, error)
	// Open opens a blob; ErrNotFound. ctx lasts as long as the reader is used.
	Open(ctx context.Context, key string) (Reader, error)
	// Stat tells of a blob; ErrNotFound.
	Stat(ctx context.Context, key string) (Stored, error)
	// Delete removes a blob. One that is not there is no error.
	Delete(ctx context.Context, key string) error
	// Each calls fn for every blob, in no particular order, and for what a crash left of one (with a key that is none of a
	// blob, which Delete takes). It ends with fn's first error.
	Each(ctx context.Context, fn func(Stored) error) error
	// Check tries to write, read and remove.
	Check(ctx context.Context) error
	// String says where the blobs are, without secrets.
	String() string
}

// Open returns the store that an address names: folder:///path, or s3://key:secret@host:port/bucket?region=&insecure=.
func Open(address string) (Store, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address of the file store cannot be read") // url.Error would repeat the secret
	}
	switch u.Scheme {
	case "folder":
		if u.Path == "" || u.Path == "/" || u.Host != "" {
			return nil, errors.New("the address of the file store names no absolute path: want folder:///path")
		}
		return NewFolder(u.Path)
	case "s3":
		return newS3(u)
	}
	return nil, fmt.Errorf("the address of the file store begins with %q: want folder:///path or s3://key:secret@host/bucket", u.Scheme)
}

// maxKeyLen bounds keys.
const maxKeyLen = 80

// ValidKey reports whether s can be a key: 8 to 80 of a-z, 0-9, _ and -. So no key is a path, a hidden file, or one name on
// one file system and another on the next.
func ValidKey(s string) bool {
	if len(s) < 8 || len(s) > maxKeyLen || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func checkKey(key string) error {
	if !ValidKey(key) {
		return fmt.Errorf("blob: malformed key of %d characters", len(key))
	}
	return nil
}

// TooLargeError refuses a blob with more bytes than allowed.
type TooLargeError struct{ Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string { return fmt.Sprintf("blob: longer than %d bytes", e.Limit) }

// counted passes on what it reads, counts and hashes it, and ends with TooLargeError beyond a limit.
type counted struct {
	r     io.Reader
	sum   hash.Hash
	n     int64
	limit int64
}

func newCounted(r io.Reader, limit int64) *counted {
	if limit <= 0 || limit > MaxSize {
		limit = MaxSize
	}
	return &counted{r: r, sum: sha256.New(), limit: limit}
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	if c.n += int64(n); c.n > c.limit {
		return 0, &TooLargeError{c.limit}
	}
	return n, err
}

func (c *counted) info(key string) Info {
	return Info{Key: key, Size: c.n, SHA256: hex.EncodeToString(c.sum.Sum(nil))}
}

// checkKeyName begins the keys that Check uses.
const checkKeyName = "farley-check-"

// check tries a store.
func check(ctx context.Context, s Store, key string) (err error) {
	const text = "Farley looks whether it can write here."
	if _, err := s.Put(ctx, key, strings.NewReader(text), 0); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Delete(ctx, key)) }()
	r, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got, err := io.ReadAll(r)
	if err == nil && string(got) != text {
		err = errors.New("what was written reads otherwise")
	}
	return err
}
