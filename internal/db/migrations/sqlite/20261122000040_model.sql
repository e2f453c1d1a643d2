-- atlas:pos accounts[type=table] 
-- atlas:pos account_contacts[type=table] 
-- atlas:pos contacts[type=table] 
-- atlas:pos custom_fields[type=table] 
-- atlas:pos notes[type=table] 
-- atlas:pos roles[type=table] 
-- atlas:pos role_grants[type=table] 
-- atlas:pos shares[type=table] 
-- atlas:pos tags[type=table] 
-- atlas:pos taggings[type=table] 
-- atlas:pos teams[type=table] 
-- atlas:pos users[type=table] 

-- Create "accounts" table
CREATE TABLE `accounts` (
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
  `name` text NOT NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `legal_name` text NULL,
  `legal_name_fold` text NULL,
  `kinds` text NULL,
  `customer_type` text NULL,
  `customer_since` text NULL,
  `industry` text NULL,
  `industry_fold` text NULL,
  `website` text NULL,
  `domain` text NULL,
  `phones` text NULL,
  `emails` text NULL,
  `addresses` text NULL,
  `city` text NULL,
  `city_fold` text NULL,
  `country` text NULL,
  `tax_number` text NULL,
  `registration_number` text NULL,
  `annual_revenue` integer NULL,
  `annual_revenue_currency` text NULL,
  `annual_revenue_reporting` integer NULL,
  `employees` integer NULL,
  `currency` text NULL,
  `locale` text NULL,
  `time_zone` text NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `description` text NULL,
  `custom_fields` text NULL,
  `last_activity_at` datetime NULL,
  `parent_id` blob NULL,
  PRIMARY KEY (`id`)
);
-- Create index "account_deleted_at_id" to table: "accounts"
CREATE INDEX `account_deleted_at_id` ON `accounts` (`deleted_at`, `id`);
-- Create index "account_owner_id_deleted_at_id" to table: "accounts"
CREATE INDEX `account_owner_id_deleted_at_id` ON `accounts` (`owner_id`, `deleted_at`, `id`);
-- Create index "account_team_id_deleted_at_id" to table: "accounts"
CREATE INDEX `account_team_id_deleted_at_id` ON `accounts` (`team_id`, `deleted_at`, `id`);
-- Create index "account_partner_id_deleted_at_id" to table: "accounts"
CREATE INDEX `account_partner_id_deleted_at_id` ON `accounts` (`partner_id`, `deleted_at`, `id`);
-- Create index "account_deleted_at_created_at_id" to table: "accounts"
CREATE INDEX `account_deleted_at_created_at_id` ON `accounts` (`deleted_at`, `created_at`, `id`);
-- Create index "account_owner_id_deleted_at_created_at_id" to table: "accounts"
CREATE INDEX `account_owner_id_deleted_at_created_at_id` ON `accounts` (`owner_id`, `deleted_at`, `created_at`, `id`);
-- Create index "account_deleted_at_updated_at_id" to table: "accounts"
CREATE INDEX `account_deleted_at_updated_at_id` ON `accounts` (`deleted_at`, `updated_at`, `id`);
-- Create index "account_deleted_at_name_sort_id" to table: "accounts"
CREATE INDEX `account_deleted_at_name_sort_id` ON `accounts` (`deleted_at`, `name_sort`, `id`);
-- Create index "account_owner_id_deleted_at_name_sort_id" to table: "accounts"
CREATE INDEX `account_owner_id_deleted_at_name_sort_id` ON `accounts` (`owner_id`, `deleted_at`, `name_sort`, `id`);
-- Create index "account_deleted_at_customer_since_id" to table: "accounts"
CREATE INDEX `account_deleted_at_customer_since_id` ON `accounts` (`deleted_at`, `customer_since`, `id`);
-- Create index "account_domain" to table: "accounts"
CREATE INDEX `account_domain` ON `accounts` (`domain`);
-- Create index "account_tax_number" to table: "accounts"
CREATE INDEX `account_tax_number` ON `accounts` (`tax_number`);
-- Create index "account_deleted_at_annual_revenue_reporting_id" to table: "accounts"
CREATE INDEX `account_deleted_at_annual_revenue_reporting_id` ON `accounts` (`deleted_at`, `annual_revenue_reporting`, `id`);
-- Create index "account_deleted_at_employees_id" to table: "accounts"
CREATE INDEX `account_deleted_at_employees_id` ON `accounts` (`deleted_at`, `employees`, `id`);
-- Create index "account_deleted_at_last_activity_at_id" to table: "accounts"
CREATE INDEX `account_deleted_at_last_activity_at_id` ON `accounts` (`deleted_at`, `last_activity_at`, `id`);
-- Create index "account_parent_id_deleted_at_id" to table: "accounts"
CREATE INDEX `account_parent_id_deleted_at_id` ON `accounts` (`parent_id`, `deleted_at`, `id`);
-- Create "account_contacts" table
CREATE TABLE `account_contacts` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `role` text NULL,
  `role_fold` text NULL,
  `is_primary` bool NOT NULL DEFAULT (false),
  `from_date` text NULL,
  `to_date` text NULL,
  `account_id` blob NOT NULL,
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `account_contacts_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `account_contacts_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
-- Create index "accountcontact_deleted_at_id" to table: "account_contacts"
CREATE INDEX `accountcontact_deleted_at_id` ON `account_contacts` (`deleted_at`, `id`);
-- Create index "accountcontact_deleted_at_created_at_id" to table: "account_contacts"
CREATE INDEX `accountcontact_deleted_at_created_at_id` ON `account_contacts` (`deleted_at`, `created_at`, `id`);
-- Create index "accountcontact_deleted_at_updated_at_id" to table: "account_contacts"
CREATE INDEX `accountcontact_deleted_at_updated_at_id` ON `account_contacts` (`deleted_at`, `updated_at`, `id`);
-- Create index "accountcontact_account_id_deleted_at_id" to table: "account_contacts"
CREATE INDEX `accountcontact_account_id_deleted_at_id` ON `account_contacts` (`account_id`, `deleted_at`, `id`);
-- Create index "accountcontact_contact_id_deleted_at_id" to table: "account_contacts"
CREATE INDEX `accountcontact_contact_id_deleted_at_id` ON `account_contacts` (`contact_id`, `deleted_at`, `id`);
-- Create index "accountcontact_deleted_at_from_date_id" to table: "account_contacts"
CREATE INDEX `accountcontact_deleted_at_from_date_id` ON `account_contacts` (`deleted_at`, `from_date`, `id`);
-- Create index "accountcontact_deleted_at_to_date_id" to table: "account_contacts"
CREATE INDEX `accountcontact_deleted_at_to_date_id` ON `account_contacts` (`deleted_at`, `to_date`, `id`);
-- Create "contacts" table
CREATE TABLE `contacts` (
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
  `given_name` text NULL,
  `given_name_fold` text NULL,
  `given_name_sort` blob NULL,
  `middle_name` text NULL,
  `middle_name_fold` text NULL,
  `family_name` text NULL,
  `family_name_fold` text NULL,
  `family_name_sort` blob NULL,
  `native_name` text NULL,
  `native_name_fold` text NULL,
  `native_name_sort` blob NULL,
  `display_name` text NULL,
  `display_name_fold` text NULL,
  `display_name_sort` blob NULL,
  `salutation` text NULL,
  `salutation_fold` text NULL,
  `title` text NULL,
  `title_fold` text NULL,
  `department` text NULL,
  `department_fold` text NULL,
  `emails` text NULL,
  `primary_email` text NULL,
  `phones` text NULL,
  `primary_phone` text NULL,
  `addresses` text NULL,
  `social_profiles` text NULL,
  `birthday` text NULL,
  `locale` text NULL,
  `time_zone` text NULL,
  `preferred_channel` text NULL,
  `do_not_contact` bool NOT NULL DEFAULT (false),
  `gender` text NULL,
  `gender_fold` text NULL,
  `education` text NULL,
  `education_fold` text NULL,
  `occupation` text NULL,
  `occupation_fold` text NULL,
  `income_band` text NULL,
  `income_band_fold` text NULL,
  `household` text NULL,
  `household_fold` text NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `description` text NULL,
  `custom_fields` text NULL,
  `last_activity_at` datetime NULL,
  `referred_by_id` blob NULL,
  PRIMARY KEY (`id`)
);
-- Create index "contact_deleted_at_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_id` ON `contacts` (`deleted_at`, `id`);
-- Create index "contact_owner_id_deleted_at_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_id` ON `contacts` (`owner_id`, `deleted_at`, `id`);
-- Create index "contact_team_id_deleted_at_id" to table: "contacts"
CREATE INDEX `contact_team_id_deleted_at_id` ON `contacts` (`team_id`, `deleted_at`, `id`);
-- Create index "contact_partner_id_deleted_at_id" to table: "contacts"
CREATE INDEX `contact_partner_id_deleted_at_id` ON `contacts` (`partner_id`, `deleted_at`, `id`);
-- Create index "contact_deleted_at_created_at_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_created_at_id` ON `contacts` (`deleted_at`, `created_at`, `id`);
-- Create index "contact_owner_id_deleted_at_created_at_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_created_at_id` ON `contacts` (`owner_id`, `deleted_at`, `created_at`, `id`);
-- Create index "contact_deleted_at_updated_at_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_updated_at_id` ON `contacts` (`deleted_at`, `updated_at`, `id`);
-- Create index "contact_deleted_at_given_name_sort_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_given_name_sort_id` ON `contacts` (`deleted_at`, `given_name_sort`, `id`);
-- Create index "contact_owner_id_deleted_at_given_name_sort_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_given_name_sort_id` ON `contacts` (`owner_id`, `deleted_at`, `given_name_sort`, `id`);
-- Create index "contact_deleted_at_family_name_sort_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_family_name_sort_id` ON `contacts` (`deleted_at`, `family_name_sort`, `id`);
-- Create index "contact_owner_id_deleted_at_family_name_sort_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_family_name_sort_id` ON `contacts` (`owner_id`, `deleted_at`, `family_name_sort`, `id`);
-- Create index "contact_deleted_at_native_name_sort_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_native_name_sort_id` ON `contacts` (`deleted_at`, `native_name_sort`, `id`);
-- Create index "contact_owner_id_deleted_at_native_name_sort_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_native_name_sort_id` ON `contacts` (`owner_id`, `deleted_at`, `native_name_sort`, `id`);
-- Create index "contact_deleted_at_display_name_sort_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_display_name_sort_id` ON `contacts` (`deleted_at`, `display_name_sort`, `id`);
-- Create index "contact_owner_id_deleted_at_display_name_sort_id" to table: "contacts"
CREATE INDEX `contact_owner_id_deleted_at_display_name_sort_id` ON `contacts` (`owner_id`, `deleted_at`, `display_name_sort`, `id`);
-- Create index "contact_primary_email" to table: "contacts"
CREATE INDEX `contact_primary_email` ON `contacts` (`primary_email`);
-- Create index "contact_primary_phone" to table: "contacts"
CREATE INDEX `contact_primary_phone` ON `contacts` (`primary_phone`);
-- Create index "contact_deleted_at_birthday_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_birthday_id` ON `contacts` (`deleted_at`, `birthday`, `id`);
-- Create index "contact_deleted_at_last_activity_at_id" to table: "contacts"
CREATE INDEX `contact_deleted_at_last_activity_at_id` ON `contacts` (`deleted_at`, `last_activity_at`, `id`);
-- Create index "contact_referred_by_id_deleted_at_id" to table: "contacts"
CREATE INDEX `contact_referred_by_id_deleted_at_id` ON `contacts` (`referred_by_id`, `deleted_at`, `id`);
-- Create "custom_fields" table
CREATE TABLE `custom_fields` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `object` text NOT NULL,
  `key` text NOT NULL,
  `key_fold` text NULL,
  `label` text NOT NULL,
  `label_fold` text NULL,
  `label_sort` blob NULL,
  `type` text NOT NULL,
  `choices` text NULL,
  `is_required` bool NOT NULL DEFAULT (false),
  `archived` bool NOT NULL DEFAULT (false),
  PRIMARY KEY (`id`)
);
-- Create index "customfield_deleted_at_id" to table: "custom_fields"
CREATE INDEX `customfield_deleted_at_id` ON `custom_fields` (`deleted_at`, `id`);
-- Create index "customfield_deleted_at_created_at_id" to table: "custom_fields"
CREATE INDEX `customfield_deleted_at_created_at_id` ON `custom_fields` (`deleted_at`, `created_at`, `id`);
-- Create index "customfield_deleted_at_updated_at_id" to table: "custom_fields"
CREATE INDEX `customfield_deleted_at_updated_at_id` ON `custom_fields` (`deleted_at`, `updated_at`, `id`);
-- Create index "customfield_deleted_at_label_sort_id" to table: "custom_fields"
CREATE INDEX `customfield_deleted_at_label_sort_id` ON `custom_fields` (`deleted_at`, `label_sort`, `id`);
-- Create "notes" table
CREATE TABLE `notes` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `title` text NULL,
  `title_fold` text NULL,
  `title_sort` blob NULL,
  `body` text NOT NULL,
  `pinned` bool NOT NULL DEFAULT (false),
  `account_id` blob NULL,
  `contact_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `notes_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `notes_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
-- Create index "note_deleted_at_id" to table: "notes"
CREATE INDEX `note_deleted_at_id` ON `notes` (`deleted_at`, `id`);
-- Create index "note_deleted_at_created_at_id" to table: "notes"
CREATE INDEX `note_deleted_at_created_at_id` ON `notes` (`deleted_at`, `created_at`, `id`);
-- Create index "note_deleted_at_updated_at_id" to table: "notes"
CREATE INDEX `note_deleted_at_updated_at_id` ON `notes` (`deleted_at`, `updated_at`, `id`);
-- Create index "note_account_id_deleted_at_id" to table: "notes"
CREATE INDEX `note_account_id_deleted_at_id` ON `notes` (`account_id`, `deleted_at`, `id`);
-- Create index "note_contact_id_deleted_at_id" to table: "notes"
CREATE INDEX `note_contact_id_deleted_at_id` ON `notes` (`contact_id`, `deleted_at`, `id`);
-- Create index "note_deleted_at_title_sort_id" to table: "notes"
CREATE INDEX `note_deleted_at_title_sort_id` ON `notes` (`deleted_at`, `title_sort`, `id`);
-- Create "roles" table
CREATE TABLE `roles` (
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
  `description` text NULL,
  `system` bool NOT NULL DEFAULT (false),
  `permissions` text NULL,
  `field_levels` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "role_deleted_at_id" to table: "roles"
CREATE INDEX `role_deleted_at_id` ON `roles` (`deleted_at`, `id`);
-- Create index "role_deleted_at_created_at_id" to table: "roles"
CREATE INDEX `role_deleted_at_created_at_id` ON `roles` (`deleted_at`, `created_at`, `id`);
-- Create index "role_deleted_at_updated_at_id" to table: "roles"
CREATE INDEX `role_deleted_at_updated_at_id` ON `roles` (`deleted_at`, `updated_at`, `id`);
-- Create index "role_deleted_at_name_sort_id" to table: "roles"
CREATE INDEX `role_deleted_at_name_sort_id` ON `roles` (`deleted_at`, `name_sort`, `id`);
-- Create index "role_name_key" to table: "roles"
CREATE UNIQUE INDEX `role_name_key` ON `roles` (`name_key`);
-- Create "role_grants" table
CREATE TABLE `role_grants` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `valid_until` datetime NULL,
  `user_id` blob NOT NULL,
  `role_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `role_grants_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `role_grants_roles_role` FOREIGN KEY (`role_id`) REFERENCES `roles` (`id`) ON DELETE NO ACTION
);
-- Create index "rolegrant_deleted_at_id" to table: "role_grants"
CREATE INDEX `rolegrant_deleted_at_id` ON `role_grants` (`deleted_at`, `id`);
-- Create index "rolegrant_deleted_at_created_at_id" to table: "role_grants"
CREATE INDEX `rolegrant_deleted_at_created_at_id` ON `role_grants` (`deleted_at`, `created_at`, `id`);
-- Create index "rolegrant_deleted_at_updated_at_id" to table: "role_grants"
CREATE INDEX `rolegrant_deleted_at_updated_at_id` ON `role_grants` (`deleted_at`, `updated_at`, `id`);
-- Create index "rolegrant_user_id_deleted_at_id" to table: "role_grants"
CREATE INDEX `rolegrant_user_id_deleted_at_id` ON `role_grants` (`user_id`, `deleted_at`, `id`);
-- Create index "rolegrant_role_id_deleted_at_id" to table: "role_grants"
CREATE INDEX `rolegrant_role_id_deleted_at_id` ON `role_grants` (`role_id`, `deleted_at`, `id`);
-- Create index "rolegrant_deleted_at_valid_until_id" to table: "role_grants"
CREATE INDEX `rolegrant_deleted_at_valid_until_id` ON `role_grants` (`deleted_at`, `valid_until`, `id`);
-- Create "shares" table
CREATE TABLE `shares` (
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
  `record_id` blob NOT NULL,
  `grantee_id` blob NOT NULL,
  `level` text NOT NULL,
  `fields` text NULL,
  `expires_at` datetime NULL,
  `reason` text NULL,
  `reason_fold` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "share_deleted_at_id" to table: "shares"
CREATE INDEX `share_deleted_at_id` ON `shares` (`deleted_at`, `id`);
-- Create index "share_owner_id_deleted_at_id" to table: "shares"
CREATE INDEX `share_owner_id_deleted_at_id` ON `shares` (`owner_id`, `deleted_at`, `id`);
-- Create index "share_team_id_deleted_at_id" to table: "shares"
CREATE INDEX `share_team_id_deleted_at_id` ON `shares` (`team_id`, `deleted_at`, `id`);
-- Create index "share_partner_id_deleted_at_id" to table: "shares"
CREATE INDEX `share_partner_id_deleted_at_id` ON `shares` (`partner_id`, `deleted_at`, `id`);
-- Create index "share_deleted_at_created_at_id" to table: "shares"
CREATE INDEX `share_deleted_at_created_at_id` ON `shares` (`deleted_at`, `created_at`, `id`);
-- Create index "share_owner_id_deleted_at_created_at_id" to table: "shares"
CREATE INDEX `share_owner_id_deleted_at_created_at_id` ON `shares` (`owner_id`, `deleted_at`, `created_at`, `id`);
-- Create index "share_deleted_at_updated_at_id" to table: "shares"
CREATE INDEX `share_deleted_at_updated_at_id` ON `shares` (`deleted_at`, `updated_at`, `id`);
-- Create index "share_record_id_deleted_at" to table: "shares"
CREATE INDEX `share_record_id_deleted_at` ON `shares` (`record_id`, `deleted_at`);
-- Create index "share_grantee_id_deleted_at" to table: "shares"
CREATE INDEX `share_grantee_id_deleted_at` ON `shares` (`grantee_id`, `deleted_at`);
-- Create index "share_deleted_at_expires_at_id" to table: "shares"
CREATE INDEX `share_deleted_at_expires_at_id` ON `shares` (`deleted_at`, `expires_at`, `id`);
-- Create "tags" table
CREATE TABLE `tags` (
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
  `colour` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "tag_deleted_at_id" to table: "tags"
CREATE INDEX `tag_deleted_at_id` ON `tags` (`deleted_at`, `id`);
-- Create index "tag_deleted_at_created_at_id" to table: "tags"
CREATE INDEX `tag_deleted_at_created_at_id` ON `tags` (`deleted_at`, `created_at`, `id`);
-- Create index "tag_deleted_at_updated_at_id" to table: "tags"
CREATE INDEX `tag_deleted_at_updated_at_id` ON `tags` (`deleted_at`, `updated_at`, `id`);
-- Create index "tag_deleted_at_name_sort_id" to table: "tags"
CREATE INDEX `tag_deleted_at_name_sort_id` ON `tags` (`deleted_at`, `name_sort`, `id`);
-- Create index "tag_name_key" to table: "tags"
CREATE UNIQUE INDEX `tag_name_key` ON `tags` (`name_key`);
-- Create "taggings" table
CREATE TABLE `taggings` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `record_id` blob NOT NULL,
  `tag_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `taggings_tags_tag` FOREIGN KEY (`tag_id`) REFERENCES `tags` (`id`) ON DELETE NO ACTION
);
-- Create index "tagging_deleted_at_id" to table: "taggings"
CREATE INDEX `tagging_deleted_at_id` ON `taggings` (`deleted_at`, `id`);
-- Create index "tagging_deleted_at_created_at_id" to table: "taggings"
CREATE INDEX `tagging_deleted_at_created_at_id` ON `taggings` (`deleted_at`, `created_at`, `id`);
-- Create index "tagging_deleted_at_updated_at_id" to table: "taggings"
CREATE INDEX `tagging_deleted_at_updated_at_id` ON `taggings` (`deleted_at`, `updated_at`, `id`);
-- Create index "tagging_tag_id_deleted_at_id" to table: "taggings"
CREATE INDEX `tagging_tag_id_deleted_at_id` ON `taggings` (`tag_id`, `deleted_at`, `id`);
-- Create index "tagging_record_id_deleted_at" to table: "taggings"
CREATE INDEX `tagging_record_id_deleted_at` ON `taggings` (`record_id`, `deleted_at`);
-- Create "teams" table
CREATE TABLE `teams` (
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
  `parent_id` blob NULL,
  `lead_id` blob NULL,
  PRIMARY KEY (`id`)
);
-- Create index "team_deleted_at_id" to table: "teams"
CREATE INDEX `team_deleted_at_id` ON `teams` (`deleted_at`, `id`);
-- Create index "team_deleted_at_created_at_id" to table: "teams"
CREATE INDEX `team_deleted_at_created_at_id` ON `teams` (`deleted_at`, `created_at`, `id`);
-- Create index "team_deleted_at_updated_at_id" to table: "teams"
CREATE INDEX `team_deleted_at_updated_at_id` ON `teams` (`deleted_at`, `updated_at`, `id`);
-- Create index "team_deleted_at_name_sort_id" to table: "teams"
CREATE INDEX `team_deleted_at_name_sort_id` ON `teams` (`deleted_at`, `name_sort`, `id`);
-- Create index "team_parent_id_deleted_at_id" to table: "teams"
CREATE INDEX `team_parent_id_deleted_at_id` ON `teams` (`parent_id`, `deleted_at`, `id`);
-- Create index "team_lead_id_deleted_at_id" to table: "teams"
CREATE INDEX `team_lead_id_deleted_at_id` ON `teams` (`lead_id`, `deleted_at`, `id`);
-- Create "users" table
CREATE TABLE `users` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `email` text NOT NULL,
  `email_key` text NULL,
  `name` text NOT NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `kind` text NOT NULL,
  `active` bool NOT NULL DEFAULT (true),
  `locale` text NULL,
  `time_zone` text NULL,
  `manager_id` blob NULL,
  `team_id` blob NULL,
  `partner_account_id` blob NULL,
  `contact_id` blob NULL,
  `last_seen_at` datetime NULL,
  `password_hash` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "user_deleted_at_id" to table: "users"
