import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import {
  CANONICAL_COLUMNS,
  type CanonicalColumn,
  drivers,
  keyColumns,
  kindOf,
  newestOf,
  outputHashed,
  outputName,
  type Preset,
  TIME_COLUMNS,
} from "../../sql/lms/preset.ts";
import type { QueryKind } from "../../sql/lms/query_kind.ts";
import { LmsError } from "../base/errors.ts";
import type { MappingText } from "../config/config.ts";
import { didYouMean } from "../config/problem.ts";
import { type Kind, KINDS } from "../model/event_types.ts";
import { type PresetQuery, queriesOf } from "./described_preset.ts";
import type { CellRow, LmsDriver, LmsSession, OutputColumn } from "./lms_driver.ts";
import { heldKeys } from "./driving_keys.ts";
import { keyFormOf } from "./query_access.ts";
import { tableProblems } from "./mapping_tables.ts";
import { isSorted, rowsRead } from "./query_plan.ts";
import { strangeValues } from "./strange_values.ts";

/** Canonical columns that a kind cannot do without. */
const REQUIRED_COLUMNS: readonly CanonicalColumn[] = ["state", "studentId", "activityId"];
/** Columns that a query of each sort must give, by its first word. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  student: ["id", "username"],
  mentor: ["id", "email"],
  links: ["mentor_id", "student_id"],
  batches: ["batch_id", "student_id"],
  courses: ["id", "title"],
  chapters: ["id", "title"],
  "exam log": ["line_id", "seen"],
  "assignment log": ["line_id", "seen"],
  "content log": ["line_id", "seen"],
  enrolments: ["student_id", "course_id", "active", "joined_at", "left_at"],
  exemptions: ["student_id", "kind", "activity_id"],
};
const isKindName = (what: string): what is Kind => KINDS.some((kind) => kind === what);
const PEOPLE = ["username", "email", "display_name", "first_name", "last_name", "active"];
const NUMBERS = /^(tinyint|smallint|mediumint|int|integer|bigint|numeric|decimal|real|double|float)/;
/** Numbers that are not kept exactly: two keys may become one. */
const INEXACT = /^(real|double|float)/;
const TIMES = /^(timestamp|datetime|date)/;
const BYTES = /^(binary|bytea)/;
const ZONELESS = /^(timestamp without|datetime|date$)/;

/**
 * Everything that a database says against the queries of a preset, one line each, with file, line, query and column where it is a mapping in
 * YAML. Each query is looked at in a transaction of its own, so that one that fails hides no other.
 */
export async function queryProblems(driver: LmsDriver, preset: Preset, written: MappingText | null): Promise<string[]> {
  const problems: string[] = [];
  const given = new Map<string, readonly string[]>();
  for (const query of queriesOf(preset, driver.dialect)) {
    const place = placeOf(written, query);
    try {
      const columns = await driver.read((session) => session.columns(query.probe));
      given.set(query.what, columns.map(({ name }) => name));
      const found = columnProblems(preset, query, columns, driver.dialect);
      // A line of a log becomes a row of its kind, so it has whatever the kind's own rows have.
      const ofKind = given.get(query.what.replace(/ log$/, "")) ?? [];
      for (const name of ofKind) {
        if (!columns.some((column) => column.name === name)) found.push(`lacks column "${name}"`);
      }
      problems.push(...found.map((problem) => `${place}: ${problem}`));
    } catch (error) {
      if (!(error instanceof LmsError) || error.reason === "unreachable" || error.reason === "refused") throw error;
      problems.push(`${place}: ${databaseWords(error)}`);
    }
  }
  return [...problems, ...await tableProblems(driver, preset, written)];
}

/** Throws LmsError with all of {@link queryProblems}. */
export async function checkQueries(driver: LmsDriver, preset: Preset, written: MappingText | null): Promise<void> {
  const problems = await queryProblems(driver, preset, written);
  if (problems.length === 0) return;
  throw new LmsError("schema", `Cannot use the mapping:\n${problems.join("\n")}`, {
    hint: "`lmsmon preset check custom` tries a mapping; docs/presets.md says what each query gives",
  });
}

