// Command go is a small client of Farley without any library: it signs in, and follows the changes of accounts over
// server-sent events. It goes on from the last event it has handled, over broken connections and restarts.
//
//	go run ./examples/go -email sales.rep@demo.example -password farley-demo-2026
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:8080/graphql", "the API")
	email := flag.String("email", "", "who signs in")
	password := flag.String("password", "", "the password")
	demo := flag.Bool("demo", false, "make and change an account, check what is heard of it, and end")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := &client{url: *url, http: &http.Client{}}
	if err := run(ctx, c, *email, *password, *demo); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c *client, email, password string, demo bool) error {
	if err := c.signIn(ctx, email, password); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	var start struct{ ChangesCursor string }
	if err := c.do(ctx, `{ changesCursor }`, nil, &start); err != nil {
		return err
	}
	if demo {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return tryOut(ctx, c, start.ChangesCursor)
	}
	return c.follow(ctx, start.ChangesCursor, func(e event) error {
		name := ""
		if e.Node != nil {
			name = e.Node.Name
		}
		fmt.Printf("%-10s %s version %d %v %s\n", e.Op, e.RecordID, e.Version, e.ChangedFields, name)
		return nil
	})
}
