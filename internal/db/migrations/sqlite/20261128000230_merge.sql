-- By what records may be the same (package write). value is of a hash; field names the field it was made of.
CREATE TABLE `match_keys` (
  `kind` smallint NOT NULL,
  `value` bigint NOT NULL,
  `record_id` blob NOT NULL,
  `type` smallint NOT NULL,
  `field` bigint NOT NULL,
  PRIMARY KEY (`kind`, `value`, `record_id`)
) WITHOUT ROWID;
CREATE INDEX `matchkey_record_id` ON `match_keys` (`record_id`);
-- How far the keys of the records have come that were there before: all up to a record. generation is that of the rules.
CREATE TABLE `match_state` (
  `id` smallint NOT NULL PRIMARY KEY,
  `generation` bigint NOT NULL,
  `kind` bigint NOT NULL,
  `after_id` blob NOT NULL
);
INSERT INTO `match_state` (`id`, `generation`, `kind`, `after_id`) VALUES (1, 0, 0, x'');
-- Which record is which one now, after merges: to is never itself merged.
CREATE TABLE `record_redirects` (
  `from_id` blob NOT NULL PRIMARY KEY,
  `to_id` blob NOT NULL,
  `into_id` blob NOT NULL,
  `merged_by` blob,
  `merged_at` datetime NOT NULL
) WITHOUT ROWID;
CREATE INDEX `recordredirect_to_id` ON `record_redirects` (`to_id`, `merged_at`, `from_id`);
-- Pairs of records that somebody has decided are not the same; a_id is the smaller one.
CREATE TABLE `not_duplicates` (
  `a_id` blob NOT NULL,
  `b_id` blob NOT NULL,
  `decided_by` blob NOT NULL,
  `decided_at` datetime NOT NULL,
  PRIMARY KEY (`a_id`, `b_id`)
) WITHOUT ROWID;
CREATE INDEX `notduplicate_b_id` ON `not_duplicates` (`b_id`, `a_id`);
