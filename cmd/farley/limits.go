package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"farley/internal/server"
)

// limits reads the safety limits that differ from their defaults: "cost=100000", "operationTime=1m". A negative number
// switches a limit off.
func limits(given map[string]string) (server.Limits, error) {
	var l server.Limits
	numbers := map[string]*int{
		"tokens": &l.Tokens, "depth": &l.Depth, "aliases": &l.Aliases, "equalNames": &l.EqualNames, "rootFields": &l.RootFields,
		"fragments": &l.Fragments, "directives": &l.Directives, "listLength": &l.ListLength, "inputDepth": &l.InputDepth,
		"mergeWork": &l.MergeWork, "cost": &l.Cost, "budgetPerSecond": &l.BudgetPerSecond, "budget": &l.Budget,
		"callers": &l.Callers, "concurrent": &l.Concurrent, "uploadFiles": &l.UploadFiles,
	}
	sizes := map[string]*int64{"bodyBytes": &l.BodyBytes, "uploadBytes": &l.UploadBytes, "fileBytes": &l.FileBytes}
	times := map[string]*time.Duration{"operationTime": &l.OperationTime, "bodyTime": &l.BodyTime, "writeTime": &l.WriteTime, "uploadTime": &l.UploadTime}
	for name, text := range given {
		var err error
		switch {
		case sizes[name] != nil:
			*sizes[name], err = strconv.ParseInt(text, 10, 64)
		case numbers[name] != nil:
			*numbers[name], err = strconv.Atoi(text)
		case times[name] != nil:
			*times[name], err = time.ParseDuration(text)
		default:
			var names []string
			for n := range sizes {
				names = append(names, n)
			}
			for n := range numbers {
				names = append(names, n)
			}
			for n := range times {
				names = append(names, n)
			}
			slices.Sort(names)
			return l, fmt.Errorf("there is no limit %q; there are %s", name, strings.Join(names, ", "))
		}
		if err != nil {
			return l, fmt.Errorf("limit %s=%s: %w", name, text, err)
		}
	}
	return l, nil
}
