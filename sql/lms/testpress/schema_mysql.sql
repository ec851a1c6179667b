-- The MySQL and MariaDB form of testpress_postgres.sql: same tables, columns and keys; unique texts are varchar, zoneless times datetime(3).
-- Never run against a real LMS.
CREATE TABLE `students` (
  `id` int NOT NULL PRIMARY KEY,
  `username` varchar(255) NOT NULL, `password_hash` text,
  `first_name` text, `last_name` text, `display_name` text,
  `email` text,
  `photo` text, `birth_date` text, `address1` text, `address2` text, `city` text, `zip` text, `state` text,
  `phone` text, `created` datetime(3), `modified` datetime(3),
  `is_active` tinyint(1) NOT NULL,
  `large_image` text, `medium_image` text, `medium_small_image` text, `small_image` text, `x_small_image` text,
  `mini_image` text, `batches_url` text, `gender_code` text, `gender` text, `state_code` text,
  `last_active_date` datetime(3), `streak` int, `highest_streak` int,
  `last_parent_call` datetime(3), `last_student_call` datetime(3), `parent_number` text,
  `total_parent_call_count` int, `total_parent_call_verified` int,
  `total_student_call_count` int, `total_student_call_verified` int) CHARACTER SET utf8mb4;
CREATE UNIQUE INDEX `students_username_key` ON `students`(`username`);

CREATE TABLE `mentors` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `username` varchar(255) NOT NULL, `email` text,
  `first_name` text, `last_name` text, `display_name` text, `gender` text, `state` text,
  `created` datetime(3) NOT NULL, `students_url` text, `students_count` int NOT NULL,
  `user_id` int,
  `hierarchy` varchar(32) NOT NULL,
  `supervisor_email` text,
  `supervisor_id` int,
  CONSTRAINT `mentors_supervisor_id_fkey` FOREIGN KEY (`supervisor_id`) REFERENCES `mentors`(`id`) ON DELETE SET NULL ON UPDATE CASCADE) CHARACTER SET utf8mb4;
CREATE UNIQUE INDEX `mentors_username_key` ON `mentors`(`username`);
CREATE UNIQUE INDEX `mentors_user_id_key` ON `mentors`(`user_id`);

CREATE TABLE `courses` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `title` text NOT NULL, `slug` varchar(255) NOT NULL, `description` text,
  `image_url` text, `is_public` tinyint(1), `created` datetime(3), `modified` datetime(3),
  `enable_progressive_lock` tinyint(1), `order_index` int,
  `chapters_count` int NOT NULL, `contents_count` int NOT NULL, `exams_count` int NOT NULL,
  `videos_count` int NOT NULL, `attachments_count` int NOT NULL, `html_contents_count` int NOT NULL,
  `max_allowed_views_per_video` int, `max_allowed_watch_minutes` int, `created_by` int,
  `video_conferences_count` int NOT NULL) CHARACTER SET utf8mb4;
CREATE UNIQUE INDEX `courses_slug_key` ON `courses`(`slug`);

CREATE TABLE `chapters` (
  `id` int NOT NULL PRIMARY KEY, `order` int NOT NULL, `name` text NOT NULL, `description` text, `image` text,
  `slug` varchar(255) NOT NULL, `created` datetime(3) NOT NULL, `modified` datetime(3) NOT NULL,
  `required_trophy_count` int NOT NULL,
  `course_id` int NOT NULL, `parent_id` int,
  CONSTRAINT `chapters_course_id_fkey` FOREIGN KEY (`course_id`) REFERENCES `courses`(`id`),
  CONSTRAINT `chapters_parent_id_fkey` FOREIGN KEY (`parent_id`) REFERENCES `chapters`(`id`)) CHARACTER SET utf8mb4;
CREATE UNIQUE INDEX `chapters_slug_key` ON `chapters`(`slug`);

