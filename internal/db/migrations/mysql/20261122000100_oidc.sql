-- Whose tokens of outside issuers are whose. A subject has one user, and a user one subject of an issuer. Both texts are
-- bytes: collations of texts pass over spaces at the end.
CREATE TABLE outside_identities (
  issuer VARBINARY(255) NOT NULL,
  subject VARBINARY(255) NOT NULL,
  user_id BINARY(16) NOT NULL,
  linked_at datetime(6) NOT NULL,
  roles_at datetime(6) NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE KEY outside_identities_issuer_user_id (issuer, user_id),
  KEY outside_identities_user_id (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
-- A ticket of an outside session carries on what its token said.
ALTER TABLE stream_tickets ADD COLUMN token_issued_at datetime(6) NULL,
  ADD COLUMN token_expires_at datetime(6) NULL;
