import { type EpochMicros, formatUtc } from "../model/time.ts";
import {
  type DemoRow,
  type DemoStep,
  type Exam,
  type Lecture,
  makeCourses,
  makeMentors,
  type Maker,
  makeStudents,
  MARKS,
  type Mentor,
  QUESTIONS,
} from "./people_and_courses.ts";
import { Random } from "./random.ts";

export interface Institute {
  /** Inserted before the first poll, in this order: people, courses, exams, contents, and last year's attempts. */
  readonly history: readonly { readonly table: string; readonly row: DemoRow }[];
  /** What students do while the demo runs, ascending by `atS`. */
  readonly timeline: readonly DemoStep[];
  readonly mentors: readonly Mentor[];
}

/** Students, mentors, exams and what happens, all invented from `seed`. `now` is when the demo begins. */
export function makeInstitute(
  seed: number,
  now: EpochMicros,
  sizes = { students: 24, mentors: 4, past: 150 },
): Institute {
  const history: { table: string; row: DemoRow }[] = [];
  const timeline: DemoStep[] = [];
  const maker: Maker = {
    random: new Random(seed),
    time: (offsetS) => formatUtc(now + Math.round(offsetS * 1000) * 1000).replace("T", " ").replace("Z", ""),
    add: (table, row) => void history.push({ table, row }),
    step: (atS, table, op, row) => void timeline.push({ atS, table, op, row }),
  };
  // The order matters: whoever takes a random number first decides what the others get.
  const mentors = makeMentors(maker, sizes.mentors);
  const students = makeStudents(maker, sizes.students, mentors.length);
  const { exams, lectures } = makeCourses(maker);
  const lastAttemptId = sitPastExams(maker, { exams, students, attempts: sizes.past });
  sitExamToday(maker, { examId: exams[0]?.id ?? null, students, lastAttemptId });
  workThroughLectures(maker, { lectures, students });
  return { history, timeline: timeline.sort((a, b) => a.atS - b.atS), mentors };
}

/** What an attempt of somebody of this skill (0 to 1) ends with. */
function result(random: Random, skill: number) {
  const correct = Math.min(QUESTIONS, Math.max(3, Math.round(QUESTIONS * (skill + (random.next() - 0.5) * 0.4))));
  const incorrect = random.int(0, QUESTIONS - correct);
  const score = correct * 4 - incorrect;
  const percentage = Math.max(0, Math.round((score * 100) / MARKS));
  return {
    correct_answers_count: correct,
    incorrect_answers_count: incorrect,
    unanswered_count: QUESTIONS - correct - incorrect,
    score,
    percentage,
    result: percentage >= 40 ? "Pass" : "Fail",
  };
}

const timeTaken = (seconds: number) =>
  `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:00`;

/** Gives the highest id of an attempt. */
function sitPastExams(
  { random, time, add }: Maker,
  { exams, students, attempts }: {
    readonly exams: readonly Exam[];
    readonly students: readonly number[];
    readonly attempts: number;
  },
): number {
  let attemptId = 68_000;
  for (let i = 0; i < attempts; i++) {
    const startS = -random.int(86_400 * 5, 86_400 * 300);
    const seconds = random.int(1800, 10_800);
    add("attempts", {
      id: ++attemptId,
      date: time(startS),
      exam_id: random.pick(exams).id,
      user_id: random.pick(students),
      state: "Completed",
      time_taken: timeTaken(seconds),
      last_started_time: time(startS),
      last_answer_updated_time: time(startS + seconds),
      ...result(random, 0.6),
    });
  }
  return attemptId;
}

/** Most students sit one exam: some results come later than the exam ends, and some are corrected. */
function sitExamToday(
  { random, time, step }: Maker,
  { examId, students, lastAttemptId }: {
    readonly examId: number | null;
    readonly students: readonly number[];
    readonly lastAttemptId: number;
  },
): void {
  let attemptId = lastAttemptId;
  const sitting = students.filter(() => random.chance(0.6));
  for (const [n, student] of sitting.entries()) {
    const id = ++attemptId;
    const seconds = random.int(3600, 10_800);
    const startsAt = random.next() * 3;
    const endsAt = startsAt + 2 + random.next() * 6;
    const started = time(endsAt - seconds);
    step(startsAt, "attempts", "insert", {
      id,
      date: started,
      exam_id: examId,
      user_id: student,
      state: "Running",
      last_started_time: started,
    });
    const graded = n % 7 !== 3;
    const marks = result(random, 0.45 + random.next() * 0.4);
    const end = { id, state: "Completed", time_taken: timeTaken(seconds), last_answer_updated_time: time(endsAt) };
    step(endsAt, "attempts", "update", graded ? { ...end, ...marks } : { ...end, result: "NA" });
    if (!graded) step(endsAt + 5, "attempts", "update", { id, ...marks });
    if (graded && marks.result === "Fail" && random.chance(0.3)) {
      const score = 73 + random.int(0, 20);
      step(endsAt + 4, "attempts", "update", {
        id,
        score,
        percentage: Math.round((score * 100) / MARKS),
        result: "Pass",
      });
    }
  }
}

/** Many students watch a lecture or read notes. */
function workThroughLectures(
  { random, time, step }: Maker,
  { lectures, students }: { readonly lectures: readonly Lecture[]; readonly students: readonly number[] },
): void {
  let contentAttemptId = 27_000;
  for (const student of students) {
    if (!random.chance(0.7)) continue;
    const lecture = random.pick(lectures);
    const id = ++contentAttemptId;
    const at = random.next() * 10;
    const base = {
      user_id: student,
      course_id: lecture.courseId,
      chapter_id: lecture.chapterId,
      chapter_content_id: lecture.id,
    };
    if (lecture.video) {
      step(at, "user_videos", "insert", {
        id,
        video_id: lecture.id,
        user_id: student,
        created: time(at - 900),
        watched_percentage: 35,
        state: "Started",
        is_live_class_recording: false,
      });
      step(at, "content_attempts", "insert", {
        id,
        ...base,
        content_type: "video",
        state: "Started",
        user_video_id: id,
        created: time(at - 900),
      });
      step(at + 4, "user_videos", "update", { id, watched_percentage: 100, state: "Completed" });
      step(at + 4.5, "content_attempts", "update", { id, state: "Completed", completed_on: time(at + 4) });
    } else {
      step(at, "content_attempts", "insert", {
        id,
        ...base,
        content_type: "notes",
        state: "Completed",
        created: time(at),
        completed_on: time(at),
      });
    }
  }
}
