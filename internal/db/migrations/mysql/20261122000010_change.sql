-- The change log. A row without a position is committed, or about to be, but not sequenced yet.
CREATE TABLE changes (
  seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  position BIGINT NULL,
  kind SMALLINT NOT NULL,
  record_id BINARY(16) NOT NULL,
  op VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  actor_id BINARY(16) NULL,
  request_id VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  at datetime(6) NOT NULL,
  fields MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  vis MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  UNIQUE KEY changes_position (position),
  KEY changes_unsequenced (position, record_id, version)
) ENGINE=InnoDB;

-- One row: the last position given, and the smallest one from which the log can still be read.
CREATE TABLE change_counter (
  id SMALLINT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  oldest BIGINT NOT NULL
) ENGINE=InnoDB;
INSERT INTO change_counter (id, position, oldest) VALUES (1, 0, 0);
