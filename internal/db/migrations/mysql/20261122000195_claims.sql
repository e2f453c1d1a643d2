-- Rows that writes have in common which must not happen at once on two servers of a cluster, see package write. The numbers
-- mean nothing.
CREATE TABLE write_claims (
  id BINARY(16) NOT NULL PRIMARY KEY,
  n BIGINT NOT NULL
) ENGINE=InnoDB;
