import { sharedDataFolder } from "../shared_data.ts";

/**
 * Reads one module presentation of the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal 2017, CC BY
 * 4.0) from `../shared/data/oulad`, or any other folder with files of the same format, gzipped or not. Every field is quoted ASCII
 * without commas, quotes or line breaks inside.
 */
export interface OuladModule {
  readonly module: string;
  readonly presentation: string;
  /** Distinct, ascending. */
  readonly students: readonly number[];
  readonly assessments: readonly { readonly id: number; readonly type: string; readonly day: number | null }[];
  readonly sites: readonly { readonly id: number; readonly activityType: string }[];
  /** Submissions of this term; results carried over from an earlier one are left out. `score` null: not marked. */
  readonly submissions: readonly Submission[];
  /** One per (student, site): the first and last day on which the student touched it. */
  readonly visits: readonly Visit[];
  /** By student: the day on which each registered and left again; `null`: not said, stayed to the end. */
  readonly registrations: ReadonlyMap<number, { readonly day: number | null; readonly left: number | null }>;
  /** Work that counts as done, with a result of an earlier term. */
  readonly carriedOver: readonly { readonly assessment: number; readonly student: number }[];
  /** Pass, Fail, Withdrawn or Distinction, by student. */
  readonly results: ReadonlyMap<number, string>;
}

export interface Submission {
  readonly assessment: number;
  readonly student: number;
  readonly day: number;
  readonly score: number | null;
}

export interface Visit {
  readonly student: number;
  readonly site: number;
  readonly firstDay: number;
  readonly lastDay: number;
}

/** A module in one of its terms. */
export interface OuladCourse {
  readonly module: string;
  readonly presentation: string;
}

/** The data folder, or `null` in a plain clone without it. */
export function ouladFolder(): string | null {
  return sharedDataFolder("oulad");
}

/** First days of the presentations, as far as they could be inferred from the data. */
const DAY_ZERO: Readonly<Record<string, string>> = {
  "2013B": "2013-02-02",
  "2013J": "2013-10-05",
  "2014B": "2014-02-01",
  "2014J": "2014-10-04",
};

/** The first day of a presentation; of one that is not known, the first of February or October of its year. */
export function dayZeroOf(presentation: string): string {
  return DAY_ZERO[presentation] ?? `${presentation.slice(0, 4)}-${presentation.endsWith("J") ? "10" : "02"}-01`;
}

/** What the folder holds, by the names of its files of clicks. */
export async function ouladCourses(folder: string): Promise<OuladCourse[]> {
  const found: OuladCourse[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const parts = /^studentVle_([A-Za-z0-9]+)_(\d{4}[A-Z])\.csv(?:\.gz)?$/.exec(name);
    if (parts !== null) found.push({ module: parts[1] ?? "", presentation: parts[2] ?? "" });
  }
  const key = ({ module, presentation }: OuladCourse) => `${module} ${presentation}`;
  return found.sort((a, b) => key(a) < key(b) ? -1 : 1);
}

async function* csv(path: string): AsyncGenerator<string[]> {
  const zipped = await Deno.stat(`${path}.gz`).then(() => true, () => false);
  const { readable } = await Deno.open(zipped ? `${path}.gz` : path);
  const text = (zipped ? readable.pipeThrough(new DecompressionStream("gzip")) : readable)
    .pipeThrough(new TextDecoderStream());
  let rest = "";
  let header = true;
  for await (const chunk of text) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!header) yield fieldsOf(line);
      header = false;
    }
  }
  if (rest !== "") yield fieldsOf(rest);
}

const fieldsOf = (line: string) => line.startsWith('"') ? line.slice(1, -1).split('","') : line.split(",");

const number = (text: string | undefined) => text === undefined || text === "" ? null : Number(text);

function required(text: string | undefined): number {
  const value = number(text);
  if (value === null || Number.isNaN(value)) throw new TypeError(`Cannot read OULAD: "${text}" is not a number`);
  return value;
}

export async function readOuladModule(
  folder: string,
  module: string,
  presentation = "2014B",
): Promise<OuladModule> {
  const ofCourse = (code: string | undefined, term: string | undefined) => code === module && term === presentation;
  const results = new Map<number, string>();
  for await (const [code, term, student, result] of csv(`${folder}/studentInfo.csv`)) {
    if (ofCourse(code, term)) results.set(required(student), result ?? "");
  }
  const registrations = new Map<number, { day: number | null; left: number | null }>();
  for await (const [code, term, student, day, left] of csv(`${folder}/studentRegistration.csv`)) {
    if (ofCourse(code, term)) registrations.set(required(student), { day: number(day), left: number(left) });
  }
  const assessments = [];
  for await (const [code, term, id, type, day] of csv(`${folder}/assessments.csv`)) {
    if (ofCourse(code, term)) assessments.push({ id: required(id), type: type ?? "", day: number(day) });
  }
  const sites = [];
  for await (const [id, code, term, activityType] of csv(`${folder}/vle.csv`)) {
    if (ofCourse(code, term)) sites.push({ id: required(id), activityType: activityType ?? "" });
  }
  const { submissions, carriedOver } = await readSubmissions(folder, new Set(assessments.map(({ id }) => id)));
  return {
    module,
    presentation,
    students: [...results.keys()].sort((a, b) => a - b),
    assessments,
    sites,
    submissions,
    visits: await readVisits(`${folder}/studentVle_${module}_${presentation}.csv`),
    registrations,
    carriedOver,
    results,
  };
}

async function readSubmissions(folder: string, known: ReadonlySet<number>) {
  const submissions: Submission[] = [];
  const carriedOver: { assessment: number; student: number }[] = [];
  for await (const [id, who, day, banked, score] of csv(`${folder}/studentAssessment.csv`)) {
    const assessment = required(id), student = required(who);
    if (!known.has(assessment)) continue;
    if (banked === "1") carriedOver.push({ assessment, student });
    else submissions.push({ assessment, student, day: required(day), score: number(score) });
  }
  return { submissions, carriedOver };
}

async function readVisits(path: string): Promise<Visit[]> {
  const visits = new Map<string, { student: number; site: number; firstDay: number; lastDay: number }>();
  for await (const [, , student, site, dayText] of csv(path)) {
    const key = `${student}/${site}`;
    const day = required(dayText);
    const visit = visits.get(key);
    if (visit === undefined) {
      visits.set(key, { student: required(student), site: required(site), firstDay: day, lastDay: day });
    } else {
      visit.firstDay = Math.min(visit.firstDay, day);
      visit.lastDay = Math.max(visit.lastDay, day);
    }
  }
  return [...visits.values()];
}
