-- Sales plans with their actions; incentive plans, who takes part in them, splits of deals, and the ledger.
CREATE TABLE `incentive_entries` (
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
  `plan_id` blob NOT NULL,
  `user_id` blob NOT NULL,
  `opportunity_id` blob NOT NULL,
  `occurred_at` datetime NOT NULL,
  `period_starts_on` text NOT NULL,
  `share` text NULL,
  `basis_amount` integer NULL,
  `basis_amount_currency` text NULL,
  `basis_amount_reporting` integer NULL,
  `amount` integer NULL,
  `amount_currency` text NULL,
  `amount_reporting` integer NULL,
  `steps` text NULL,
  `reversal_of_id` blob NULL,
  `measure` integer NULL,
  `reached` integer NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `incentiveentry_deleted_at_id` ON `incentive_entries` (`deleted_at`, `id`);
CREATE INDEX `incentiveentry_owner_id_deleted_at_id` ON `incentive_entries` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveentry_team_id_deleted_at_id` ON `incentive_entries` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveentry_partner_id_deleted_at_id` ON `incentive_entries` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveentry_deleted_at_created_at_id` ON `incentive_entries` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `incentiveentry_owner_id_deleted_at_created_at_id` ON `incentive_entries` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `incentiveentry_deleted_at_updated_at_id` ON `incentive_entries` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `incentiveentry_deleted_at_occurred_at_id` ON `incentive_entries` (`deleted_at`, `occurred_at`, `id`);
CREATE INDEX `incentiveentry_deleted_at_amount_reporting_id` ON `incentive_entries` (`deleted_at`, `amount_reporting`, `id`);
CREATE INDEX `incentiveentry_user_id_deleted_at_occurred_at_id` ON `incentive_entries` (`user_id`, `deleted_at`, `occurred_at`, `id`);
CREATE INDEX `incentiveentry_plan_id_user_id_period_starts_on` ON `incentive_entries` (`plan_id`, `user_id`, `period_starts_on`);
CREATE INDEX `incentiveentry_opportunity_id` ON `incentive_entries` (`opportunity_id`);
CREATE INDEX `incentiveentry_reversal_of_id` ON `incentive_entries` (`reversal_of_id`);
CREATE TABLE `incentive_participants` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `plan_id` blob NOT NULL,
  `user_id` blob NULL,
  `for_team_id` blob NULL,
  `note` text NULL,
  `note_fold` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `incentiveparticipant_deleted_at_id` ON `incentive_participants` (`deleted_at`, `id`);
CREATE INDEX `incentiveparticipant_deleted_at_created_at_id` ON `incentive_participants` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `incentiveparticipant_deleted_at_updated_at_id` ON `incentive_participants` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `incentiveparticipant_plan_id_deleted_at_id` ON `incentive_participants` (`plan_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveparticipant_user_id_deleted_at_id` ON `incentive_participants` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveparticipant_for_team_id_deleted_at_id` ON `incentive_participants` (`for_team_id`, `deleted_at`, `id`);
CREATE TABLE `incentive_plans` (
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
  `description` text NULL,
  `active` bool NOT NULL DEFAULT (true),
  `trigger` text NOT NULL,
  `basis` text NOT NULL,
  `length` text NOT NULL,
  `starts_on` text NOT NULL,
  `ends_on` text NULL,
  `currency` text NULL,
  `tiers` text NULL,
  `everybody` bool NOT NULL DEFAULT (false),
  `pipeline_id` blob NULL,
  `product_id` blob NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `incentiveplan_deleted_at_id` ON `incentive_plans` (`deleted_at`, `id`);
CREATE INDEX `incentiveplan_owner_id_deleted_at_id` ON `incentive_plans` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveplan_team_id_deleted_at_id` ON `incentive_plans` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveplan_partner_id_deleted_at_id` ON `incentive_plans` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveplan_deleted_at_created_at_id` ON `incentive_plans` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `incentiveplan_owner_id_deleted_at_created_at_id` ON `incentive_plans` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `incentiveplan_deleted_at_updated_at_id` ON `incentive_plans` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `incentiveplan_deleted_at_name_sort_id` ON `incentive_plans` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `incentiveplan_owner_id_deleted_at_name_sort_id` ON `incentive_plans` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `incentiveplan_deleted_at_starts_on_id` ON `incentive_plans` (`deleted_at`, `starts_on`, `id`);
CREATE INDEX `incentiveplan_pipeline_id_deleted_at_id` ON `incentive_plans` (`pipeline_id`, `deleted_at`, `id`);
CREATE INDEX `incentiveplan_product_id_deleted_at_id` ON `incentive_plans` (`product_id`, `deleted_at`, `id`);
CREATE TABLE `opportunity_splits` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `opportunity_id` blob NOT NULL,
  `user_id` blob NOT NULL,
  `share` text NOT NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `opportunitysplit_deleted_at_id` ON `opportunity_splits` (`deleted_at`, `id`);
CREATE INDEX `opportunitysplit_deleted_at_created_at_id` ON `opportunity_splits` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunitysplit_deleted_at_updated_at_id` ON `opportunity_splits` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunitysplit_opportunity_id_deleted_at_id` ON `opportunity_splits` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `opportunitysplit_user_id_deleted_at_id` ON `opportunity_splits` (`user_id`, `deleted_at`, `id`);
CREATE TABLE `sales_plans` (
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
  `account_id` blob NULL,
  `product_id` blob NULL,
  `territory_id` blob NULL,
  `status` text NOT NULL,
  `first_month` text NOT NULL,
  `last_month` text NOT NULL,
  `currency` text NULL,
  `months` text NULL,
  `description` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `salesplan_deleted_at_id` ON `sales_plans` (`deleted_at`, `id`);
CREATE INDEX `salesplan_owner_id_deleted_at_id` ON `sales_plans` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_team_id_deleted_at_id` ON `sales_plans` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_partner_id_deleted_at_id` ON `sales_plans` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_deleted_at_created_at_id` ON `sales_plans` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `salesplan_owner_id_deleted_at_created_at_id` ON `sales_plans` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `salesplan_deleted_at_updated_at_id` ON `sales_plans` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `salesplan_deleted_at_name_sort_id` ON `sales_plans` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `salesplan_owner_id_deleted_at_name_sort_id` ON `sales_plans` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `salesplan_account_id_deleted_at_id` ON `sales_plans` (`account_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_product_id_deleted_at_id` ON `sales_plans` (`product_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_territory_id_deleted_at_id` ON `sales_plans` (`territory_id`, `deleted_at`, `id`);
CREATE INDEX `salesplan_deleted_at_first_month_id` ON `sales_plans` (`deleted_at`, `first_month`, `id`);
CREATE INDEX `salesplan_deleted_at_last_month_id` ON `sales_plans` (`deleted_at`, `last_month`, `id`);
ALTER TABLE `activities` ADD COLUMN `sales_plan_id` blob NULL;
CREATE INDEX `activity_sales_plan_id_deleted_at_id` ON `activities` (`sales_plan_id`, `deleted_at`, `id`);
