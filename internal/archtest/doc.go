// Package archtest holds the tests of what the compiler does not check: which way imports point, who may ask for the
// time, who may make a database client, and that generated files say so.
package archtest
