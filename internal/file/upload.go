package file

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/stream"
	"farley/internal/write"
)

// maxPending is how many uploads may wait for one user's content.
const maxPending = 100

// Uploaded is the outcome of the verbs below.
type Uploaded struct {
	File id.ID `json:"file"`
}

// UploadNow makes a file of one that came along with the request. With an idempotency key, the same content under the same
// name is the same request.
func (f *Files) UploadNow(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Uploaded) error) error {
	var p fault.Violations
	sent, ok := stream.UploadOf(ctx, c.Input["file"])
	if !ok {
		p.Add([]any{"input", "file"}, "REQUIRED", "The file has to come along with the request, as multipart/form-data.")
		return p.Err()
	}
	name, _ := c.Input["name"].(string)
	if name == "" {
		name = sent.Name
	}
	if err := f.mayMake(ctx); err != nil {
		return err
	}
	if sent.Size > f.Limit {
		return tooLong(f.Limit)
	}
	c.Input = maps.Clone(c.Input)
	c.Input["file"] = sent.SHA256
	var content *Content
	if c.DryRun == nil || !*c.DryRun {
		saved, err := f.Save(ctx, sent.Content(), 0)
		if err != nil {
			return err
		}
		content = &saved
	} else {
		content = &Content{Type: "application/octet-stream"}
		content.Size, content.SHA256 = sent.Size, sent.SHA256
		head := make([]byte, sniffed)
		if n, _ := readFull(sent.Content(), head); n > 0 {
			content.Type = sniff(head[:n])
		}
	}
	used := false
	err := write.Perform(ctx, f.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Uploaded, error) {
		x, err := f.Make(ctx, tx, Record{Name: name, Purpose: Upload}, content)
		tx.OnCommit(func() { used = true })
		return Uploaded{x}, err
	}, answer)
	if !used { // refused, or the same request came before
		f.Discard(ctx, *content)
	}
	return err
}

func readFull(r interface{ Read([]byte) (int, error) }, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// mayMake refuses who may make no files at all, before their content is read. Which he may make is decided on the record.
func (f *Files) mayMake(ctx context.Context) error {
	if access.From(ctx).Policy.Scopes(f.kind, access.Create) == access.None {
		return fault.New(fault.Forbidden, "You may not make such a %s.", f.kind.Name)
	}
	return nil
}

// Begin makes a file whose content will be put to the address that AddressToPut gives.
func (f *Files) Begin(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Uploaded) error) error {
	name, _ := c.Input["name"].(string)
	size, checksum, err := f.readAnnounced(c.Input)
	if err != nil {
		return err
	}
	return write.Perform(ctx, f.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Uploaded, error) {
		var waiting int
		err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM `files` WHERE `created_by_id` = ? AND `owner_id` = ? AND `status` = 'PENDING' AND `purpose` = 'UPLOAD' AND `deleted_at` IS NULL AND `expires_at` > ?",
			[]any{tx.Actor.User, tx.Actor.User, tx.Now}, &waiting)
		if err != nil {
			return Uploaded{}, err
		}
		if waiting >= maxPending {
			return Uploaded{}, fault.New(fault.Limited, "There are %d uploads waiting for their content. Complete or delete them first.", waiting).With("limit", "pendingUploads").With("max", maxPending)
		}
		x, err := f.Make(ctx, tx, Record{Name: name, Purpose: Upload, Size: size, Checksum: checksum, Expires: tx.Now.Add(UploadTime)}, nil)
		return Uploaded{x}, err
	}, answer)
}

func (f *Files) readAnnounced(in input.Object) (size int64, checksum string, err error) {
	var p fault.Violations
	size, ok := whole(in["size"])
	switch {
	case !ok || size < 1:
		p.Add([]any{"input", "size"}, "RANGE", "The number must be from %d to %d.", 1, f.Limit)
	case size > f.Limit:
		return 0, "", tooLong(f.Limit)
	}
	checksum, _ = in["sha256"].(string)
	checksum = strings.ToLower(checksum)
	if b, err := hex.DecodeString(checksum); checksum != "" && (err != nil || len(b) != 32) {
		p.Add([]any{"input", "sha256"}, "FORMAT", "This is not a SHA-256: 64 hexadecimal digits.")
	}
	return size, checksum, p.Err()
}

