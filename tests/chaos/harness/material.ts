import { fromInstant } from "../../../lib/model/time.ts";
import { type LmsRow, ouladTerm } from "../../support/replay/oulad_term.ts";
import { ouladFolder, readOuladModule } from "../../support/replay/read_oulad.ts";
import type { Random } from "../../../lib/demo/random.ts";

/** Who studies what, under whom, and what they score: the stuff that the load is made of. */
export interface Material {
  readonly from: string;
  /** Rows of people and catalogue, in an order that satisfies the foreign keys. */
  readonly tables: readonly { readonly table: string; readonly rows: readonly LmsRow[] }[];
  readonly students: readonly number[];
  readonly mentors: readonly { readonly id: number; readonly email: string; readonly name: string }[];
  readonly exams: readonly number[];
  readonly contents: readonly { readonly id: number; readonly live: boolean }[];
  /** The mentors of each student. */
  readonly mentorsOf: ReadonlyMap<number, readonly number[]>;
  /** The next real (or invented) result; `score` null: not marked. */
  nextResult(): { readonly student: number; readonly exam: number; readonly score: number | null };
}

/** From OULAD's module GGG where the data folder is there, else an invented institute of the same shape. */
export async function chaosMaterial(random: Random, students = 400): Promise<Material> {
  const folder = ouladFolder();
  const base = folder === null ? invented(random, students) : await fromOulad(folder, random, students);
  const mentorsOf = new Map<number, number[]>();
  base.students.forEach((student, i) => {
    if (i % 25 === 24) return; // nobody's student: nothing to tell, ends as no_mentor
    const own = 1 + Math.floor(i / 20);
    const count = base.mentors.length;
    mentorsOf.set(student, i % 10 === 3 && count > 1 ? [own, own % count + 1].sort((a, b) => a - b) : [own]);
  });
  const links = [...mentorsOf].flatMap(([student, mentors]) => mentors.map((mentor) => ({ A: mentor, B: student })));
  return {
    ...base,
    mentorsOf,
    tables: [...base.tables.filter(({ table }) => table !== "_MentorToStudent"), {
      table: "_MentorToStudent",
      rows: links,
    }],
  };
}

type Base = Omit<Material, "mentorsOf">;

async function fromOulad(folder: string, random: Random, limit: number): Promise<Base> {
  const data = await readOuladModule(folder, "GGG");
  const chosen = new Set(data.students.slice(0, limit));
  const some = {
    ...data,
    students: data.students.filter((student) => chosen.has(student)),
    submissions: data.submissions.filter(({ student }) => chosen.has(student)),
    visits: [],
  };
  const term = ouladTerm(some, fromInstant(Temporal.Instant.from("2014-02-01T00:00:00Z")));
  const results = shuffled(some.submissions, random);
  let at = 0;
  return {
    from: `OULAD GGG 2014B, ${some.students.length} students, ${results.length} results`,
    tables: term.people,
    students: some.students,
    mentors: term.mentors,
    exams: data.assessments.map(({ id }) => id),
    contents: data.sites.map(({ id, activityType }) => ({
      id,
      live: activityType === "oucollaborate" || activityType === "ouelluminate",
    })),
    nextResult: () => {
      const result = results[at++ % results.length];
      if (result === undefined) throw new RangeError("Cannot draw a result: OULAD has none");
      return { student: result.student, exam: result.assessment, score: result.score };
    },
  };
}

function invented(random: Random, count: number): Base {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const data = {
    module: "XXX",
    presentation: "2014B",
    students: ids,
    assessments: Array.from({ length: 10 }, (_, i) => ({ id: i + 1, type: "TMA", day: i })),
    sites: Array.from({ length: 50 }, (_, i) => ({ id: i + 1, activityType: i % 10 === 0 ? "oucollaborate" : "url" })),
    submissions: [],
    visits: [],
    registrations: new Map(),
    carriedOver: [],
    results: new Map(),
  };
  const term = ouladTerm(data, fromInstant(Temporal.Instant.from("2014-02-01T00:00:00Z")));
  return {
    from: `an invented institute of ${count} students`,
    tables: term.people,
    students: ids,
    mentors: term.mentors,
    exams: data.assessments.map(({ id }) => id),
    contents: data.sites.map(({ id }, i) => ({ id, live: i % 10 === 0 })),
    nextResult: () => ({
      student: random.pick(ids),
      exam: random.int(1, 10),
      score: random.chance(0.03) ? null : random.int(0, 100),
    }),
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.int(0, i);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
