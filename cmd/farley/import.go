package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/importer"
	"farley/internal/importer/tabular"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// importFiles makes records of files, or takes an import back.
type importFiles struct {
	database `embed:""`
	Path     string `arg:"" optional:"" type:"path" help:"The file; or a folder, in which the steps of the mapping find theirs."`
	Object   string `help:"The kind of records, when the mapping does not say it: accounts, contacts …"`
	Mapping  string `type:"path" help:"The mapping, YAML or JSON; see docs/guides/import.md."`
	As       string `help:"E-mail address of the user whose rights count, and who is the maker."`
	Trial    bool   `name:"dry-run" help:"Do everything, tell all problems, and keep no record."`
	Suggest  bool   `help:"Print a mapping for the file instead of importing it."`
	Undo     string `help:"Take back the import with this id."`
	Resume   string `help:"Go on with the import with this id, which was stopped or failed."`
	Files    string `help:"Where the content of files goes, as for serve."`
}

// The exit codes of the command; 1 is for what could not even begin.
const (
	someFailed = 2 // rows could not be taken, or records not be taken back
	notDone    = 3 // the import failed or was cancelled
)

// exitError ends the command with a code of its own.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// ExitCode implements kong.ExitCoder.
func (e *exitError) ExitCode() int { return e.code }

// Run implements the command.
func (c *importFiles) Run(ctx context.Context) error {
	if c.Suggest {
		return c.suggest(os.Stdout)
	}
	steps, err := c.steps()
	if err != nil {
		return err
	}
	store, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	im, err := c.begin(ctx, store)
	if err != nil {
		return err
	}
	defer im.end()
	for _, x := range []struct {
		text string
		verb func(context.Context, write.Command, string, func(context.Context, *write.Tx, id.ID) error) error
	}{{c.Undo, im.service.Undo}, {c.Resume, im.service.Resume}} {
		if x.text != "" {
			return im.control(ctx, x.text, x.verb)
		}
	}
	return im.all(ctx, steps)
}

// step is one import that the command makes.
type step struct {
	importer.Mapping
	path string
}

// steps reads the mapping and says which file each step takes.
func (c *importFiles) steps() ([]step, error) {
	if c.Undo != "" || c.Resume != "" {
		return nil, nil
	}
	if c.Path == "" || c.Mapping == "" {
		return nil, errors.New("give a file and a mapping; --suggest prints one")
	}
	content, err := os.ReadFile(c.Mapping)
	if err != nil {
		return nil, err
	}
	mappings, err := importer.ParseFile(content)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(c.Path)
	if err != nil {
		return nil, err
	}
	var out []step
	for i, m := range mappings {
		s := step{Mapping: m, path: c.Path}
		if info.IsDir() {
			if m.File == "" {
				return nil, fmt.Errorf("step %d names no file", i+1)
			}
			s.path = filepath.Join(c.Path, filepath.FromSlash(m.File))
		}
		if c.Object != "" {
			k := kindNamed(c.Object)
			if k == nil {
				return nil, fmt.Errorf("there are no %s", c.Object)
			}
			s.Object = k.Const
		}
		s.Mapping.Trial = s.Mapping.Trial || c.Trial
		out = append(out, s)
	}
	return out, nil
}

// kindNamed finds a kind by any of its names.
func kindNamed(name string) *model.Kind {
	for _, k := range model.Kinds().Kinds {
		if slices.ContainsFunc([]string{k.Name, k.Const, k.Single, k.Plural}, func(n string) bool { return strings.EqualFold(n, name) }) {
			return k
		}
	}
	return nil
}

