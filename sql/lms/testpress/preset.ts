import type { Preset } from "../preset.ts";

/** What the LMS calls the states that attempts at exams and at contents have in common. */
const STATES = {
  "0": "running",
  "1": "finished",
  "not started": "not_started",
  "started": "running",
  "running": "running",
  "in progress": "running",
  "paused": "running",
  "completed": "finished",
  "did not finish": "finished",
  "pending evaluation": "finished",
  "evaluation completed": "finished",
} as const;

const PERSON_COLUMNS = {
  username: "username",
  email: "email",
  displayName: "display_name",
  firstName: "first_name",
  lastName: "last_name",
} as const;

/**
 * Testpress, as its tables are mirrored by Prisma (mixed-case names and all). The literals are those of its payloads and
 * clients, compared case-insensitively, integers too.
 */
export const testpress = {
  name: "testpress",
  number: 1,
  kinds: {
    assignment: null,
    exam: {
      table: "attempts",
      key: "id",
      version: 1,
      columns: {
        state: "state",
        result: "result",
        studentId: "user_id",
        studentUsername: "username",
        studentName: "name",
        studentEmail: "email",
        activityId: "exam_id",
        startedAt: "date",
        lastStartedAt: "last_started_time",
        finishedAt: "last_answer_updated_time",
        timeTaken: "time_taken",
        score: "score",
        percentage: "percentage",
        correct: "correct_answers_count",
        incorrect: "incorrect_answers_count",
        unanswered: "unanswered_count",
      },
      side: null,
      // Percentile is left out on purpose: it is relative to the cohort and drifts in every row.
      hashed: ["user_id", "exam_id", "state", "result", "score", "percentage"],
      states: { ...STATES, "3": "not_started" }, // 2 is documented nowhere: unknown
      verdicts: { "pass": "pass", "passed": "pass", "fail": "fail", "failed": "fail" },
      ungraded: ["pending evaluation"],
      watchable: { always: [], withSide: [] },
      activity: {
        self: {
          table: "exams",
          key: "id",
          columns: {
            title: "title",
            scoreMax: "total_marks",
            passPercentage: "pass_percentage",
            duration: "duration",
          },
        },
        media: null,
        placement: { table: "ChapterContent", key: "examId", columns: { contentId: "id", courseId: "course_id" } },
        chapterOfContent: { table: "ChapterToContent", key: "contentId", columns: { chapterId: "chapterId" } },
      },
    },
    content: {
      table: "content_attempts",
      key: "id",
      version: 1,
      columns: {
        state: "state",
        studentId: "user_id",
        activityId: "chapter_content_id",
        startedAt: "created",
        finishedAt: "completed_on",
        correct: "correct_answers_count",
        incorrect: "incorrect_answers_count",
        watchedPercentage: "side.watched_percentage",
        contentType: "content_type",
        mirroredExam: "assessment_id",
        courseId: "course_id",
        chapterId: "chapter_id",
        sideId: "user_video_id",
        sideState: "side.state",
        mediaId: "side.video_id",
      },
      side: { table: "user_videos", key: "id", on: "user_video_id" },
      hashed: ["user_id", "chapter_content_id", "content_type", "state", "assessment_id", "side.state"],
      states: { ...STATES, "2": "finished", "3": "finished" },
      verdicts: {},
      ungraded: ["2", "pending evaluation"],
      // A recorded live class is a videoConference with a user video; without one it was attended, not watched.
      watchable: { always: ["video", "livestream"], withSide: ["videoconference"] },
      activity: {
        self: {
          table: "ChapterContent",
          key: "id",
          columns: { title: "title", courseId: "course_id", mediaId: "videoId" },
        },
        media: { table: "videos", key: "id", columns: { title: "title" } },
        placement: null,
        chapterOfContent: null,
      },
    },
  },
  // Nothing says in which courses a student is, or since when; batches and what happens in a course tell.
  context: {
    activities: [{
      kind: "exam",
      table: "exams",
      key: "id",
      columns: { title: "title", opens: "start_date", due: "end_date", course: null },
      times: null,
    }],
    enrolments: "accounts",
  },
  courses: { table: "courses", key: "id", columns: { title: "title" } },
  chapters: { table: "chapters", key: "id", columns: { title: "name", courseId: "course_id" } },
  people: {
    student: {
      table: "students",
      key: "id",
      columns: PERSON_COLUMNS,
      active: "is_active",
    },
    mentor: {
      table: "mentors",
      key: "id", // links hold this local id, never mentors.user_id
      columns: PERSON_COLUMNS,
      active: null,
    },
  },
  // Prisma's implicit m:n tables: A and B are the alphabetical order of the model names; there is no id column.
  links: { table: "_MentorToStudent", mentor: "A", student: "B" },
  batches: { table: "_BatchToStudent", batch: "A", student: "B" },
} satisfies Preset;
