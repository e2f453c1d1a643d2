-- The audit trail is what is here together with the change log. A write is here only once its change row was pruned: then
-- its id says so, and is the same as before.
CREATE TABLE audit_entries (
  id BLOB NOT NULL PRIMARY KEY,
  at datetime NOT NULL,
  action TEXT NOT NULL,
  user_id BLOB NULL,
  kind SMALLINT NULL,
  record_id BLOB NULL,
  record_count BIGINT NOT NULL,
  fields TEXT NOT NULL,
  operation TEXT NULL,
  path TEXT NULL,
  request_id TEXT NULL,
  session_id BLOB NULL,
  address TEXT NULL,
  detail TEXT NULL,
  times BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_at ON audit_entries (at);
CREATE INDEX audit_user ON audit_entries (user_id, at);
CREATE INDEX audit_record ON audit_entries (record_id, at);
CREATE INDEX audit_kind ON audit_entries (kind, at);
CREATE INDEX audit_action ON audit_entries (action, at);

-- The records of entries about several.
CREATE TABLE audit_records (
  entry_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  at datetime NOT NULL,
  PRIMARY KEY (entry_id, record_id)
) WITHOUT ROWID;
CREATE INDEX audit_records_record ON audit_records (record_id, at, entry_id);

-- From where a change came.
ALTER TABLE changes ADD COLUMN operation TEXT NULL;
ALTER TABLE changes ADD COLUMN session_id BLOB NULL;
ALTER TABLE changes ADD COLUMN address TEXT NULL;
CREATE INDEX changes_at ON changes (at);
CREATE INDEX changes_actor ON changes (actor_id, at);
CREATE INDEX changes_record ON changes (record_id, at);
CREATE INDEX changes_kind ON changes (kind, at);
CREATE INDEX changes_op ON changes (op, at);
