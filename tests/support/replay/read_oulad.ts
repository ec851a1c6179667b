import { sharedDataFolder } from "../shared_data.ts";

/**
 * Reads one module presentation of the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal 2017, CC BY
 * 4.0) from `../shared/data/oulad`. Every field is quoted ASCII without commas, quotes or line breaks inside.
 */
export interface OuladModule {
  readonly module: string;
  /** Distinct, ascending. */
  readonly students: readonly number[];
  readonly assessments: readonly { readonly id: number; readonly type: string; readonly day: number | null }[];
  readonly sites: readonly { readonly id: number; readonly activityType: string }[];
  /** Submissions of this term; results carried over from an earlier one are left out. `score` null: not marked. */
  readonly submissions: readonly Submission[];
  /** One per (student, site): the first and last day on which the student touched it. */
  readonly visits: readonly Visit[];
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

/** The data folder, or `null` in a plain clone without it. */
export function ouladFolder(): string | null {
  return sharedDataFolder("oulad");
}

async function* csv(path: string): AsyncGenerator<string[]> {
  const file = await Deno.open(path);
  const text = file.readable.pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream());
  let rest = "";
  let header = true;
  for await (const chunk of text) {
    const lines = (rest + chunk).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!header) yield line.slice(1, -1).split('","');
      header = false;
    }
  }
}

const number = (text: string | undefined) => text === undefined || text === "" ? null : Number(text);

function required(text: string | undefined): number {
  const value = number(text);
  if (value === null || Number.isNaN(value)) throw new TypeError(`Cannot read OULAD: "${text}" is not a number`);
  return value;
}

export async function readOuladModule(folder: string, module: string): Promise<OuladModule> {
  const students = new Set<number>();
  for await (const [code, , student] of csv(`${folder}/studentInfo.csv.gz`)) {
    if (code === module) students.add(required(student));
  }
  const assessments = [];
  for await (const [code, , id, type, day] of csv(`${folder}/assessments.csv.gz`)) {
    if (code === module) assessments.push({ id: required(id), type: type ?? "", day: number(day) });
  }
  const sites = [];
  for await (const [id, code, , activityType] of csv(`${folder}/vle.csv.gz`)) {
    if (code === module) sites.push({ id: required(id), activityType: activityType ?? "" });
  }
  const known = new Set(assessments.map((assessment) => assessment.id));
  const submissions: Submission[] = [];
  for await (const [assessment, student, day, banked, score] of csv(`${folder}/studentAssessment.csv.gz`)) {
    if (banked === "1" || !known.has(required(assessment))) continue;
    submissions.push({
      assessment: required(assessment),
      student: required(student),
      day: required(day),
      score: number(score),
    });
  }
  const visits = new Map<string, { student: number; site: number; firstDay: number; lastDay: number }>();
  for await (const [, , student, site, dayText] of csv(`${folder}/studentVle_${module}_2014B.csv.gz`)) {
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
  return {
    module,
    students: [...students].sort((a, b) => a - b),
    assessments,
    sites,
    submissions,
    visits: [...visits.values()],
  };
}
