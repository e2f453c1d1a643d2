CREATE TABLE external_refs (
  kind smallint unsigned NOT NULL,
  system_name varchar(60) NOT NULL,
  external_id varchar(190) NOT NULL,
  record_id binary(16) NOT NULL,
  created_at datetime(6) NOT NULL,
  PRIMARY KEY (kind, system_name, external_id),
  INDEX external_refs_record (record_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE idempotency_keys (
  user_id binary(16) NOT NULL,
  key_text varchar(255) NOT NULL,
  request_hash char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome text NOT NULL,
  created_at datetime(6) NOT NULL,
  PRIMARY KEY (user_id, key_text),
  INDEX idempotency_keys_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE stream_tickets (
  ticket_hash char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  user_id binary(16) NOT NULL,
  session_id binary(16) NOT NULL,
  expires_at datetime(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
