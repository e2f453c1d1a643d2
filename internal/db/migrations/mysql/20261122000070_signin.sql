-- Failed sign-ins and requests for mails, by account and by address; the hash is keyed, so that nobody reads who it is.
CREATE TABLE sign_in_counters (
  hash VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  failures INT NOT NULL,
  since datetime(6) NOT NULL,
  last_at datetime(6) NOT NULL,
  locked_until datetime(6) NULL,
  PRIMARY KEY (hash),
  KEY sign_in_counters_last_at (last_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE password_tokens (
  hash VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id BINARY(16) NOT NULL,
  created_at datetime(6) NOT NULL,
  expires_at datetime(6) NOT NULL,
  PRIMARY KEY (hash),
  KEY password_tokens_user_id (user_id),
  KEY password_tokens_expires_at (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE api_keys (
  id BINARY(16) NOT NULL,
  user_id BINARY(16) NOT NULL,
  name VARCHAR(100) NOT NULL,
  prefix VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  hash VARCHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  addresses TEXT NOT NULL,
  created_at datetime(6) NOT NULL,
  created_by BINARY(16) NULL,
  changed_at datetime(6) NOT NULL,
  expires_at datetime(6) NULL,
  last_used_at datetime(6) NULL,
  revoked_at datetime(6) NULL,
  PRIMARY KEY (id),
  UNIQUE KEY api_keys_hash (hash),
  KEY api_keys_user_id (user_id, revoked_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
