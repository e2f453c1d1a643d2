// Package suite has the tests that every kind of record gets by itself. They work from the tables of the model and name no
// kind; what the model does not tell about valid values is in farleytest/builders.go.
//
//	actors_test.go      who may do what: actor × operation, with what is written and told of it
//	levels_test.go      field levels × input position
//	paging_test.go      pages by key, against a list in memory
//	filters_test.go     operators, against records in memory
//	events_test.go      one change row a write, with what changed
//	control_test.go     expectedVersion, dryRun, idempotency keys
//	statements_test.go  how many statements a read takes
//	gadget_test.go      one file makes a new entity (slow; FARLEY_LONG=1)
//
// By default the larger tests take a sample of the combinations, the same one each time; the flag -farley.all takes all,
// -farley.kind=Account one kind only. Under the race detector each test takes every fourth kind.
package suite
