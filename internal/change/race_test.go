//go:build race

package change_test

// raced is true under the race detector, which makes SQLite, being in Go, twenty times slower.
const raced = true
