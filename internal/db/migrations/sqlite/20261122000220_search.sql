-- The search index: which terms are in which field of which record. strength orders the postings of a term.
CREATE TABLE search_terms (
  record_id BLOB NOT NULL,
  term TEXT NOT NULL,
  field BIGINT NOT NULL,
  kind SMALLINT NOT NULL,
  place SMALLINT NOT NULL,
  words SMALLINT NOT NULL,
  strength SMALLINT NOT NULL,
  PRIMARY KEY (record_id, term, field)
) WITHOUT ROWID;
CREATE INDEX search_terms_find ON search_terms (kind, term, strength, record_id, field);

-- Records to be indexed anew because of something that is not theirs: a tag's name.
CREATE TABLE search_pending (
  record_id BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

-- One row: up to which position of the change log the index holds, by which analysis it was made, and how far a rebuild
-- has come (kind 0: none is under way).
CREATE TABLE search_state (
  id SMALLINT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  analysis BIGINT NOT NULL,
  rebuild_kind BIGINT NOT NULL,
  rebuild_after BLOB NOT NULL
);
INSERT INTO search_state (id, position, analysis, rebuild_kind, rebuild_after) VALUES (1, 0, 0, 0, x'');
