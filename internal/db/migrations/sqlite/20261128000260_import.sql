-- Imports, what each of their rows did, and the rows that could not be taken.
CREATE TABLE `import_runs` (
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
  `object` text NOT NULL,
  `mode` text NOT NULL,
  `on_duplicate` text NOT NULL,
  `trial` bool NOT NULL DEFAULT (false),
  `status` text NOT NULL,
  `total` integer NULL,
  `done` integer NULL,
  `created` integer NULL,
  `updated` integer NULL,
  `unchanged` integer NULL,
  `skipped` integer NULL,
  `failed` integer NULL,
  `undone` integer NULL,
  `kept` integer NULL,
  `message` text NULL,
  `message_fold` text NULL,
  `file_id` blob NULL,
  `error_file_id` blob NULL,
  `started_at` datetime NULL,
  `ended_at` datetime NULL,
  `undo_until` datetime NULL,
  `request` text NULL,
  `job_id` blob NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `importrun_deleted_at_id` ON `import_runs` (`deleted_at`, `id`);
CREATE INDEX `importrun_owner_id_deleted_at_id` ON `import_runs` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `importrun_team_id_deleted_at_id` ON `import_runs` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `importrun_partner_id_deleted_at_id` ON `import_runs` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `importrun_deleted_at_created_at_id` ON `import_runs` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `importrun_owner_id_deleted_at_created_at_id` ON `import_runs` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `importrun_deleted_at_updated_at_id` ON `import_runs` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `importrun_deleted_at_name_sort_id` ON `import_runs` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `importrun_owner_id_deleted_at_name_sort_id` ON `import_runs` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `importrun_deleted_at_total_id` ON `import_runs` (`deleted_at`, `total`, `id`);
CREATE INDEX `importrun_deleted_at_done_id` ON `import_runs` (`deleted_at`, `done`, `id`);
CREATE INDEX `importrun_deleted_at_created_id` ON `import_runs` (`deleted_at`, `created`, `id`);
CREATE INDEX `importrun_deleted_at_updated_id` ON `import_runs` (`deleted_at`, `updated`, `id`);
CREATE INDEX `importrun_deleted_at_unchanged_id` ON `import_runs` (`deleted_at`, `unchanged`, `id`);
CREATE INDEX `importrun_deleted_at_skipped_id` ON `import_runs` (`deleted_at`, `skipped`, `id`);
CREATE INDEX `importrun_deleted_at_failed_id` ON `import_runs` (`deleted_at`, `failed`, `id`);
CREATE INDEX `importrun_deleted_at_undone_id` ON `import_runs` (`deleted_at`, `undone`, `id`);
CREATE INDEX `importrun_deleted_at_kept_id` ON `import_runs` (`deleted_at`, `kept`, `id`);
CREATE INDEX `importrun_deleted_at_started_at_id` ON `import_runs` (`deleted_at`, `started_at`, `id`);
CREATE INDEX `importrun_deleted_at_ended_at_id` ON `import_runs` (`deleted_at`, `ended_at`, `id`);
CREATE INDEX `importrun_deleted_at_undo_until_id` ON `import_runs` (`deleted_at`, `undo_until`, `id`);
CREATE INDEX `importrun_job_id_deleted_at` ON `import_runs` (`job_id`, `deleted_at`);
-- What an import did with a row: one line for each record that it made or changed, in the order in which it did.
CREATE TABLE import_rows (
  import_id blob NOT NULL,
  row_no integer NOT NULL,
  n integer NOT NULL,
  record_id blob NOT NULL,
  op text NOT NULL,
  fields text NULL,
  PRIMARY KEY (import_id, row_no, n)
) WITHOUT ROWID;
CREATE INDEX import_rows_record ON import_rows (record_id);
CREATE TABLE import_errors (
  import_id blob NOT NULL,
  row_no integer NOT NULL,
  cells text NULL,
  issues text NOT NULL,
  PRIMARY KEY (import_id, row_no)
) WITHOUT ROWID;