CREATE TABLE `exams` (
  `id` int NOT NULL PRIMARY KEY, `slug` varchar(255) NOT NULL, `title` text NOT NULL, `description` text,
  `duration` int NOT NULL, `enable_ranks` tinyint(1), `mark_per_question` numeric(10,2), `negative_marks` numeric(10,2),
  `number_of_questions` int NOT NULL, `pass_percentage` int, `published` tinyint(1), `show_score` tinyint(1),
  `show_percentile` tinyint(1), `show_pass_or_fail` tinyint(1), `total_marks` numeric(10,2),
  `start_date` datetime(3), `end_date` datetime(3), `created` datetime(3) NOT NULL, `modified` datetime(3) NOT NULL) CHARACTER SET utf8mb4;
CREATE UNIQUE INDEX `exams_slug_key` ON `exams`(`slug`);

CREATE TABLE `videos` (
  `id` int NOT NULL PRIMARY KEY, `title` text NOT NULL, `url` text NOT NULL, `description` text, `duration` text,
  `required_watch_duration` numeric(10,4), `is_domain_restricted` tinyint(1) NOT NULL, `embed_code` text,
  `course_title` text, `chapter_name` text, `content_created_date` datetime(3), `totalDuration` int,
  `transcoded_video` json) CHARACTER SET utf8mb4;

CREATE TABLE `attachments` (
  `id` int NOT NULL PRIMARY KEY, `title` text NOT NULL, `attachment_url` text NOT NULL, `description` text,
  `is_renderable` tinyint(1) NOT NULL, `created` datetime(3) NOT NULL, `modified` datetime(3) NOT NULL) CHARACTER SET utf8mb4;

CREATE TABLE `live_streams` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `title` text NOT NULL, `stream_url` text, `duration` int,
  `show_recorded_video` tinyint(1) NOT NULL, `status` text NOT NULL, `chat_embed_url` text,
  `created` datetime(3) NOT NULL, `modified` datetime(3)) CHARACTER SET utf8mb4;

CREATE TABLE `video_conferences` (
  `id` int NOT NULL PRIMARY KEY, `title` text NOT NULL, `conference_id` text NOT NULL, `start` datetime(3) NOT NULL,
  `duration` int NOT NULL, `provider` text NOT NULL, `join_url` text NOT NULL, `password` text, `description` text,
  `access_token` text, `created` datetime(3) NOT NULL, `modified` datetime(3),
  `has_recording_expired` tinyint(1) NOT NULL, `show_recorded_video` tinyint(1) NOT NULL, `state` text NOT NULL) CHARACTER SET utf8mb4;

