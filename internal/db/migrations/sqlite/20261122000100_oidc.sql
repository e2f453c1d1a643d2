-- Whose tokens of outside issuers are whose. A subject has one user, and a user one subject of an issuer.
CREATE TABLE outside_identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id BLOB NOT NULL,
  linked_at datetime NOT NULL,
  roles_at datetime NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX outside_identities_issuer_user_id ON outside_identities (issuer, user_id);
CREATE INDEX outside_identities_user_id ON outside_identities (user_id);
-- A ticket of an outside session carries on what its token said.
ALTER TABLE stream_tickets ADD COLUMN token_issued_at datetime NULL;
ALTER TABLE stream_tickets ADD COLUMN token_expires_at datetime NULL;
