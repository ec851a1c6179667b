import type { KnownPatternRow, PatternFactRow } from "../../sql/state/patterns.ts";
import { PATTERN_TYPES, type PatternType, type PatternValues } from "../model/pattern_types.ts";
import { median } from "./score.ts";

/** An exam or an assignment. */
export interface DueWork {
  readonly kind: string;
  readonly id: string;
}

/** A pattern that a day has and the days before had not. */
export interface Finding {
  readonly student: string;
  readonly course: string;
  readonly type: PatternType;
  /** How many days before that day it began. */
  readonly sinceDaysAgo: number;
  readonly eventIds: readonly string[];
  /** Work that was due: an exam and an assignment may have the same id. */
  readonly activities: readonly DueWork[];
  readonly values: PatternValues;
}

export interface DayOfPatterns {
  readonly found: readonly Finding[];
  /** Ids of patterns that clearly are no more so. */
  readonly ended: readonly string[];
  /** Ids of missed deadlines whose work has come. */
  readonly withdrawn: readonly string[];
}

/** Nothing of the same sort is found again within so long. */
export const COOL_DOWN_DAYS = 28;

const QUIET_DAYS = 14;
/** A course where half have been idle for so long is on holiday. It also ends: who is back within so long is no longer quiet. */
const HOLIDAY_DAYS = 7;
const MOST_IDLE_DAYS = 28;

const FEWEST_USUAL_DAYS = 3;
const DROPPED_TO = 1 / 3;
const BACK_AT = 1 / 2;

const FEWEST_MARKS = 4;
const FALLING = -0.08;
const NO_LONGER_FALLING = -0.04;
const LOW_RANK = 0.5;
const NO_LONGER_LOW = 0.6;

/** Whether a sort of pattern is there, clearly is not, or neither: what is between keeps what was. */
interface Verdict {
  readonly holds: Omit<Finding, "student" | "course" | "type"> | null;
  readonly over: boolean;
}

const NEITHER: Verdict = { holds: null, over: false };
const NO_VALUES: PatternValues = {
  idle_days: null,
  course_idle_days: null,
  active_days: null,
  usual_active_days: null,
  ranks: null,
  slope: null,
};

/**
 * Judges all students of all courses that the rows are of; the rows of a course must be whole. `known`: patterns found on earlier days
 * that go on or are within the cool-down. Pure.
 */
export function judgePatterns(rows: readonly PatternFactRow[], known: readonly KnownPatternRow[]): DayOfPatterns {
  const before = Map.groupBy(known, keyOf);
  const found: Finding[] = [], ended: string[] = [], withdrawn: string[] = [];
  for (const course of Map.groupBy(rows, ({ course_id }) => course_id).values()) {
    const courseIdle = median(course.map(idleForMedian));
    for (const row of course) {
      const own = before.get(keyOf(row)) ?? [];
      const missed = own.filter(({ type, is_open }) => type === "deadline_missed" && is_open);
      const stillMissed = new Set([...missedWork(row), ...earlierWork(row)].map(workKey));
      const came = missed.filter((pattern) => workOf(pattern).every((work) => !stillMissed.has(workKey(work))));
      withdrawn.push(...came.map(({ pattern_id }) => pattern_id));
      const left = own.filter((pattern) => !came.includes(pattern));
      const verdicts: Readonly<Record<PatternType, Verdict>> = {
        gone_quiet: quiet(row, courseIdle),
        deadline_missed: deadline(row, new Set(missed.flatMap(workOf).map(workKey))),
        engagement_drop: engagement(row),
        performance_drop: performance(row),
      };
      for (const type of PATTERN_TYPES) {
        const { holds, over } = verdicts[type];
        const same = left.filter((pattern) => pattern.type === type);
        if (over) ended.push(...same.filter(({ is_open }) => is_open).map(({ pattern_id }) => pattern_id));
        if (holds === null || blocks(type, same)) continue;
        found.push({ student: row.student_id, course: row.course_id, type, ...holds });
      }
    }
  }
  return { found, ended, withdrawn };
}

/** One that goes on is not found again; a further deadline is one of its own. */
function blocks(type: PatternType, same: readonly KnownPatternRow[]): boolean {
  return same.some(({ days_ago, is_open }) => days_ago < COOL_DOWN_DAYS || (is_open && type !== "deadline_missed"));
}

