import { z } from "zod";
import {
  CANONICAL_COLUMNS,
  ID_SORTS,
  outputColumns,
  outputHashed,
  outputName,
  type Preset,
  withPrefix,
} from "../../sql/lms/preset.ts";
import { ConfigError } from "../base/errors.ts";
import type { MappingText } from "../config/config.ts";
import { valueAt } from "../config/tree.ts";
import { KINDS } from "../model/event_types.ts";
import { didYouMean, type KeyPath, pathText } from "../config/problem.ts";
import { camelKeys, KNOWN, writtenPath } from "./mapping_names.ts";
import { normalWord } from "./lms_values.ts";
import { statementProblem } from "./one_select.ts";
import { WRITTEN_PRESET } from "./recipe.ts";
import { counted } from "../text/counted.ts";

/*
 * The one schema of how an LMS reads: presets of lmsmon and mappings in YAML are the same data. What a mapping leaves out has a default,
 * so that a query with columns of the canonical names needs to be given and nothing else.
 */

const name = z.string().min(1).max(200);
const query = z.string().superRefine((text, ctx) => {
  const problem = statementProblem(text);
  if (problem !== null) ctx.addIssue({ code: "custom", message: problem });
});
const relation = { table: name.optional(), from: query.optional() };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Also beside other problems: whoever mends one would meet the next. What is looked at may then be of any form. */
const BESIDE_OTHERS = { when: ({ value }: { readonly value: unknown }) => isRecord(value) };

/** Either a table or a query. */
function related<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject({ ...relation, ...shape }).superRefine((thing: { table?: unknown; from?: unknown }, ctx) => {
    if ((thing.table === undefined) === (thing.from === undefined)) {
      ctx.addIssue({ code: "custom", message: "needs either a table or a query (from), and not both" });
    }
  }, BESIDE_OTHERS);
}

const columnNames = (...names: readonly string[]) =>
  Object.fromEntries(names.map((column) => [column, outputName(column)]));
/** Columns by canonical names, of which a query gives some; a name beside them is a mistake. */
function columns(names: readonly string[]) {
  return z.strictObject(Object.fromEntries(names.map((column) => [column, name.optional()])))
    .default(columnNames(...names));
}
const byId = (...names: readonly string[]) => related({ key: name.default("id"), columns: columns(names) });
const words = <T extends string>(values: readonly [T, ...T[]]) =>
  z.record(z.string(), z.enum(values)).transform((map) =>
    Object.fromEntries(Object.entries(map).map(([word, meaning]) => [normalWord(word), meaning]))
  );
const list = z.array(z.string());
const key = z.union([name, z.tuple([name, name])], { error: "must be a column, or a list of two" });
const wholeNumber = z.union([z.number().int(), z.bigint()]).transform(Number);

const activity = z.strictObject({
  self: byId("title", "scoreMax", "passPercentage", "duration", "courseId", "chapterId", "mediaId"),
  media: byId("title").nullable().default(null),
  placement: byId("contentId", "courseId").nullable().default(null),
  chapterOfContent: byId("chapterId").nullable().default(null),
});

const TIME_NAMES = ["startedAt", "lastStartedAt", "finishedAt"] as const;
const timeForm = z.enum(["unix_s", "unix_ms", "zoned", "zoneless", "utc"]);
const times = z.strictObject(Object.fromEntries(TIME_NAMES.map((column) => [column, timeForm.optional()])));

const log = z.strictObject({ table: name, key: name, time: name, from: query });
/** A column by which the newest rows come first; what it is a column of is what drives the query, if nothing is said. */
const newest = z.strictObject({ column: name, table: name.optional(), key: key.optional() });

const kind = related({
  key: key.default("id"),
  keyType: z.enum(["integer", "text", "binary"]).optional(),
  rows: z.array(z.strictObject({ table: name, key })).min(1).optional(),
  version: wholeNumber.default(1),
  columns: z.strictObject(Object.fromEntries(CANONICAL_COLUMNS.map((column) => [column, name.optional()])))
    .default(outputColumns),
  side: z.strictObject({ table: name, key: name, on: name }).nullable().default(null),
  hashed: list.default([...outputHashed]),
  states: words(["not_started", "running", "settled", "finished"]),
  verdicts: words(["pass", "fail"]).default({}),
  ungraded: list.default([]),
  watchable: z.strictObject({ always: list.default([]), withSide: list.default([]) }).default({
    always: [],
    withSide: [],
  }),
  times: times.optional(),
  durationUnit: z.enum(["auto", "minutes", "seconds"]).optional(),
  identity: z.enum(["row", "attempt"]).optional(),
  newest: newest.optional(),
  log: log.optional(),
  activity: activity.nullable().default(null),
}).superRefine(kindProblems, BESIDE_OTHERS);

