import { createHash } from "node:crypto";
import { type EpochMicros, formatUtc } from "../../../lib/model/time.ts";
import type { OuladModule } from "./read_oulad.ts";

/** A row in Testpress's column names. */
export type LmsRow = Readonly<Record<string, string | number | boolean | null>>;

/** What happens in the LMS on one day of the term: rows that appear, and rows that change in place. */
export interface TermDay {
  readonly day: number;
  readonly attempts: { readonly inserts: LmsRow[]; readonly updates: LmsRow[] };
  readonly contentAttempts: { readonly inserts: LmsRow[]; readonly updates: LmsRow[] };
}

/** Counts from the CSV alone, which lmsmon's events must equal. */
export interface TermFacts {
  readonly submissions: number;
  readonly passed: number;
  readonly failed: number;
  readonly unmarked: number;
  readonly contentFinished: number;
  readonly contentWatched: number;
}

export interface Term {
  readonly people: readonly { readonly table: string; readonly rows: readonly LmsRow[] }[];
  readonly days: readonly TermDay[];
  readonly facts: TermFacts;
  readonly mentors: readonly { readonly id: number; readonly email: string; readonly name: string }[];
}

export const DAY_S = 86_400;
const PASS_MARK = 40;
const MENTOR_GROUP = 20;
export const NAVIGATION = new Set(["homepage", "subpage", "sharedsubpage"]);
/** OULAD's activity types as an LMS would name its contents; the README of the data says how they were grouped. */
export const LIVE = new Set(["oucollaborate", "ouelluminate"]);
/** Weights of the hours of a day, evening-heavy; the data has no time of day at all. */
const HOURS = [2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 5, 5, 5, 5, 5, 6, 8, 9, 8, 6, 3];
const HOURS_TOTAL = HOURS.reduce((a, b) => a + b);

/** A deterministic second of the day for a key, by the weights above. */
export function secondOfDay(key: string): number {
  const digest = createHash("sha256").update(key).digest();
  let at = digest.readUInt32BE(0) % HOURS_TOTAL;
  let hour = 0;
  for (const weight of HOURS) {
    if (at < weight) break;
    at -= weight;
    hour++;
  }
  return hour * 3600 + digest.readUInt32BE(4) % 3600;
}

/** Shapes a module as Testpress rows, day by day; `dayZero` is the first day of the presentation. */
export function ouladTerm(data: OuladModule, dayZero: EpochMicros): Term {
  const time = (day: number, second: number) =>
    formatUtc(dayZero + (day * DAY_S + second) * 1_000_000).replace("T", " ").replace("Z", "");
  const days = new Map<number, TermDay>();
  const on = (day: number): TermDay => {
    const found = days.get(day);
    if (found) return found;
    const fresh = { day, attempts: { inserts: [], updates: [] }, contentAttempts: { inserts: [], updates: [] } };
    days.set(day, fresh);
    return fresh;
  };

  const facts = { submissions: 0, passed: 0, failed: 0, unmarked: 0, contentFinished: 0, contentWatched: 0 };
  const types = new Map(data.assessments.map((assessment) => [assessment.id, assessment.type]));
  data.submissions.forEach((submission, index) => {
    const { assessment, student, day, score } = submission;
    const second = secondOfDay(`${student}/${assessment}`);
    const type = types.get(assessment);
    const leadS = type === "CMA" ? 1200 + second % 4200 : type === "Exam" ? 3 * 3600 : (1 + second % 7) * DAY_S;
    const startS = day * DAY_S + second - leadS;
    const started = time(0, startS);
    const passed = score === null ? null : score >= PASS_MARK;
    facts.submissions++;
    if (passed === null) facts.unmarked++;
    else if (passed) facts.passed++;
    else facts.failed++;
    const result = passed === null ? null : passed ? "Pass" : "Fail";
    const base = { id: index + 1, date: started, exam_id: assessment, user_id: student, last_started_time: started };
    const end = {
      state: "Completed",
      score,
      percentage: score,
      result,
      last_answer_updated_time: time(day, second),
      time_taken: `${Math.floor(Math.min(leadS, 10_800) / 3600)}:${
        String(Math.floor(leadS / 60) % 60).padStart(2, "0")
      }:00`,
    };
    const startDay = Math.floor(startS / DAY_S);
    if (startDay < day) {
      on(startDay).attempts.inserts.push({ ...base, state: "Running" });
      on(day).attempts.updates.push({ id: base.id, ...end });
    } else {
      on(day).attempts.inserts.push({ ...base, ...end });
    }
  });

  const activity = new Map(data.sites.map((site) => [site.id, site.activityType]));
  const visits = data.visits.filter((visit) => !NAVIGATION.has(activity.get(visit.site) ?? "homepage"));
  visits.forEach((visit, index) => {
    const live = LIVE.has(activity.get(visit.site) ?? "");
    facts.contentFinished++;
    if (live) facts.contentWatched++;
    const created = time(visit.firstDay, secondOfDay(`${visit.student}/${visit.site}/${visit.firstDay}`));
    const end = {
      state: "Completed",
      completed_on: time(visit.lastDay, secondOfDay(`${visit.student}/${visit.site}/${visit.lastDay}`)),
    };
    const base = {
      id: index + 1,
      user_id: visit.student,
      course_id: 1,
      chapter_id: 1,
      chapter_content_id: visit.site,
      content_type: live ? "live_stream" : "notes",
      created,
    };
    if (visit.firstDay === visit.lastDay) {
      on(visit.lastDay).contentAttempts.inserts.push({ ...base, ...end });
    } else {
      on(visit.firstDay).contentAttempts.inserts.push({ ...base, state: "Started" });
      on(visit.lastDay).contentAttempts.updates.push({ id: base.id, ...end });
    }
  });

  const { people, mentors } = peopleOf(data, time(-60, 0));
  return { people, mentors, facts, days: [...days.values()].sort((a, b) => a.day - b.day) };
}