/** `mapping.yaml:7:11: query exam`. */
function placeOf(written: MappingText | null, { what, path }: PresetQuery): string {
  // One thing may stand where a list is read.
  const at = written?.locate([...path, "from"]) ??
    written?.locate([...path.filter((part) => !/^\d+$/.test(part)), "from"]) ?? null;
  return written === null
    ? `query ${what}`
    : `${written.label}${at === null ? "" : `:${at.line}:${at.column}`}: query ${what}`;
}

/** What the server said, without where the server is, and what to do where that is not for every problem the same. */
function databaseWords(error: LmsError): string {
  const said = error.message.replace(/^Cannot read (?:the LMS database at )?\S+: /, "");
  return error.reason === "failed" && error.hint !== undefined ? `${said}: ${error.hint}` : said;
}

/** What is wrong with the columns that a query gives. Pure. */
export function columnProblems(
  preset: Preset,
  { what }: Pick<PresetQuery, "what">,
  columns: readonly OutputColumn[],
  dialect: Pick<Dialect, "name" | "isInteger">,
): string[] {
  const fold = dialect.name === "mysql" ? (name: string) => name.toLowerCase() : (name: string) => name;
  const names = columns.map(({ name }) => fold(name));
  const typeOf = (name: string) => columns.find((column) => fold(column.name) === fold(name))?.type;
  const problems = [...new Set(names.filter((name, i) => names.indexOf(name) !== i))]
    .map((name) => `column "${name}" is there twice`);
  const isKind = isKindName(what);
  const required = isKind
    ? [...keyColumns(kindOf(preset, what).key), ...REQUIRED_COLUMNS.map(outputName)]
    : REQUIRED[what] ?? ["id"];
  for (const name of new Set(required)) {
    if (!names.includes(fold(name))) problems.push(`lacks column "${name}"${didYouMean(name, names)}`);
  }
  if (isKind) {
    problems.push(...kindColumnProblems(preset, what, names, typeOf, dialect));
    problems.push(...hashProblems(kindOf(preset, what).hashed, names, fold));
  }
  const known = isKind ? CANONICAL_COLUMNS.map(outputName).concat(required) : [...required, ...PEOPLE];
  if (isKind || what === "student" || what === "mentor") {
    const isKnown = new Set(known.map(fold));
    for (const name of names.filter((name) => !isKnown.has(name))) {
      problems.push(`column "${name}" is none that is read${didYouMean(name, known)}`);
    }
  }
  return problems;
}

/** What a list of one's own has beside the query's columns would change without anybody's notice. */
function hashProblems(hashed: readonly string[], names: readonly string[], fold: (name: string) => string): string[] {
  if (JSON.stringify(hashed) === JSON.stringify(outputHashed)) return []; // the list of those that may be there
  return hashed.filter((name) => !name.startsWith("side.") && !names.includes(fold(name)))
    .map((name) => `gives no column "${name}", which \`hashed\` names${didYouMean(name, names)}`);
}

function kindColumnProblems(
  preset: Preset,
  what: Kind,
  names: readonly string[],
  typeOf: (name: string) => string | undefined,
  dialect: Pick<Dialect, "isInteger">,
): string[] {
  const problems: string[] = [];
  const kind = kindOf(preset, what);
  for (const column of TIME_COLUMNS) {
    const name = outputName(column), type = typeOf(name), form = kind.times?.[column];
    if (type === undefined) continue;
    const isUnix = form === "unix_s" || form === "unix_ms";
    if (NUMBERS.test(type) && !isUnix) {
      problems.push(`column "${name}" is ${type}: say \`times: {${name}: unix_s}\`, or unix_ms`);
    }
    if (TIMES.test(type) && isUnix) {
      problems.push(`column "${name}" is ${type}, and no number as its times say (${form})`);
    }
    if (form === "zoned" && ZONELESS.test(type)) {
      problems.push(`column "${name}" is ${type}, which has no zone: say utc, or zoneless for one in lms.timezone`);
    }
  }
  const ids = [["student_id", "student"], ["activity_id", what], ["course_id", "course"], [
    "chapter_id",
    "chapter",
  ]] as const;
  const isWhole = (type: string) => dialect.isInteger(type) || NUMBERS.test(type);
  for (const [name, sort] of ids) {
    const type = typeOf(name);
    if (type === undefined || !names.includes(name)) continue;
    if (BYTES.test(type)) {
      problems.push(
        `column "${name}" is bytes: select lower(hex(…)) or encode(…, 'hex') of it, and say \`ids: {${sort}: text}\``,
      );
    } else if (!isWhole(type) && preset.ids?.[sort] !== "text") {
      problems.push(`column "${name}" is ${type}: say \`ids: {${sort}: text}\` if its values are no whole numbers`);
    }
  }
  if (kind.keyType === "text" && keyColumns(kind.key).some((name) => BYTES.test(typeOf(name) ?? ""))) {
    problems.push(`key "${keyColumns(kind.key)[0]}" is bytes, and no text: say \`key_type: binary\``);
  }
  if ((kind.keyType ?? "integer") === "integer") {
    for (const name of keyColumns(kind.key)) {
      const type = typeOf(name);
      if (type === undefined || dialect.isInteger(type)) continue;
      problems.push(
        INEXACT.test(type)
          ? `key "${name}" is ${type}, whose numbers are not exact: give a whole number (cast) or a text (key_type: text)`
          : `key "${name}" is ${type}: say \`key_type: ${
            BYTES.test(type) ? "binary" : "text"
          }\` if it is no whole number`,
      );
    }
  }
  return problems;
}