interface KindShape {
  readonly from?: unknown;
  readonly key?: unknown;
  readonly keyType?: unknown;
  readonly rows?: unknown;
  readonly times?: unknown;
  readonly newest?: unknown;
  readonly log?: unknown;
  readonly states?: unknown;
  readonly ungraded?: unknown;
}

/** What one key of a kind alone does not show. */
function kindProblems(kind: KindShape, ctx: z.RefinementCtx): void {
  const problem = (path: string, message: string) => ctx.addIssue({ code: "custom", path: [path], message });
  const partsOf = (part: unknown): Readonly<Record<string, unknown>> => isRecord(part) ? part : {};
  const { rows, log } = kind, newest = partsOf(kind.newest);
  const states = Object.keys(partsOf(kind.states)).map(normalWord);
  for (const word of Array.isArray(kind.ungraded) ? kind.ungraded.map(String) : []) {
    if (states.includes(normalWord(word))) continue;
    problem("ungraded", `has "${word}", which is no word of \`states\`${didYouMean(normalWord(word), states)}`);
  }
  if (kind.newest !== undefined && rows === undefined) problem("newest", "needs a query (from) and its `rows`");
  if (newest["table"] !== undefined && newest["key"] === undefined) {
    problem("newest", "needs the key, too, of its table");
  }
  if (typeof kind.from !== "string") {
    if (log !== undefined) problem("log", "needs a query (from): a table has no log beside it");
    return;
  }
  const isPair = Array.isArray(kind.key), isText = kind.keyType === "text" || kind.keyType === "binary";
  const driving: readonly unknown[] = Array.isArray(rows) ? rows : [];
  if (rows === undefined && (isPair || isText)) {
    problem("from", "needs `rows: [{table, key}]`: keys that are no single whole numbers cannot be read in ranges");
  }
  const token = /\{(?:keys|rows)\}/.exec(kind.from)?.[0];
  if (rows === undefined && token !== undefined) {
    problem("from", `has ${token}, and no \`rows\` say where they come from`);
  }
  if (kind.from.includes("{rows}") && driving.length > 1) problem("from", "has {rows}, which are those of one table");
  if (isPair && isText) problem("keyType", "cannot be: only whole numbers make pairs");
  if (isText && driving.length > 1) problem("rows", "can be one table only where keys are texts");
  if (driving.some((table) => Array.isArray(partsOf(table)["key"]) !== isPair)) {
    problem("rows", "must have as many key columns as the kind's own key");
  }
  if (newest["key"] !== undefined && Array.isArray(newest["key"]) !== isPair) {
    problem("newest", "must have as many key columns as the kind's own key");
  }
  if (log !== undefined && isText) problem("log", "cannot be where keys are texts");
  if (log !== undefined && !String(partsOf(log)["from"] ?? "").includes("{lines}")) {
    problem("log", "has no {lines} in its query");
  }
  if (/\bfrom_unixtime\s*\(/i.test(kind.from) && !Object.values(partsOf(kind.times)).includes("utc")) {
    problem(
      "from",
      "has from_unixtime(), whose time has no zone, so that lms.timezone would move it: select the number, and " +
        "say how it is written, such as `times: {started_at: unix_s}`",
    );
  }
}

const person = related({
  key: name.default("id"),
  columns: columns(["username", "email", "displayName", "firstName", "lastName"]),
  active: name.nullable().default("active"),
});

const ofStudents = z.strictObject({
  from: query.refine((text) => text.includes("{students}"), "has no {students}, which says of whom"),
  student: z.string().regex(/^[\w."`]{1,200}$/, "must be a column of the query, such as ue.userid"),
});
const enrolments = ofStudents.extend({ times: timeForm });

const dated = related({
  kind: z.enum(KINDS),
  key: name,
  columns: z.strictObject({
    title: name,
    opens: name,
    due: name,
    course: name.nullable().default(null),
    final: name.optional(),
  }),
  times: timeForm.nullable().default(null),
}).refine((dated) => dated["from"] === undefined || dated["times"] !== null, {
  path: ["times"],
  message: "is missing: it says how the query writes times",
});

/** Due dates and who is in what; see ContextPreset. One lookup of activities may stand without a list. */
const context = z.strictObject({
  activities: z.preprocess(
    (one) => Array.isArray(one) || one == null ? one : [one],
    z.array(dated).nullable().default(null),
  ),
  enrolments: z.union([z.literal("accounts"), enrolments], {
    error: "must be accounts, or from (a SELECT with {students}), student and times",
  }).nullable().default(null),
  exemptions: ofStudents.nullable().optional(),
});

/** Of the whole mapping. */
export const mappingSchema = z.strictObject({
  context: context.optional(),
  name: name.default("custom"),
  /** What stands for {P} before the names of tables. */
  prefix: z.string().regex(/^[A-Za-z0-9_]{0,60}$/, 'must be letters, digits and "_"').optional(),
  number: wholeNumber.default(WRITTEN_PRESET),
  kinds: z.strictObject({
    exam: kind.nullable().default(null),
    assignment: kind.nullable().default(null),
    content: kind.nullable().default(null),
  }).refine((kinds) => Object.values(kinds).some((kind) => kind !== null), "need exam, assignment or content"),
  courses: byId("title").nullable().default(null),
  chapters: byId("title", "courseId").nullable().default(null),
  people: z.strictObject({ student: person, mentor: person }),
  links: related({ mentor: name.default("mentor_id"), student: name.default("student_id") }),
  batches: related({ batch: name.default("batch_id"), student: name.default("student_id") }).nullable().default(null),
  ids: z.strictObject(Object.fromEntries(ID_SORTS.map((sort) => [sort, z.literal("text").optional()]))).optional(),
}).superRefine(({ context, ids }, ctx) => {
  const refuse = (part: string, sort: string) =>
    ctx.addIssue({ code: "custom", path: ["context", part], message: `cannot be where ids.${sort} is text` });
  // Pages of these go by ascending ids; ids of texts have no such order.
  for (const sort of context?.enrolments ? ["student", ...context.enrolments === "accounts" ? [] : ["course"]] : []) {
    if (ids?.[sort] === "text") refuse("enrolments", sort);
  }
  for (const { kind } of Array.isArray(context?.activities) ? context.activities : []) {
    if (ids?.[kind as string] === "text") refuse("activities", kind as string);
  }
  for (const sort of context?.exemptions ? ["student", ...KINDS] : []) {
    if (ids?.[sort] === "text") refuse("exemptions", sort);
  }
}, BESIDE_OTHERS);

/** A mapping as it is written. Throws ConfigError with every problem, one a line. */
export function readMapping(text: MappingText, source: string): Preset {
  const tree = camelKeys(text.value ?? {});
  const result = mappingSchema.safeParse(tree);
  if (result.success) {
    const { prefix = "", ...preset } = result.data;
    // zod cannot say that columns are names. A copy of a preset that has a number is no such preset: its text is its recipe.
    return withPrefix({ ...(preset as unknown as Preset), name: source, number: WRITTEN_PRESET }, prefix);
  }
  const lines = result.error.issues.flatMap((issue) => problemsOf(issue, tree)).map(({ path, message }) => {
    const written = writtenPath(text.value, path);
    const at = text.locate(written);
    return {
      line: at?.line ?? 0,
      text: [
        `${text.label}${at === null ? "" : `:${at.line}:${at.column}`}`,
        ...(written.length === 0 ? [] : [pathText(written)]),
        message,
      ].join(": "),
    };
  });
  lines.sort((a, b) => a.line - b.line);
  throw new ConfigError([...new Set(lines.map((line) => line.text))].join("\n"), {
    hint: "docs/presets.md shows whole mappings",
  });
}

function problemsOf(issue: z.core.$ZodIssue, tree: unknown): { path: KeyPath; message: string }[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const known = [...CANONICAL_COLUMNS, ...KNOWN].map(outputName);
    return issue.keys.map((key) => {
      const name = outputName(key);
      // A name of another place is no help here.
      const others = known.filter((one) => one !== name);
      const where = others.length < known.length ? " here" : "";
      return { path: [...path, key], message: `unknown key${where}${didYouMean(name, others)}` };
    });
  }
  if (issue.code === "invalid_value") {
    return [{ path, message: `must be one of ${issue.values.map(String).join(", ")}` }];
  }
  if (issue.code === "invalid_type") {
    return [{ path, message: valueAt(tree, path) === undefined ? "is missing" : `must be ${article(issue.expected)}` }];
  }
  if (issue.code === "too_small" || issue.code === "too_big") return [{ path, message: sizeProblem(issue) }];
  return [{ path, message: issue.message }];
}

function sizeProblem(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const what = issue.origin === "string" ? "sign" : "entry";
  if (issue.code === "too_big") return `is too long: at most ${counted(Number(issue.maximum), what)}`;
  return issue.minimum === 1 ? "must not be empty" : `needs ${counted(Number(issue.minimum), what)} at least`;
}

const article = (expected: string) =>
  expected === "object" || expected === "record"
    ? "a group of keys"
    : expected === "array"
    ? "a list"
    : `a ${expected}`;
