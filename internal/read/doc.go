// Package read is the one read engine: whatever answers with entities is planned here from what was selected, the tables
// of the model and the viewer's policy, read with a fixed number of statements, and written as finished JSON.
//
// The way of a field, one file a stage:
//
//	arguments.go, filter*.go, order.go   arguments → page, condition, order
//	selection.go                         collected selection → levels, records, members (what to write)
//	reading.go                           policy → which columns, guarded by which conditions
//	level.go, connection.go              levels → SQL, one statement each
//	columns.go                           rows → encoded values, column by column
//	writers.go, project.go               values → JSON in the order of the selection
//
// A level is what one statement reads: the records of one list (or of given ids) with all to-one relations joined. Lists
// inside it are levels of their own, read for all parents at once, so the number of statements follows the selection and
// never the rows: one a level and alias, one more for each totalCount that is selected.
//
// # Filters
//
// Conditions are true or false, never unknown: a comparison with an empty field is false; ne, notIn and not are the exact
// opposite of what they negate, so ne holds for an empty field. An empty filter or operator object is true, so is and: [],
// while or: [] is false. An operator, field or relation that is given as null is INVALID, because leaving out a condition
// must not widen a list by accident. A to-one relation's filter holds when the related record is in sight and fits;
// {id: {isNull: true}} alone holds when none is in sight; {} holds always. some and none look at related records in sight.
// A field that depends on the row counts as empty where it does not show. Records in the bin are left out, except when the
// filter of the list itself (or a term of its and) names deletedAt.
//
// # Pages
//
// Lists are paged by key, never by offset. Whether there is a page beyond the end that was read towards is exact.
// Backwards from a cursor costs nothing: hasPreviousPage is true when after was given, hasNextPage (of a page read by last)
// when before was given, since the cursor's own record lies there, unless it has gone meanwhile.
package read
