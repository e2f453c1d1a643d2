package testdb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// logSize is said to the installer and to the server, which would otherwise begin with resizing its log.
const logSize = "--innodb-log-file-size=16M"

// program is an installed MariaDB.
type program struct {
	path    string // of mariadbd
	install string // of mariadb-install-db
	version string // what it says of itself
}

// findServer looks for MariaDB on the PATH and where distributions put it.
func findServer() (program, error) {
	install := lookPath("mariadb-install-db", "mysql_install_db")
	for _, name := range []string{"mariadbd", "mysqld"} {
		path := lookPath(name)
		if path == "" || install == "" {
			continue
		}
		version, err := exec.Command(path, "--no-defaults", "--version").Output()
		if err != nil {
			return program{}, fmt.Errorf("%s --version: %w", path, err)
		}
		if strings.Contains(string(version), "MariaDB") {
			return program{path: path, install: install, version: string(version)}, nil
		}
	}
	return program{}, errNoServer
}

func lookPath(names ...string) string {
	for _, name := range names {
		for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/libexec/" + name, "/usr/local/sbin/" + name} {
			if path, err := exec.LookPath(candidate); err == nil {
				return path
			}
		}
	}
	return ""
}

// userFlag lets the server run as root where the tests do, which it refuses unless told.
func userFlag() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// template returns a freshly installed data folder, to be copied. It is kept in the user's cache, since installing takes
// longer than starting.
func (p program) template() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "farley-test")
	sum := sha256.Sum256([]byte(p.path + "\n" + p.version))
	template := filepath.Join(cache, "mariadb-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(template); err == nil {
		return template, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}

	work, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	data := filepath.Join(work, "data")
	args := append([]string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db",
		logSize}, userFlag()...)
	if out, err := exec.Command(p.install, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", p.install, err, out)
	}
	// Renaming is what makes it visible, whole, to the other test processes; the first one wins.
	if err := os.Rename(data, template); err != nil && !exists(template) {
		return "", err
	}
	return template, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
