-- Activities with who takes part, what reminds of them and how they come back; working calendars, notifications, calendar feeds.
CREATE TABLE `activities` (
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
  `kind` text NOT NULL,
  `subject` text NOT NULL,
  `subject_fold` text NULL,
  `subject_sort` blob NULL,
  `description` text NULL,
  `direction` text NULL,
  `status` text NOT NULL,
  `priority` text NOT NULL,
  `start_at` datetime NULL,
  `end_at` datetime NULL,
  `due_at` datetime NULL,
  `time_zone` text NULL,
  `all_day` bool NOT NULL DEFAULT (false),
  `shows_as_free` bool NOT NULL DEFAULT (false),
  `location` text NULL,
  `location_fold` text NULL,
  `outcome` text NULL,
  `result` text NULL,
  `duration_minutes` integer NULL,
  `completed_at` datetime NULL,
  `completed_by_id` blob NULL,
  `at` datetime NULL,
  `follow_up_of_id` blob NULL,
  `resulted_in_id` blob NULL,
  `recurrence_id` blob NULL,
  `exception_of_id` blob NULL,
  `occurrence` text NULL,
  `custom_fields` text NULL,
  `account_id` blob NULL,
  `contact_id` blob NULL,
  `lead_id` blob NULL,
  `opportunity_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `activities_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `activities_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `activities_leads_lead` FOREIGN KEY (`lead_id`) REFERENCES `leads` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `activities_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `activity_deleted_at_id` ON `activities` (`deleted_at`, `id`);
CREATE INDEX `activity_owner_id_deleted_at_id` ON `activities` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `activity_team_id_deleted_at_id` ON `activities` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `activity_partner_id_deleted_at_id` ON `activities` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `activity_deleted_at_created_at_id` ON `activities` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `activity_owner_id_deleted_at_created_at_id` ON `activities` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `activity_deleted_at_updated_at_id` ON `activities` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `activity_deleted_at_subject_sort_id` ON `activities` (`deleted_at`, `subject_sort`, `id`);
CREATE INDEX `activity_owner_id_deleted_at_subject_sort_id` ON `activities` (`owner_id`, `deleted_at`, `subject_sort`, `id`);
CREATE INDEX `activity_deleted_at_start_at_id` ON `activities` (`deleted_at`, `start_at`, `id`);
CREATE INDEX `activity_deleted_at_end_at_id` ON `activities` (`deleted_at`, `end_at`, `id`);
CREATE INDEX `activity_deleted_at_due_at_id` ON `activities` (`deleted_at`, `due_at`, `id`);
CREATE INDEX `activity_deleted_at_duration_minutes_id` ON `activities` (`deleted_at`, `duration_minutes`, `id`);
CREATE INDEX `activity_deleted_at_completed_at_id` ON `activities` (`deleted_at`, `completed_at`, `id`);
CREATE INDEX `activity_deleted_at_at_id` ON `activities` (`deleted_at`, `at`, `id`);
CREATE INDEX `activity_account_id_deleted_at_id` ON `activities` (`account_id`, `deleted_at`, `id`);
CREATE INDEX `activity_contact_id_deleted_at_id` ON `activities` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `activity_lead_id_deleted_at_id` ON `activities` (`lead_id`, `deleted_at`, `id`);
CREATE INDEX `activity_opportunity_id_deleted_at_id` ON `activities` (`opportunity_id`, `deleted_at`, `id`);
CREATE INDEX `activity_follow_up_of_id_deleted_at_id` ON `activities` (`follow_up_of_id`, `deleted_at`, `id`);
CREATE INDEX `activity_resulted_in_id_deleted_at` ON `activities` (`resulted_in_id`, `deleted_at`);
CREATE INDEX `activity_exception_of_id` ON `activities` (`exception_of_id`);
CREATE INDEX `activity_account_id_deleted_at_at_id` ON `activities` (`account_id`, `deleted_at`, `at`, `id`);
CREATE INDEX `activity_contact_id_deleted_at_at_id` ON `activities` (`contact_id`, `deleted_at`, `at`, `id`);
CREATE INDEX `activity_lead_id_deleted_at_at_id` ON `activities` (`lead_id`, `deleted_at`, `at`, `id`);
CREATE INDEX `activity_opportunity_id_deleted_at_at_id` ON `activities` (`opportunity_id`, `deleted_at`, `at`, `id`);
CREATE INDEX `activity_owner_id_deleted_at_start_at_id` ON `activities` (`owner_id`, `deleted_at`, `start_at`, `id`);
CREATE INDEX `activity_owner_id_deleted_at_due_at_id` ON `activities` (`owner_id`, `deleted_at`, `due_at`, `id`);
CREATE INDEX `activity_recurrence_id_deleted_at_id` ON `activities` (`recurrence_id`, `deleted_at`, `id`);
CREATE INDEX `activity_follow_up_of_id_deleted_at_at_id` ON `activities` (`follow_up_of_id`, `deleted_at`, `at`, `id`);
CREATE TABLE `recurrences` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `rule` text NOT NULL,
  `time_zone` text NOT NULL,
  `first` text NOT NULL,
  `duration_seconds` integer NULL,
  `exclusions` text NULL,
  `last_at` datetime NULL,
  `activity_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `recurrences_activities_activity` FOREIGN KEY (`activity_id`) REFERENCES `activities` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `recurrence_deleted_at_id` ON `recurrences` (`deleted_at`, `id`);
CREATE INDEX `recurrence_deleted_at_created_at_id` ON `recurrences` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `recurrence_deleted_at_updated_at_id` ON `recurrences` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `recurrence_deleted_at_duration_seconds_id` ON `recurrences` (`deleted_at`, `duration_seconds`, `id`);
CREATE INDEX `recurrence_deleted_at_last_at_id` ON `recurrences` (`deleted_at`, `last_at`, `id`);
CREATE INDEX `recurrence_activity_id_deleted_at_last_at_id` ON `recurrences` (`activity_id`, `deleted_at`, `last_at`, `id`);
CREATE TABLE `activity_participants` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `user_id` blob NULL,
  `attendance` text NOT NULL,
  `response` text NOT NULL,
  `responded_at` datetime NULL,
  `at` datetime NULL,
  `activity_id` blob NOT NULL,
  `contact_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `activity_participants_activities_activity` FOREIGN KEY (`activity_id`) REFERENCES `activities` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `activity_participants_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `activityparticipant_deleted_at_id` ON `activity_participants` (`deleted_at`, `id`);
CREATE INDEX `activityparticipant_deleted_at_created_at_id` ON `activity_participants` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `activityparticipant_deleted_at_updated_at_id` ON `activity_participants` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `activityparticipant_activity_id_deleted_at_id` ON `activity_participants` (`activity_id`, `deleted_at`, `id`);
CREATE INDEX `activityparticipant_user_id_deleted_at_id` ON `activity_participants` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `activityparticipant_contact_id_deleted_at_id` ON `activity_participants` (`contact_id`, `deleted_at`, `id`);
CREATE INDEX `activityparticipant_deleted_at_responded_at_id` ON `activity_participants` (`deleted_at`, `responded_at`, `id`);
CREATE INDEX `activityparticipant_deleted_at_at_id` ON `activity_participants` (`deleted_at`, `at`, `id`);
CREATE INDEX `activityparticipant_contact_id_deleted_at_at_id` ON `activity_participants` (`contact_id`, `deleted_at`, `at`, `id`);
CREATE TABLE `reminders` (
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
  `minutes_before` integer NULL,
  `remind_at` datetime NULL,
  `channel` text NOT NULL,
  `due_at` datetime NULL,
  `fired_at` datetime NULL,
  `activity_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `reminders_activities_activity` FOREIGN KEY (`activity_id`) REFERENCES `activities` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `reminder_deleted_at_id` ON `reminders` (`deleted_at`, `id`);
CREATE INDEX `reminder_owner_id_deleted_at_id` ON `reminders` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `reminder_team_id_deleted_at_id` ON `reminders` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `reminder_partner_id_deleted_at_id` ON `reminders` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `reminder_deleted_at_created_at_id` ON `reminders` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `reminder_owner_id_deleted_at_created_at_id` ON `reminders` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `reminder_deleted_at_updated_at_id` ON `reminders` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `reminder_activity_id_deleted_at_id` ON `reminders` (`activity_id`, `deleted_at`, `id`);
CREATE INDEX `reminder_deleted_at_minutes_before_id` ON `reminders` (`deleted_at`, `minutes_before`, `id`);
CREATE INDEX `reminder_deleted_at_remind_at_id` ON `reminders` (`deleted_at`, `remind_at`, `id`);
CREATE INDEX `reminder_deleted_at_due_at_id` ON `reminders` (`deleted_at`, `due_at`, `id`);
CREATE INDEX `reminder_deleted_at_fired_at_id` ON `reminders` (`deleted_at`, `fired_at`, `id`);
CREATE TABLE `working_calendars` (
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
  `user_id` blob NULL,
  `for_team_id` blob NULL,
  `time_zone` text NOT NULL,
  `hours` text NULL,
  `holidays` text NULL,
  `exceptions` text NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `workingcalendar_deleted_at_id` ON `working_calendars` (`deleted_at`, `id`);
CREATE INDEX `workingcalendar_owner_id_deleted_at_id` ON `working_calendars` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `workingcalendar_team_id_deleted_at_id` ON `working_calendars` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `workingcalendar_partner_id_deleted_at_id` ON `working_calendars` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `workingcalendar_deleted_at_created_at_id` ON `working_calendars` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `workingcalendar_owner_id_deleted_at_created_at_id` ON `working_calendars` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `workingcalendar_deleted_at_updated_at_id` ON `working_calendars` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `workingcalendar_deleted_at_name_sort_id` ON `working_calendars` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `workingcalendar_owner_id_deleted_at_name_sort_id` ON `working_calendars` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `workingcalendar_user_id_deleted_at_id` ON `working_calendars` (`user_id`, `deleted_at`, `id`);
CREATE INDEX `workingcalendar_for_team_id_deleted_at_id` ON `working_calendars` (`for_team_id`, `deleted_at`, `id`);
CREATE TABLE `notifications` (
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
  `kind` text NOT NULL,
  `record_id` blob NULL,
  `occurs_at` datetime NULL,
  `read_at` datetime NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `notification_deleted_at_id` ON `notifications` (`deleted_at`, `id`);
CREATE INDEX `notification_owner_id_deleted_at_id` ON `notifications` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `notification_team_id_deleted_at_id` ON `notifications` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `notification_partner_id_deleted_at_id` ON `notifications` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `notification_deleted_at_created_at_id` ON `notifications` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `notification_owner_id_deleted_at_created_at_id` ON `notifications` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `notification_deleted_at_updated_at_id` ON `notifications` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `notification_record_id_deleted_at` ON `notifications` (`record_id`, `deleted_at`);
CREATE INDEX `notification_deleted_at_occurs_at_id` ON `notifications` (`deleted_at`, `occurs_at`, `id`);
CREATE INDEX `notification_deleted_at_read_at_id` ON `notifications` (`deleted_at`, `read_at`, `id`);
CREATE INDEX `notification_owner_id_deleted_at_read_at_id` ON `notifications` (`owner_id`, `deleted_at`, `read_at`, `id`);
ALTER TABLE `notes` ADD COLUMN `activity_id` blob NULL CONSTRAINT `notes_activities_activity` REFERENCES `activities` (`id`) ON DELETE NO ACTION;
CREATE INDEX `note_activity_id_deleted_at_id` ON `notes` (`activity_id`, `deleted_at`, `id`);
CREATE TABLE calendar_feeds (
  user_id BLOB NOT NULL PRIMARY KEY,
  token_hash BLOB NOT NULL,
  created_at datetime NOT NULL
);
CREATE UNIQUE INDEX calendar_feeds_token ON calendar_feeds (token_hash);
