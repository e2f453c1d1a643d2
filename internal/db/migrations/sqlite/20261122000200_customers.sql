-- Leads, relationships, account teams, preferences, needs, consents, lifecycle stages, location events.
ALTER TABLE `accounts` ADD COLUMN `latitude` integer NULL;
ALTER TABLE `accounts` ADD COLUMN `longitude` integer NULL;
ALTER TABLE `accounts` ADD COLUMN `lifecycle_id` blob NULL;
CREATE INDEX `account_lifecycle_id_deleted_at_id` ON `accounts` (`lifecycle_id`, `deleted_at`, `id`);
ALTER TABLE `contacts` ADD COLUMN `latitude` integer NULL;
ALTER TABLE `contacts` ADD COLUMN `longitude` integer NULL;
ALTER TABLE `custom_fields` ADD COLUMN `labels` text NULL;
ALTER TABLE `custom_fields` ADD COLUMN `target` text NULL;
ALTER TABLE `custom_fields` ADD COLUMN `is_unique` bool NOT NULL DEFAULT (false);
ALTER TABLE `custom_fields` ADD COLUMN `default_value` text NULL;
ALTER TABLE `custom_fields` ADD COLUMN `default_value_fold` text NULL;
ALTER TABLE `custom_fields` ADD COLUMN `position` integer NULL;
CREATE INDEX `customfield_deleted_at_position_id` ON `custom_fields` (`deleted_at`, `position`, `id`);
ALTER TABLE `notes` ADD COLUMN `lead_id` blob NULL CONSTRAINT `notes_leads_lead` REFERENCES `leads` (`id`) ON DELETE NO ACTION;
CREATE INDEX `note_lead_id_deleted_at_id` ON `notes` (`lead_id`, `deleted_at`, `id`);
CREATE TABLE `account_team_members` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `role` text NULL,
  `role_fold` text NULL,
  `from_date` text NULL,
  `to_date` text NULL,
  `account_id` blob NOT NULL,
  `user_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `account_team_members_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `account_team_members_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `accountteammember_deleted_at_id` ON `account_team_members` (`deleted_at`, `id`);
CREATE INDEX `accountteammember_deleted_at_created_at_id` ON `account_team_members` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `accountteammember_deleted_at_updated_at_id` ON `account_team_members` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `accountteammember_account_id_deleted_at_id` ON `account_team_members` (`account_id`, `deleted_at`, `id`);
CREATE INDEX `accountteammember_user_id_deleted_at_id` ON `account_team_members` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `accountteammember_deleted_at_from_date_id` ON `account_team_members` (`deleted_at`, `from_date`, `id`);
CREATE INDEX `accountteammember_deleted_at_to_date_id` ON `account_team_members` (`deleted_at`, `to_date`, `id`);
CREATE TABLE `consents` (
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
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `consents_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `consent_deleted_at_id` ON `consents` (`deleted_at`, `id`);
CREATE INDEX `consent_deleted_at_created_at_id` ON `consents` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `consent_deleted_at_updated_at_id` ON `consents` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `consent_contact_id_deleted_at_id` ON `consents` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `consent_deleted_at_given_at_id` ON `consents` (`deleted_at`, `given_at`, `id`);
CREATE TABLE `leads` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `owner_id` blob NULL,
  `team_id` blob NULL,
  `partner_id` blob NULL,
  `branch_id` blob NULL,
  `territory_id` blob NULL,
  `given_name` text NULL,
  `given_name_fold` text NULL,
  `given_name_sort` blob NULL,
  `family_name` text NULL,
  `family_name_fold` text NULL,
  `family_name_sort` blob NULL,
  `native_name` text NULL,
  `native_name_fold` text NULL,
  `native_name_sort` blob NULL,
  `company` text NULL,
  `company_fold` text NULL,
  `company_sort` blob NULL,
  `display_name` text NULL,
  `display_name_fold` text NULL,
  `display_name_sort` blob NULL,
  `title` text NULL,
  `title_fold` text NULL,
  `emails` text NULL,
  `primary_email` text NULL,
  `phones` text NULL,
  `primary_phone` text NULL,
  `website` text NULL,
  `domain` text NULL,
  `addresses` text NULL,
  `city` text NULL,
  `city_fold` text NULL,
  `country` text NULL,
  `industry` text NULL,
  `industry_fold` text NULL,
  `employees` integer NULL,
  `annual_revenue` integer NULL,
  `annual_revenue_currency` text NULL,
  `annual_revenue_reporting` integer NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `campaign` text NULL,
  `campaign_fold` text NULL,
  `rating` text NULL,
  `score` integer NULL,
  `status` text NOT NULL,
  `status_reason` text NULL,
  `status_reason_fold` text NULL,
  `queued` bool NOT NULL DEFAULT (false),
  `locale` text NULL,
  `description` text NULL,
  `custom_fields` text NULL,
  `last_activity_at` datetime NULL,
  `converted_at` datetime NULL,
  `converted_by_id` blob NULL,
  `converted_account_id` blob NULL,
  `converted_contact_id` blob NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `lead_deleted_at_id` ON `leads` (`deleted_at`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_id` ON `leads` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `lead_team_id_deleted_at_id` ON `leads` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `lead_partner_id_deleted_at_id` ON `leads` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `lead_deleted_at_created_at_id` ON `leads` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_created_at_id` ON `leads` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `lead_deleted_at_updated_at_id` ON `leads` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `lead_branch_id_deleted_at_id` ON `leads` (`branch_id`, `deleted_at`, `id`);
CREATE INDEX `lead_territory_id_deleted_at_id` ON `leads` (`territory_id`, `deleted_at`, `id`);
CREATE INDEX `lead_deleted_at_given_name_sort_id` ON `leads` (`deleted_at`, `given_name_sort`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_given_name_sort_id` ON `leads` (`owner_id`, `deleted_at`, `given_name_sort`, `id`);
CREATE INDEX `lead_deleted_at_family_name_sort_id` ON `leads` (`deleted_at`, `family_name_sort`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_family_name_sort_id` ON `leads` (`owner_id`, `deleted_at`, `family_name_sort`, `id`);
CREATE INDEX `lead_deleted_at_native_name_sort_id` ON `leads` (`deleted_at`, `native_name_sort`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_native_name_sort_id` ON `leads` (`owner_id`, `deleted_at`, `native_name_sort`, `id`);
CREATE INDEX `lead_deleted_at_company_sort_id` ON `leads` (`deleted_at`, `company_sort`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_company_sort_id` ON `leads` (`owner_id`, `deleted_at`, `company_sort`, `id`);
CREATE INDEX `lead_deleted_at_display_name_sort_id` ON `leads` (`deleted_at`, `display_name_sort`, `id`);
CREATE INDEX `lead_owner_id_deleted_at_display_name_sort_id` ON `leads` (`owner_id`, `deleted_at`, `display_name_sort`, `id`);
CREATE INDEX `lead_primary_email` ON `leads` (`primary_email`);
CREATE INDEX `lead_primary_phone` ON `leads` (`primary_phone`);
CREATE INDEX `lead_deleted_at_employees_id` ON `leads` (`deleted_at`, `employees`, `id`);
CREATE INDEX `lead_deleted_at_annual_revenue_reporting_id` ON `leads` (`deleted_at`, `annual_revenue_reporting`, `id`);
CREATE INDEX `lead_deleted_at_score_id` ON `leads` (`deleted_at`, `score`, `id`);
CREATE INDEX `lead_deleted_at_last_activity_at_id` ON `leads` (`deleted_at`, `last_activity_at`, `id`);
CREATE INDEX `lead_deleted_at_converted_at_id` ON `leads` (`deleted_at`, `converted_at`, `id`);
CREATE TABLE `lifecycle_stages` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `name` text NOT NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `name_key` text NULL,
  `phase` text NOT NULL,
  `position` integer NULL,
  `description` text NULL,
  `archived` bool NOT NULL DEFAULT (false),
  PRIMARY KEY (`id`)
);
CREATE INDEX `lifecyclestage_deleted_at_id` ON `lifecycle_stages` (`deleted_at`, `id`);
CREATE INDEX `lifecyclestage_deleted_at_created_at_id` ON `lifecycle_stages` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `lifecyclestage_deleted_at_updated_at_id` ON `lifecycle_stages` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `lifecyclestage_deleted_at_name_sort_id` ON `lifecycle_stages` (`deleted_at`, `name_sort`, `id`);
CREATE UNIQUE INDEX `lifecyclestage_name_key` ON `lifecycle_stages` (`name_key`);
CREATE INDEX `lifecyclestage_deleted_at_position_id` ON `lifecycle_stages` (`deleted_at`, `position`, `id`);
CREATE TABLE `lifecycle_steps` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `stage_id` blob NOT NULL,
  `next_id` blob NOT NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `lifecyclestep_deleted_at_id` ON `lifecycle_steps` (`deleted_at`, `id`);
CREATE INDEX `lifecyclestep_deleted_at_created_at_id` ON `lifecycle_steps` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `lifecyclestep_deleted_at_updated_at_id` ON `lifecycle_steps` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `lifecyclestep_stage_id_deleted_at_id` ON `lifecycle_steps` (`stage_id`, `deleted_at`, `id`);
CREATE INDEX `lifecyclestep_next_id_deleted_at_id` ON `lifecycle_steps` (`next_id`, `deleted_at`, `id`);
CREATE TABLE `location_events` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `latitude` integer NOT NULL,
  `longitude` integer NOT NULL,
  `accuracy` integer NULL,
  `seen_at` datetime NOT NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `location_events_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `locationevent_deleted_at_id` ON `location_events` (`deleted_at`, `id`);
CREATE INDEX `locationevent_deleted_at_created_at_id` ON `location_events` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `locationevent_deleted_at_updated_at_id` ON `location_events` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `locationevent_contact_id_deleted_at_id` ON `location_events` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `locationevent_deleted_at_accuracy_id` ON `location_events` (`deleted_at`, `accuracy`, `id`);
CREATE INDEX `locationevent_deleted_at_seen_at_id` ON `location_events` (`deleted_at`, `seen_at`, `id`);
CREATE TABLE `needs` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `topic` text NOT NULL,
  `topic_fold` text NULL,
  `topic_sort` blob NULL,
  `detail` text NULL,
  `product` text NULL,
  `product_fold` text NULL,
  `urgency` text NULL,
  `budget` integer NULL,
  `budget_currency` text NULL,
  `budget_reporting` integer NULL,
  `wanted_by` text NULL,
  `met_on` text NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `needs_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `need_deleted_at_id` ON `needs` (`deleted_at`, `id`);
CREATE INDEX `need_deleted_at_created_at_id` ON `needs` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `need_deleted_at_updated_at_id` ON `needs` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `need_contact_id_deleted_at_id` ON `needs` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `need_deleted_at_topic_sort_id` ON `needs` (`deleted_at`, `topic_sort`, `id`);
CREATE INDEX `need_deleted_at_budget_reporting_id` ON `needs` (`deleted_at`, `budget_reporting`, `id`);
CREATE INDEX `need_deleted_at_wanted_by_id` ON `needs` (`deleted_at`, `wanted_by`, `id`);
CREATE INDEX `need_deleted_at_met_on_id` ON `needs` (`deleted_at`, `met_on`, `id`);
CREATE TABLE `preferences` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `topic` text NOT NULL,
  `topic_fold` text NULL,
  `topic_sort` blob NULL,
  `product` text NULL,
  `product_fold` text NULL,
  `channel` text NULL,
  `frequency` text NULL,
  `language` text NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `preferences_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `preference_deleted_at_id` ON `preferences` (`deleted_at`, `id`);
CREATE INDEX `preference_deleted_at_created_at_id` ON `preferences` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `preference_deleted_at_updated_at_id` ON `preferences` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `preference_contact_id_deleted_at_id` ON `preferences` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `preference_deleted_at_topic_sort_id` ON `preferences` (`deleted_at`, `topic_sort`, `id`);
CREATE TABLE `relationships` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `to_account_id` blob NULL,
  `to_contact_id` blob NULL,
  `type` text NOT NULL,
  `label` text NULL,
  `label_fold` text NULL,
  `from_date` text NULL,
  `to_date` text NULL,
  `remarks` text NULL,
  `from_account_id` blob NULL,
  `from_contact_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `relationships_accounts_from_account` FOREIGN KEY (`from_account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `relationships_contacts_from_contact` FOREIGN KEY (`from_contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `relationship_deleted_at_id` ON `relationships` (`deleted_at`, `id`);
CREATE INDEX `relationship_deleted_at_created_at_id` ON `relationships` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `relationship_deleted_at_updated_at_id` ON `relationships` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `relationship_from_account_id_deleted_at_id` ON `relationships` (`from_account_id`, `deleted_at`, `id`);
CREATE INDEX `relationship_from_contact_id_deleted_at_id` ON `relationships` (`from_contact_id`, `deleted_at`, `id`);
CREATE INDEX `relationship_to_account_id_deleted_at_id` ON `relationships` (`to_account_id`, `deleted_at`, `id`);
CREATE INDEX `relationship_to_contact_id_deleted_at_id` ON `relationships` (`to_contact_id`, `deleted_at`, `id`);
CREATE INDEX `relationship_deleted_at_from_date_id` ON `relationships` (`deleted_at`, `from_date`, `id`);
CREATE INDEX `relationship_deleted_at_to_date_id` ON `relationships` (`deleted_at`, `to_date`, `id`);
CREATE TABLE `stage_histories` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `entered_at` datetime NULL,
  `left_at` datetime NULL,
  `reason` text NULL,
  `reason_fold` text NULL,
  `account_id` blob NOT NULL,
  `stage_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `stage_histories_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `stage_histories_lifecycle_stages_stage` FOREIGN KEY (`stage_id`) REFERENCES `lifecycle_stages` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `stagehistory_deleted_at_id` ON `stage_histories` (`deleted_at`, `id`);
CREATE INDEX `stagehistory_deleted_at_created_at_id` ON `stage_histories` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `stagehistory_deleted_at_updated_at_id` ON `stage_histories` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `stagehistory_deleted_at_entered_at_id` ON `stage_histories` (`deleted_at`, `entered_at`, `id`);
CREATE INDEX `stagehistory_deleted_at_left_at_id` ON `stage_histories` (`deleted_at`, `left_at`, `id`);
