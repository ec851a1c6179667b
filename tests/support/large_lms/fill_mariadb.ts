import { lmsSchema } from "../../../lib/demo/lms_writer.ts";
import { withMysql } from "../databases.ts";
import { CONTENTS, COURSES, EXAMS, type LmsShape, MENTORS, OPEN_ROWS, STUDENTS } from "./lms_shape.ts";

/** Rows per statement: one transaction of InnoDB. */
const PIECE = 500_000;

/** The rows of fill_postgres.ts, in MariaDB's words; needs its sequence engine. */
export function mariadbFill({ attempts, contentAttempts, open }: LmsShape): readonly string[] {
  const running = open ? `seq > ${attempts - OPEN_ROWS}` : "false";
  const begun = `timestampadd(microsecond, seq * ${Math.round(2 * 365 * 86_400_000_000 / attempts)}, '2024-01-01')`;
  const pieces = (rows: number, statement: (from: string) => string) => {
    const found: string[] = [];
    for (let first = 1; first <= rows; first += PIECE) {
      found.push(statement(`seq_${first}_to_${Math.min(first + PIECE - 1, rows)}`));
    }
    return found;
  };
  return [
    "set foreign_key_checks = 0, unique_checks = 0, sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    `insert into students (id, username, email, display_name, is_active)
       select seq, 'student' || seq, 'student' || seq || '@noemail.local', 'Student Number ' || seq, true from seq_1_to_${STUDENTS}`,
    `insert into mentors (id, username, email, display_name, created, students_count, hierarchy)
       select seq, 'mentor' || seq, 'mentor' || seq || '@inst.example', 'Mentor Number ' || seq, now(), 50, 'mentor'
         from seq_1_to_${MENTORS}`,
    `insert into "_MentorToStudent" select 1 + seq % ${MENTORS}, seq from seq_1_to_${STUDENTS}`,
    `insert into "_MentorToStudent" select 1 + (seq + 7) % ${MENTORS}, seq from seq_5_to_${STUDENTS}_step_5`,
    `insert into batches (id, name) select seq, 'Batch ' || seq from seq_1_to_20`,
    `insert into "_BatchToStudent" select 1 + seq % 20, seq from seq_1_to_${STUDENTS}`,
    `insert into courses (id, title, slug, chapters_count, contents_count, exams_count, videos_count, attachments_count,
       html_contents_count, video_conferences_count)
       select seq, 'Course ' || seq, 'course-' || seq, 5, 50, 25, 25, 0, 0, 0 from seq_1_to_${COURSES}`,
    `insert into chapters (id, "order", name, slug, created, modified, required_trophy_count, course_id)
       select seq, seq, 'Chapter ' || seq, 'chapter-' || seq, now(), now(), 0, 1 + seq % ${COURSES} from seq_1_to_100`,
    `insert into exams (id, slug, title, duration, number_of_questions, pass_percentage, total_marks, created, modified)
       select seq, 'exam-' || seq, 'Weekly test ' || seq || ' (JEE)', 180, 45, 40, 180, now(), now() from seq_1_to_${EXAMS}`,
    `insert into videos (id, title, url, is_domain_restricted)
       select seq, 'Lecture ' || seq, 'https://v.example/' || seq, false from seq_1_to_${CONTENTS}`,
    `insert into "ChapterContent" (id, "order", title, free_preview, url, modified, start, content_type, course_url, cover_image,
       cover_image_medium, cover_image_small, "examId", "videoId", course_id)
       select seq, seq, case when seq <= ${EXAMS} then 'Weekly test ' else 'Lecture ' end || seq, false, 'u', now(), now(),
         case when seq <= ${EXAMS} then 'Exam' else 'Video' end, 'u', 'u', 'u', 'u', case when seq <= ${EXAMS} then seq end,
         case when seq > ${EXAMS} then seq end, 1 + seq % ${COURSES} from seq_1_to_${CONTENTS}`,
    `insert into "ChapterToContent" select 1 + seq % 100, seq, seq from seq_1_to_${CONTENTS}`,
    ...pieces(
      attempts,
      (seq) =>
        `insert into attempts (id, date, exam_id, user_id, correct_answers_count, incorrect_answers_count, unanswered_count, score,
       percentage, percentile, time_taken, remaining_time, result, state, last_started_time, last_answer_updated_time, speed,
       exam_url, user_url, username)
       select seq, ${begun}, 1 + seq % ${EXAMS}, 1 + (seq * 7919) % ${STUDENTS}, seq % 46, (seq div 46) % 5, 45 - seq % 46,
         case when ${running} then 0 else seq % 181 end, case when ${running} then 0 else (seq % 181) * 100 div 180 end, 50.5,
         '2:47:53.076906', '0:00:00', case when ${running} then null when seq % 181 >= 72 then 'Pass' else 'Fail' end,
         case when ${running} then 'Running' else 'Completed' end, ${begun},
         case when ${running} then null else ${begun} + interval 3 hour end, 0,
         'https://inst.testpress.in/api/v2.5/exams/' || (1 + seq % ${EXAMS}) || '/', 'https://inst.testpress.in/api/v2.5/users/',
         'student' || (1 + (seq * 7919) % ${STUDENTS}) from ${seq}`,
    ),
    ...pieces(
      contentAttempts,
      (seq) =>
        `insert into user_videos (id, video_id, user_id, created, watched_percentage, state, is_live_class_recording)
       select seq, ${EXAMS} + 1 + seq % ${
          CONTENTS - EXAMS
        }, 1 + (seq * 7919) % ${STUDENTS}, now(), 100, 'Completed', false
         from ${seq}`,
    ),
    ...pieces(
      contentAttempts,
      (seq) =>
        `insert into content_attempts (id, user_id, course_id, chapter_id, chapter_content_id, content_type, state, user_video_id,
       created, completed_on)
       select seq, 1 + (seq * 7919) % ${STUDENTS}, 1 + seq % ${COURSES}, 1 + seq % 100, ${EXAMS} + 1 + seq % ${
          CONTENTS - EXAMS
        },
         'Video', 'Completed', seq, ${begun}, ${begun} + interval 1 hour from ${seq}`,
    ),
    "analyze table attempts, content_attempts, user_videos, students",
  ];
}

export async function fillMariaDb(url: string, shape: LmsShape): Promise<void> {
  await withMysql(url, async (connection) => {
    for (const statement of [...lmsSchema("mysql"), ...mariadbFill(shape)]) await connection.query(statement);
  });
}
