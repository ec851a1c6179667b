/**
 * What a person would write instead of lmsmon: the rows of a first pass shaped by one SELECT per table, for psql's or
 * mariadb's pipe into COPY. Same columns and same values as lmsmon writes (first_poll.ts compares them).
 */

/** Columns of both tables, in the order of the selects. */
export const EVENT_COLUMNS =
  "event_id, source, kind, event_type, stage, attempt_id, incarnation, revision, student_id, student_username, mentor_id, " +
  "mentor_username, mentor_set_id, activity_id, activity_title, attempt_no, course_id, course, chapter_id, chapter, " +
  "content_type, student_batch_ids, activity_metadata, timestamp, timestamp_approximate, origin, change, " +
  "suppressed_reason, mentor_grace_until, poll_id, created_at, zulip_user_id";

export const STATE_COLUMNS =
  "stream_id, row_key, student_id, activity_id, hash, recipe, stage, verdict, score, percentage, revision, is_open, seen_open, last_event_id";

export const postgresEvents = `
  select a.id, 'testpress', 'exam', case a.result when 'Pass' then 'exam_passed' else 'exam_failed' end, 'finished', a.id, 1, 1,
    a.user_id, s.username, m.id, m.username, m.id, a.exam_id, x.title, null, c.course_id, k.title, h.id, h.name, null,
    '{' || b."A" || '}',
    concat('{"graded": true, "verdict": "', lower(a.result), '", "score": ', a.score, ', "score_max": ', trim_scale(x.total_marks),
      ', "percentage": ', a.percentage, ', "pass_percentage": ', x.pass_percentage, ', "correct": ', a.correct_answers_count,
      ', "incorrect": ', a.incorrect_answers_count, ', "unanswered": ', a.unanswered_count, ', "started_at": "',
      to_char(a.date, 'YYYY-MM-DD"T"HH24:MI:SS.US'), 'Z", "time_taken_s": ', trim_scale(extract(epoch from a.time_taken::interval)),
      ', "duration_allowed_s": ', x.duration * 60, ', "watched_percentage": null, "result": "', a.result, '", "state": "', a.state,
      '", "revision": 1, "supersedes": null, "previous": null}'),
    a.last_answer_updated_time at time zone 'UTC', false, 'backfill', null, 'first_contact', null, 1, now(), null
  from attempts a
  left join students s on s.id = a.user_id
  left join exams x on x.id = a.exam_id
  left join (select "B" as student, min("A") as mentor from "_MentorToStudent" group by 1) l on l.student = a.user_id
  left join mentors m on m.id = l.mentor
  left join "_BatchToStudent" b on b."B" = a.user_id
  left join "ChapterContent" c on c."examId" = a.exam_id
  left join courses k on k.id = c.course_id
  left join "ChapterToContent" t on t."contentId" = c.id
  left join chapters h on h.id = t."chapterId"`;

export const postgresStates = `
  select 1, a.id, a.user_id, a.exam_id, hashint8extended(hash_record_extended(row(a.id, a.user_id, a.exam_id,
      a.state collate "C", a.result collate "C", a.score, a.percentage), hashtextextended('exam:' collate "C", 0)), 0), 14001, 2, case a.result when 'Pass' then 1 else 0 end, a.score, a.percentage, 1, false, false, a.id
  from attempts a`;

/** MariaDB's --batch writes NULL as the word, which no text of these tables is. */
export const mariadbEvents = `
  select a.id, 'testpress', 'exam', case a.result when 'Pass' then 'exam_passed' else 'exam_failed' end, 'finished', a.id, 1, 1,
    a.user_id, s.username, m.id, m.username, m.id, a.exam_id, x.title, null, c.course_id, k.title, h.id, h.name, null,
    concat('{', b.\`A\`, '}'),
    concat('{"graded": true, "verdict": "', lower(a.result), '", "score": ', a.score, ', "score_max": ', x.total_marks + 0e0,
      ', "percentage": ', a.percentage, ', "pass_percentage": ', x.pass_percentage, ', "correct": ', a.correct_answers_count,
      ', "incorrect": ', a.incorrect_answers_count, ', "unanswered": ', a.unanswered_count, ', "started_at": "',
      date_format(a.date, '%Y-%m-%dT%H:%i:%S.%f'), 'Z", "time_taken_s": ', time_to_sec(a.time_taken),
      ', "duration_allowed_s": ', x.duration * 60, ', "watched_percentage": null, "result": "', a.result, '", "state": "', a.state,
      '", "revision": 1, "supersedes": null, "previous": null}'),
    concat(a.last_answer_updated_time, '+00'), 'f', 'backfill', null, 'first_contact', null, 1, utc_timestamp(), null
  from attempts a
  left join students s on s.id = a.user_id
  left join exams x on x.id = a.exam_id
  left join (select \`B\` as student, min(\`A\`) as mentor from \`_MentorToStudent\` group by 1) l on l.student = a.user_id
  left join mentors m on m.id = l.mentor
  left join \`_BatchToStudent\` b on b.\`B\` = a.user_id
  left join \`ChapterContent\` c on c.\`examId\` = a.exam_id
  left join courses k on k.id = c.course_id
  left join \`ChapterToContent\` t on t.\`contentId\` = c.id
  left join chapters h on h.id = t.\`chapterId\``;

const mysqlField = (column: string) => `length(a.${column}), ':', a.${column}`;
export const mariadbStates = `
  select 1, a.id, a.user_id, a.exam_id, cast(cast(conv(left(md5(concat_ws('', 'exam:', ${
  ["id", "user_id", "exam_id", "state", "result", "score", "percentage"].map(mysqlField).join(", ")
})), 16), 16, 10) as unsigned) as signed), 12001, 2, case a.result when 'Pass' then 1 else 0 end, a.score, a.percentage, 1, 'f', 'f',
    a.id
  from attempts a`;
