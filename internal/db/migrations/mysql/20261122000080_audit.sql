-- The audit trail is what is here together with the change log. A write is here only once its change row was pruned: then
-- its id says so, and is the same as before.
CREATE TABLE audit_entries (
  id BINARY(16) NOT NULL,
  at datetime(6) NOT NULL,
  action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id BINARY(16) NULL,
  kind SMALLINT NULL,
  record_id BINARY(16) NULL,
  record_count BIGINT NOT NULL,
  fields TEXT NOT NULL,
  operation VARCHAR(64) NULL,
  path VARCHAR(255) NULL,
  request_id VARCHAR(128) NULL,
  session_id BINARY(16) NULL,
  address VARCHAR(64) NULL,
  detail VARCHAR(255) NULL,
  times BIGINT NOT NULL,
  PRIMARY KEY (id),
  KEY audit_at (at),
  KEY audit_user (user_id, at),
  KEY audit_record (record_id, at),
  KEY audit_kind (kind, at),
  KEY audit_action (action, at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The records of entries about several.
CREATE TABLE audit_records (
  entry_id BINARY(16) NOT NULL,
  record_id BINARY(16) NOT NULL,
  at datetime(6) NOT NULL,
  PRIMARY KEY (entry_id, record_id),
  KEY audit_records_record (record_id, at, entry_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- From where a change came.
ALTER TABLE changes ADD COLUMN operation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  ADD COLUMN session_id BINARY(16) NULL,
  ADD COLUMN address VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD INDEX changes_at (at),
  ADD INDEX changes_actor (actor_id, at),
  ADD INDEX changes_record (record_id, at),
  ADD INDEX changes_kind (kind, at),
  ADD INDEX changes_op (op, at);
