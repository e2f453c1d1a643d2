// Package secrecy proves over HTTP that nothing leaks: no channel of the API tells a viewer of a record, or of a value,
// that the viewer's roles hide. It has tests only:
//
//	fields_test.go, rows_test.go, events_test.go  one test for each channel
//	search_test.go                                the same for search
//	timeline_test.go                              the same for timelines and summaries
//	replay_test.go                                answers that are repeated, under other rights than the first time
//	world_test.go, operation_test.go              random worlds, roles and operations
//	policy_test.go                                the policy once more, evaluated naively in memory
//	oracle_test.go                                every answer is what that policy says
//	difference_test.go                            hidden records and values change, and no answer does
//	codes_test.go, violations_test.go             bad input: every code, every violation at once
//	writers_test.go                               many writers on one record lose no update
//
// Random cases are repeatable: -farley.seed says what they grow from, -farley.cases how many there are.
package secrecy