const keyOf = ({ course_id, student_id }: { readonly course_id: string; readonly student_id: string }) =>
  `${course_id}/${student_id}`;

/** Null: never active, and nobody says since when the student has been here. */
const idleOf = ({ idle_days, here_days }: PatternFactRow) => idle_days ?? here_days;
const idleForMedian = (row: PatternFactRow) => Math.min(MOST_IDLE_DAYS, idleOf(row) ?? MOST_IDLE_DAYS);
const events = (row: PatternFactRow) => row.last_event_id === null ? [] : [row.last_event_id];

function quiet(row: PatternFactRow, courseIdle: number): Verdict {
  const idle = idleOf(row);
  if (idle === null) return NEITHER;
  if (idle < HOLIDAY_DAYS) return { holds: null, over: true };
  if (idle < QUIET_DAYS || courseIdle >= HOLIDAY_DAYS) return NEITHER;
  const values = { ...NO_VALUES, idle_days: idle, course_idle_days: courseIdle };
  return { over: false, holds: { sinceDaysAgo: idle, eventIds: events(row), activities: [], values } };
}

const workKey = ({ kind, id }: DueWork) => `${kind}/${id}`;
const works = (ids: readonly string[], kinds: readonly string[]): DueWork[] =>
  ids.map((id, i) => ({ kind: kinds[i] ?? "exam", id }));
const missedWork = ({ missed_ids, missed_kinds }: PatternFactRow) => works(missed_ids, missed_kinds);
const earlierWork = ({ earlier_ids, earlier_kinds }: PatternFactRow) => works(earlier_ids, earlier_kinds);
const workOf = ({ activity_ids, activity_kinds }: KnownPatternRow) => works(activity_ids, activity_kinds);

/** `told`: work of earlier patterns. */
function deadline(row: PatternFactRow, told: ReadonlySet<string>): Verdict {
  const fresh = missedWork(row).flatMap((work, i) =>
    told.has(workKey(work)) ? [] : [{ work, daysAgo: Number(row.missed_days_ago[i]) }]
  );
  if (fresh.length === 0) return NEITHER;
  const sinceDaysAgo = Math.max(...fresh.map(({ daysAgo }) => daysAgo));
  const activities = fresh.map(({ work }) => work);
  return { over: false, holds: { sinceDaysAgo, eventIds: [], activities, values: NO_VALUES } };
}

const FORTNIGHT = 14;

function engagement(row: PatternFactRow): Verdict {
  const now = row.days_1;
  const usual = median([row.days_2, row.days_3, row.days_4, row.days_5]);
  if (now > usual * BACK_AT) return { holds: null, over: true };
  if (usual < FEWEST_USUAL_DAYS || now > usual * DROPPED_TO) return NEITHER;
  const values = { ...NO_VALUES, active_days: now, usual_active_days: usual };
  return { over: false, holds: { sinceDaysAgo: FORTNIGHT - 1, eventIds: events(row), activities: [], values } };
}

const MILLION = 1_000_000;

function performance({ mark_ranks, mark_event_ids, mark_days_ago }: PatternFactRow): Verdict {
  const ranks = mark_ranks.map((millionths) => Number(millionths) / MILLION);
  const last = ranks.at(-1);
  if (last === undefined || ranks.length < FEWEST_MARKS) return NEITHER;
  const slope = theilSen(ranks);
  if (slope > NO_LONGER_FALLING || last >= NO_LONGER_LOW) return { holds: null, over: true };
  if (slope > FALLING || last >= LOW_RANK) return NEITHER;
  return {
    over: false,
    holds: {
      sinceDaysAgo: Number(mark_days_ago[0] ?? 0),
      eventIds: mark_event_ids,
      activities: [],
      values: { ...NO_VALUES, ranks, slope },
    },
  };
}

/** Digits that hold whatever the order of summing. */
const DIGITS = 6;

/** The median slope of all pairs of values, which one outlier does not turn. */
export function theilSen(values: readonly number[]): number {
  const slopes = values.flatMap((y, j) => values.slice(0, j).map((x, i) => (y - x) / (j - i)));
  return Number(median(slopes).toFixed(DIGITS));
}
