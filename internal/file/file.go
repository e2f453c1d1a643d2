// Package file keeps files: records of the kind File, whose content lies in a blob store. Uploads, downloads, and what
// exports and imports write and read go through it.
//
// The database says what is; the store only holds bytes. Content is put under a new key first, then a transaction makes a
// record name it. Content that no record names is removed: by a durable job where the record gave it up in a transaction,
// else (a crash came between the two) by the sweep, a day later. So a file that is READY is whole, and nothing stays for
// ever that nobody knows of.
package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/blob"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// Kind is the name of the kind.
const Kind = "File"

// The states of a file's content.
const (
	Pending = "PENDING"
	Ready   = "READY"
	Expired = "EXPIRED"
)

// Purpose says what a file is for.
type Purpose string

// The purposes. Content of the last three was made with somebody's rights, or for his eyes only: nobody else may fetch it,
// whoever sees the record.
const (
	Upload Purpose = "UPLOAD"
	Export Purpose = "EXPORT"
	Import Purpose = "IMPORT"
	Errors Purpose = "ERRORS"
)

// private reports whether only who made the record may fetch the content.
func (p Purpose) private() bool { return p != Upload }

// DefaultLimit is how many bytes a file may have unless configured: 1 GiB.
const DefaultLimit = 1 << 30

// Config is what Files are made of. All but Limit, Refuse and Fetched are needed.
type Config struct {
	Blobs  blob.Store
	Writer *write.Writer
	Jobs   *job.Runner
	Clock  clock.Clock
	Log    *slog.Logger
	Secret []byte // signs addresses; the same on all nodes
	// Actor finds a user with his present rights; UNAUTHENTICATED when he may not come in.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
	// Fetched is told, before it happens, that a user fetches the content of a file; an error refuses it. nil: nobody is told.
	Fetched func(ctx context.Context, user, file id.ID) error
	// Refuse is asked before the content of a file is given to who acts in ctx; an error refuses it. nil: nothing more is asked.
	Refuse func(ctx context.Context, tx *db.Tx, i Info) error
	// Limit is how many bytes a file may have; 0: DefaultLimit.
	Limit int64
}

// Files keeps files. It is safe for concurrent use.
type Files struct {
	Config
	kind *model.Kind
}

// New returns files, and registers their jobs and what is done when a record is purged. It is called before the jobs run and
// before the first write.
func New(c Config) *Files {
	if c.Limit <= 0 {
		c.Limit = DefaultLimit
	}
	c.Limit = min(c.Limit, blob.MaxSize)
	f := &Files{Config: c, kind: c.Writer.Set.Kind(Kind)}
	f.register()
	c.Writer.Forget = append(c.Writer.Forget, f.forget)
	return f
}

// Content is what has been put into the store and belongs to no record yet.
type Content struct {
	blob.Info
	Type string // media type
}

// sniffed is how many of the first bytes tell the media type.
const sniffed = 512

// Save puts content into the store: at most limit bytes (0: what is configured), else LIMITED. It belongs in no
// transaction, as it may take long. What no record takes (Make, Fill) should be given up by Discard; if that does not happen,
// the sweep removes it after a day.
func (f *Files) Save(ctx context.Context, r io.Reader, limit int64) (Content, error) {
	if limit <= 0 || limit > f.Limit {
		limit = f.Limit
	}
	buffered := bufio.NewReaderSize(r, 32<<10)
	head, err := buffered.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return Content{}, err
	}
	c := Content{Type: sniff(head)} // before the buffer moves on
	c.Info, err = f.Blobs.Put(ctx, id.New(f.kind.Code, f.Clock.Now()).String(), buffered, limit)
	var long *blob.TooLargeError
	if errors.As(err, &long) {
		return Content{}, tooLong(long.Limit)
	}
	return c, err
}

func tooLong(limit int64) error {
	return fault.New(fault.Limited, "The file is longer than %d bytes.", limit).With("limit", "fileBytes").With("max", limit)
}

