package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/fault"
	"farley/internal/stream"
)

// upload is GraphQL by multipart/form-data, after the multipart request specification: the parts operations and map, then
// the files. Files go to the disk while they come, so that a request takes little memory however long they are.
//
// A form is what a page of any origin can have a browser send without being asked. So there has to be a header that no form
// sends, and for which a browser asks first; Farley reads no cookies besides.
type upload struct{ *Server }

var _ graphql.Transport = upload{}

// preflight are the headers of which one has to be there.
var preflight = []string{"Graphql-Require-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name"}

// Supports reports whether r is such a POST.
func (upload) Supports(r *http.Request) bool {
	given := r.Header.Get("Content-Type")
	if given == typeJSON { // nearly all requests
		return false
	}
	mediaType, _, err := mime.ParseMediaType(given)
	return err == nil && r.Method == http.MethodPost && mediaType == "multipart/form-data"
}

// Do answers r. Who is not signed in is refused before his files are read.
func (t upload) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	mediaType := negotiate(r.Header)
	if mediaType == "" {
		t.refuse(w, r, http.StatusNotAcceptable, notAcceptable())
		return
	}
	if !guarded(r.Header) {
		t.refuse(w, r, http.StatusBadRequest, fault.New(fault.BadRequest, "Files need the header GraphQL-Require-Preflight, with any value."))
		return
	}
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		t.refuse(w, r, http.StatusUnauthorized, fault.New(fault.Unauthenticated, "Sign in to send files."))
		return
	}
	r, ok := t.authenticate(w, r)
	if !ok {
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if _, sent := r.Header["Idempotency-Key"]; sent && !printable(key, maxIdempotencyKey) {
		t.refuse(w, r, http.StatusBadRequest, fault.New(fault.BadRequest,
			"The Idempotency-Key must have 1 to %d printable ASCII characters.", maxIdempotencyKey))
		return
	}
	f := &form{limits: t.limits}
	defer f.close()
	params, err := t.readForm(w, r, f)
	if err != nil {
		status := http.StatusBadRequest
		if fault.CodeOf(err) == fault.Limited {
			status = http.StatusRequestEntityTooLarge
		}
		t.refuse(w, r, status, err)
		return
	}
	ctx := stream.WithUploads(stream.WithIdempotencyKey(r.Context(), key), f.uploads())
	t.run(w, r.WithContext(ctx), exec, mediaType, params)
}

// guarded reports whether a browser would have asked before it sent this across origins.
func guarded(header http.Header) bool {
	for _, name := range preflight {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}

// readForm reads the body within its time and its length; see readPost.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, f *form) (*graphql.RawParams, error) {
	if s.limits.UploadTime > 0 {
		connection := http.NewResponseController(w)
		_ = connection.SetReadDeadline(time.Now().Add(s.limits.UploadTime))
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	}
	if s.limits.UploadBytes >= 0 {
		r.Body = http.MaxBytesReader(w, r.Body, s.limits.UploadBytes)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.New(fault.BadRequest, "The form is not well-formed.")
	}
	params, err := f.read(parts)
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return nil, fault.New(fault.Limited, "The body is longer than %d bytes.", tooLong.Limit).With("limit", "uploadBytes").With("max", tooLong.Limit)
	}
	return params, err
}

// form is the multipart body of one request.
type form struct {
	limits Limits
	names  map[string]int // of the parts with files → their number
	files  []*spooled
}

// spooled is a file on the disk.
type spooled struct {
	file   *os.File // nil until it has come
	name   string
	size   int64
	sha256 string
}

// malformed wraps what went wrong while reading, which may be that the body is too long.
func malformed(err error) error {
	return fault.Wrap(fault.BadRequest, err, "The form is not well-formed.")
}

func (f *form) read(parts *multipart.Reader) (*graphql.RawParams, error) {
	operations, err := f.field(parts, "operations", f.limits.BodyBytes)
	if err != nil {
		return nil, err
	}
	if trimmed := bytes.TrimLeft(operations, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return nil, fault.New(fault.BadRequest, "Several operations in one request are not supported.")
	}
	params, err := decodePost(bytes.NewReader(operations))
	if err != nil {
		return nil, err
	}
	raw, err := f.field(parts, "map", maxMap)
	if err != nil {
		return nil, err
	}
	if err := f.place(raw, params); err != nil {
		return nil, err
	}
	for range len(f.files) {
		if err := f.receive(parts); err != nil {
			return nil, err
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, malformed(err)
		}
		return nil, fault.New(fault.BadRequest, "The form has a part that its map does not name.")
	}
	return params, nil
}

