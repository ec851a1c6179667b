-- The LMS tables that matter, as the demo, `replay` and the tests create them: a Testpress database as Prisma keeps it in PostgreSQL
-- (names, types, nullability and keys as far as public sources tell). Never run against a real LMS.
CREATE TYPE "MentorHierarchy" AS ENUM ('chief_mentor','class_head','head_mentor','mentor'); -- real enum name/labels UNKNOWN ("field type is a guess")

CREATE TABLE "students" (
  "id" integer NOT NULL PRIMARY KEY,
  "username" text NOT NULL, "password_hash" text,
  "first_name" text, "last_name" text, "display_name" text,
  "email" text,                                    -- nullable, not unique
  "photo" text, "birth_date" text, "address1" text, "address2" text, "city" text, "zip" text, "state" text,
  "phone" text, "created" timestamp(3), "modified" timestamp(3),
  "is_active" boolean NOT NULL,
  "large_image" text, "medium_image" text, "medium_small_image" text, "small_image" text, "x_small_image" text,
  "mini_image" text, "batches_url" text, "gender_code" text, "gender" text, "state_code" text,
  "last_active_date" timestamp(3), "streak" integer, "highest_streak" integer,
  "last_parent_call" timestamp(3), "last_student_call" timestamp(3), "parent_number" text,
  "total_parent_call_count" integer, "total_parent_call_verified" integer,
  "total_student_call_count" integer, "total_student_call_verified" integer);
CREATE UNIQUE INDEX "students_username_key" ON "students"("username");

CREATE TABLE "mentors" (
  "id" serial NOT NULL PRIMARY KEY,
  "username" text NOT NULL, "email" text,          -- email nullable, not unique
  "first_name" text, "last_name" text, "display_name" text, "gender" text, "state" text,
  "created" timestamp(3) NOT NULL, "students_url" text, "students_count" integer NOT NULL,
  "user_id" integer,
  "hierarchy" "MentorHierarchy" NOT NULL,
  "supervisor_email" text,
  "supervisor_id" integer REFERENCES "mentors"("id") ON DELETE SET NULL ON UPDATE CASCADE);
CREATE UNIQUE INDEX "mentors_username_key" ON "mentors"("username");
CREATE UNIQUE INDEX "mentors_user_id_key" ON "mentors"("user_id");

CREATE TABLE "courses" (
  "id" serial NOT NULL PRIMARY KEY, "title" text NOT NULL, "slug" text NOT NULL, "description" text,
  "image_url" text, "is_public" boolean, "created" timestamp(3), "modified" timestamp(3),
  "enable_progressive_lock" boolean, "order_index" integer,
  "chapters_count" integer NOT NULL, "contents_count" integer NOT NULL, "exams_count" integer NOT NULL,
  "videos_count" integer NOT NULL, "attachments_count" integer NOT NULL, "html_contents_count" integer NOT NULL,
  "max_allowed_views_per_video" integer, "max_allowed_watch_minutes" integer, "created_by" integer,
  "video_conferences_count" integer NOT NULL);
CREATE UNIQUE INDEX "courses_slug_key" ON "courses"("slug");

CREATE TABLE "chapters" (
  "id" integer NOT NULL PRIMARY KEY, "order" integer NOT NULL, "name" text NOT NULL, "description" text, "image" text,
  "slug" text NOT NULL, "created" timestamp(3) NOT NULL, "modified" timestamp(3) NOT NULL,
  "required_trophy_count" integer NOT NULL,
  "course_id" integer NOT NULL REFERENCES "courses"("id"), "parent_id" integer REFERENCES "chapters"("id"));
CREATE UNIQUE INDEX "chapters_slug_key" ON "chapters"("slug");

