import { sharedDataFolder } from "../shared_data.ts";

/**
 * Reads one module presentation of the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal 2017, CC BY
 * 4.0) from `../shared/data/oulad`, or any other folder with files of the same format, gzipped or not: split by module, as there, or
 * whole, as it is published. Columns are found by their names. No field has a comma, a quote or a line break inside.
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

/** All clicks in one file, as the data set is published. */
const ALL_CLICKS = "studentVle.csv";
const clicksOf = (module: string, presentation: string) => `studentVle_${module}_${presentation}.csv`;
const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);
const hasFile = async (path: string) => await isThere(path) || await isThere(`${path}.gz`);

/** What the folder holds: by the names of its files of clicks, or all courses where one file has the clicks of all. */
export async function ouladCourses(folder: string): Promise<OuladCourse[]> {
  const found = new Map<string, OuladCourse>();
  const add = (module: string, presentation: string) =>
    found.set(`${module} ${presentation}`, { module, presentation });
  for await (const { name } of Deno.readDir(folder)) {
    const [, module, presentation] = /^studentVle_([A-Za-z0-9]+)_(\d{4}[A-Z])\.csv(?:\.gz)?$/.exec(name) ?? [];
    if (module !== undefined && presentation !== undefined) add(module, presentation);
  }
  if (await hasFile(`${folder}/${ALL_CLICKS}`)) {
    for await (const [module = "", presentation = ""] of csv(`${folder}/courses.csv`, COURSE)) {
      add(module, presentation);
    }
  }
  return [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([, course]) => course);
}

/** Those that are named (`BBB`: in all its terms; `BBB_2013J`; `null`: all), which of the names are of none, and what the folder holds. */
export async function chosenCourses(
  folder: string,
  names: string | null,
): Promise<{ readonly courses: readonly OuladCourse[]; readonly missing: readonly string[]; readonly there: string }> {
  const all = await ouladCourses(folder);
  const wanted = names?.split(",").map((name) => name.trim().replace("_", " ")) ?? null;
  const isOf = (name: string) => ({ module, presentation }: OuladCourse) =>
    name === module || name === `${module} ${presentation}`;
  return {
    courses: all.filter((course) => wanted === null || wanted.some((name) => isOf(name)(course))),
    missing: wanted?.filter((name) => !all.some(isOf(name))) ?? [],
    there: all.map(({ module, presentation }) => `${module} ${presentation}`).join(", ") ||
      `neither studentVle_MODULE_TERM.csv nor ${ALL_CLICKS}`,
  };
}

/** The wanted columns of each row, in the wanted order. */
async function* csv(path: string, columns: readonly string[]): AsyncGenerator<string[]> {
  const zipped = await isThere(`${path}.gz`);
  const { readable } = await Deno.open(zipped ? `${path}.gz` : path);
  const text = (zipped ? readable.pipeThrough(new DecompressionStream("gzip")) : readable)
    .pipeThrough(new TextDecoderStream());
  let rest = "";
  let places: number[] | null = null;
  for await (const chunk of text) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const fields = fieldsOf(line);
      if (places === null) places = placesOf(fields, columns, path);
      else yield places.map((place) => fields[place] ?? "");
    }
  }
  if (rest !== "" && places !== null) yield places.map((place) => fieldsOf(rest)[place] ?? "");
}

function placesOf(titles: readonly string[], columns: readonly string[], path: string): number[] {
  const places = columns.map((column) => titles.indexOf(column));
  const missing = columns.filter((_, i) => places[i] === -1);
  if (missing.length > 0) throw new TypeError(`Cannot read OULAD: ${path} has no column ${missing.join(", ")}`);
  return places;
}

const fieldsOf = (line: string) => line.startsWith('"') ? line.slice(1, -1).split('","') : line.split(",");

/** What is not known is empty, or "?" where the data set is as it was published first. */
const number = (text: string | undefined) => text === undefined || text === "" || text === "?" ? null : Number(text);

const COURSE = ["code_module", "code_presentation"] as const;

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
  for await (
    const [code, term, student, result] of csv(`${folder}/studentInfo.csv`, [...COURSE, "id_student", "final_result"])
  ) {
    if (ofCourse(code, term)) results.set(required(student), result ?? "");
  }
  const registrations = new Map<number, { day: number | null; left: number | null }>();
  const stays = [...COURSE, "id_student", "date_registration", "date_unregistration"];
  for await (const [code, term, student, day, left] of csv(`${folder}/studentRegistration.csv`, stays)) {
    if (ofCourse(code, term)) registrations.set(required(student), { day: number(day), left: number(left) });
  }
  const assessments = [];
  const exams = [...COURSE, "id_assessment", "assessment_type", "date"];
  for await (const [code, term, id, type, day] of csv(`${folder}/assessments.csv`, exams)) {
    if (ofCourse(code, term)) assessments.push({ id: required(id), type: type ?? "", day: number(day) });
  }
  const sites = [];
  for await (
    const [code, term, id, activityType] of csv(`${folder}/vle.csv`, [...COURSE, "id_site", "activity_type"])
  ) {
    if (ofCourse(code, term)) sites.push({ id: required(id), activityType: activityType ?? "" });
  }
  const { submissions, carriedOver } = await readSubmissions(folder, new Set(assessments.map(({ id }) => id)));
  const visits = await readVisits(folder, ofCourse, clicksOf(module, presentation));
  const isKnown = ({ student }: { readonly student: number }) => results.has(student);
  return {
    module,
    presentation,
    students: [...results.keys()].sort((a, b) => a - b),
    assessments,
    sites,
    // of nobody else it is known what became of them
    submissions: submissions.filter(isKnown),
    visits: visits.filter(isKnown),
    registrations: new Map([...registrations].filter(([student]) => results.has(student))),
    carriedOver: carriedOver.filter(isKnown),
    results,
  };
}

async function readSubmissions(folder: string, known: ReadonlySet<number>) {
  const submissions: Submission[] = [];
  const carriedOver: { assessment: number; student: number }[] = [];
  const columns = ["id_assessment", "id_student", "date_submitted", "is_banked", "score"];
  for await (const [id, who, day, banked, score] of csv(`${folder}/studentAssessment.csv`, columns)) {
    const assessment = required(id), student = required(who);
    if (!known.has(assessment)) continue;
    if (banked === "1") carriedOver.push({ assessment, student });
    else submissions.push({ assessment, student, day: required(day), score: number(score) });
  }
  return { submissions, carriedOver };
}

async function readVisits(
  folder: string,
  ofCourse: (code: string | undefined, term: string | undefined) => boolean,
  own: string,
): Promise<Visit[]> {
  const path = `${folder}/${await hasFile(`${folder}/${own}`) ? own : ALL_CLICKS}`;
  const visits = new Map<string, { student: number; site: number; firstDay: number; lastDay: number }>();
  for await (const [code, term, student, site, dayText] of csv(path, [...COURSE, "id_student", "id_site", "date"])) {
    if (!ofCourse(code, term)) continue;
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
