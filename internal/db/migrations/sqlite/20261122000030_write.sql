CREATE TABLE external_refs (
  kind integer NOT NULL,
  system_name text NOT NULL,
  external_id text NOT NULL,
  record_id blob NOT NULL,
  created_at datetime NOT NULL,
  PRIMARY KEY (kind, system_name, external_id)
);
CREATE INDEX external_refs_record ON external_refs (record_id);
CREATE TABLE idempotency_keys (
  user_id blob NOT NULL,
  key_text text NOT NULL,
  request_hash text NOT NULL,
  outcome text NOT NULL,
  created_at datetime NOT NULL,
  PRIMARY KEY (user_id, key_text)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE TABLE stream_tickets (
  ticket_hash text NOT NULL PRIMARY KEY,
  user_id blob NOT NULL,
  session_id blob NOT NULL,
  expires_at datetime NOT NULL
);
