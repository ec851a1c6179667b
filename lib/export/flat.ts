import { z } from "zod";
import { erasureLine, eventLine, patternLine, studentLine, weekLine } from "./line_schemas.ts";
import type { ExportLine } from "./line_schemas.ts";
import type { ExportView } from "./part_format.ts";

/** What a cell of a flat file holds. Lists and objects without fixed keys are JSON text. */
export type CellType = "text" | "id" | "int" | "number" | "boolean" | "time" | "date" | "json";
export type Cell = string | number | boolean | null;

export interface Column {
  readonly name: string;
  readonly type: CellType;
  /** The keys that lead to its value in a line. */
  readonly path: readonly string[];
}

const SHAPES: Readonly<Record<ExportView, readonly z.ZodObject[]>> = {
  events: [eventLine, erasureLine],
  latest: [eventLine, erasureLine],
  students: [studentLine],
  weeks: [weekLine],
  patterns: [patternLine],
};

/** Kept whole as JSON text: a list, or what is mostly not there. */
const WHOLE = new Set(["mentors", "batch_ids", "previous", "event_ids", "activity_ids", "ranks"]);
const IDS = new Set(["event_id", "pattern_id", "supersedes", "zulip_user_id"]);
const DATES = new Set(["week_start", "day", "since", "ended_day", "withdrawn_day"]);

/**
 * The columns of a flat file: the keys of its lines, nested ones joined by `_`, in their order. Erasures among events have
 * their own keys behind those of the events.
 */
export function columnsOf(view: ExportView): Column[] {
  const columns = new Map<string, Column>();
  for (const shape of SHAPES[view]) {
    for (const column of walk(shape, [])) if (!columns.has(column.name)) columns.set(column.name, column);
  }
  return [...columns.values()];
}

function* walk(shape: z.ZodObject, path: readonly string[]): Generator<Column> {
  for (const [key, type] of Object.entries(shape.shape)) {
    const inner = [...path, key];
    const bare = unwrapped(type);
    if (bare instanceof z.ZodObject && !WHOLE.has(key)) yield* walk(bare, inner);
    else yield { name: inner.join("_"), type: WHOLE.has(key) ? "json" : cellType(key, bare), path: inner };
  }
}

function unwrapped(type: unknown): unknown {
  return type instanceof z.ZodNullable ? unwrapped(type.unwrap()) : type;
}

function cellType(key: string, type: unknown): CellType {
  if (IDS.has(key)) return "id";
  if (key.endsWith("_at")) return "time";
  if (DATES.has(key)) return "date";
  if (type instanceof z.ZodBoolean) return "boolean";
  if (type instanceof z.ZodNumber) return type.isInt ? "int" : "number";
  return type instanceof z.ZodLiteral && typeof type.value === "number" ? "int" : "text";
}

/** The values of one line in the order of the columns. */
export function flatten(line: ExportLine, columns: readonly Column[]): Cell[] {
  return columns.map(({ path, type }) => {
    let value: unknown = line;
    for (const key of path) {
      if (typeof value !== "object" || value === null) return null;
      value = (value as Readonly<Record<string, unknown>>)[key];
    }
    if (value === undefined || value === null) return null;
    return type === "json" ? JSON.stringify(value) : value as Cell;
  });
}
