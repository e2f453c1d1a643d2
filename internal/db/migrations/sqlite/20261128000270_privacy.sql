-- Persons whose data are erased, rules of retention, and consents of leads: a consent is that of a contact or of a lead now.
ALTER TABLE `accounts` ADD COLUMN `erased_at` datetime NULL;
ALTER TABLE `contacts` ADD COLUMN `erased_at` datetime NULL;
ALTER TABLE `leads` ADD COLUMN `erased_at` datetime NULL;
CREATE TABLE `consents_anew` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `channel` text NOT NULL,
  `purpose` text NOT NULL,
  `status` text NOT NULL,
  `given_at` datetime NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `evidence` text NULL,
  `remarks` text NULL,
  `remarks_fold` text NULL,
  `contact_id` blob NULL,
  `lead_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `consents_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `consents_leads_lead` FOREIGN KEY (`lead_id`) REFERENCES `leads` (`id`) ON DELETE NO ACTION
);
INSERT INTO `consents_anew` (`id`, `version`, `created_at`, `updated_at`, `created_by_id`, `updated_by_id`, `deleted_at`, `channel`, `purpose`, `status`, `given_at`, `source`, `source_fold`, `evidence`, `remarks`, `remarks_fold`, `contact_id`)
  SELECT `id`, `version`, `created_at`, `updated_at`, `created_by_id`, `updated_by_id`, `deleted_at`, `channel`, `purpose`, `status`, `given_at`, `source`, `source_fold`, `evidence`, `remarks`, `remarks_fold`, `contact_id` FROM `consents`;
DROP TABLE `consents`;
ALTER TABLE `consents_anew` RENAME TO `consents`;
CREATE INDEX `consent_deleted_at_id` ON `consents` (`deleted_at`, `id`);
CREATE INDEX `consent_deleted_at_created_at_id` ON `consents` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `consent_deleted_at_updated_at_id` ON `consents` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `consent_contact_id_deleted_at_id` ON `consents` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `consent_deleted_at_given_at_id` ON `consents` (`deleted_at`, `given_at`, `id`);
CREATE INDEX `consent_lead_id_deleted_at_id` ON `consents` (`lead_id`, `deleted_at`, `id`);
CREATE TABLE `retention_rules` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `title` text NOT NULL,
  `title_fold` text NULL,
  `title_sort` blob NULL,
  `purpose` text NULL,
  `object` text NOT NULL,
  `basis` text NOT NULL,
  `days` integer NOT NULL,
  `action` text NOT NULL,
  `fields` text NULL,
  `without_consent_for` text NULL,
  `lead_status` text NULL,
  `except_customers` bool NOT NULL DEFAULT (false),
  `enabled` bool NOT NULL DEFAULT (false),
  `last_run_at` datetime NULL,
  `last_count` integer NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `retentionrule_deleted_at_id` ON `retention_rules` (`deleted_at`, `id`);
CREATE INDEX `retentionrule_deleted_at_created_at_id` ON `retention_rules` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `retentionrule_deleted_at_updated_at_id` ON `retention_rules` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `retentionrule_deleted_at_title_sort_id` ON `retention_rules` (`deleted_at`, `title_sort`, `id`);
CREATE INDEX `retentionrule_deleted_at_days_id` ON `retention_rules` (`deleted_at`, `days`, `id`);
CREATE INDEX `retentionrule_deleted_at_last_run_at_id` ON `retention_rules` (`deleted_at`, `last_run_at`, `id`);
CREATE INDEX `retentionrule_deleted_at_last_count_id` ON `retention_rules` (`deleted_at`, `last_count`, `id`);
