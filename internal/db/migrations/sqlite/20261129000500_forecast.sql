-- Exchange rates, targets, adjustments and competitor profiles; how forecasts stood day by day; who was told of stale deals.
CREATE TABLE `competitor_profiles` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `as_of` text NOT NULL,
  `source` text NOT NULL,
  `source_fold` text NULL,
  `products` text NULL,
  `prices` text NULL,
  `campaigns` text NULL,
  `strengths` text NULL,
  `weaknesses` text NULL,
  `battle_card` text NULL,
  `account_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `competitor_profiles_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `competitorprofile_deleted_at_id` ON `competitor_profiles` (`deleted_at`, `id`);
CREATE INDEX `competitorprofile_deleted_at_created_at_id` ON `competitor_profiles` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `competitorprofile_deleted_at_updated_at_id` ON `competitor_profiles` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `competitorprofile_account_id_deleted_at_id` ON `competitor_profiles` (`account_id`, `deleted_at`, `id`);
CREATE INDEX `competitorprofile_deleted_at_as_of_id` ON `competitor_profiles` (`deleted_at`, `as_of`, `id`);
CREATE TABLE `exchange_rates` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `currency` text NOT NULL,
  `reporting_currency` text NULL,
  `valid_from` text NOT NULL,
  `rate` text NOT NULL,
  `source` text NULL,
  `source_fold` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `exchangerate_deleted_at_id` ON `exchange_rates` (`deleted_at`, `id`);
CREATE INDEX `exchangerate_deleted_at_created_at_id` ON `exchange_rates` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `exchangerate_deleted_at_updated_at_id` ON `exchange_rates` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `exchangerate_deleted_at_currency_id` ON `exchange_rates` (`deleted_at`, `currency`, `id`);
CREATE INDEX `exchangerate_deleted_at_valid_from_id` ON `exchange_rates` (`deleted_at`, `valid_from`, `id`);
CREATE TABLE `forecast_adjustments` (
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
  `user_id` blob NOT NULL,
  `starts_on` text NOT NULL,
  `length` text NOT NULL,
  `figure` text NOT NULL,
  `rolled_up` bool NOT NULL DEFAULT (false),
  `amount` integer NULL,
  `amount_currency` text NULL,
  `amount_reporting` integer NULL,
  `reason` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `forecastadjustment_deleted_at_id` ON `forecast_adjustments` (`deleted_at`, `id`);
CREATE INDEX `forecastadjustment_owner_id_deleted_at_id` ON `forecast_adjustments` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `forecastadjustment_team_id_deleted_at_id` ON `forecast_adjustments` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `forecastadjustment_partner_id_deleted_at_id` ON `forecast_adjustments` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `forecastadjustment_deleted_at_created_at_id` ON `forecast_adjustments` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `forecastadjustment_owner_id_deleted_at_created_at_id` ON `forecast_adjustments` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `forecastadjustment_deleted_at_updated_at_id` ON `forecast_adjustments` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `forecastadjustment_user_id_deleted_at_id` ON `forecast_adjustments` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `forecastadjustment_deleted_at_starts_on_id` ON `forecast_adjustments` (`deleted_at`, `starts_on`, `id`);
CREATE TABLE `sales_targets` (
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
  `user_id` blob NULL,
  `for_team_id` blob NULL,
  `starts_on` text NOT NULL,
  `length` text NOT NULL,
  `measure` text NOT NULL,
  `amount` integer NULL,
  `amount_currency` text NULL,
  `amount_reporting` integer NULL,
  `count` integer NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `salestarget_deleted_at_id` ON `sales_targets` (`deleted_at`, `id`);
CREATE INDEX `salestarget_owner_id_deleted_at_id` ON `sales_targets` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `salestarget_team_id_deleted_at_id` ON `sales_targets` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `salestarget_partner_id_deleted_at_id` ON `sales_targets` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `salestarget_deleted_at_created_at_id` ON `sales_targets` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `salestarget_owner_id_deleted_at_created_at_id` ON `sales_targets` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `salestarget_deleted_at_updated_at_id` ON `sales_targets` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `salestarget_user_id_deleted_at_id` ON `sales_targets` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `salestarget_for_team_id_deleted_at_id` ON `sales_targets` (`for_team_id`, `deleted_at`, `id`);
CREATE INDEX `salestarget_deleted_at_starts_on_id` ON `sales_targets` (`deleted_at`, `starts_on`, `id`);
CREATE INDEX `salestarget_deleted_at_amount_reporting_id` ON `sales_targets` (`deleted_at`, `amount_reporting`, `id`);
ALTER TABLE `opportunities` ADD COLUMN `closing_rate` text NULL;
CREATE INDEX `opportunity_status_deleted_at_closed_at_id` ON `opportunities` (`status`, `deleted_at`, `closed_at`, `id`);
-- The days of which it is known how forecasts stood, and from which to which day a deal stood in them how.
CREATE TABLE forecast_days (
  day TEXT NOT NULL PRIMARY KEY,
  taken_at datetime NOT NULL
);
CREATE TABLE forecast_stands (
  opportunity_id BLOB NOT NULL,
  from_day TEXT NOT NULL,
  to_day TEXT NOT NULL,
  status TEXT NOT NULL,
  category TEXT NULL,
  close_date TEXT NULL,
  closed_at datetime NULL,
  worth INTEGER NULL,
  currency TEXT NULL,
  expected INTEGER NULL,
  PRIMARY KEY (opportunity_id, from_day)
);
CREATE INDEX forecast_stands_to_day ON forecast_stands (to_day, from_day);
-- For which stays of deals in stages their owners were told that they are stale.
CREATE TABLE stale_notices (
  opportunity_id BLOB NOT NULL,
  stage_entered_at datetime NOT NULL,
  PRIMARY KEY (opportunity_id, stage_entered_at)
);
