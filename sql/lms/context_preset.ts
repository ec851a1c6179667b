import type { Kind } from "../../lib/model/event_types.ts";
import type { Dialect } from "./dialects/dialect.ts";
import type { ColumnTypes } from "./queries.ts";

/** Where an LMS says when activities are due and who belongs to what, as data; all of it optional. */
export interface ContextPreset {
  /** Activities of one kind with their dates; their course is where the kind's placement puts them. */
  readonly activities: {
    readonly kind: Kind;
    readonly table: string;
    readonly key: string;
    readonly columns: { readonly title: string; readonly opens: string; readonly due: string };
  } | null;
  /** `accounts`: a student's account is active or not, and in batches; nothing says in which courses, or since when. */
  readonly enrolments: "accounts" | null;
}

const testpress: ContextPreset = {
  activities: {
    kind: "exam",
    table: "exams",
    key: "id",
    columns: { title: "title", opens: "start_date", due: "end_date" },
  },
  enrolments: "accounts",
};

/** By the preset's name; a preset without one has no early warning but by what its events say. */
export const contextPresets: ReadonlyMap<string, ContextPreset> = new Map([["testpress", testpress]]);

/** Rows [id, title, opens, due] of the activities above `after`, ascending. The id must have gone through `integer`. */
export function activitiesPage(
  { table, key, columns }: NonNullable<ContextPreset["activities"]>,
  dialect: Dialect,
  types: ColumnTypes,
  shortTitle: (expression: string) => string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): string {
  const q = (column: string) => `t.${dialect.quote(column)}`;
  const time = (column: string) => dialect.time(q(column), types(table, column));
  return `select ${
    [dialect.text(q(key)), shortTitle(q(columns.title)), time(columns.opens), time(columns.due)].join(", ")
  } from ${dialect.quote(table)} t where ${after === null ? "1 = 1" : `${q(key)} > ${dialect.id(after)}`} order by ${
    q(key)
  } limit ${limit}`;
}
