CREATE INDEX `lead_converted_account_id_deleted_at_id` ON `leads` (`converted_account_id`, `deleted_at`, `id`);
CREATE INDEX `lead_converted_contact_id_deleted_at_id` ON `leads` (`converted_contact_id`, `deleted_at`, `id`);
CREATE INDEX `stagehistory_account_id_deleted_at_id` ON `stage_histories` (`account_id`, `deleted_at`, `id`);
CREATE TABLE `record_phones` (
  `number` varchar(20) NOT NULL,
  `record_id` blob NOT NULL,
  `main` bool NOT NULL,
  PRIMARY KEY (`number`, `record_id`)
) WITHOUT ROWID;
CREATE INDEX `recordphone_record_id` ON `record_phones` (`record_id`);
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT p.`value`, a.`id`, MAX(p.`key` = 0) FROM `accounts` a, json_each(a.`phones`) p WHERE a.`phones` IS NOT NULL AND length(p.`value`) <= 20 GROUP BY p.`value`, a.`id`;
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT p.`value`, l.`id`, MAX(p.`key` = 0) FROM `leads` l, json_each(l.`phones`) p WHERE l.`phones` IS NOT NULL AND length(p.`value`) <= 20 GROUP BY p.`value`, l.`id`;
INSERT INTO `record_phones` (`number`, `record_id`, `main`)
  SELECT json_extract(p.`value`, '$.number'), c.`id`, MAX(COALESCE(json_extract(p.`value`, '$.number') = c.`primary_phone`, 0)) FROM `contacts` c, json_each(c.`phones`) p
  WHERE c.`phones` IS NOT NULL AND length(json_extract(p.`value`, '$.number')) <= 20 GROUP BY json_extract(p.`value`, '$.number'), c.`id`;