// sniff tells the media type by the first bytes. Whatever a browser would run is text to us.
func sniff(head []byte) string {
	t := http.DetectContentType(head)
	switch {
	case strings.HasPrefix(t, "text/html"), strings.HasPrefix(t, "text/xml"):
		return "text/plain; charset=utf-8"
	case strings.HasPrefix(t, "application/zip") && bytes.Contains(head, []byte("[Content_Types].xml")):
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return t
}

// Discard removes content that no record has taken. What fails is left to the sweep.
func (f *Files) Discard(ctx context.Context, c Content) {
	if c.Key == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	if err := f.Blobs.Delete(ctx, c.Key); err != nil {
		f.Log.WarnContext(ctx, "content of no file is left to the sweep", "key", c.Key, "error", err)
	}
}

const discardTime = 10 * time.Second

// Record is a file to make.
type Record struct {
	Name    string
	Purpose Purpose
	Type    string    // media type, when the maker knows it; "": that of the content
	Expires time.Time // when the content goes; zero: it stays
	// Size and Checksum are what was announced of content that is to come; 0 and "": nothing was.
	Size     int64
	Checksum string
}

// Make makes the record of a file: READY with its content, PENDING for nil. The actor needs the right to create files,
// unless the write is Farley's own.
func (f *Files) Make(ctx context.Context, tx *write.Tx, r Record, c *Content) (id.ID, error) {
	columns := map[string]any{"name": CleanName(r.Name), "purpose": string(r.Purpose), "status": Pending}
	if r.Type != "" {
		columns["content_type"] = r.Type
	}
	if !r.Expires.IsZero() {
		columns["expires_at"] = r.Expires
	}
	if r.Size > 0 {
		columns["expected_size"] = r.Size
	}
	if r.Checksum != "" {
		columns["expected_checksum"] = r.Checksum
	}
	if c != nil {
		for column, v := range filled(r.Type, *c) {
			columns[column] = v
		}
	}
	return tx.Make(ctx, f.kind, columns)
}

// filled are the columns of a file whose content is there.
func filled(mediaType string, c Content) map[string]any {
	if mediaType == "" {
		mediaType = c.Type
	}
	return map[string]any{"status": Ready, "content_type": mediaType, "size": c.Size, "checksum": c.SHA256, "blob": c.Key}
}

// Fill gives a PENDING file its content, which makes it READY; expires is when it goes, zero for never. CONFLICT for a file
// that is not PENDING, NOT_FOUND for one that is not there.
func (f *Files) Fill(ctx context.Context, tx *write.Tx, x id.ID, mediaType string, c Content, expires time.Time) error {
	r, err := tx.Lock(ctx, f.kind, x)
	if err != nil {
		return err
	}
	if r == nil || r.InBin() {
		return write.NotFound(f.kind)
	}
	if r.Values["status"] != Pending {
		return fault.New(fault.Conflict, "The file is not waiting for its content.")
	}
	columns := filled(mediaType, c)
	columns["expires_at"] = nil
	if !expires.IsZero() {
		columns["expires_at"] = expires
	}
	if err := f.giveUp(ctx, tx, r); err != nil {
		return err
	}
	return tx.Set(ctx, f.kind, x, columns)
}

// Drop takes the content of a file away for good and says so by the status EXPIRED; the record stays. The content is
// removed, once the transaction is committed, by a job that survives crashes. Files without content stay as they are.
func (f *Files) Drop(ctx context.Context, tx *write.Tx, x id.ID) error {
	r, err := tx.Lock(ctx, f.kind, x)
	if err != nil || r == nil || r.Values["status"] == Expired {
		return err
	}
	if err := f.giveUp(ctx, tx, r); err != nil {
		return err
	}
	return tx.Set(ctx, f.kind, x, map[string]any{"status": Expired, "blob": nil, "checksum": nil, "size": nil})
}

// giveUp has the content of a record removed once the transaction is committed.
func (f *Files) giveUp(ctx context.Context, tx *write.Tx, r *write.Record) error {
	key, _ := r.Values["blob"].(string)
	if key == "" {
		return nil
	}
	_, err := f.Jobs.Enqueue(ctx, tx.Tx, job.Job{Kind: removal, Key: key, Payload: key})
	return err
}

// forget removes the content of a file that is purged.
func (f *Files) forget(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if k != f.kind {
		return nil
	}
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil {
		return err
	}
	return f.giveUp(ctx, tx, r)
}

// Info is what is stored of a file.
type Info struct {
	ID       id.ID
	Name     string
	Type     string
	Status   string
	Purpose  Purpose
	Size     int64
	Checksum string
	Maker    id.ID
	Expires  time.Time
	Deleted  bool

	key      string
	modified time.Time
}

// Look reads a file's record past all rights; NOT_FOUND.
func (f *Files) Look(ctx context.Context, q db.Querier, x id.ID) (Info, error) {
	rows, err := q.QueryContext(ctx, "SELECT `name`, COALESCE(`content_type`, ''), `status`, `purpose`, COALESCE(`size`, 0), COALESCE(`checksum`, ''), `created_by_id`, COALESCE(`blob`, ''), `expires_at`, `deleted_at` IS NOT NULL, `updated_at` FROM `files` WHERE `id` = ?", x)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return Info{}, errors.Join(rows.Err(), write.NotFound(f.kind))
	}
	i := Info{ID: x}
	var purpose string
	var expires, modified nullTime
	if err := rows.Scan(&i.Name, &i.Type, &i.Status, &purpose, &i.Size, &i.Checksum, &i.Maker, &i.key, &expires, &i.Deleted, &modified); err != nil {
		return Info{}, err
	}
	i.Purpose, i.Expires, i.modified = Purpose(purpose), expires.at, modified.at
	return i, rows.Err()
}

// Open opens the content of a file, past all rights. NOT_FOUND when there is none.
func (f *Files) Open(ctx context.Context, x id.ID) (blob.Reader, Info, error) {
	tx, err := f.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, Info{}, err
	}
	defer func() { _ = tx.Close() }()
	i, err := f.Look(ctx, tx, x)
	if err != nil {
		return nil, Info{}, err
	}
	r, err := f.open(ctx, i)
	return r, i, err
}

func (f *Files) open(ctx context.Context, i Info) (blob.Reader, error) {
	if i.Status != Ready || i.Deleted {
		return nil, write.NotFound(f.kind)
	}
	r, err := f.Blobs.Open(ctx, i.key)
	if errors.Is(err, blob.ErrNotFound) { // it has gone since we looked
		return nil, fault.Wrap(fault.NotFound, err, "There is no %s with this id.", f.kind.Name)
	}
	return r, err
}

// maxName is the longest name of a file, in characters.
const maxName = 200

// CleanName makes a file name of what somebody calls a file: without a path and without characters that do not show, at
// most 200 characters, and never empty.
func CleanName(s string) string {
	s = strings.ToValidUTF8(s, "")
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) { // Cf: marks that turn the direction hide a name's ending
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxName {
		r := []rune(s)
		s = strings.TrimSpace(string(r[:maxName-20])) + "…" + string(r[len(r)-19:]) // the ending tells what it is
	}
	if strings.Trim(s, ".") == "" {
		return "file"
	}
	return s
}
