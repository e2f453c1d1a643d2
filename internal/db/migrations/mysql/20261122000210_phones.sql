CREATE INDEX `lead_converted_account_id_deleted_at_id` ON `leads` (`converted_account_id`, `deleted_at`, `id`);
CREATE INDEX `lead_converted_contact_id_deleted_at_id` ON `leads` (`converted_contact_id`, `deleted_at`, `id`);
CREATE INDEX `stagehistory_account_id_deleted_at_id` ON `stage_histories` (`account_id`, `deleted_at`, `id`);
CREATE TABLE `record_phones` (
  `number` varchar(20) NOT NULL,
  `record_id` binary(16) NOT NULL,
  `main` bool NOT NULL,
  PRIMARY KEY (`number`, `record_id`),
  INDEX `recordphone_record_id` (`record_id`)
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT p.`number`, a.`id`, MAX(p.`place` = 1) FROM `accounts` a JOIN JSON_TABLE(a.`phones`, '$[*]' COLUMNS (`place` FOR ORDINALITY, `number` varchar(20) PATH '$' NULL ON ERROR)) p
  WHERE a.`phones` IS NOT NULL AND p.`number` IS NOT NULL GROUP BY p.`number`, a.`id`;
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT p.`number`, l.`id`, MAX(p.`place` = 1) FROM `leads` l JOIN JSON_TABLE(l.`phones`, '$[*]' COLUMNS (`place` FOR ORDINALITY, `number` varchar(20) PATH '$' NULL ON ERROR)) p
  WHERE l.`phones` IS NOT NULL AND p.`number` IS NOT NULL GROUP BY p.`number`, l.`id`;
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT p.`number`, c.`id`, MAX(COALESCE(p.`number` = c.`primary_phone`, FALSE)) FROM `contacts` c JOIN JSON_TABLE(c.`phones`, '$[*]' COLUMNS (`number` varchar(20) PATH '$.number' NULL ON ERROR)) p
  WHERE c.`phones` IS NOT NULL AND p.`number` IS NOT NULL GROUP BY p.`number`, c.`id`;