function peopleOf(data: OuladModule, long_ago: string) {
  const students = [
    ...new Set([...data.students, ...data.visits.map((v) => v.student), ...data.submissions.map((s) => s.student)]),
  ]
    .sort((a, b) => a - b);
  const mentors = Array.from({ length: Math.ceil(students.length / MENTOR_GROUP) }, (_, i) => ({
    id: i + 1,
    email: `mentor${i + 1}@example.invalid`,
    name: `Mentor ${i + 1}`,
  }));
  const rank = new Map<string, number>();
  const people = [
    {
      table: "mentors",
      rows: mentors.map(({ id, email, name }) => ({
        id,
        username: `mentor${id}`,
        email,
        display_name: name,
        created: long_ago,
        students_count: MENTOR_GROUP,
        user_id: null,
        hierarchy: "mentor",
      })),
    },
    {
      table: "students",
      rows: students.map((id) => ({
        id,
        username: `s${id}`,
        display_name: `Student ${id}`,
        email: `s${id}@example.invalid`,
        is_active: true,
      })),
    },
    { table: "_MentorToStudent", rows: students.map((id, i) => ({ A: 1 + Math.floor(i / MENTOR_GROUP), B: id })) },
    {
      table: "courses",
      rows: [{
        id: 1,
        title: `${data.module} ${data.presentation}`,
        slug: "term",
        chapters_count: 1,
        contents_count: data.sites.length,
        exams_count: data.assessments.length,
        videos_count: 0,
        attachments_count: 0,
        html_contents_count: 0,
        video_conferences_count: 0,
      }],
    },
    {
      table: "chapters",
      rows: [{
        id: 1,
        order: 1,
        name: "Term",
        slug: "term",
        created: long_ago,
        modified: long_ago,
        required_trophy_count: 0,
        course_id: 1,
      }],
    },
    {
      table: "exams",
      rows: data.assessments.map(({ id, type }) => {
        rank.set(type, (rank.get(type) ?? 0) + 1);
        return {
          id,
          slug: `a${id}`,
          title: `${data.module} ${type} ${rank.get(type)}`,
          duration: 180,
          number_of_questions: 20,
          pass_percentage: PASS_MARK,
          total_marks: 100,
          created: long_ago,
          modified: long_ago,
        };
      }),
    },
    {
      table: "ChapterContent",
      rows: data.sites.map(({ id, activityType }, order) => ({
        id,
        order,
        title: `${activityType} ${id}`,
        free_preview: false,
        url: "https://lms.example/",
        modified: long_ago,
        start: long_ago,
        content_type: LIVE.has(activityType) ? "Live Stream" : "Notes",
        course_url: "https://lms.example/",
        cover_image: "",
        cover_image_medium: "",
        cover_image_small: "",
        course_id: 1,
      })),
    },
  ];
  return { people, mentors };
}
