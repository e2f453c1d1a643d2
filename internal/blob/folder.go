package blob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Folder keeps blobs as files of a folder, each in a folder of its own two last characters, so that none gets too long. It
// never leaves the folder, not by symbolic links either. Several nodes may share it where they mount one file system.
type Folder struct {
	root *os.Root
	path string
}

var _ Store = (*Folder)(nil)

// partial ends the names of files that are being written.
const partial = ".part"

// NewFolder opens a folder, and makes it, for its owner alone, if it is not there.
func NewFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root, path}, nil
}

// String implements Store.
func (f *Folder) String() string { return "folder " + f.path }

// place returns the folder and the name of a key's file.
func place(key string) (dir, name string) {
	dir = strings.TrimSuffix(key, partial)
	dir = dir[len(dir)-2:]
	return dir, path.Join(dir, key)
}

// Put implements Store: the content goes to a file of another name, to the disk, and then takes the name.
func (f *Folder) Put(ctx context.Context, key string, r io.Reader, limit int64) (info Info, err error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	dir, name := place(key)
	if err := f.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return Info{}, fmt.Errorf("blob: %w", err)
	}
	temp := name + partial
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Info{}, fmt.Errorf("blob: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = f.root.Remove(temp)
		}
	}()
	if _, err := f.root.Stat(name); err == nil {
		return Info{}, fmt.Errorf("blob: the key %s is taken", key)
	}
	content := newCounted(&lasting{ctx, r}, limit)
	if _, err := io.CopyBuffer(struct{ io.Writer }{file}, content, make([]byte, 64<<10)); err != nil {
		return Info{}, err
	}
	if err := file.Sync(); err != nil {
		return Info{}, fmt.Errorf("blob: %w", err)
	}
	if err := file.Close(); err != nil {
		return Info{}, fmt.Errorf("blob: %w", err)
	}
	if err := f.root.Rename(temp, name); err != nil {
		return Info{}, fmt.Errorf("blob: %w", err)
	}
	return content.info(key), f.sync(dir)
}

// sync brings the names of a folder to the disk.
func (f *Folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// lasting ends a reader with its context.
type lasting struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (l *lasting) Read(p []byte) (int, error) {
	if l.ctx.Err() != nil {
		return 0, context.Cause(l.ctx)
	}
	return l.r.Read(p)
}

// opened is a file with its length.
type opened struct {
	*os.File
	size int64
}

// Size implements Reader.
func (o *opened) Size() int64 { return o.size }

// Open implements Store.
func (f *Folder) Open(_ context.Context, key string) (Reader, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	_, name := place(key)
	file, err := f.root.Open(name)
	if err != nil {
		return nil, absent(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotFound
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("blob: %w", err)
	}
	return &opened{file, info.Size()}, nil
}

// Stat implements Store.
func (f *Folder) Stat(_ context.Context, key string) (Stored, error) {
	if err := checkKey(key); err != nil {
		return Stored{}, err
	}
	_, name := place(key)
	info, err := f.root.Stat(name)
	if err != nil {
		return Stored{}, absent(err)
	}
	return Stored{key, info.Size(), info.ModTime()}, nil
}

func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return fmt.Errorf("blob: %w", err)
}

// Delete implements Store.
func (f *Folder) Delete(_ context.Context, key string) error {
	if err := checkKey(strings.TrimSuffix(key, partial)); err != nil {
		return err
	}
	_, name := place(key)
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Each implements Store. Files that are none of ours are left alone.
func (f *Folder) Each(ctx context.Context, fn func(Stored) error) error {
	return fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		key := d.Name()
		if !d.Type().IsRegular() || !ValidKey(strings.TrimSuffix(key, partial)) {
			return nil
		}
		if _, ours := place(key); ours != name {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		return fn(Stored{key, info.Size(), info.ModTime()})
	})
}

// Check implements Store.
func (f *Folder) Check(ctx context.Context) error { return check(ctx, f, checkKeyName+random()) }

func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
