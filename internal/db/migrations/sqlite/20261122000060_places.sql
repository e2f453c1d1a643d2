-- Branches and territories, screens of roles, and what a review of grants asks.
ALTER TABLE `accounts` ADD COLUMN `branch_id` blob NULL;
ALTER TABLE `accounts` ADD COLUMN `territory_id` blob NULL;
ALTER TABLE `contacts` ADD COLUMN `branch_id` blob NULL;
ALTER TABLE `contacts` ADD COLUMN `territory_id` blob NULL;
ALTER TABLE `role_grants` ADD COLUMN `issuer` text NULL;
ALTER TABLE `role_grants` ADD COLUMN `last_used_at` datetime NULL;
ALTER TABLE `role_grants` ADD COLUMN `reviewed_at` datetime NULL;
ALTER TABLE `role_grants` ADD COLUMN `reviewed_by_id` blob NULL;
ALTER TABLE `users` ADD COLUMN `branch_id` blob NULL;
ALTER TABLE `users` ADD COLUMN `tokens_since` datetime NULL;
CREATE INDEX `account_branch_id_deleted_at_id` ON `accounts` (`branch_id`, `deleted_at`, `id`);
CREATE INDEX `account_territory_id_deleted_at_id` ON `accounts` (`territory_id`, `deleted_at`, `id`);
CREATE INDEX `contact_branch_id_deleted_at_id` ON `contacts` (`branch_id`, `deleted_at`, `id`);
CREATE INDEX `contact_territory_id_deleted_at_id` ON `contacts` (`territory_id`, `deleted_at`, `id`);
ALTER TABLE `roles` ADD COLUMN `screens` text NULL;
CREATE INDEX `rolegrant_deleted_at_last_used_at_id` ON `role_grants` (`deleted_at`, `last_used_at`, `id`);
CREATE INDEX `rolegrant_deleted_at_reviewed_at_id` ON `role_grants` (`deleted_at`, `reviewed_at`, `id`);
CREATE INDEX `user_branch_id_deleted_at_id` ON `users` (`branch_id`, `deleted_at`, `id`);
CREATE TABLE `branches` (
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
  `code` text NULL,
  `code_key` text NULL,
  `addresses` text NULL,
  `city` text NULL,
  `city_fold` text NULL,
  `country` text NULL,
  `phones` text NULL,
  `time_zone` text NULL,
  `manager_id` blob NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `branch_deleted_at_id` ON `branches` (`deleted_at`, `id`);
CREATE INDEX `branch_deleted_at_created_at_id` ON `branches` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `branch_deleted_at_updated_at_id` ON `branches` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `branch_deleted_at_name_sort_id` ON `branches` (`deleted_at`, `name_sort`, `id`);
CREATE UNIQUE INDEX `branch_code_key` ON `branches` (`code_key`);
CREATE INDEX `branch_manager_id_deleted_at_id` ON `branches` (`manager_id`, `deleted_at`, `id`);
CREATE TABLE `territories` (
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
  `priority` integer NULL,
  `rules` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `territory_deleted_at_id` ON `territories` (`deleted_at`, `id`);
CREATE INDEX `territory_deleted_at_created_at_id` ON `territories` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `territory_deleted_at_updated_at_id` ON `territories` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `territory_deleted_at_name_sort_id` ON `territories` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `territory_parent_id_deleted_at_id` ON `territories` (`parent_id`, `deleted_at`, `id`);
CREATE INDEX `territory_deleted_at_priority_id` ON `territories` (`deleted_at`, `priority`, `id`);
CREATE TABLE `territory_members` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `territory_id` blob NOT NULL,
  `user_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `territory_members_territories_territory` FOREIGN KEY (`territory_id`) REFERENCES `territories` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `territory_members_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `territorymember_deleted_at_id` ON `territory_members` (`deleted_at`, `id`);
CREATE INDEX `territorymember_deleted_at_created_at_id` ON `territory_members` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `territorymember_deleted_at_updated_at_id` ON `territory_members` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `territorymember_territory_id_deleted_at_id` ON `territory_members` (`territory_id`, `deleted_at`, `id`);
CREATE INDEX `territorymember_user_id_deleted_at_id` ON `territory_members` (`user_id`, `deleted_at`, `id`);
