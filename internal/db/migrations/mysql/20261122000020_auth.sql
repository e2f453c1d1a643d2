CREATE TABLE sessions (
  id BINARY(16) NOT NULL,
  user_id BINARY(16) NOT NULL,
  device VARCHAR(200) NOT NULL,
  created_at datetime(6) NOT NULL,
  last_used_at datetime(6) NOT NULL,
  expires_at datetime(6) NOT NULL,
  revoked_at datetime(6) NULL,
  revoked_why VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
  PRIMARY KEY (id),
  KEY sessions_user_id (user_id, revoked_at),
  KEY sessions_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE refresh_tokens (
  hash VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  session_id BINARY(16) NOT NULL,
  created_at datetime(6) NOT NULL,
  expires_at datetime(6) NOT NULL,
  spent_at datetime(6) NULL,
  successor VARBINARY(96) NULL,
  PRIMARY KEY (hash),
  KEY refresh_tokens_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