// suggest prints a mapping.
func (c *importFiles) suggest(w io.Writer) error {
	k := kindNamed(c.Object)
	if c.Path == "" || k == nil {
		return errors.New("give a file and --object")
	}
	f, err := os.Open(c.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	source, err := tabular.Open(f, filepath.Base(c.Path), tabular.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	var rows [][]string
	for len(rows) < 200 {
		row, err := source.Next()
		var bad *tabular.RowError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			break // what could be read is enough
		}
		rows = append(rows, slices.Clone(row.Cells))
	}
	m := importer.PreviewOf(k, model.Kinds(), source.Options(), source.Columns(), rows).Mapping(k)
	out, err := yaml.MarshalWithOptions(m, yaml.UseJSONMarshaler())
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// importing is the command at work: an application of which only imports run.
type importing struct {
	app     *app.App
	service *importer.Service
	actor   *access.Actor
	stop    context.CancelFunc
	ended   chan struct{}
	out     io.Writer
	tty     bool
}

func (c *importFiles) begin(ctx context.Context, store *db.DB) (*importing, error) {
	keys, err := c.keyring()
	if err != nil {
		return nil, err
	}
	book, err := c.book()
	if err != nil {
		return nil, err
	}
	blobs, err := openFiles(c.Files, c.Data)
	if err != nil {
		return nil, fmt.Errorf("--files: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.New(app.Config{DB: store, Clock: clock.System{}, Keys: keys, Money: book, Log: log, Files: blobs})
	if err != nil {
		return nil, err
	}
	if c.As == "" {
		return nil, errors.New("give --as with the e-mail address of a user")
	}
	account, err := a.Identity.ByEmail(ctx, auth.NormalEmail(c.As))
	if err != nil {
		return nil, fmt.Errorf("there is no user %s", c.As)
	}
	// A runner of its own: the application's would do everybody's jobs.
	runner := job.New(store, clock.System{}, log, job.Settings{Poll: 200 * time.Millisecond})
	im := &importing{app: a, ended: make(chan struct{}), out: os.Stderr, tty: term.IsTerminal(int(os.Stderr.Fd()))}
	im.service = importer.New(importer.Config{Writer: a.Write, Files: a.Files, Jobs: runner, Clock: clock.System{}, Log: log, Actor: func(ctx context.Context, user id.ID) (*access.Actor, error) {
		a.Identity.Invalidate() // nobody watches here who changes rights
		return a.Identity.Actor(ctx, user)
	}})
	if im.actor, err = a.Identity.Actor(ctx, account.ID); err != nil {
		return nil, fmt.Errorf("the user %s may not sign in", c.As)
	}
	var running context.Context
	running, im.stop = context.WithCancel(ctx)
	go func() {
		defer close(im.ended)
		_ = runner.Run(running) // ends with running
	}()
	return im, nil
}

func (im *importing) end() {
	im.stop()
	<-im.ended
}

// all makes the imports, one after the other. The first that does not end well ends the command.
func (im *importing) all(ctx context.Context, steps []step) error {
	failed := int64(0)
	for i, s := range steps {
		if len(steps) > 1 {
			say(im.out, "%d/%d %s\n", i+1, len(steps), s.Name)
		}
		x, err := im.start(ctx, s)
		if err != nil {
			return explained(err)
		}
		n, err := im.follow(ctx, x)
		if err != nil {
			return err
		}
		failed += n
	}
	if failed > 0 {
		return &exitError{someFailed, fmt.Sprintf("rows that could not be taken: %d", failed)}
	}
	return nil
}

// start uploads a file and begins its import.
func (im *importing) start(ctx context.Context, s step) (id.ID, error) {
	ctx = access.With(ctx, im.actor)
	f, err := os.Open(s.path)
	if err != nil {
		return id.ID{}, err
	}
	defer func() { _ = f.Close() }()
	content, err := im.app.Files.Save(ctx, f, 0)
	if err != nil {
		return id.ID{}, err
	}
	var upload id.ID
	err = im.app.Write.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
		upload, err = im.app.Files.Make(ctx, tx, file.Record{Name: filepath.Base(s.path), Purpose: file.Import, Expires: tx.Now.Add(2 * importer.KeepUndo)}, &content)
		return err
	})
	if err != nil {
		im.app.Files.Discard(ctx, content)
		return id.ID{}, err
	}
	in, err := s.Mapping.Input(upload)
	if err != nil {
		return id.ID{}, err
	}
	var x id.ID
	err = im.service.Start(ctx, write.Command{Name: "startImport", Input: in}, "", func(_ context.Context, _ *write.Tx, made id.ID) error {
		x = made
		return nil
	})
	return x, err
}

func (im *importing) control(ctx context.Context, text string, verb func(context.Context, write.Command, string, func(context.Context, *write.Tx, id.ID) error) error) error {
	x, err := id.Parse(text)
	if err != nil {
		return fmt.Errorf("%s is not an id", text)
	}
	err = verb(access.With(ctx, im.actor), write.Command{Input: map[string]any{"import": text}}, "", func(context.Context, *write.Tx, id.ID) error { return nil })
	if err != nil {
		return explained(err)
	}
	n, err := im.follow(ctx, x)
	if err == nil && n > 0 {
		err = &exitError{someFailed, fmt.Sprintf("rows or records with problems: %d", n)}
	}
	return err
}

const lookEvery = 200 * time.Millisecond

// follow shows how far an import is until it has ended, and returns how many rows had problems.
func (im *importing) follow(ctx context.Context, x id.ID) (int64, error) {
	var bar *progressbar.ProgressBar
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	shown := time.Now()
	for {
		st, err := im.service.Status(ctx, x)
		if err != nil {
			return 0, err
		}
		switch {
		case im.tty && st.Total > 0:
			if bar == nil {
				bar = progressbar.NewOptions64(st.Total, progressbar.OptionSetWriter(im.out), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"))
			}
			_ = bar.Set64(st.Done) // a bar that cannot be drawn is none
		case !im.tty && time.Since(shown) > 5*time.Second:
			shown = time.Now()
			say(im.out, "%s: %d of %d rows\n", x, st.Done, st.Total)
		}
		if st.Ended {
			if bar != nil {
				say(im.out, "\n")
			}
			return im.report(ctx, x, st)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, &exitError{notDone, fmt.Sprintf("stopped; farley import --resume %s goes on, a running server does by itself", x)}
		}
	}
}

const maxReported = 20

// report says what became of an import.
func (im *importing) report(ctx context.Context, x id.ID, st importer.Status) (int64, error) {
	say(im.out, "%s %s: %d rows, %d created, %d updated, %d unchanged, %d skipped, %d failed", x, st.Status, st.Done, st.Created, st.Updated, st.Unchanged, st.Skipped, st.Failed)
	if st.Status == "UNDONE" {
		say(im.out, "; %d taken back, %d kept", st.Undone, st.Kept)
	}
	say(im.out, "\n")
	if st.Failed+st.Kept > 0 {
		if err := im.problems(ctx, x, st.Failed+st.Kept); err != nil {
			return 0, err
		}
	}
	if st.Status != "DONE" && st.Status != "UNDONE" {
		return 0, &exitError{notDone, fmt.Sprintf("the import is %s: %s", st.Status, st.Message)}
	}
	if st.Status == "UNDONE" {
		return st.Kept, nil
	}
	return st.Failed, nil
}

func (im *importing) problems(ctx context.Context, x id.ID, n int64) error {
	return im.app.DB.Find(ctx, func(tx *db.Tx) error {
		rows, _, err := im.service.Problems(access.With(ctx, im.actor), tx, x, 0, maxReported)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, i := range r.Issues {
				say(im.out, "  row %d: %s: %s\n", r.Row, strings.Join(i.PathTexts(), "."), fmt.Sprintf(i.Message, i.Args...))
			}
		}
		if int64(len(rows)) < n {
			say(im.out, "  … all of them are in the error file and in importProblems\n")
		}
		return nil
	})
}

// explained writes an error of the API on lines.
func explained(err error) error {
	text := importer.Explain(err)
	if text == "" {
		return err
	}
	return errors.New(text)
}
