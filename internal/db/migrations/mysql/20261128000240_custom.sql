-- Custom fields for those roles only that name them.
ALTER TABLE `custom_fields` ADD COLUMN `sensitive` bool NOT NULL DEFAULT false;

-- The values of custom fields for filters and orders; the record itself holds them as they are told. Of a list each member
-- has a row. fold is what texts are compared by (and choices, as they are), sort a key in the order of the values, exact
-- stands for the value, and uniq is the same for a live record where no two may have it.
CREATE TABLE custom_values (
  field_id BINARY(16) NOT NULL,
  record_id BINARY(16) NOT NULL,
  item SMALLINT NOT NULL,
  fold TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  sort VARBINARY(255),
  exact BINARY(16) NOT NULL,
  uniq BINARY(16),
  PRIMARY KEY (field_id, record_id, item),
  KEY custom_values_fold (field_id, fold(191), record_id),
  KEY custom_values_sort (field_id, sort, record_id),
  KEY custom_values_record (record_id),
  UNIQUE KEY custom_values_uniq (field_id, uniq)
) ENGINE=InnoDB;

-- The kinds of records whose values are not all in the table yet, by their numbers in ids, and how far it has come.
CREATE TABLE custom_fill (
  kind SMALLINT NOT NULL PRIMARY KEY,
  after VARBINARY(16) NOT NULL
) ENGINE=InnoDB;
INSERT INTO custom_fill (kind, after) VALUES (16, ''), (17, ''), (22, '');