// whole reads a number of an input.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

// Complete makes a file READY whose content has been put. CONFLICT while it has not come, NOT_FOUND for files out of sight,
// FORBIDDEN for those of others. A file that is READY already stays so.
func (f *Files) Complete(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Uploaded) error) error {
	var x id.ID
	if err := x.UnmarshalGQL(c.Input["file"]); err != nil || x.Kind() != f.kind.Code {
		var p fault.Violations
		p.Add([]any{"input", "file"}, "FORMAT", "This is not an id of the right kind.")
		return p.Err()
	}
	return write.Perform(ctx, f.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Uploaded, error) {
		r, err := tx.InSight(ctx, f.kind, x)
		if err == nil && r.InBin() {
			err = write.NotFound(f.kind)
		}
		if err != nil {
			return Uploaded{}, err
		}
		if r.Values["created_by_id"] != tx.Actor.User {
			return Uploaded{}, fault.New(fault.Forbidden, "You may not do this to this %s.", f.kind.Name)
		}
		switch {
		case r.Values["status"] == Ready:
			return Uploaded{x}, nil
		case r.Values["status"] != Pending || over(r, tx.Now):
			return Uploaded{}, fault.New(fault.Conflict, "The time of the upload is over. Begin a new one.")
		case r.Values["blob"] == nil:
			return Uploaded{}, fault.New(fault.Conflict, "The content has not come yet.")
		}
		return Uploaded{x}, tx.Set(ctx, f.kind, x, map[string]any{"status": Ready, "expires_at": nil})
	}, answer)
}

// over reports whether the time of a file is over.
func over(r *write.Record, now time.Time) bool {
	at, ok := r.Values["expires_at"].(time.Time)
	return ok && !now.Before(at)
}

// Address is a place to fetch or to put the content of a file at, good until an instant.
type Address struct {
	Path    string
	Expires time.Time
}

// AddressToPut returns the address to which the actor puts the content of a file that Begin made; no address once that is
// not wanted any more.
func (f *Files) AddressToPut(ctx context.Context, tx *write.Tx, x id.ID) (Address, bool, error) {
	r, err := tx.Lock(ctx, f.kind, x)
	if err != nil || r == nil || r.Values["status"] != Pending || over(r, tx.Now) {
		return Address{}, false, err
	}
	until, ok := r.Values["expires_at"].(time.Time)
	if !ok {
		return Address{}, false, nil
	}
	return Address{f.seal(address{upload, x, tx.Actor.User, until}), until}, true, nil
}

// AddressToFetch returns an address at which the actor, or whoever he gives it to, fetches the content of a file. NOT_FOUND
// for a file out of his sight, FORBIDDEN for content that is for somebody else only, CONFLICT when there is none.
func (f *Files) AddressToFetch(ctx context.Context, tx *db.Tx, x id.ID) (Address, error) {
	if x.Kind() != f.kind.Code {
		return Address{}, write.NotFound(f.kind)
	}
	if err := f.mayFetch(ctx, tx, x); err != nil {
		return Address{}, err
	}
	a := address{download, x, access.From(ctx).User, f.Clock.Now().Add(DownloadTime).Truncate(time.Second)}
	return Address{f.seal(a), a.expires}, nil
}

// mayFetch refuses who may not fetch a file.
func (f *Files) mayFetch(ctx context.Context, tx *db.Tx, x id.ID) error {
	a, now := access.From(ctx), f.Clock.Now()
	keys, err := f.Writer.KeysIn(ctx, tx, f.kind, x)
	if err != nil {
		return err
	}
	if keys.Deleted || !a.Sees(f.Writer.Set, f.kind, keys, now) {
		return write.NotFound(f.kind)
	}
	i, err := f.Look(ctx, tx, x)
	if err != nil {
		return err
	}
	if i.Purpose.private() && i.Maker != a.User {
		return fault.New(fault.Forbidden, "Only who made this file may fetch it: it was made with other rights than yours.")
	}
	if i.Status != Ready || !i.Expires.IsZero() && !now.Before(i.Expires) {
		return fault.New(fault.Conflict, "The file has no content, or no longer.")
	}
	if f.Refuse != nil {
		return f.Refuse(ctx, tx, i)
	}
	return nil
}
