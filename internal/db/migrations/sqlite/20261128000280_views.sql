-- Mentions in notes, indexes for the views of a customer, and when somebody last dealt with it.
CREATE TABLE `mentions` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `note_id` blob NOT NULL,
  `user_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `mentions_notes_note` FOREIGN KEY (`note_id`) REFERENCES `notes` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `mentions_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `mention_deleted_at_id` ON `mentions` (`deleted_at`, `id`);
CREATE INDEX `mention_deleted_at_created_at_id` ON `mentions` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `mention_deleted_at_updated_at_id` ON `mentions` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `mention_note_id_deleted_at_id` ON `mentions` (`note_id`, `deleted_at`, `id`);
CREATE INDEX `mention_user_id_deleted_at_id` ON `mentions` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `note_account_id_deleted_at_created_at_id` ON `notes` (`account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `note_contact_id_deleted_at_created_at_id` ON `notes` (`contact_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `note_lead_id_deleted_at_created_at_id` ON `notes` (`lead_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `accountcontact_account_id_deleted_at_created_at_id` ON `account_contacts` (`account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `accountcontact_contact_id_deleted_at_created_at_id` ON `account_contacts` (`contact_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `accountcontact_account_id_deleted_at_to_date_id` ON `account_contacts` (`account_id`, `deleted_at`, `to_date`, `id`);
CREATE INDEX `accountcontact_contact_id_deleted_at_to_date_id` ON `account_contacts` (`contact_id`, `deleted_at`, `to_date`, `id`);
CREATE INDEX `accountteammember_account_id_deleted_at_created_at_id` ON `account_team_members` (`account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `accountteammember_account_id_deleted_at_to_date_id` ON `account_team_members` (`account_id`, `deleted_at`, `to_date`, `id`);
CREATE INDEX `consent_contact_id_deleted_at_given_at_id` ON `consents` (`contact_id`, `deleted_at`, `given_at`, `id`);
CREATE INDEX `stagehistory_account_id_deleted_at_entered_at_id` ON `stage_histories` (`account_id`, `deleted_at`, `entered_at`, `id`);
CREATE INDEX `lead_domain_deleted_at` ON `leads` (`domain`, `deleted_at`);
CREATE INDEX `lead_converted_account_id_deleted_at_converted_at_id` ON `leads` (`converted_account_id`, `deleted_at`, `converted_at`, `id`);
CREATE INDEX `lead_converted_contact_id_deleted_at_converted_at_id` ON `leads` (`converted_contact_id`, `deleted_at`, `converted_at`, `id`);
CREATE INDEX `relationship_from_account_id_deleted_at_created_at_id` ON `relationships` (`from_account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `relationship_from_contact_id_deleted_at_created_at_id` ON `relationships` (`from_contact_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `relationship_to_account_id_deleted_at_created_at_id` ON `relationships` (`to_account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `relationship_to_contact_id_deleted_at_created_at_id` ON `relationships` (`to_contact_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `account_deleted_at_latitude_longitude_id` ON `accounts` (`deleted_at`, `latitude`, `longitude`, `id`);
CREATE INDEX `contact_deleted_at_latitude_longitude_id` ON `contacts` (`deleted_at`, `latitude`, `longitude`, `id`);
CREATE INDEX audit_record_action ON audit_entries (record_id, action, at);
-- What was said of a record so far.
UPDATE `accounts` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`account_id` = `accounts`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
UPDATE `contacts` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`contact_id` = `contacts`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
UPDATE `leads` SET `last_activity_at` = (SELECT MAX(n.`created_at`) FROM `notes` n WHERE n.`lead_id` = `leads`.`id` AND n.`deleted_at` IS NULL) WHERE `last_activity_at` IS NULL;
