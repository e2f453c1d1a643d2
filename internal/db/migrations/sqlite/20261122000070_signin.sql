-- Failed sign-ins and requests for mails, by account and by address; the hash is keyed, so that nobody reads who it is.
CREATE TABLE sign_in_counters (
  hash TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,
  since datetime NOT NULL,
  last_at datetime NOT NULL,
  locked_until datetime NULL
);
CREATE INDEX sign_in_counters_last_at ON sign_in_counters (last_at);
CREATE TABLE password_tokens (
  hash TEXT NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  created_at datetime NOT NULL,
  expires_at datetime NOT NULL
);
CREATE INDEX password_tokens_user_id ON password_tokens (user_id);
CREATE INDEX password_tokens_expires_at ON password_tokens (expires_at);
CREATE TABLE api_keys (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  hash TEXT NOT NULL,
  addresses TEXT NOT NULL,
  created_at datetime NOT NULL,
  created_by BLOB NULL,
  changed_at datetime NOT NULL,
  expires_at datetime NULL,
  last_used_at datetime NULL,
  revoked_at datetime NULL
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_user_id ON api_keys (user_id, revoked_at);
