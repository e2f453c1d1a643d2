//go:build race

package secrecy_test

// defaultCases is smaller under the race detector, with which SQLite is slow, and which finds nothing in policies.
const defaultCases = 12
