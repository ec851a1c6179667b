import { type EpochMicros, formatUtc } from "../model/time.ts";
import { Random } from "./random.ts";

/** A row of the demo LMS in Testpress's column names; times as UTC text without zone, as the LMS stores them. */
export type DemoRow = Readonly<Record<string, string | number | boolean | null>>;

/** One change of the demo LMS, `atS` seconds after the demo began. */
export interface DemoStep {
  readonly atS: number;
  readonly table: string;
  readonly op: "insert" | "update";
  readonly row: DemoRow;
}

export interface Institute {
  /** Inserted before the first poll, in this order: people, courses, exams, contents, and last year's attempts. */
  readonly history: readonly { readonly table: string; readonly row: DemoRow }[];
  /** What students do while the demo runs, ascending by `atS`. */
  readonly timeline: readonly DemoStep[];
  readonly mentors: readonly { readonly id: number; readonly email: string; readonly name: string }[];
}

const FIRST = [
  "Asha",
  "Ravi",
  "Meera",
  "Arjun",
  "Divya",
  "Kiran",
  "Nila",
  "Farhan",
  "Gauri",
  "Imran",
  "Jaya",
  "Lekha",
  "Manu",
  "Omana",
];
const LAST = ["Nair", "Menon", "Das", "Pillai", "Iyer", "Khan", "Varma", "Thomas"];
const SUBJECTS = [
  { course: "Physics", chapters: ["Electrostatics", "Optics"] },
  { course: "Chemistry", chapters: ["Equilibrium", "Organic Basics"] },
];
const QUESTIONS = 45;
const MARKS = 180;

/** Students, mentors, exams and what happens, all invented from `seed`. `now` is when the demo begins. */
export function makeInstitute(
  seed: number,
  now: EpochMicros,
  sizes = { students: 24, mentors: 4, past: 150 },
): Institute {
  const random = new Random(seed);
  const time = (offsetS: number) =>
    formatUtc(now + Math.round(offsetS * 1000) * 1000).replace("T", " ").replace("Z", "");
  const history: { table: string; row: DemoRow }[] = [];
  const add = (table: string, row: DemoRow) => history.push({ table, row });

  const mentors = Array.from({ length: sizes.mentors }, (_, i) => {
    const name = `${random.pick(FIRST)} ${random.pick(LAST)}`;
    return { id: i + 1, email: `mentor${i + 1}@institute.example`, name };
  });
  for (const { id, email, name } of mentors) {
    const [first_name, last_name] = name.split(" ");
    add("mentors", {
      id,
      username: `mentor${id}`,
      email,
      first_name: first_name ?? null,
      last_name: last_name ?? null,
      display_name: name,
      created: time(-1e7),
      students_count: 0,
      user_id: 9000 + id,
      hierarchy: "mentor",
    });
  }
  const students = Array.from({ length: sizes.students }, (_, i) => 7001 + i);
  for (const id of students) {
    const name = `${random.pick(FIRST)} ${random.pick(LAST)}`;
    add("students", {
      id,
      username: `s${id}`,
      display_name: name,
      first_name: name.split(" ")[0] ?? null,
      last_name: name.split(" ")[1] ?? null,
      email: `s${id}@institute.example`,
      is_active: true,
    });
    add("_MentorToStudent", { A: 1 + (id % mentors.length), B: id });
    if (random.chance(0.15)) add("_MentorToStudent", { A: 1 + ((id + 1) % mentors.length), B: id });
  }
  const exams: { id: number; courseId: number; chapterId: number }[] = [];
  const lectures: { id: number; courseId: number; chapterId: number; video: boolean }[] = [];
  SUBJECTS.forEach(({ course, chapters }, c) => {
    const courseId = c + 1;
    add("courses", {
      id: courseId,
      title: course,
      slug: course.toLowerCase(),
      chapters_count: 2,
      contents_count: 6,
      exams_count: 2,
      videos_count: 2,
      attachments_count: 0,
      html_contents_count: 2,
      video_conferences_count: 0,
    });
    chapters.forEach((chapter, n) => {
      const chapterId = courseId * 10 + n;
      add("chapters", {
        id: chapterId,
        order: n,
        name: chapter,
        slug: `${course}-${n}`.toLowerCase(),
        created: time(-1e7),
        modified: time(-1e7),
        required_trophy_count: 0,
        course_id: courseId,
      });
      const examId = 100 + chapterId;
      add("exams", {
        id: examId,
        slug: `exam-${examId}`,
        title: `Rank Test ${chapterId} – ${chapter}`,
        duration: 180,
        number_of_questions: QUESTIONS,
        pass_percentage: 40,
        total_marks: MARKS,
        created: time(-1e7),
        modified: time(-1e7),
      });
      exams.push({ id: examId, courseId, chapterId });
      const contents = [
        { id: chapterId * 10 + 1, title: `${chapter}: Lecture`, type: "Video", video: true },
        { id: chapterId * 10 + 2, title: `${chapter}: Notes`, type: "Notes", video: false },
        { id: chapterId * 10 + 3, title: `Rank Test ${chapterId} – ${chapter}`, type: "Exam", video: false, examId },
      ];
      for (const content of contents) {
        if (content.video) {
          add("videos", {
            id: content.id,
            title: content.title,
            url: "https://v.example/",
            is_domain_restricted: false,
          });
        }
        add("ChapterContent", {
          id: content.id,
          order: content.id % 10,
          title: content.title,
          free_preview: false,
          url: "https://lms.example/",
          modified: time(-1e7),
          start: time(-1e7),
          content_type: content.type,
          course_url: "https://lms.example/",
          cover_image: "",
          cover_image_medium: "",
          cover_image_small: "",
          course_id: courseId,
          examId: content.examId ?? null,
          videoId: content.video ? content.id : null,
        });
        add("ChapterToContent", { chapterId, contentId: content.id, order: content.id % 10 });
        if (content.examId === undefined) lectures.push({ id: content.id, courseId, chapterId, video: content.video });
      }
    });
  });

  let attemptId = 68_000;
  const result = (skill: number) => {
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
  };
  const timeTaken = (seconds: number) =>
    `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:00`;
  for (let i = 0; i < sizes.past; i++) {
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
      ...result(0.6),
    });
  }

  const timeline: DemoStep[] = [];
  const step = (atS: number, table: string, op: DemoStep["op"], row: DemoRow) => timeline.push({ atS, table, op, row });
  let contentAttemptId = 27_000;
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
      exam_id: exams[0]?.id ?? null,
      user_id: student,
      state: "Running",
      last_started_time: started,
    });
    const graded = n % 7 !== 3;
    const marks = result(0.45 + random.next() * 0.4);
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
  return { history, timeline: timeline.sort((a, b) => a.atS - b.atS), mentors };
}
