package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2"

	"farley/internal/fault"
)

// PersistedStore keeps documents under their SHA-256, in lower-case hex.
type PersistedStore interface {
	// Get returns the document, false when there is none.
	Get(ctx context.Context, hash string) (document string, ok bool, err error)
	// Put keeps a document, which is valid and within the limits.
	Put(ctx context.Context, hash, document string) error
}

// MemoryStore keeps the documents used last, in memory.
type MemoryStore struct {
	documents *lru.Cache[string, string]
}

// NewMemoryStore returns a store for at most size documents, each of at most 64 KiB; longer ones are not kept.
func NewMemoryStore(size int) *MemoryStore {
	documents, err := lru.New[string, string](max(size, 1))
	if err != nil {
		panic("server: persisted documents: " + err.Error()) // only for a size below 1
	}
	return &MemoryStore{documents: documents}
}

// Get returns the document, false when it was not put or is forgotten.
func (s *MemoryStore) Get(_ context.Context, hash string) (string, bool, error) {
	document, ok := s.documents.Get(hash)
	return document, ok, nil
}

// Put keeps a document.
func (s *MemoryStore) Put(_ context.Context, hash, document string) error {
	if len(document) <= maxCachedDocument {
		s.documents.Add(hash, document)
	}
	return nil
}

// ReadManifest reads the operations of an allow-list: a JSON object from SHA-256 in lower-case hex to document. It
// refuses a document under another hash than its own.
func ReadManifest(r io.Reader) (map[string]string, error) {
	manifest := map[string]string{}
	if err := json.NewDecoder(r).Decode(&manifest); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The manifest of operations is not a JSON object of strings.")
	}
	for hash, document := range manifest {
		if hashOf(document) != hash {
			return nil, fault.New(fault.Invalid, "The manifest of operations has a document under a wrong hash: %s.", hash)
		}
	}
	return manifest, nil
}

// persisted resolves operations that are named by their hash, as Apollo's clients do: a request carries the extension
// persistedQuery{version: 1, sha256Hash}, alone or with the document.
type persisted struct {
	store   PersistedStore
	allowed map[string]string // nil: every document is allowed
}

// resolve fills in the document of params. The hash is that under which a new document is to be kept, "" for none.
func (p *persisted) resolve(ctx context.Context, params *graphql.RawParams) (hash string, err error) {
	hash, err = hashIn(params.Extensions)
	if err != nil {
		return "", err
	}
	if hash != "" && params.Query != "" && hashOf(params.Query) != hash {
		return "", fault.New(fault.BadRequest, "The document does not have the hash that was sent with it.")
	}
	if p.allowed != nil {
		return "", p.resolveAllowed(hash, params)
	}
	if hash == "" || params.Query != "" {
		return hash, nil
	}
	document, ok, err := p.store.Get(ctx, hash)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "The store of persisted operations does not answer.")
	}
	if !ok {
		return "", fault.New(fault.PersistedQueryNotFound, "PersistedQueryNotFound") // Apollo's clients know this text
	}
	params.Query = document
	return "", nil
}

func (p *persisted) resolveAllowed(hash string, params *graphql.RawParams) error {
	if hash == "" {
		hash = hashOf(params.Query)
	}
	document, ok := p.allowed[hash]
	if !ok {
		return fault.New(fault.Forbidden, "Only registered operations are allowed.")
	}
	params.Query = document
	return nil
}

// hashIn returns the hash in the extension persistedQuery, "" when there is none.
func hashIn(extensions map[string]any) (string, error) {
	raw, ok := extensions["persistedQuery"]
	if !ok || raw == nil {
		return "", nil
	}
	bad := fault.New(fault.BadRequest, "The extension persistedQuery needs version 1 and sha256Hash, 64 hexadecimal digits in lower case.")
	extension, ok := raw.(map[string]any)
	if !ok {
		return "", bad
	}
	if !isOne(extension["version"]) {
		return "", bad
	}
	hash, _ := extension["sha256Hash"].(string)
	digest, err := hex.DecodeString(hash)
	if err != nil || len(digest) != sha256.Size || hex.EncodeToString(digest) != hash {
		return "", bad
	}
	return hash, nil
}

func isOne(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return v.String() == "1"
	case float64:
		return v == 1
	case int:
		return v == 1
	}
	return false
}

func hashOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}