// maxMap bounds the part map, in bytes.
const maxMap = 64 << 10

// field reads the part that has to come next.
func (f *form) field(parts *multipart.Reader, name string, limit int64) ([]byte, error) {
	part, err := parts.NextRawPart()
	if errors.Is(err, io.EOF) || err == nil && part.FormName() != name {
		return nil, fault.New(fault.BadRequest, "The form must have the part %s before the files.", name)
	}
	if err != nil {
		return nil, malformed(err)
	}
	var r io.Reader = part
	if limit >= 0 {
		r = io.LimitReader(part, limit+1)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, malformed(err)
	}
	if limit >= 0 && int64(len(b)) > limit {
		return nil, bodyTooLong(limit)
	}
	return b, nil
}

// place puts what stands for each file where the map says, which has to be null there.
func (f *form) place(raw []byte, params *graphql.RawParams) error {
	var paths map[string][]string
	if err := json.Unmarshal(raw, &paths); err != nil {
		return fault.New(fault.BadRequest, "The part map is not a JSON object of lists of paths.")
	}
	if exceeds(len(paths), f.limits.UploadFiles) {
		return limited("uploadFiles", len(paths), f.limits.UploadFiles)
	}
	f.names = map[string]int{}
	for name, targets := range paths {
		n := len(f.files)
		f.names[name] = n
		f.files = append(f.files, &spooled{})
		if exceeds(len(targets), f.limits.UploadFiles) {
			return limited("uploadFiles", len(targets), f.limits.UploadFiles)
		}
		for _, target := range targets {
			path := strings.Split(target, ".")
			if path[0] != "variables" || len(path) < 2 || !put(params.Variables, path[1:], stream.UploadValue(n)) {
				return fault.New(fault.BadRequest, "The map names a place that is not a null in the variables.")
			}
		}
	}
	return nil
}

// put sets what a path leads to, if that is a null.
func put(at any, path []string, value string) bool {
	last := len(path) == 1
	switch at := at.(type) {
	case map[string]any:
		v, there := at[path[0]]
		if !there {
			return false
		}
		if !last {
			return put(v, path[1:], value)
		}
		if v != nil {
			return false
		}
		at[path[0]] = value
		return true
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(at) {
			return false
		}
		if !last {
			return put(at[i], path[1:], value)
		}
		if at[i] != nil {
			return false
		}
		at[i] = value
		return true
	}
	return false
}

// receive takes the next file.
func (f *form) receive(parts *multipart.Reader) error {
	part, err := parts.NextRawPart()
	if errors.Is(err, io.EOF) {
		return fault.New(fault.BadRequest, "The form lacks a file that its map names.")
	}
	if err != nil {
		return malformed(err)
	}
	n, ok := f.names[part.FormName()]
	if !ok || f.files[n].file != nil {
		return fault.New(fault.BadRequest, "The form has a part that its map does not name.")
	}
	s := f.files[n]
	s.name = part.FileName()
	if s.file, err = os.CreateTemp("", "farley-upload-*"); err != nil {
		return fmt.Errorf("spool an upload: %w", err)
	}
	_ = os.Remove(s.file.Name()) // where an open file can be removed, a crash leaves nothing
	sum := sha256.New()
	// what fails here is the client or the disk; the disk says so itself
	s.size, err = io.Copy(io.MultiWriter(s.file, sum), part)
	var disk *os.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("spool an upload: %w", err)
	}
	if err != nil {
		return malformed(err)
	}
	s.sha256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (f *form) uploads() []stream.Upload {
	out := make([]stream.Upload, len(f.files))
	for i, s := range f.files {
		out[i] = stream.Upload{
			Name: s.name, Size: s.size, SHA256: s.sha256,
			Content: func() io.Reader { return io.NewSectionReader(s.file, 0, s.size) },
		}
	}
	return out
}

// close removes the files from the disk.
func (f *form) close() {
	for _, s := range f.files {
		if s.file != nil {
			_ = s.file.Close()
			_ = os.Remove(s.file.Name()) // where an open one cannot be removed
		}
	}
}
