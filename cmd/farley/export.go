package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/export"
)

// exportList writes a list of records to the standard output, with the rights of a user.
type exportList struct {
	database      `embed:""`
	As            string   `required:"" help:"E-mail address of the user with whose rights is read; he needs the right EXPORT on the object."`
	Object        string   `required:"" help:"Kind of records, as in the API or as the name of its list: ACCOUNT, accounts."`
	Format        string   `default:"csv" enum:"csv,xlsx,jsonl,vcard" help:"Format of the output: csv, xlsx, jsonl, vcard."`
	Fields        []string `help:"Columns in order: name,annualRevenue,owner.email,customFields.tier. Default: all that the user may read."`
	Where         string   `help:"Filter as JSON, as the list takes it: {\"name\":{\"startsWith\":\"a\"}}."`
	OrderBy       []string `help:"Order: NAME,CREATED_AT:desc. Default: by id."`
	Delimiter     string   `help:"What stands between the columns of a CSV: one of , ; | or a tab."`
	TimeZone      string   `help:"IANA time zone in which instants are written. Default: UTC."`
	ByteOrderMark bool     `help:"Begin a CSV with a byte order mark, for spreadsheets."`
	GuardFormulas bool     `help:"Write an apostrophe in front of cells that a spreadsheet would run as a formula."`
}

// formats are the formats by their names on the command line.
var formats = map[string]export.Format{"csv": export.CSV, "xlsx": export.XLSX, "jsonl": export.JSONLines, "vcard": export.VCard}

// request is what is asked for, in the words of the API.
func (x *exportList) request(a *app.App) (export.Request, error) {
	r := export.Request{
		Object: x.Object, Format: formats[x.Format], Fields: x.Fields, Delimiter: x.Delimiter, TimeZone: x.TimeZone,
		ByteOrderMark: x.ByteOrderMark, GuardFormulas: x.GuardFormulas,
	}
	for _, k := range a.Set.Kinds {
		if k.Plural == x.Object {
			r.Object = k.Const
		}
	}
	if x.Where != "" {
		if !json.Valid([]byte(x.Where)) {
			return r, errors.New("--where is not JSON")
		}
		r.Where = json.RawMessage(x.Where)
	}
	for _, term := range x.OrderBy {
		field, direction, _ := strings.Cut(term, ":")
		if direction == "" {
			direction = "asc"
		}
		r.OrderBy = append(r.OrderBy, export.Term{Field: strings.ToUpper(field), Direction: strings.ToUpper(direction)})
	}
	return r, nil
}

// tellEvery is how often the progress is told.
const tellEvery = time.Second

// Run implements the command.
func (x *exportList) Run(ctx context.Context) error {
	store, err := x.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	keys, err := x.keyring()
	if err != nil {
		return err
	}
	book, err := x.book()
	if err != nil {
		return err
	}
	a, err := app.New(app.Config{DB: store, Clock: clock.System{}, Keys: keys, Money: book, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	account, err := a.Identity.ByEmail(ctx, auth.NormalEmail(x.As))
	if err != nil {
		return fmt.Errorf("there is no user %s", x.As)
	}
	r, err := x.request(a)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	begin, told := a.Clock.Now(), a.Clock.Now()
	written, err := a.Exports.To(ctx, account.ID, r, out, func(_ context.Context, n int64) error {
		if now := a.Clock.Now(); now.Sub(told) >= tellEvery {
			told = now
			say(os.Stderr, "%d records, %.0f a second\n", n, float64(n)/now.Sub(begin).Seconds())
		}
		return nil
	})
	if err := errors.Join(err, out.Flush(), a.Audit.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	say(os.Stderr, "%d records in %s.\n", written, a.Clock.Now().Sub(begin).Round(time.Millisecond))
	return nil
}
