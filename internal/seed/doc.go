// Package seed has the data that Farley brings along: the shipped roles, which are kept up to date at every start, and a
// believable firm to try things out with.
package seed
