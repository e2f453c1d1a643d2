-- The change log. A row without a position is committed, or about to be, but not sequenced yet.
CREATE TABLE changes (
  seq INTEGER NOT NULL PRIMARY KEY,
  position BIGINT NULL,
  kind SMALLINT NOT NULL,
  record_id BLOB NOT NULL,
  op TEXT NOT NULL,
  version BIGINT NOT NULL,
  actor_id BLOB NULL,
  request_id TEXT NOT NULL,
  at datetime NOT NULL,
  fields TEXT NOT NULL,
  vis TEXT NOT NULL
);
CREATE UNIQUE INDEX changes_position ON changes (position);
CREATE INDEX changes_unsequenced ON changes (record_id, version) WHERE position IS NULL;

-- One row: the last position given, and the smallest one from which the log can still be read.
CREATE TABLE change_counter (
  id SMALLINT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  oldest BIGINT NOT NULL
);
INSERT INTO change_counter (id, position, oldest) VALUES (1, 0, 0);
