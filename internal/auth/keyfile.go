package auth

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keyFile is the stored form of a keyset: JSON, bytes in base64.
type keyFile struct {
	Version int          `json:"version"`
	Master  []byte       `json:"master"`
	Keys    []keyFileKey `json:"keys"`
}

type keyFileKey struct {
	Seed          []byte    `json:"seed"`
	SignsFrom     time.Time `json:"signsFrom"`
	VerifiesUntil time.Time `json:"verifiesUntil,omitzero"`
}

const keyFileVersion = 1

// OpenKeyring returns the keys in the file, which it makes with new keys (mode 0600) when it does not exist. It refuses
// a file that everybody may read or that others may write.
func OpenKeyring(file string, now time.Time) (*Keyring, error) {
	r := &Keyring{file: file}
	err := r.reload()
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyset(file, newKeyset(now)); err != nil {
			return nil, err
		}
		err = r.reload() // another process may have been faster: the file decides
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ParseKeyring returns the keys in data, the content of a key file that comes by another way (environment, secret
// store). Rotate returns ErrFixed for it.
func ParseKeyring(data []byte) (*Keyring, error) {
	s, err := decodeKeyset(data)
	if err != nil {
		return nil, err
	}
	r := &Keyring{fixed: true}
	r.present.Store(s)
	return r, nil
}

// Reload reads the file again, so that this node learns of keys that another one made. It does nothing for keys that
// are not kept in a file; on an error the present keys stay.
func (r *Keyring) Reload() error {
	if r.file == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reload()
}

// reload wants r.mu to be held, or r to be new.
func (r *Keyring) reload() error {
	info, err := os.Stat(r.file)
	if err != nil {
		return fmt.Errorf("auth: key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return fmt.Errorf("auth: key file %s has mode %04o: others may use the keys; make it 0600", r.file, mode)
	}
	data, err := os.ReadFile(r.file)
	if err != nil {
		return fmt.Errorf("auth: key file: %w", err)
	}
	s, err := decodeKeyset(data)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, r.file)
	}
	r.present.Store(s)
	return nil
}

func decodeKeyset(data []byte) (*keyset, error) {
	var f keyFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, errors.New("auth: the key file is not JSON as Farley writes it") // the cause may quote secrets
	}
	if f.Version != keyFileVersion {
		return nil, fmt.Errorf("auth: the key file has version %d; this program reads %d", f.Version, keyFileVersion)
	}
	if len(f.Master) != SecretLen || len(f.Keys) == 0 {
		return nil, errors.New("auth: the key file lacks its master secret or its keys")
	}
	s := &keyset{master: f.Master}
	for _, k := range f.Keys {
		if len(k.Seed) != ed25519.SeedSize {
			return nil, errors.New("auth: the key file has a key of the wrong length")
		}
		s.keys = append(s.keys, signingKeyFrom(k.Seed, k.SignsFrom, k.VerifiesUntil))
	}
	slices.SortStableFunc(s.keys, func(a, b signingKey) int { return a.signsFrom.Compare(b.signsFrom) })
	return s, nil
}

func encodeKeyset(s *keyset) ([]byte, error) {
	f := keyFile{Version: keyFileVersion, Master: s.master}
	for _, k := range s.keys {
		f.Keys = append(f.Keys, keyFileKey{k.private.Seed(), k.signsFrom, k.verifiesUntil})
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("auth: encode keys: %w", err)
	}
	return append(data, '\n'), nil
}

// createKeyset writes a file that does not exist yet, and leaves one that does.
func createKeyset(file string, s *keyset) error {
	temp, err := tempKeyset(file, s)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }()
	// A link appears at once with all its content and never replaces a file, which a rename would.
	if err := os.Link(temp, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("auth: make key file: %w", err)
	}
	return syncDir(file)
}

// writeKeyset replaces the file at once.
func writeKeyset(file string, s *keyset) error {
	temp, err := tempKeyset(file, s)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, file); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("auth: replace key file: %w", err)
	}
	return syncDir(file)
}

// tempKeyset writes the keys to a new file beside file, for its owner only, and returns its name.
func tempKeyset(file string, s *keyset) (name string, err error) {
	data, err := encodeKeyset(s)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("auth: write keys: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("auth: write keys: %w", err)
	}
	return f.Name(), nil
}

// syncDir makes the file's name survive a crash.
func syncDir(file string) error {
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("auth: key folder: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("auth: key folder: %w", err)
	}
	return nil
}
