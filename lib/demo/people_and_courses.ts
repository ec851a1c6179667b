import type { Random } from "./random.ts";

/** A row of the demo LMS in Testpress's column names; times as UTC text without zone, as the LMS stores them. */
export type DemoRow = Readonly<Record<string, string | number | boolean | null>>;

/** One change of the demo LMS, `atS` seconds after the demo began. */
export interface DemoStep {
  readonly atS: number;
  readonly table: string;
  readonly op: "insert" | "update";
  readonly row: DemoRow;
}

/** What the parts of an institute are made with. */
export interface Maker {
  readonly random: Random;
  /** So many seconds after the demo began, as the LMS writes it. */
  readonly time: (offsetS: number) => string;
  readonly add: (table: string, row: DemoRow) => void;
  readonly step: (atS: number, table: string, op: DemoStep["op"], row: DemoRow) => void;
}

export interface Exam {
  readonly id: number;
  readonly courseId: number;
  readonly chapterId: number;
}

export interface Lecture extends Exam {
  readonly video: boolean;
}

export interface Mentor {
  readonly id: number;
  readonly email: string;
  readonly name: string;
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
export const QUESTIONS = 45;
export const MARKS = 180;

export function makeMentors({ random, time, add }: Maker, count: number): Mentor[] {
  const mentors = Array.from({ length: count }, (_, i) => {
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
  return mentors;
}

/** Some students have two mentors. */
export function makeStudents({ random, add }: Maker, count: number, mentors: number): number[] {
  const students = Array.from({ length: count }, (_, i) => 7001 + i);
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
    add("_MentorToStudent", { A: 1 + (id % mentors), B: id });
    if (random.chance(0.15)) add("_MentorToStudent", { A: 1 + ((id + 1) % mentors), B: id });
  }
  return students;
}

export function makeCourses(maker: Maker): { readonly exams: Exam[]; readonly lectures: Lecture[] } {
  const exams: Exam[] = [];
  const lectures: Lecture[] = [];
  SUBJECTS.forEach(({ course, chapters }, c) => {
    const courseId = c + 1;
    maker.add("courses", {
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
    chapters.forEach((title, n) => {
      const chapter = { id: courseId * 10 + n, courseId, order: n, title, slug: `${course}-${n}`.toLowerCase() };
      exams.push(makeExam(maker, chapter));
      lectures.push(...makeContents(maker, chapter));
    });
  });
  return { exams, lectures };
}

interface Chapter {
  readonly id: number;
  readonly courseId: number;
  readonly order: number;
  readonly title: string;
  readonly slug: string;
}

/** A chapter and its exam. */
function makeExam({ time, add }: Maker, chapter: Chapter): Exam {
  add("chapters", {
    id: chapter.id,
    order: chapter.order,
    name: chapter.title,
    slug: chapter.slug,
    created: time(-1e7),
    modified: time(-1e7),
    required_trophy_count: 0,
    course_id: chapter.courseId,
  });
  const examId = 100 + chapter.id;
  add("exams", {
    id: examId,
    slug: `exam-${examId}`,
    title: `Rank Test ${chapter.id} – ${chapter.title}`,
    duration: 180,
    number_of_questions: QUESTIONS,
    pass_percentage: 40,
    total_marks: MARKS,
    created: time(-1e7),
    modified: time(-1e7),
  });
  return { id: examId, courseId: chapter.courseId, chapterId: chapter.id };
}

/** The contents of a chapter: a lecture, notes and its exam. Gives those that are no exam. */
function makeContents({ time, add }: Maker, chapter: Chapter): Lecture[] {
  const { id: chapterId, courseId, title } = chapter;
  const lectures: Lecture[] = [];
  const contents = [
    { id: chapterId * 10 + 1, title: `${title}: Lecture`, type: "Video", video: true },
    { id: chapterId * 10 + 2, title: `${title}: Notes`, type: "Notes", video: false },
    {
      id: chapterId * 10 + 3,
      title: `Rank Test ${chapterId} – ${title}`,
      type: "Exam",
      video: false,
      examId: 100 + chapterId,
    },
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
  return lectures;
}
