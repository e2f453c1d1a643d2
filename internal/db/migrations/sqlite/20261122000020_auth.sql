CREATE TABLE sessions (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  device TEXT NOT NULL,
  created_at datetime NOT NULL,
  last_used_at datetime NOT NULL,
  expires_at datetime NOT NULL,
  revoked_at datetime NULL,
  revoked_why TEXT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id, revoked_at);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE TABLE refresh_tokens (
  hash TEXT NOT NULL PRIMARY KEY,
  session_id BLOB NOT NULL,
  created_at datetime NOT NULL,
  expires_at datetime NOT NULL,
  spent_at datetime NULL,
  successor BLOB NULL
);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