CREATE TABLE "exams" (
  "id" integer NOT NULL PRIMARY KEY, "slug" text NOT NULL, "title" text NOT NULL, "description" text,
  "duration" integer NOT NULL, "enable_ranks" boolean, "mark_per_question" numeric(10,2), "negative_marks" numeric(10,2),
  "number_of_questions" integer NOT NULL, "pass_percentage" integer, "published" boolean, "show_score" boolean,
  "show_percentile" boolean, "show_pass_or_fail" boolean, "total_marks" numeric(10,2),
  "start_date" timestamp(3), "end_date" timestamp(3), "created" timestamp(3) NOT NULL, "modified" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX "exams_slug_key" ON "exams"("slug");

CREATE TABLE "videos" (
  "id" integer NOT NULL PRIMARY KEY, "title" text NOT NULL, "url" text NOT NULL, "description" text, "duration" text,
  "required_watch_duration" numeric(10,4), "is_domain_restricted" boolean NOT NULL, "embed_code" text,
  "course_title" text, "chapter_name" text, "content_created_date" timestamp(3), "totalDuration" integer,
  "transcoded_video" jsonb);

CREATE TABLE "attachments" (
  "id" integer NOT NULL PRIMARY KEY, "title" text NOT NULL, "attachment_url" text NOT NULL, "description" text,
  "is_renderable" boolean NOT NULL, "created" timestamp(3) NOT NULL, "modified" timestamp(3) NOT NULL);

CREATE TABLE "live_streams" (
  "id" serial NOT NULL PRIMARY KEY, "title" text NOT NULL, "stream_url" text, "duration" integer,
  "show_recorded_video" boolean NOT NULL, "status" text NOT NULL, "chat_embed_url" text,
  "created" timestamp(3) NOT NULL, "modified" timestamp(3));

CREATE TABLE "video_conferences" (
  "id" integer NOT NULL PRIMARY KEY, "title" text NOT NULL, "conference_id" text NOT NULL, "start" timestamp(3) NOT NULL,
  "duration" integer NOT NULL, "provider" text NOT NULL, "join_url" text NOT NULL, "password" text, "description" text,
  "access_token" text, "created" timestamp(3) NOT NULL, "modified" timestamp(3),
  "has_recording_expired" boolean NOT NULL, "show_recorded_video" boolean NOT NULL, "state" text NOT NULL);

CREATE TABLE "ChapterContent" (
  "id" integer NOT NULL PRIMARY KEY, "order" integer NOT NULL, "title" text NOT NULL, "free_preview" boolean NOT NULL,
  "url" text NOT NULL, "modified" timestamp(3) NOT NULL, "start" timestamp(3) NOT NULL, "end" timestamp(3),
  "content_type" text NOT NULL, "description" text, "html_content" text, "course_url" text NOT NULL,
  "cover_image" text NOT NULL, "cover_image_medium" text NOT NULL, "cover_image_small" text NOT NULL,
  "tags" text[],
  "examId" integer REFERENCES "exams"("id"), "videoId" integer REFERENCES "videos"("id"),
  "attachmentId" integer REFERENCES "attachments"("id"), "course_id" integer REFERENCES "courses"("id"),
  "video_conference_id" integer REFERENCES "video_conferences"("id"), "live_stream_id" integer REFERENCES "live_streams"("id"));

CREATE TABLE "ChapterToContent" (
  "chapterId" integer NOT NULL REFERENCES "chapters"("id"), "contentId" integer NOT NULL REFERENCES "ChapterContent"("id"),
  "order" integer NOT NULL, CONSTRAINT "ChapterToContent_pkey" PRIMARY KEY ("chapterId","contentId"));

CREATE TABLE "batches" (
  "id" integer NOT NULL PRIMARY KEY, "name" text, "url" text, "created" timestamp(3), "modified" timestamp(3), "is_local" boolean);

CREATE TABLE "attempts" (
  "id" integer NOT NULL PRIMARY KEY,
  "date" timestamp(3),                             -- attempt START, nullable
  "exam_id" integer REFERENCES "exams"("id") ON DELETE SET NULL,
  "user_id" integer REFERENCES "students"("id") ON DELETE SET NULL,
  "email" text, "name" text, "phone" text,
  "correct_answers_count" integer, "incorrect_answers_count" integer, "unanswered_count" integer,
  "score" integer, "percentage" integer, "percentile" double precision,
  "time_taken" text, "remaining_time" text, "result" text, "state" text,
  "last_started_time" timestamp(3), "last_answer_updated_time" timestamp(3), "speed" integer,
  "exam_url" text, "user_url" text, "username" text, "review_pdf_url" text, "institute_attempt_id" integer);
  -- no created/modified/synced_at; no other index is known

CREATE TABLE "user_conferences" (
  "id" serial NOT NULL PRIMARY KEY, "user_id" integer NOT NULL REFERENCES "students"("id"),
  "conference_id" integer NOT NULL REFERENCES "video_conferences"("id"),
  "join_time" timestamp(3), "leave_time" timestamp(3), "duration" integer);

CREATE TABLE "user_live_streams" (
  "id" integer NOT NULL PRIMARY KEY, "user_id" integer NOT NULL,   -- no FK on user_id
  "live_stream_id" integer NOT NULL REFERENCES "live_streams"("id"), "created" timestamp(3) NOT NULL, "modified" timestamp(3));

CREATE TABLE "user_videos" (
  "id" integer NOT NULL PRIMARY KEY, "video_id" integer NOT NULL REFERENCES "videos"("id"),
  "user_id" integer NOT NULL REFERENCES "students"("id"), "created" timestamp(3) NOT NULL,
  "watched_percentage" integer NOT NULL, "remaining_duration" text, "state" text NOT NULL,
  "is_live_class_recording" boolean NOT NULL);

CREATE TABLE "user_video_progress" (
  "id" integer NOT NULL PRIMARY KEY, "user_id" integer NOT NULL REFERENCES "students"("id"),
  "video_id" integer NOT NULL REFERENCES "videos"("id"), "created" timestamp(3),
  "watched_percentage" numeric(65,30), "watchedDuration" integer);

CREATE TABLE "content_attempts" (
  "id" integer NOT NULL PRIMARY KEY,
  "user_id" integer NOT NULL REFERENCES "students"("id"), "course_id" integer NOT NULL REFERENCES "courses"("id"),
  "chapter_id" integer NOT NULL REFERENCES "chapters"("id"),
  "chapter_content_id" integer NOT NULL REFERENCES "ChapterContent"("id"),
  "content_type" text NOT NULL, "state" text NOT NULL, "remaining_time" text,
  "assessment_id" integer REFERENCES "attempts"("id"),
  "user_video_conference_id" integer REFERENCES "user_conferences"("id"),
  "user_video_id" integer REFERENCES "user_videos"("id"),
  "user_live_stream_id" integer REFERENCES "user_live_streams"("id"), "user_content_id" integer,
  "user_attachment_id" integer REFERENCES "attachments"("id"),
  "correct_answers_count" integer, "incorrect_answers_count" integer,
  "created" timestamp(3) NOT NULL, "completed_on" timestamp(3));


CREATE TABLE "_MentorToStudent" ("A" integer NOT NULL, "B" integer NOT NULL, CONSTRAINT "_MentorToStudent_AB_pkey" PRIMARY KEY ("A","B"));
CREATE INDEX "_MentorToStudent_B_index" ON "_MentorToStudent"("B");
ALTER TABLE "_MentorToStudent" ADD CONSTRAINT "_MentorToStudent_A_fkey" FOREIGN KEY ("A") REFERENCES "mentors"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_MentorToStudent" ADD CONSTRAINT "_MentorToStudent_B_fkey" FOREIGN KEY ("B") REFERENCES "students"("id") ON DELETE CASCADE ON UPDATE CASCADE;
CREATE TABLE "_BatchToStudent" ("A" integer NOT NULL, "B" integer NOT NULL, CONSTRAINT "_BatchToStudent_AB_pkey" PRIMARY KEY ("A","B"));
CREATE INDEX "_BatchToStudent_B_index" ON "_BatchToStudent"("B");
ALTER TABLE "_BatchToStudent" ADD CONSTRAINT "_BatchToStudent_A_fkey" FOREIGN KEY ("A") REFERENCES "batches"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_BatchToStudent" ADD CONSTRAINT "_BatchToStudent_B_fkey" FOREIGN KEY ("B") REFERENCES "students"("id") ON DELETE CASCADE ON UPDATE CASCADE;


CREATE TABLE "SyncHistory" (
  "id" text NOT NULL PRIMARY KEY, "type" text NOT NULL, "status" text NOT NULL, "startTime" timestamp(3) NOT NULL,
  "endTime" timestamp(3), "requestedBy" text, "trigger" text, "progress" jsonb, "results" jsonb, "error" text,
  "errorStack" text, "last_called_endpoint" text, "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamp(3) NOT NULL);
CREATE TABLE "sync_schedules" (
  "id" serial NOT NULL PRIMARY KEY, "frequency" text NOT NULL, "startTime" text, "startDate" timestamp(3), "enabled" boolean NOT NULL,
  "weekDays" jsonb, "monthlyOption" text, "dayOfMonth" integer, "dataType" text, "createdBy" text,
  "createdAt" timestamp(3) NOT NULL, "lastUpdated" timestamp(3) NOT NULL, "lastRunAt" timestamp(3), "updatedBy" text);
