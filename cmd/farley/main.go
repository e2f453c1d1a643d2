// Command farley runs the Farley server and looks after its database.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Every flag can be set as FARLEY_<FLAG> in the environment.
type cli struct {
	Serve    serve       `cmd:"" help:"Run the server."`
	Migrate  migrate     `cmd:"" help:"Bring the database up to date."`
	Check    check       `cmd:"" help:"Check the configuration and the database, and say what is in use."`
	Token    token       `cmd:"" help:"Make the first administrator, or print an access token for a user."`
	Backup   backup      `cmd:"" help:"Copy the embedded database and the keys while the server runs."`
	Restored restored    `cmd:"" help:"After restoring a backup, before serving: void the cursors that clients hold, and end all sessions."`
	Keys     keys        `cmd:"" help:"Look after the signing keys."`
	Import   importFiles `cmd:"" help:"Make records of files: CSV, XLSX, JSON lines, vCard; or take an import back. Exit codes: 0 all rows are in, 2 some could not be taken, 3 the import has not ended well."`
	Search   searchIndex `cmd:"" help:"Look after the search index."`
	Export   exportList  `cmd:"" help:"Write a list of records to the standard output, with the rights of a user."`
	Schema   printSchema `cmd:"" help:"Print the GraphQL schema, whole or as a role sees it."`
	ID       decodeID    `cmd:"" name:"id" help:"Say what is in an id."`
}

func main() {
	tuneRuntime()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("farley"), kong.Description("Farley, a headless CRM: one GraphQL API."),
		kong.UsageOnError(), kong.DefaultEnvars("FARLEY"), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}
