-- Mentions in notes, indexes for the views of a customer, and when somebody last dealt with it.
CREATE TABLE `mentions` (
  `id` binary(16) NOT NULL,
  `version` bigint NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `created_by_id` binary(16) NULL,
  `updated_by_id` binary(16) NULL,
  `deleted_at` datetime(6) NULL,
  `note_id` binary(16) NOT NULL,
  `user_id` binary(16) NOT NULL,
  PRIMARY KEY (`id`),
  INDEX `mention_deleted_at_id` (`deleted_at`, `id`),
  INDEX `mention_deleted_at_created_at_id` (`deleted_at`, `created_at`, `id`),
  INDEX `mention_deleted_at_updated_at_id` (`deleted_at`, `updated_at`, `id`),
  INDEX `mention_note_id_deleted_at_id` (`note_id`, `deleted_at`, `id`),
  INDEX `mention_user_id_deleted_at_id` (`user_id`, `deleted_at`, `id`),
  CONSTRAINT `mentions_notes_note` FOREIGN KEY (`note_id`) REFERENCES `notes` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `mentions_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE NO ACTION
) CHARSET utf8mb4 COLLATE utf8mb4_bin;
ALTER TABLE `notes` ADD INDEX `note_account_id_deleted_at_created_at_id` (`account_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `note_contact_id_deleted_at_created_at_id` (`contact_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `note_lead_id_deleted_at_created_at_id` (`lead_id`, `deleted_at`, `created_at`, `id`);
ALTER TABLE `account_contacts` ADD INDEX `accountcontact_account_id_deleted_at_created_at_id` (`account_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `accountcontact_contact_id_deleted_at_created_at_id` (`contact_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `accountcontact_account_id_deleted_at_to_date_id` (`account_id`, `deleted_at`, `to_date`, `id`),
  ADD INDEX `accountcontact_contact_id_deleted_at_to_date_id` (`contact_id`, `deleted_at`, `to_date`, `id`);
ALTER TABLE `account_team_members` ADD INDEX `accountteammember_account_id_deleted_at_created_at_id` (`account_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `accountteammember_account_id_deleted_at_to_date_id` (`account_id`, `deleted_at`, `to_date`, `id`);
ALTER TABLE `consents` ADD INDEX `consent_contact_id_deleted_at_given_at_id` (`contact_id`, `deleted_at`, `given_at`, `id`);
ALTER TABLE `stage_histories` ADD INDEX `stagehistory_account_id_deleted_at_entered_at_id` (`account_id`, `deleted_at`, `entered_at`, `id`);
ALTER TABLE `leads` ADD INDEX `lead_domain_deleted_at` (`domain`, `deleted_at`),
  ADD INDEX `lead_converted_account_id_deleted_at_converted_at_id` (`converted_account_id`, `deleted_at`, `converted_at`, `id`),
  ADD INDEX `lead_converted_contact_id_deleted_at_converted_at_id` (`converted_contact_id`, `deleted_at`, `converted_at`, `id`);
ALTER TABLE `relationships` ADD INDEX `relationship_from_account_id_deleted_at_created_at_id` (`from_account_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `relationship_from_contact_id_deleted_at_created_at_id` (`from_contact_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `relationship_to_account_id_deleted_at_created_at_id` (`to_account_id`, `deleted_at`, `created_at`, `id`),
  ADD INDEX `relationship_to_contact_id_deleted_at_created_at_id` (`to_contact_id`, `deleted_at`, `created_at`, `id`);
ALTER TABLE `accounts` ADD INDEX `account_deleted_at_latitude_longitude_id` (`deleted_at`, `latitude`, `longitude`, `id`);
ALTER TABLE `contacts` ADD INDEX `contact_deleted_at_latitude_longitude_id` (`deleted_at`, `latitude`, `longitude`, `id`);
ALTER TABLE audit_entries ADD INDEX audit_record_action (record_id, action, at);
-- What was said of a record so far.
UPDATE `accounts` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`account_id` = `accounts`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
UPDATE `contacts` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`contact_id` = `contacts`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
UPDATE `leads` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`lead_id` = `leads`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
