package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// partSize is how much of a blob whose length is not known is held in memory while it is sent. 10,000 parts of it are more
// than MaxSize.
const partSize = 5 << 20

// S3 keeps blobs as objects of a bucket.
type S3 struct {
	client       *minio.Client
	bucket       string
	prefix       string // of the names of objects, "" or with a slash at its end
	host, region string
}

var _ Store = (*S3)(nil)

// newS3 reads s3://key:secret@host:port/bucket/prefix?region=eu-central-1&insecure=true&path=false. Without a key the
// environment is asked (AWS_ACCESS_KEY_ID …), then the machine.
func newS3(u *url.URL) (*S3, error) {
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Host == "" || bucket == "" {
		return nil, errors.New("the address of the file store names no host and bucket: want s3://key:secret@host/bucket")
	}
	query := u.Query()
	insecure, style := false, minio.BucketLookupPath
	for name := range query {
		var err error
		switch value := query.Get(name); name {
		case "region":
		case "insecure":
			insecure, err = strconv.ParseBool(value)
		case "path":
			var byPath bool
			if byPath, err = strconv.ParseBool(value); !byPath {
				style = minio.BucketLookupDNS
			}
		default:
			err = errors.New("there are region, insecure and path")
		}
		if err != nil {
			return nil, fmt.Errorf("the address of the file store: parameter %s: %w", name, err)
		}
	}
	s := &S3{bucket: bucket, host: u.Host, region: query.Get("region")}
	if prefix != "" {
		s.prefix = prefix + "/"
	}
	secret, _ := u.User.Password()
	keys := credentials.NewStaticV4(u.User.Username(), secret, "")
	if u.User.Username() == "" {
		keys = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.IAM{}})
	}
	var err error
	s.client, err = minio.New(u.Host, &minio.Options{Creds: keys, Secure: !insecure, Region: s.region, BucketLookup: style})
	if err != nil {
		return nil, fmt.Errorf("the address of the file store: %w", err)
	}
	return s, nil
}

// String implements Store.
func (s *S3) String() string { return "bucket " + s.bucket + " at " + s.host }

// Put implements Store: an object is there when all of it has been sent.
func (s *S3) Put(ctx context.Context, key string, r io.Reader, limit int64) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	content := newCounted(r, limit)
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, content, -1, minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partSize, DisableContentSha256: true, SendContentMd5: true,
	})
	if err != nil {
		return Info{}, failed(err)
	}
	return content.info(key), nil
}

// object is an object with its length.
type object struct {
	*minio.Object
	size int64
}

// Size implements Reader.
func (o *object) Size() int64 { return o.size }

// Open implements Store.
func (s *S3) Open(ctx context.Context, key string) (Reader, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, failed(err)
	}
	info, err := o.Stat()
	if err != nil {
		_ = o.Close()
		return nil, failed(err)
	}
	return &object{o, info.Size}, nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, key string) (Stored, error) {
	if err := checkKey(key); err != nil {
		return Stored{}, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return Stored{}, failed(err)
	}
	return Stored{key, info.Size, info.LastModified}, nil
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err = failed(err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Each implements Store. What a crash leaves of an upload in parts is not listed: buckets have a rule for it
// (AbortIncompleteMultipartUpload).
func (s *S3) Each(ctx context.Context, fn func(Stored) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing when fn does
	defer cancel()
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return failed(o.Err)
		}
		key := strings.TrimPrefix(o.Key, s.prefix)
		if !ValidKey(key) {
			continue // none of ours
		}
		if err := fn(Stored{key, o.Size, o.LastModified}); err != nil {
			return err
		}
	}
	return nil
}

// Check implements Store.
func (s *S3) Check(ctx context.Context) error {
	there, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return failed(err)
	}
	if !there {
		return fmt.Errorf("there is no bucket %s", s.bucket)
	}
	return check(ctx, s, checkKeyName+random())
}

// failed finds out what an answer of the store means. Its errors name no secrets: requests are signed, not sent with them.
func failed(err error) error {
	if err == nil {
		return nil
	}
	var r minio.ErrorResponse
	if errors.As(err, &r) && (r.Code == minio.NoSuchKey || r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return fmt.Errorf("blob: %w", err)
}
