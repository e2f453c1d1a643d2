package write

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
)

// KeepKeys is how long an idempotency key is remembered.
const KeepKeys = 24 * time.Hour

const maxKey = 255

// idempotent runs fn once for a key: the key and its outcome come into being with the write itself. Repeating the same
// request gives the same outcome; another request under the key is IDEMPOTENCY_MISMATCH. A dry run keeps no key.
func idempotent[T any](ctx context.Context, tx *Tx, key string, request any, dry bool, fn func() (T, error)) (none T, err error) {
	if key == "" || dry {
		return fn()
	}
	if len(key) > maxKey {
		var p fault.Violations
		p.Add([]any{"idempotencyKey"}, "TOO_LONG", "The text is longer than %d characters.", maxKey)
		return none, p.Err()
	}
	hash := requestHash(request)
	kept, err := keptKey(ctx, tx, key)
	if err != nil {
		return none, err
	}
	key = kept
	_, err = tx.ExecContext(ctx, "DELETE FROM idempotency_keys WHERE user_id = ? AND key_text = ? AND created_at < ?",
		tx.Actor.User, key, tx.Now.Add(-KeepKeys))
	if err != nil {
		return none, err
	}
	// A transaction with the same key that is still under way makes this insert wait for its end.
	_, err = tx.ExecContext(ctx, "INSERT INTO idempotency_keys (user_id, key_text, request_hash, outcome, created_at) VALUES (?, ?, ?, '', ?)",
		tx.Actor.User, key, hash, tx.Now)
	if db.Clash(err) {
		return replay[T](ctx, tx, key, hash)
	}
	if err != nil {
		return none, err
	}
	o, err := fn()
	if err != nil {
		return none, err
	}
	b, err := json.Marshal(o)
	if err != nil {
		return none, err
	}
	_, err = tx.ExecContext(ctx, "UPDATE idempotency_keys SET outcome = ? WHERE user_id = ? AND key_text = ?", string(b), tx.Actor.User, key)
	return o, err
}

// keptKey returns how a key is stored: clients make keys of what they send, so only its hash is kept, which tells nothing of
// anybody whose data are erased. A release ago keys were stored as they are; such a row is used as long as it counts.
func keptKey(ctx context.Context, tx *Tx, key string) (string, error) {
	sum := sha256.Sum256([]byte(key))
	hashed := "sha256 " + hex.EncodeToString(sum[:])
	var n int
	err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM idempotency_keys WHERE user_id = ? AND key_text = ?", []any{tx.Actor.User, key}, &n)
	if err != nil || n == 0 {
		return hashed, err
	}
	return key, nil
}

func replay[T any](ctx context.Context, tx *Tx, key, hash string) (o T, err error) {
	var stored, outcome string
	err = tx.QueryRow(ctx, "SELECT request_hash, outcome FROM idempotency_keys WHERE user_id = ? AND key_text = ?",
		[]any{tx.Actor.User, key}, &stored, &outcome)
	if err != nil {
		return o, err
	}
	if stored != hash {
		return o, fault.New(fault.IdempotencyMismatch, "This idempotency key was used with another request.")
	}
	err = json.Unmarshal([]byte(outcome), &o)
	return o, err
}

// requestHash identifies what is asked for: the operation and all its arguments but the key. Hashes are kept for a day, so
// that their form outlives releases.
func requestHash(request any) string {
	b, err := json.Marshal(request) // maps are written in the order of their keys
	if err != nil {
		panic("write: " + err.Error()) // arguments came out of JSON or a document
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
