-- Custom fields for those roles only that name them.
ALTER TABLE `custom_fields` ADD COLUMN `sensitive` bool NOT NULL DEFAULT (false);

-- The values of custom fields for filters and orders; the record itself holds them as they are told. Of a list each member
-- has a row. fold is what texts are compared by (and choices, as they are), sort a key in the order of the values, exact
-- stands for the value, and uniq is the same for a live record where no two may have it.
CREATE TABLE custom_values (
  field_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  item SMALLINT NOT NULL,
  fold TEXT,
  sort BLOB,
  exact BLOB NOT NULL,
  uniq BLOB,
  PRIMARY KEY (field_id, record_id, item)
) WITHOUT ROWID;
CREATE INDEX custom_values_fold ON custom_values (field_id, fold, record_id);
CREATE INDEX custom_values_sort ON custom_values (field_id, sort, record_id);
CREATE INDEX custom_values_record ON custom_values (record_id);
CREATE UNIQUE INDEX custom_values_uniq ON custom_values (field_id, uniq);

-- The kinds of records whose values are not all in the table yet, by their numbers in ids, and how far it has come.
CREATE TABLE custom_fill (
  kind SMALLINT NOT NULL PRIMARY KEY,
  after BLOB NOT NULL
);
INSERT INTO custom_fill (kind, after) VALUES (16, x''), (17, x''), (22, x'');
