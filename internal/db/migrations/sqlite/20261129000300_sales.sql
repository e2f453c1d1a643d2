-- Products, pipelines with their stages, and deals with all that hangs on them.
CREATE TABLE `product_categories` (
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
  `description` text NULL,
  `parent_id` blob NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `productcategory_deleted_at_id` ON `product_categories` (`deleted_at`, `id`);
CREATE INDEX `productcategory_deleted_at_created_at_id` ON `product_categories` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `productcategory_deleted_at_updated_at_id` ON `product_categories` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `productcategory_deleted_at_name_sort_id` ON `product_categories` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `productcategory_parent_id_deleted_at_id` ON `product_categories` (`parent_id`, `deleted_at`, `id`);
CREATE TABLE `products` (
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
  `sku` text NOT NULL,
  `sku_key` text NULL,
  `description` text NULL,
  `category_id` blob NULL,
  `unit` text NULL,
  `unit_fold` text NULL,
  `list_price` integer NULL,
  `list_price_currency` text NULL,
  `list_price_reporting` integer NULL,
  `active` bool NOT NULL DEFAULT (true),
  PRIMARY KEY (`id`)
);
CREATE INDEX `product_deleted_at_id` ON `products` (`deleted_at`, `id`);
CREATE INDEX `product_deleted_at_created_at_id` ON `products` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `product_deleted_at_updated_at_id` ON `products` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `product_deleted_at_name_sort_id` ON `products` (`deleted_at`, `name_sort`, `id`);
CREATE UNIQUE INDEX `product_sku_key` ON `products` (`sku_key`);
CREATE INDEX `product_category_id_deleted_at_id` ON `products` (`category_id`, `deleted_at`, `id`);
CREATE INDEX `product_deleted_at_list_price_reporting_id` ON `products` (`deleted_at`, `list_price_reporting`, `id`);
CREATE TABLE `pipelines` (
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
  `position` integer NULL,
  `archived` bool NOT NULL DEFAULT (false),
  PRIMARY KEY (`id`)
);
CREATE INDEX `pipeline_deleted_at_id` ON `pipelines` (`deleted_at`, `id`);
CREATE INDEX `pipeline_deleted_at_created_at_id` ON `pipelines` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `pipeline_deleted_at_updated_at_id` ON `pipelines` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `pipeline_deleted_at_name_sort_id` ON `pipelines` (`deleted_at`, `name_sort`, `id`);
CREATE UNIQUE INDEX `pipeline_name_key` ON `pipelines` (`name_key`);
CREATE INDEX `pipeline_deleted_at_position_id` ON `pipelines` (`deleted_at`, `position`, `id`);
CREATE TABLE `stages` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `pipeline_id` blob NOT NULL,
  `name` text NOT NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `position` integer NOT NULL,
  `kind` text NOT NULL,
  `probability` integer NULL,
  `forecast_category` text NULL,
  `stale_after_days` integer NULL,
  `required_fields` text NULL,
  `description` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `stage_deleted_at_id` ON `stages` (`deleted_at`, `id`);
CREATE INDEX `stage_deleted_at_created_at_id` ON `stages` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `stage_deleted_at_updated_at_id` ON `stages` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `stage_pipeline_id_deleted_at_id` ON `stages` (`pipeline_id`, `deleted_at`, `id`);
CREATE INDEX `stage_deleted_at_name_sort_id` ON `stages` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `stage_deleted_at_position_id` ON `stages` (`deleted_at`, `position`, `id`);
CREATE TABLE `opportunities` (
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
  `name` text NOT NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `account_id` blob NOT NULL,
  `pipeline_id` blob NULL,
  `stage_id` blob NULL,
  `status` text NOT NULL,
  `amount` integer NULL,
  `amount_currency` text NULL,
  `amount_reporting` integer NULL,
  `expected_revenue` integer NULL,
  `expected_revenue_currency` text NULL,
  `expected_revenue_reporting` integer NULL,
  `probability` integer NULL,
  `forecast_category` text NULL,
  `close_date` text NULL,
  `type` text NULL,
  `source` text NULL,
  `source_fold` text NULL,
  `campaign` text NULL,
  `campaign_fold` text NULL,
  `next_step` text NULL,
  `next_step_fold` text NULL,
  `reason` text NULL,
  `reason_fold` text NULL,
  `description` text NULL,
  `opened_at` datetime NULL,
  `stage_entered_at` datetime NULL,
  `closed_at` datetime NULL,
  `closed_amount` integer NULL,
  `closed_amount_currency` text NULL,
  `closed_amount_reporting` integer NULL,
  `custom_fields` text NULL,
  `last_activity_at` datetime NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `opportunity_deleted_at_id` ON `opportunities` (`deleted_at`, `id`);
CREATE INDEX `opportunity_owner_id_deleted_at_id` ON `opportunities` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_team_id_deleted_at_id` ON `opportunities` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_partner_id_deleted_at_id` ON `opportunities` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_deleted_at_created_at_id` ON `opportunities` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunity_owner_id_deleted_at_created_at_id` ON `opportunities` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunity_deleted_at_updated_at_id` ON `opportunities` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunity_branch_id_deleted_at_id` ON `opportunities` (`branch_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_territory_id_deleted_at_id` ON `opportunities` (`territory_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_deleted_at_name_sort_id` ON `opportunities` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `opportunity_owner_id_deleted_at_name_sort_id` ON `opportunities` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `opportunity_account_id_deleted_at_id` ON `opportunities` (`account_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_pipeline_id_deleted_at_id` ON `opportunities` (`pipeline_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_stage_id_deleted_at_id` ON `opportunities` (`stage_id`, `deleted_at`, `id`);
CREATE INDEX `opportunity_deleted_at_amount_reporting_id` ON `opportunities` (`deleted_at`, `amount_reporting`, `id`);
CREATE INDEX `opportunity_deleted_at_expected_revenue_reporting_id` ON `opportunities` (`deleted_at`, `expected_revenue_reporting`, `id`);
CREATE INDEX `opportunity_deleted_at_probability_id` ON `opportunities` (`deleted_at`, `probability`, `id`);
CREATE INDEX `opportunity_deleted_at_close_date_id` ON `opportunities` (`deleted_at`, `close_date`, `id`);
CREATE INDEX `opportunity_deleted_at_stage_entered_at_id` ON `opportunities` (`deleted_at`, `stage_entered_at`, `id`);
CREATE INDEX `opportunity_deleted_at_closed_at_id` ON `opportunities` (`deleted_at`, `closed_at`, `id`);
CREATE INDEX `opportunity_deleted_at_last_activity_at_id` ON `opportunities` (`deleted_at`, `last_activity_at`, `id`);
CREATE INDEX `opportunity_status_deleted_at_close_date_id` ON `opportunities` (`status`, `deleted_at`, `close_date`, `id`);
CREATE INDEX `opportunity_account_id_deleted_at_created_at_id` ON `opportunities` (`account_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunity_account_id_deleted_at_closed_at_id` ON `opportunities` (`account_id`, `deleted_at`, `closed_at`, `id`);
CREATE TABLE `opportunity_lines` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `product_id` blob NULL,
  `name` text NULL,
  `name_fold` text NULL,
  `name_sort` blob NULL,
  `quantity` text NULL,
  `unit_price` integer NULL,
  `unit_price_currency` text NULL,
  `unit_price_reporting` integer NULL,
  `discount` text NULL,
  `total` integer NULL,
  `total_currency` text NULL,
  `total_reporting` integer NULL,
  `position` integer NULL,
  `opportunity_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `opportunity_lines_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `opportunityline_deleted_at_id` ON `opportunity_lines` (`deleted_at`, `id`);
CREATE INDEX `opportunityline_deleted_at_created_at_id` ON `opportunity_lines` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunityline_deleted_at_updated_at_id` ON `opportunity_lines` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunityline_opportunity_id_deleted_at_id` ON `opportunity_lines` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `opportunityline_product_id_deleted_at_id` ON `opportunity_lines` (`product_id`, `deleted_at`, `id`);
CREATE INDEX `opportunityline_deleted_at_name_sort_id` ON `opportunity_lines` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `opportunityline_deleted_at_position_id` ON `opportunity_lines` (`deleted_at`, `position`, `id`);
CREATE TABLE `opportunity_contacts` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `role` text NULL,
  `remarks` text NULL,
  `remarks_fold` text NULL,
  `opportunity_id` blob NOT NULL,
  `contact_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `opportunity_contacts_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `opportunity_contacts_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `opportunitycontact_deleted_at_id` ON `opportunity_contacts` (`deleted_at`, `id`);
CREATE INDEX `opportunitycontact_deleted_at_created_at_id` ON `opportunity_contacts` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunitycontact_deleted_at_updated_at_id` ON `opportunity_contacts` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunitycontact_opportunity_id_deleted_at_id` ON `opportunity_contacts` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `opportunitycontact_contact_id_deleted_at_id` ON `opportunity_contacts` (`contact_id`, `deleted_at`, `id`);
CREATE TABLE `opportunity_competitors` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `strengths` text NULL,
  `weaknesses` text NULL,
  `threat` text NULL,
  `result` text NOT NULL,
  `opportunity_id` blob NOT NULL,
  `competitor_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `opportunity_competitors_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `opportunity_competitors_accounts_competitor` FOREIGN KEY (`competitor_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `opportunitycompetitor_deleted_at_id` ON `opportunity_competitors` (`deleted_at`, `id`);
CREATE INDEX `opportunitycompetitor_deleted_at_created_at_id` ON `opportunity_competitors` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunitycompetitor_deleted_at_updated_at_id` ON `opportunity_competitors` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunitycompetitor_opportunity_id_deleted_at_id` ON `opportunity_competitors` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `opportunitycompetitor_competitor_id_deleted_at_id` ON `opportunity_competitors` (`competitor_id`, `deleted_at`, `id`);
CREATE TABLE `opportunity_steps` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `changed` text NULL,
  `at` datetime NOT NULL,
  `from_stage_id` blob NULL,
  `stage_id` blob NULL,
  `seconds_in_stage` integer NULL,
  `amount` integer NULL,
  `amount_currency` text NULL,
  `amount_reporting` integer NULL,
  `expected_revenue` integer NULL,
  `expected_revenue_currency` text NULL,
  `expected_revenue_reporting` integer NULL,
  `probability` integer NULL,
  `close_date` text NULL,
  `forecast_category` text NULL,
  `opportunity_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `opportunity_steps_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `opportunitystep_deleted_at_id` ON `opportunity_steps` (`deleted_at`, `id`);
CREATE INDEX `opportunitystep_deleted_at_created_at_id` ON `opportunity_steps` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `opportunitystep_deleted_at_updated_at_id` ON `opportunity_steps` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `opportunitystep_deleted_at_at_id` ON `opportunity_steps` (`deleted_at`, `at`, `id`);
CREATE INDEX `opportunitystep_opportunity_id_deleted_at_at_id` ON `opportunity_steps` (`opportunity_id`, `deleted_at`, `at`, `id`);
ALTER TABLE `notes` ADD COLUMN `opportunity_id` blob NULL CONSTRAINT `notes_opportunities_opportunity` REFERENCES `opportunities` (`id`) ON DELETE NO ACTION;
ALTER TABLE `leads` ADD COLUMN `converted_opportunity_id` blob NULL;
ALTER TABLE `lifecycle_stages` ADD COLUMN `after_won` bool NOT NULL DEFAULT (false);
CREATE INDEX `lead_converted_opportunity_id_deleted_at_id` ON `leads` (`converted_opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `lead_converted_opportunity_id_deleted_at_converted_at_id` ON `leads` (`converted_opportunity_id`, `deleted_at`, `converted_at`, `id`);
CREATE INDEX `note_opportunity_id_deleted_at_id` ON `notes` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `note_opportunity_id_deleted_at_created_at_id` ON `notes` (`opportunity_id`, `deleted_at`, `created_at`, `id`);
-- The shipped stages of life that winning a deal leads to; what a firm made of them is left alone.
UPDATE `lifecycle_stages` SET `after_won` = true WHERE `name` IN ('First purchase', 'Active', 'Won back') AND `created_by_id` IS NULL;
