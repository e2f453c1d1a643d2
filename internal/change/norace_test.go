//go:build !race

package change_test

// raced is true under the race detector.
const raced = false