CREATE TABLE `ChapterContent` (
  `id` int NOT NULL PRIMARY KEY, `order` int NOT NULL, `title` text NOT NULL, `free_preview` tinyint(1) NOT NULL,
  `url` text NOT NULL, `modified` datetime(3) NOT NULL, `start` datetime(3) NOT NULL, `end` datetime(3),
  `content_type` text NOT NULL, `description` text, `html_content` text, `course_url` text NOT NULL,
  `cover_image` text NOT NULL, `cover_image_medium` text NOT NULL, `cover_image_small` text NOT NULL,
  `tags` json,
  `examId` int, `videoId` int,
  `attachmentId` int, `course_id` int,
  `video_conference_id` int, `live_stream_id` int,
  CONSTRAINT `ChapterContent_examId_fkey` FOREIGN KEY (`examId`) REFERENCES `exams`(`id`),
  CONSTRAINT `ChapterContent_videoId_fkey` FOREIGN KEY (`videoId`) REFERENCES `videos`(`id`),
  CONSTRAINT `ChapterContent_attachmentId_fkey` FOREIGN KEY (`attachmentId`) REFERENCES `attachments`(`id`),
  CONSTRAINT `ChapterContent_course_id_fkey` FOREIGN KEY (`course_id`) REFERENCES `courses`(`id`),
  CONSTRAINT `ChapterContent_video_conference_id_fkey` FOREIGN KEY (`video_conference_id`) REFERENCES `video_conferences`(`id`),
  CONSTRAINT `ChapterContent_live_stream_id_fkey` FOREIGN KEY (`live_stream_id`) REFERENCES `live_streams`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `ChapterToContent` (
  `chapterId` int NOT NULL, `contentId` int NOT NULL,
  `order` int NOT NULL, CONSTRAINT `ChapterToContent_pkey` PRIMARY KEY (`chapterId`,`contentId`),
  CONSTRAINT `ChapterToContent_chapterId_fkey` FOREIGN KEY (`chapterId`) REFERENCES `chapters`(`id`),
  CONSTRAINT `ChapterToContent_contentId_fkey` FOREIGN KEY (`contentId`) REFERENCES `ChapterContent`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `batches` (
  `id` int NOT NULL PRIMARY KEY, `name` text, `url` text, `created` datetime(3), `modified` datetime(3), `is_local` tinyint(1)) CHARACTER SET utf8mb4;

CREATE TABLE `attempts` (
  `id` int NOT NULL PRIMARY KEY,
  `date` datetime(3),
  `exam_id` int,
  `user_id` int,
  `email` text, `name` text, `phone` text,
  `correct_answers_count` int, `incorrect_answers_count` int, `unanswered_count` int,
  `score` int, `percentage` int, `percentile` double,
  `time_taken` text, `remaining_time` text, `result` text, `state` text,
  `last_started_time` datetime(3), `last_answer_updated_time` datetime(3), `speed` int,
  `exam_url` text, `user_url` text, `username` text, `review_pdf_url` text, `institute_attempt_id` int,
  CONSTRAINT `attempts_exam_id_fkey` FOREIGN KEY (`exam_id`) REFERENCES `exams`(`id`) ON DELETE SET NULL,
  CONSTRAINT `attempts_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `students`(`id`) ON DELETE SET NULL) CHARACTER SET utf8mb4;


CREATE TABLE `user_conferences` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `user_id` int NOT NULL,
  `conference_id` int NOT NULL,
  `join_time` datetime(3), `leave_time` datetime(3), `duration` int,
  CONSTRAINT `user_conferences_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `students`(`id`),
  CONSTRAINT `user_conferences_conference_id_fkey` FOREIGN KEY (`conference_id`) REFERENCES `video_conferences`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `user_live_streams` (
  `id` int NOT NULL PRIMARY KEY, `user_id` int NOT NULL,
  `live_stream_id` int NOT NULL, `created` datetime(3) NOT NULL, `modified` datetime(3),
  CONSTRAINT `user_live_streams_live_stream_id_fkey` FOREIGN KEY (`live_stream_id`) REFERENCES `live_streams`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `user_videos` (
  `id` int NOT NULL PRIMARY KEY, `video_id` int NOT NULL,
  `user_id` int NOT NULL, `created` datetime(3) NOT NULL,
  `watched_percentage` int NOT NULL, `remaining_duration` text, `state` text NOT NULL,
  `is_live_class_recording` tinyint(1) NOT NULL,
  CONSTRAINT `user_videos_video_id_fkey` FOREIGN KEY (`video_id`) REFERENCES `videos`(`id`),
  CONSTRAINT `user_videos_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `students`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `user_video_progress` (
  `id` int NOT NULL PRIMARY KEY, `user_id` int NOT NULL,
  `video_id` int NOT NULL, `created` datetime(3),
  `watched_percentage` decimal(65,30), `watchedDuration` int,
  CONSTRAINT `user_video_progress_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `students`(`id`),
  CONSTRAINT `user_video_progress_video_id_fkey` FOREIGN KEY (`video_id`) REFERENCES `videos`(`id`)) CHARACTER SET utf8mb4;

CREATE TABLE `content_attempts` (
  `id` int NOT NULL PRIMARY KEY,
  `user_id` int NOT NULL, `course_id` int NOT NULL,
  `chapter_id` int NOT NULL,
  `chapter_content_id` int NOT NULL,
  `content_type` text NOT NULL, `state` text NOT NULL, `remaining_time` text,
  `assessment_id` int,
  `user_video_conference_id` int,
  `user_video_id` int,
  `user_live_stream_id` int, `user_content_id` int,
  `user_attachment_id` int,
  `correct_answers_count` int, `incorrect_answers_count` int,
  `created` datetime(3) NOT NULL, `completed_on` datetime(3),
  CONSTRAINT `content_attempts_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `students`(`id`),
  CONSTRAINT `content_attempts_course_id_fkey` FOREIGN KEY (`course_id`) REFERENCES `courses`(`id`),
  CONSTRAINT `content_attempts_chapter_id_fkey` FOREIGN KEY (`chapter_id`) REFERENCES `chapters`(`id`),
  CONSTRAINT `content_attempts_chapter_content_id_fkey` FOREIGN KEY (`chapter_content_id`) REFERENCES `ChapterContent`(`id`),
  CONSTRAINT `content_attempts_assessment_id_fkey` FOREIGN KEY (`assessment_id`) REFERENCES `attempts`(`id`),
  CONSTRAINT `content_attempts_user_video_conference_id_fkey` FOREIGN KEY (`user_video_conference_id`) REFERENCES `user_conferences`(`id`),
  CONSTRAINT `content_attempts_user_video_id_fkey` FOREIGN KEY (`user_video_id`) REFERENCES `user_videos`(`id`),
  CONSTRAINT `content_attempts_user_live_stream_id_fkey` FOREIGN KEY (`user_live_stream_id`) REFERENCES `user_live_streams`(`id`),
  CONSTRAINT `content_attempts_user_attachment_id_fkey` FOREIGN KEY (`user_attachment_id`) REFERENCES `attachments`(`id`)) CHARACTER SET utf8mb4;


CREATE TABLE `_MentorToStudent` (`A` int NOT NULL, `B` int NOT NULL, CONSTRAINT `_MentorToStudent_AB_pkey` PRIMARY KEY (`A`,`B`)) CHARACTER SET utf8mb4;
CREATE INDEX `_MentorToStudent_B_index` ON `_MentorToStudent`(`B`);
ALTER TABLE `_MentorToStudent` ADD CONSTRAINT `_MentorToStudent_A_fkey` FOREIGN KEY (`A`) REFERENCES `mentors`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE `_MentorToStudent` ADD CONSTRAINT `_MentorToStudent_B_fkey` FOREIGN KEY (`B`) REFERENCES `students`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
CREATE TABLE `_BatchToStudent` (`A` int NOT NULL, `B` int NOT NULL, CONSTRAINT `_BatchToStudent_AB_pkey` PRIMARY KEY (`A`,`B`)) CHARACTER SET utf8mb4;
CREATE INDEX `_BatchToStudent_B_index` ON `_BatchToStudent`(`B`);
ALTER TABLE `_BatchToStudent` ADD CONSTRAINT `_BatchToStudent_A_fkey` FOREIGN KEY (`A`) REFERENCES `batches`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE `_BatchToStudent` ADD CONSTRAINT `_BatchToStudent_B_fkey` FOREIGN KEY (`B`) REFERENCES `students`(`id`) ON DELETE CASCADE ON UPDATE CASCADE;


CREATE TABLE `SyncHistory` (
  `id` varchar(191) NOT NULL PRIMARY KEY, `type` text NOT NULL, `status` text NOT NULL, `startTime` datetime(3) NOT NULL,
  `endTime` datetime(3), `requestedBy` text, `trigger` text, `progress` json, `results` json, `error` text,
  `errorStack` text, `last_called_endpoint` text, `createdAt` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), `updatedAt` datetime(3) NOT NULL) CHARACTER SET utf8mb4;
CREATE TABLE `sync_schedules` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY, `frequency` text NOT NULL, `startTime` text, `startDate` datetime(3), `enabled` tinyint(1) NOT NULL,
  `weekDays` json, `monthlyOption` text, `dayOfMonth` int, `dataType` text, `createdBy` text,
  `createdAt` datetime(3) NOT NULL, `lastUpdated` datetime(3) NOT NULL, `lastRunAt` datetime(3), `updatedBy` text) CHARACTER SET utf8mb4;