/** So many keys are looked at, at each end of what drives a query. */
const SAMPLE = 100;
/** From so many rows on it matters how they are read. */
const MANY_ROWS = 10_000;

/** What is doubtful about a kind's query, and is no error. */
export async function kindWarnings(
  session: Pick<LmsSession, "rows">,
  /** The server's plan for a statement; empty where it shows none. */
  planned: (query: string) => Promise<readonly CellRow[]>,
  dialect: Dialect,
  preset: Preset,
  what: Kind,
  sql: QueryKind,
): Promise<string[]> {
  const kind = kindOf(preset, what);
  if (drivers(kind).length === 0) {
    const reads = rowsRead(dialect, await planned(sql.any({ from: ["1000000000"], fromItself: true, to: null })));
    return reads > MANY_ROWS
      ? [`query ${what}: nothing says what drives it (rows), and a page of it reads about ${reads} rows`]
      : [];
  }
  const found: string[] = [];
  const newest = newestOf(kind), hint = sql.newestKeys(SAMPLE, 0);
  if (newest !== null && hint !== null) {
    const plan = await planned(hint), reads = rowsRead(dialect, plan);
    if (reads > MANY_ROWS && isSorted(dialect, plan)) {
      found.push(
        `query ${what}: ${newest.table}.${newest.column} (newest) has no index: each poll reads about ${reads} rows`,
      );
    }
  }
  const lastKeys = sql.lastKeys(SAMPLE);
  for (const [i, query] of sql.keysAfter({ from: null, fromItself: false, to: null }, SAMPLE).entries()) {
    const table = drivers(kind)[i]?.table ?? "";
    const plan = await planned(query);
    const reads = rowsRead(dialect, plan);
    if (reads > MANY_ROWS && isSorted(dialect, plan)) {
      found.push(
        `query ${what}: table ${table} has no index by ${
          keyColumns(drivers(kind)[i]?.key ?? "").join(", ")
        }: each page reads about ${reads} rows`,
      );
    }
    // Rows of both ends: the oldest may be of another make than those of today.
    const [first, last] = [await session.rows(query), await session.rows(lastKeys[i] ?? query)];
    // Keys that no id can be are told by `oddKeys`: here one of them would be the end of the whole look.
    const keys = heldKeys(keyFormOf(kind), [...first, ...last]);
    if (keys.length === 0) {
      if (first.length + last.length === 0) found.push(`query ${what}: table ${table} is empty`);
      continue;
    }
    const cells = await session.rows(sql.rows({ keys }));
    const rows = cells.map(([key]) => key);
    if (rows.length === 0) {
      found.push(`query ${what}: gives nothing for the first and last ${keys.length} rows of ${table}`);
    }
    if (rows.includes(null)) found.push(`query ${what}: its key is null in some rows, which are left out`);
    if (new Set(rows).size < rows.length) {
      found.push(
        `query ${what}: several rows have one key in a sample of ${rows.length}: they go into quarantine, and are not told`,
      );
    }
    found.push(...strangeValues(kind, cells).map((strange) => `query ${what}: ${strange}`));
  }
  return found;
}
