-- The search index: which terms are in which field of which record. strength orders the postings of a term.
CREATE TABLE search_terms (
  record_id BINARY(16) NOT NULL,
  term VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  field BIGINT NOT NULL,
  kind SMALLINT NOT NULL,
  place SMALLINT NOT NULL,
  words SMALLINT NOT NULL,
  strength SMALLINT NOT NULL,
  PRIMARY KEY (record_id, term, field),
  KEY search_terms_find (kind, term, strength, record_id, field)
) ENGINE=InnoDB;

-- Records to be indexed anew because of something that is not theirs: a tag's name.
CREATE TABLE search_pending (
  record_id BINARY(16) NOT NULL PRIMARY KEY
) ENGINE=InnoDB;

-- One row: up to which position of the change log the index holds, by which analysis it was made, and how far a rebuild
-- has come (kind 0: none is under way).
CREATE TABLE search_state (
  id SMALLINT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  analysis BIGINT NOT NULL,
  rebuild_kind BIGINT NOT NULL,
  rebuild_after VARBINARY(16) NOT NULL
) ENGINE=InnoDB;
INSERT INTO search_state (id, position, analysis, rebuild_kind, rebuild_after) VALUES (1, 0, 0, 0, '');
