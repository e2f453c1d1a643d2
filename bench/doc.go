// Package bench compares Farley with what somebody would write by hand for the same five requests: net/http, database/sql and
// nothing else, with the scope of the same sales rep written into its SQL, over the same rows of the same database.
//
//	go test ./bench -bench . -benchtime 1x -timeout 60m
//
// Both run as processes of their own, in turn. What is measured of each is processor time (from /proc), not only time, because
// the program that asks runs on the same machine. The answers of the two are compared before anything is measured, and every
// answer is looked at while it is; they are not compressed, as the handler's would not be. TestAnswers compares them with few rows
// in the ordinary tests.
package bench
