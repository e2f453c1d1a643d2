// Package search finds records of all kinds by words, under the rights of who asks, with the same answers on every
// database.
//
// The index is a table of terms: what words.go, stem.go, text/sound and numbers.go make of the texts of a record, field by
// field. index.go keeps it up to date from the change log. The way of a search, one file a stage:
//
//	query.go      text → words, each with its alternatives: other forms, other spellings, beginnings, typing errors
//	find.go       words and the policy → SQL → the terms of candidates by which they match
//	score.go      terms → score, from the record alone
//	highlight.go  hits of a page → the text that matched, from the values that show
//
// # What hidden records and values may change: nothing
//
// The row rule, and for each term the rule of its field, stand inside the SQL, before every LIMIT. A score depends on the
// terms of the one record that the reader may read: never on how frequent a word is. Counts over everything choose only
// in which order the database looks words up, never which records are candidates. Typing errors count when few records in
// sight are found otherwise.
package search
