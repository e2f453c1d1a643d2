-- Files, whose content lies in the blob store, and exports.
CREATE TABLE `files` (
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
  `content_type` text NULL,
  `size` integer NULL,
  `checksum` text NULL,
  `status` text NOT NULL,
  `purpose` text NOT NULL,
  `expires_at` datetime NULL,
  `blob` text NULL,
  `expected_size` integer NULL,
  `expected_checksum` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `file_deleted_at_id` ON `files` (`deleted_at`, `id`);
CREATE INDEX `file_owner_id_deleted_at_id` ON `files` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `file_team_id_deleted_at_id` ON `files` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `file_partner_id_deleted_at_id` ON `files` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `file_deleted_at_created_at_id` ON `files` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `file_owner_id_deleted_at_created_at_id` ON `files` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `file_deleted_at_updated_at_id` ON `files` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `file_deleted_at_name_sort_id` ON `files` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `file_owner_id_deleted_at_name_sort_id` ON `files` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `file_deleted_at_size_id` ON `files` (`deleted_at`, `size`, `id`);
CREATE INDEX `file_deleted_at_expires_at_id` ON `files` (`deleted_at`, `expires_at`, `id`);
CREATE INDEX `file_blob` ON `files` (`blob`);
CREATE TABLE `exports` (
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
  `object` text NOT NULL,
  `format` text NOT NULL,
  `status` text NOT NULL,
  `done` integer NULL,
  `total` integer NULL,
  `columns` text NULL,
  `problem` text NULL,
  `problem_fold` text NULL,
  `started_at` datetime NULL,
  `finished_at` datetime NULL,
  `expires_at` datetime NULL,
  `request` text NULL,
  `attempt` integer NULL,
  `job_id` blob NULL,
  `file_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `exports_files_file` FOREIGN KEY (`file_id`) REFERENCES `files` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `export_deleted_at_id` ON `exports` (`deleted_at`, `id`);
CREATE INDEX `export_owner_id_deleted_at_id` ON `exports` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `export_team_id_deleted_at_id` ON `exports` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `export_partner_id_deleted_at_id` ON `exports` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `export_deleted_at_created_at_id` ON `exports` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `export_owner_id_deleted_at_created_at_id` ON `exports` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `export_deleted_at_updated_at_id` ON `exports` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `export_deleted_at_done_id` ON `exports` (`deleted_at`, `done`, `id`);
CREATE INDEX `export_deleted_at_total_id` ON `exports` (`deleted_at`, `total`, `id`);
CREATE INDEX `export_deleted_at_started_at_id` ON `exports` (`deleted_at`, `started_at`, `id`);
CREATE INDEX `export_deleted_at_finished_at_id` ON `exports` (`deleted_at`, `finished_at`, `id`);
CREATE INDEX `export_deleted_at_expires_at_id` ON `exports` (`deleted_at`, `expires_at`, `id`);
CREATE INDEX `export_job_id_deleted_at` ON `exports` (`job_id`, `deleted_at`);
