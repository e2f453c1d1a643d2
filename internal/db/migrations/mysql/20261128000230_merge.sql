-- By what records may be the same (package write). value is of a hash; field names the field it was made of.
CREATE TABLE `match_keys` (
  `kind` smallint NOT NULL,
  `value` bigint NOT NULL,
  `record_id` binary(16) NOT NULL,
  `type` smallint NOT NULL,
  `field` bigint NOT NULL,
  PRIMARY KEY (`kind`, `value`, `record_id`)
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX `matchkey_record_id` ON `match_keys` (`record_id`);
-- How far the keys of the records have come that were there before: all up to a record. generation is that of the rules.
CREATE TABLE `match_state` (
  `id` smallint NOT NULL PRIMARY KEY,
  `generation` bigint NOT NULL,
  `kind` bigint NOT NULL,
  `after_id` varbinary(16) NOT NULL
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO `match_state` (`id`, `generation`, `kind`, `after_id`) VALUES (1, 0, 0, '');
-- Which record is which one now, after merges: to is never itself merged.
CREATE TABLE `record_redirects` (
  `from_id` binary(16) NOT NULL PRIMARY KEY,
  `to_id` binary(16) NOT NULL,
  `into_id` binary(16) NOT NULL,
  `merged_by` binary(16),
  `merged_at` datetime(6) NOT NULL
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX `recordredirect_to_id` ON `record_redirects` (`to_id`, `merged_at`, `from_id`);
-- Pairs of records that somebody has decided are not the same; a_id is the smaller one.
CREATE TABLE `not_duplicates` (
  `a_id` binary(16) NOT NULL,
  `b_id` binary(16) NOT NULL,
  `decided_by` binary(16) NOT NULL,
  `decided_at` datetime(6) NOT NULL,
  PRIMARY KEY (`a_id`, `b_id`)
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX `notduplicate_b_id` ON `not_duplicates` (`b_id`, `a_id`);
