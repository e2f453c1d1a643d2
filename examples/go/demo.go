package main

import (
	"context"
	"errors"
	"fmt"
)

// tryOut makes an account, changes it with the version it has seen, meets a conflict, and hears of both changes, on two
// connections.
func tryOut(ctx context.Context, c *client, cursor string) error {
	var made struct {
		CreateAccount struct {
			Account struct {
				ID      string
				Version int
			}
		}
	}
	err := c.do(ctx, `mutation { createAccount(input: {name: "Poplar"}, onDuplicate: ALLOW) { account { id version } } }`, nil, &made)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	account := made.CreateAccount.Account

	const rename = `mutation ($id: ID!, $version: Int!) { updateAccount(id: $id, input: {name: "Aspen"}, expectedVersion: $version) { account { version } } }`
	seen := map[string]any{"id": account.ID, "version": account.Version}
	var changed struct{}
	if err := c.do(ctx, rename, seen, &changed); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	var f *failure
	if err := c.do(ctx, rename, seen, &changed); !errors.As(err, &f) || f.Extensions.Code != "CONFLICT" || f.Extensions.CurrentVersion != account.Version+1 {
		return fmt.Errorf("the second rename: %w, want CONFLICT", err)
	}
	fmt.Println("ok    an old version is a conflict")

	for _, want := range []string{"CREATED 1", "UPDATED 2"} {
		err := c.follow(ctx, cursor, func(e event) error {
			if e.RecordID != account.ID {
				return nil // somebody else's doing
			}
			cursor = e.Cursor
			if got := fmt.Sprintf("%s %d", e.Op, e.Version); got != want {
				return fmt.Errorf("heard of %s, want %s", got, want)
			}
			return errStop // the next event comes over the next connection
		})
		if err != nil {
			return err
		}
		fmt.Printf("ok    heard of %s\n", want)
	}
	return nil
}
