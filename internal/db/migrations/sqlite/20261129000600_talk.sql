-- Team talk: conversations with posts and how far they are read, announcements; plans for contacts; what invitations and skills need.
CREATE TABLE `circles` (
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
  PRIMARY KEY (`id`)
);
CREATE INDEX `circle_deleted_at_id` ON `circles` (`deleted_at`, `id`);
CREATE INDEX `circle_owner_id_deleted_at_id` ON `circles` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `circle_team_id_deleted_at_id` ON `circles` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `circle_partner_id_deleted_at_id` ON `circles` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `circle_deleted_at_created_at_id` ON `circles` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `circle_owner_id_deleted_at_created_at_id` ON `circles` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `circle_deleted_at_updated_at_id` ON `circles` (`deleted_at`, `updated_at`, `id`);
CREATE TABLE `circle_members` (
  `id` blob NOT NULL,
  `version` integer NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `created_by_id` blob NULL,
  `updated_by_id` blob NULL,
  `deleted_at` datetime NULL,
  `user_id` blob NULL,
  `circle_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `circle_members_circles_circle` FOREIGN KEY (`circle_id`) REFERENCES `circles` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `circlemember_deleted_at_id` ON `circle_members` (`deleted_at`, `id`);
CREATE INDEX `circlemember_deleted_at_created_at_id` ON `circle_members` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `circlemember_deleted_at_updated_at_id` ON `circle_members` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `circlemember_circle_id_deleted_at_id` ON `circle_members` (`circle_id`, `deleted_at`, `id`);
CREATE INDEX `circlemember_user_id_deleted_at_id` ON `circle_members` (`user_id`, `deleted_at`, `id`);
CREATE TABLE `conversations` (
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
  `last_post_at` datetime NULL,
  `account_id` blob NULL,
  `contact_id` blob NULL,
  `lead_id` blob NULL,
  `opportunity_id` blob NULL,
  `activity_id` blob NULL,
  `circle_id` blob NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `conversations_accounts_account` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `conversations_contacts_contact` FOREIGN KEY (`contact_id`) REFERENCES `contacts` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `conversations_leads_lead` FOREIGN KEY (`lead_id`) REFERENCES `leads` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `conversations_opportunities_opportunity` FOREIGN KEY (`opportunity_id`) REFERENCES `opportunities` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `conversations_activities_activity` FOREIGN KEY (`activity_id`) REFERENCES `activities` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `conversations_circles_circle` FOREIGN KEY (`circle_id`) REFERENCES `circles` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `conversation_deleted_at_id` ON `conversations` (`deleted_at`, `id`);
CREATE INDEX `conversation_deleted_at_created_at_id` ON `conversations` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `conversation_deleted_at_updated_at_id` ON `conversations` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `conversation_deleted_at_title_sort_id` ON `conversations` (`deleted_at`, `title_sort`, `id`);
CREATE INDEX `conversation_deleted_at_last_post_at_id` ON `conversations` (`deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_account_id_deleted_at_last_post_at_id` ON `conversations` (`account_id`, `deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_contact_id_deleted_at_last_post_at_id` ON `conversations` (`contact_id`, `deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_lead_id_deleted_at_last_post_at_id` ON `conversations` (`lead_id`, `deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_opportunity_id_deleted_at_last_post_at_id` ON `conversations` (`opportunity_id`, `deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_activity_id_deleted_at_last_post_at_id` ON `conversations` (`activity_id`, `deleted_at`, `last_post_at`, `id`);
CREATE INDEX `conversation_circle_id_deleted_at_last_post_at_id` ON `conversations` (`circle_id`, `deleted_at`, `last_post_at`, `id`);
CREATE TABLE `posts` (
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
  `number` integer NOT NULL,
  `text` text NOT NULL,
  `edited_at` datetime NULL,
  `conversation_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `posts_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `post_deleted_at_id` ON `posts` (`deleted_at`, `id`);
CREATE INDEX `post_owner_id_deleted_at_id` ON `posts` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `post_team_id_deleted_at_id` ON `posts` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `post_partner_id_deleted_at_id` ON `posts` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `post_deleted_at_created_at_id` ON `posts` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `post_owner_id_deleted_at_created_at_id` ON `posts` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `post_deleted_at_updated_at_id` ON `posts` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `post_deleted_at_number_id` ON `posts` (`deleted_at`, `number`, `id`);
CREATE INDEX `post_conversation_id_deleted_at_number` ON `posts` (`conversation_id`, `deleted_at`, `number`);
CREATE TABLE `read_marks` (
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
  `number` integer NOT NULL,
  `conversation_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `read_marks_conversations_conversation` FOREIGN KEY (`conversation_id`) REFERENCES `conversations` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `readmark_deleted_at_id` ON `read_marks` (`deleted_at`, `id`);
CREATE INDEX `readmark_owner_id_deleted_at_id` ON `read_marks` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `readmark_team_id_deleted_at_id` ON `read_marks` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `readmark_partner_id_deleted_at_id` ON `read_marks` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `readmark_deleted_at_created_at_id` ON `read_marks` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `readmark_owner_id_deleted_at_created_at_id` ON `read_marks` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `readmark_deleted_at_updated_at_id` ON `read_marks` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `readmark_conversation_id_deleted_at_owner_id` ON `read_marks` (`conversation_id`, `deleted_at`, `owner_id`);
CREATE TABLE `announcements` (
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
  `title` text NOT NULL,
  `title_fold` text NULL,
  `title_sort` blob NULL,
  `body` text NULL,
  `must_read` bool NOT NULL DEFAULT (false),
  `teams` text NULL,
  `roles` text NULL,
  `last_read_at` datetime NULL,
  `ends_at` datetime NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `announcement_deleted_at_id` ON `announcements` (`deleted_at`, `id`);
CREATE INDEX `announcement_owner_id_deleted_at_id` ON `announcements` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `announcement_team_id_deleted_at_id` ON `announcements` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `announcement_partner_id_deleted_at_id` ON `announcements` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `announcement_deleted_at_created_at_id` ON `announcements` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `announcement_owner_id_deleted_at_created_at_id` ON `announcements` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `announcement_deleted_at_updated_at_id` ON `announcements` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `announcement_deleted_at_title_sort_id` ON `announcements` (`deleted_at`, `title_sort`, `id`);
CREATE INDEX `announcement_owner_id_deleted_at_title_sort_id` ON `announcements` (`owner_id`, `deleted_at`, `title_sort`, `id`);
CREATE TABLE `announcement_receipts` (
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
  `read_at` datetime NULL,
  `announcement_id` blob NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `announcement_receipts_announcements_announcement` FOREIGN KEY (`announcement_id`) REFERENCES `announcements` (`id`) ON DELETE NO ACTION
);
CREATE INDEX `announcementreceipt_deleted_at_id` ON `announcement_receipts` (`deleted_at`, `id`);
CREATE INDEX `announcementreceipt_owner_id_deleted_at_id` ON `announcement_receipts` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `announcementreceipt_team_id_deleted_at_id` ON `announcement_receipts` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `announcementreceipt_partner_id_deleted_at_id` ON `announcement_receipts` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `announcementreceipt_deleted_at_created_at_id` ON `announcement_receipts` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `announcementreceipt_owner_id_deleted_at_created_at_id` ON `announcement_receipts` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `announcementreceipt_deleted_at_updated_at_id` ON `announcement_receipts` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `announcementreceipt_announcement_id_deleted_at_read_at_id` ON `announcement_receipts` (`announcement_id`, `deleted_at`, `read_at`, `id`);
CREATE INDEX `announcementreceipt_owner_id_deleted_at_read_at_id` ON `announcement_receipts` (`owner_id`, `deleted_at`, `read_at`, `id`);
CREATE TABLE `contact_plans` (
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
  `every_days` integer NOT NULL,
  `active` bool NOT NULL DEFAULT (true),
  `lifecycle_id` blob NULL,
  `tag_id` blob NULL,
  `customer_type` text NULL,
  `industry` text NULL,
  `industry_fold` text NULL,
  `subject` text NULL,
  `subject_fold` text NULL,
  `last_run_at` datetime NULL,
  `last_count` integer NULL,
  PRIMARY KEY (`id`)
);
CREATE INDEX `contactplan_deleted_at_id` ON `contact_plans` (`deleted_at`, `id`);
CREATE INDEX `contactplan_owner_id_deleted_at_id` ON `contact_plans` (`owner_id`, `deleted_at`, `id`);
CREATE INDEX `contactplan_team_id_deleted_at_id` ON `contact_plans` (`team_id`, `deleted_at`, `id`);
CREATE INDEX `contactplan_partner_id_deleted_at_id` ON `contact_plans` (`partner_id`, `deleted_at`, `id`);
CREATE INDEX `contactplan_deleted_at_created_at_id` ON `contact_plans` (`deleted_at`, `created_at`, `id`);
CREATE INDEX `contactplan_owner_id_deleted_at_created_at_id` ON `contact_plans` (`owner_id`, `deleted_at`, `created_at`, `id`);
CREATE INDEX `contactplan_deleted_at_updated_at_id` ON `contact_plans` (`deleted_at`, `updated_at`, `id`);
CREATE INDEX `contactplan_deleted_at_name_sort_id` ON `contact_plans` (`deleted_at`, `name_sort`, `id`);
CREATE INDEX `contactplan_owner_id_deleted_at_name_sort_id` ON `contact_plans` (`owner_id`, `deleted_at`, `name_sort`, `id`);
CREATE INDEX `contactplan_deleted_at_every_days_id` ON `contact_plans` (`deleted_at`, `every_days`, `id`);
CREATE INDEX `contactplan_lifecycle_id_deleted_at_id` ON `contact_plans` (`lifecycle_id`, `deleted_at`, `id`);
CREATE INDEX `contactplan_tag_id_deleted_at_id` ON `contact_plans` (`tag_id`, `deleted_at`, `id`);
ALTER TABLE `activities` ADD COLUMN `contact_plan_id` blob NULL;
ALTER TABLE `activities` ADD COLUMN `calendar_uid` text NULL;
ALTER TABLE `activities` ADD COLUMN `calendar_sequence` integer NULL;
CREATE INDEX `activity_calendar_uid_owner_id` ON `activities` (`calendar_uid`, `owner_id`);
CREATE INDEX `activity_contact_plan_id_account_id_created_at` ON `activities` (`contact_plan_id`, `account_id`, `created_at`);
ALTER TABLE `activity_participants` ADD COLUMN `invited_at` datetime NULL;
ALTER TABLE `activity_participants` ADD COLUMN `reply_stamp` datetime NULL;
ALTER TABLE `users` ADD COLUMN `skills` text NULL;