CREATE INDEX `user_deleted_at_id` ON `users` (`deleted_at`, `id`);
-- Create index "user_deleted_at_created_at_id" to table: "users"
CREATE INDEX `user_deleted_at_created_at_id` ON `users` (`deleted_at`, `created_at`, `id`);
-- Create index "user_deleted_at_updated_at_id" to table: "users"
CREATE INDEX `user_deleted_at_updated_at_id` ON `users` (`deleted_at`, `updated_at`, `id`);
-- Create index "user_email_key" to table: "users"
CREATE UNIQUE INDEX `user_email_key` ON `users` (`email_key`);
-- Create index "user_deleted_at_name_sort_id" to table: "users"
CREATE INDEX `user_deleted_at_name_sort_id` ON `users` (`deleted_at`, `name_sort`, `id`);
-- Create index "user_manager_id_deleted_at_id" to table: "users"
CREATE INDEX `user_manager_id_deleted_at_id` ON `users` (`manager_id`, `deleted_at`, `id`);
-- Create index "user_partner_account_id_deleted_at_id" to table: "users"
CREATE INDEX `user_partner_account_id_deleted_at_id` ON `users` (`partner_account_id`, `deleted_at`, `id`);
-- Create index "user_contact_id_deleted_at_id" to table: "users"
CREATE INDEX `user_contact_id_deleted_at_id` ON `users` (`contact_id`, `deleted_at`, `id`);
-- Create index "user_deleted_at_last_seen_at_id" to table: "users"
CREATE INDEX `user_deleted_at_last_seen_at_id` ON `users` (`deleted_at`, `last_seen_at`, `id`);
