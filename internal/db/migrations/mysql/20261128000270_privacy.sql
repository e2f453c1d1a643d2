-- Persons whose data are erased, rules of retention, and consents of leads: a consent is that of a contact or of a lead now.
ALTER TABLE `accounts` ADD COLUMN `erased_at` datetime(6) NULL;
ALTER TABLE `contacts` ADD COLUMN `erased_at` datetime(6) NULL;
ALTER TABLE `leads` ADD COLUMN `erased_at` datetime(6) NULL;
ALTER TABLE `consents` MODIFY COLUMN `contact_id` binary(16) NULL,
  ADD COLUMN `lead_id` binary(16) NULL,
  ADD INDEX `consent_lead_id_deleted_at_id` (`lead_id`, `deleted_at`, `id`),
  ADD CONSTRAINT `consents_leads_lead` FOREIGN KEY (`lead_id`) REFERENCES `leads` (`id`) ON DELETE NO ACTION;
CREATE TABLE `retention_rules` (
  `id` binary(16) NOT NULL,
  `version` bigint NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `created_by_id` binary(16) NULL,
  `updated_by_id` binary(16) NULL,
  `deleted_at` datetime(6) NULL,
  `title` varchar(255) NOT NULL,
  `title_fold` varchar(255) NULL,
  `title_sort` varbinary(255) NULL,
  `purpose` longtext NULL,
  `object` varchar(255) NOT NULL,
  `basis` varchar(255) NOT NULL,
  `days` bigint NOT NULL,
  `action` varchar(255) NOT NULL,
  `fields` longtext NULL,
  `without_consent_for` varchar(255) NULL,
  `lead_status` varchar(255) NULL,
  `except_customers` bool NOT NULL DEFAULT false,
  `enabled` bool NOT NULL DEFAULT false,
  `last_run_at` datetime(6) NULL,
  `last_count` bigint NULL,
  PRIMARY KEY (`id`),
  INDEX `retentionrule_deleted_at_id` (`deleted_at`, `id`),
  INDEX `retentionrule_deleted_at_created_at_id` (`deleted_at`, `created_at`, `id`),
  INDEX `retentionrule_deleted_at_updated_at_id` (`deleted_at`, `updated_at`, `id`),
  INDEX `retentionrule_deleted_at_title_sort_id` (`deleted_at`, `title_sort`, `id`),
  INDEX `retentionrule_deleted_at_days_id` (`deleted_at`, `days`, `id`),
  INDEX `retentionrule_deleted_at_last_run_at_id` (`deleted_at`, `last_run_at`, `id`),
  INDEX `retentionrule_deleted_at_last_count_id` (`deleted_at`, `last_count`, `id`)
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
