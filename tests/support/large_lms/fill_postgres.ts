import { lmsSchema } from "../../../lib/demo/lms_writer.ts";
import { withPostgres } from "../databases.ts";
import { CONTENTS, COURSES, EXAMS, type LmsShape, MENTORS, OPEN_ROWS, STUDENTS } from "./lms_shape.ts";

/** Statements that fill an empty Testpress database on PostgreSQL; foreign keys are not checked while it is filled. */
export function postgresFill({ attempts, contentAttempts, open }: LmsShape): readonly string[] {
  const running = open ? `i > ${attempts - OPEN_ROWS}` : "false";
  const begun = `timestamp '2024-01-01' + i * interval '1 second' * ${(2 * 365 * 86_400 / attempts).toFixed(6)}`;
  return [
    "set session_replication_role = replica",
    `insert into students (id, username, email, display_name, is_active)
       select i, 'student' || i, 'student' || i || '@noemail.local', 'Student Number ' || i, true
         from generate_series(1, ${STUDENTS}) i`,
    `insert into mentors (id, username, email, display_name, created, students_count, hierarchy)
       select i, 'mentor' || i, 'mentor' || i || '@inst.example', 'Mentor Number ' || i, now(), 50, 'mentor'
         from generate_series(1, ${MENTORS}) i`,
    `insert into "_MentorToStudent" select 1 + i % ${MENTORS}, i from generate_series(1, ${STUDENTS}) i`,
    `insert into "_MentorToStudent" select 1 + (i + 7) % ${MENTORS}, i from generate_series(5, ${STUDENTS}, 5) i`,
    `insert into batches (id, name) select i, 'Batch ' || i from generate_series(1, 20) i`,
    `insert into "_BatchToStudent" select 1 + i % 20, i from generate_series(1, ${STUDENTS}) i`,
    `insert into courses (id, title, slug, chapters_count, contents_count, exams_count, videos_count, attachments_count,
       html_contents_count, video_conferences_count)
       select i, 'Course ' || i, 'course-' || i, 5, 50, 25, 25, 0, 0, 0 from generate_series(1, ${COURSES}) i`,
    `insert into chapters (id, "order", name, slug, created, modified, required_trophy_count, course_id)
       select i, i, 'Chapter ' || i, 'chapter-' || i, now(), now(), 0, 1 + i % ${COURSES} from generate_series(1, 100) i`,
    `insert into exams (id, slug, title, duration, number_of_questions, pass_percentage, total_marks, created, modified)
       select i, 'exam-' || i, 'Weekly test ' || i || ' (JEE)', 180, 45, 40, 180, now(), now() from generate_series(1, ${EXAMS}) i`,
    `insert into videos (id, title, url, is_domain_restricted)
       select i, 'Lecture ' || i, 'https://v.example/' || i, false from generate_series(1, ${CONTENTS}) i`,
    `insert into "ChapterContent" (id, "order", title, free_preview, url, modified, start, content_type, course_url, cover_image,
       cover_image_medium, cover_image_small, "examId", "videoId", course_id)
       select i, i, case when i <= ${EXAMS} then 'Weekly test ' else 'Lecture ' end || i, false, 'u', now(), now(),
         case when i <= ${EXAMS} then 'Exam' else 'Video' end, 'u', 'u', 'u', 'u', case when i <= ${EXAMS} then i end,
         case when i > ${EXAMS} then i end, 1 + i % ${COURSES} from generate_series(1, ${CONTENTS}) i`,
    `insert into "ChapterToContent" select 1 + i % 100, i, i from generate_series(1, ${CONTENTS}) i`,
    `insert into attempts (id, date, exam_id, user_id, correct_answers_count, incorrect_answers_count, unanswered_count, score,
       percentage, percentile, time_taken, remaining_time, result, state, last_started_time, last_answer_updated_time, speed,
       exam_url, user_url, username)
       select i, ${begun}, 1 + i % ${EXAMS}, 1 + (i * 7919) % ${STUDENTS}, i % 46, (i / 46) % 5, 45 - i % 46,
         case when ${running} then 0 else i % 181 end, case when ${running} then 0 else (i % 181) * 100 / 180 end, 50.5,
         '2:47:53.076906', '0:00:00', case when ${running} then null when i % 181 >= 72 then 'Pass' else 'Fail' end,
         case when ${running} then 'Running' else 'Completed' end, ${begun},
         case when ${running} then null else ${begun} + interval '3 hours' end, 0,
         'https://inst.testpress.in/api/v2.5/exams/' || (1 + i % ${EXAMS}) || '/', 'https://inst.testpress.in/api/v2.5/users/',
         'student' || (1 + (i * 7919) % ${STUDENTS})
         from generate_series(1::bigint, ${attempts}) i`,
    `insert into user_videos (id, video_id, user_id, created, watched_percentage, state, is_live_class_recording)
       select i, ${EXAMS} + 1 + i % ${CONTENTS - EXAMS}, 1 + (i * 7919) % ${STUDENTS}, now(), 100, 'Completed', false
         from generate_series(1::bigint, ${contentAttempts}) i`,
    `insert into content_attempts (id, user_id, course_id, chapter_id, chapter_content_id, content_type, state, user_video_id,
       created, completed_on)
       select i, 1 + (i * 7919) % ${STUDENTS}, 1 + i % ${COURSES}, 1 + i % 100, ${EXAMS} + 1 + i % ${CONTENTS - EXAMS},
         'Video', 'Completed', i, ${begun}, ${begun} + interval '1 hour' from generate_series(1::bigint, ${contentAttempts}) i`,
    "reset session_replication_role",
    "vacuum analyze",
  ];
}

export async function fillPostgres(url: string, shape: LmsShape): Promise<void> {
  await withPostgres(url, async (sql) => {
    for (const statement of [...lmsSchema("postgres"), ...postgresFill(shape)]) await sql.unsafe(statement);
  });
}
