package file

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/write"
)

// Serve answers an address: GET and HEAD give the content of a file, whole or parts of it, PUT takes it. What it returns is
// to be said instead of an answer.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request) error {
	a, err := f.unseal(strings.TrimPrefix(r.URL.Path, Path), f.Clock.Now())
	if err != nil {
		return err
	}
	actor, err := f.Actor(r.Context(), a.user)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return errAddress // he may not come in any more
	}
	if err != nil {
		return err
	}
	ctx := access.With(r.Context(), actor)
	switch {
	case r.Method == http.MethodPut && a.use == upload:
		return f.take(ctx, w, r, a)
	case r.Method != http.MethodPut && a.use == download:
		return f.give(ctx, w, r, a)
	}
	return errAddress
}

// give answers with the content of a file, if who got the address may still have it.
func (f *Files) give(ctx context.Context, w http.ResponseWriter, r *http.Request, a address) error {
	info, err := f.fetchable(ctx, a)
	if err != nil {
		return err
	}
	content, err := f.open(ctx, info)
	if err != nil {
		return hidden(err)
	}
	defer func() { _ = content.Close() }()
	// Every first piece is told: a client that fetches in parts says so by their beginnings.
	if from := r.Header.Get("Range"); f.Fetched != nil && r.Method == http.MethodGet && (from == "" || strings.HasPrefix(from, "bytes=0-")) {
		if err := f.Fetched(ctx, a.user, a.file); err != nil {
			return err
		}
	}
	header := w.Header()
	header.Set("Content-Type", info.Type)
	header.Set("Content-Disposition", disposition(info.Name))
	header.Set("ETag", `"`+info.Checksum+`"`)
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'") // whatever it is, it is not run as a page of ours
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.modified, content)
	return nil
}

// fetchable returns the file of an address, NOT_FOUND when there is none that who got the address may fetch.
func (f *Files) fetchable(ctx context.Context, a address) (Info, error) {
	tx, err := f.Writer.DB.Snapshot(ctx)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = tx.Close() }()
	if err := f.mayFetch(ctx, tx, a.file); err != nil {
		return Info{}, hidden(err)
	}
	return f.Look(ctx, tx, a.file)
}

// hidden words whatever is not to be had alike.
func hidden(err error) error {
	switch fault.CodeOf(err) {
	case fault.NotFound, fault.Forbidden, fault.Conflict:
		return errAddress
	}
	return err
}

// take puts what comes as the content of an upload. It may come again, whole, until the upload is completed; the last one
// counts.
func (f *Files) take(ctx context.Context, w http.ResponseWriter, r *http.Request, a address) error {
	if r.Header.Get("Content-Range") != "" {
		return fault.New(fault.BadRequest, "Uploads come whole: Content-Range is not supported.")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fault.New(fault.BadRequest, "The content encoding is not supported.")
	}
	waiting, err := f.waiting(ctx, a)
	if err != nil {
		return err
	}
	if r.ContentLength >= 0 && r.ContentLength != waiting.size {
		return wrongSize(r.ContentLength, waiting.size)
	}
	c, err := f.Save(ctx, http.MaxBytesReader(w, r.Body, waiting.size+1), waiting.size)
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) || fault.CodeOf(err) == fault.Limited {
		return wrongSize(waiting.size+1, waiting.size)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The file could not be received. Send it again.")
	}
	if err := f.keep(ctx, a, waiting, c); err != nil {
		f.Discard(ctx, c)
		return err
	}
	w.Header().Set("ETag", `"`+c.SHA256+`"`)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func wrongSize(size, announced int64) error {
	return &fault.Error{Code: fault.Invalid, Message: "The file has another length than was announced.", Extensions: map[string]any{"size": size, "announced": announced}}
}

// announced is what an upload waits for.
type announced struct {
	size     int64
	checksum string
}

// waiting returns what an upload waits for. NOT_FOUND when it does not wait any more.
func (f *Files) waiting(ctx context.Context, a address) (w announced, err error) {
	err = f.Writer.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		w, err = f.locked(ctx, tx, a)
		return err
	})
	return w, err
}

func (f *Files) locked(ctx context.Context, tx *write.Tx, a address) (announced, error) {
	r, err := tx.Lock(ctx, f.kind, a.file)
	if err != nil {
		return announced{}, err
	}
	if r == nil || r.InBin() || r.Values["status"] != Pending || r.Values["created_by_id"] != a.user || over(r, tx.Now) {
		return announced{}, errAddress
	}
	var w announced
	w.size, _ = r.Values["expected_size"].(int64)
	w.checksum, _ = r.Values["expected_checksum"].(string)
	return w, nil
}

// keep makes content that of an upload.
func (f *Files) keep(ctx context.Context, a address, w announced, c Content) error {
	if c.Size != w.size {
		return wrongSize(c.Size, w.size)
	}
	if w.checksum != "" && c.SHA256 != w.checksum {
		return &fault.Error{Code: fault.Invalid, Message: "The file has another checksum than was announced.", Extensions: map[string]any{"sha256": c.SHA256, "announced": w.checksum}}
	}
	return f.Writer.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		if _, err := f.locked(ctx, tx, a); err != nil {
			return err
		}
		r, err := tx.Lock(ctx, f.kind, a.file)
		if err != nil {
			return err
		}
		if err := f.giveUp(ctx, tx, r); err != nil { // what came before
			return err
		}
		return tx.Set(ctx, f.kind, a.file, map[string]any{"blob": c.Key, "size": c.Size, "checksum": c.SHA256, "content_type": c.Type})
	})
}

// disposition has browsers save a file under its name: for old ones in ASCII, then by RFC 5987.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r >= utf8.RuneSelf || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	plain := mime.FormatMediaType("attachment", map[string]string{"filename": ascii})
	if plain == "" {
		plain = "attachment"
	}
	if ascii == name {
		return plain
	}
	return plain + "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
