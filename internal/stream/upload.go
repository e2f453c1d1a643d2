package stream

import (
	"context"
	"io"
	"strconv"
	"strings"
)

// Upload is a file that came along with a request. It lasts as long as the request.
type Upload struct {
	Name   string // what the client calls it; not to be trusted
	Size   int64
	SHA256 string // 64 hexadecimal digits in lower case
	// Content reads it from its beginning, each time it is called.
	Content func() io.Reader
}

type uploadsKey struct{}

// uploadMark begins the value of a variable that stands for a file.
const uploadMark = "upload:"

// UploadValue is the value that stands for the n-th file in the variables of a request.
func UploadValue(n int) string { return uploadMark + strconv.Itoa(n) }

// WithUploads returns a context that carries the files of a request.
func WithUploads(ctx context.Context, files []Upload) context.Context {
	return context.WithValue(ctx, uploadsKey{}, files)
}

// UploadOf returns the file of this request that a value of its variables stands for. A request without files has none,
// whatever its variables say.
func UploadOf(ctx context.Context, value any) (Upload, bool) {
	s, _ := value.(string)
	number, ok := strings.CutPrefix(s, uploadMark)
	n, err := strconv.Atoi(number)
	files, _ := ctx.Value(uploadsKey{}).([]Upload)
	if !ok || err != nil || n < 0 || n >= len(files) {
		return Upload{}, false
	}
	return files[n], true
}
