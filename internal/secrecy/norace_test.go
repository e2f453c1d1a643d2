//go:build !race

package secrecy_test

// defaultCases is how many random cases each test has on each database.
const defaultCases = 60
