import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import { keyColumns, type KindPreset, type Preset, type Relation } from "../../sql/lms/preset.ts";
import { queryName } from "../../sql/lms/queries.ts";
import { plainQuery, probeOf } from "../../sql/lms/query_kind.ts";
import { type Kind, KINDS } from "../model/event_types.ts";
import type { LmsSession, OutputColumn } from "./lms_driver.ts";

/** A query of a preset: what it is for, and how its columns are asked for. */
export interface PresetQuery {
  /** `exam`, `student`, `exam activity`, … */
  readonly what: string;
  readonly from: string;
  /** Statement that gives its columns and no row. */
  readonly probe: string;
  /** Where it stands in the mapping. */
  readonly path: readonly string[];
}

/** In place of a condition that a query leaves open. */
const NOTHING = "1 = 0";

/** Every query of a preset. */
export function queriesOf(preset: Preset, dialect: Dialect): PresetQuery[] {
  const found: PresetQuery[] = [];
  const add = (what: string, relation: Relation | null | undefined, path: readonly string[], kind?: KindPreset) => {
    if (!relation || !("from" in relation)) return;
    found.push({ what, from: plainQuery(relation.from), probe: probeOf(relation.from, kind ?? null, dialect), path });
  };
  for (const name of KINDS) {
    const kind = preset.kinds[name];
    if (kind === null) continue;
    add(name, kind, ["kinds", name], kind);
    for (const part of ["self", "media", "placement", "chapterOfContent"] as const) {
      add(`${name} ${part}`, kind.activity?.[part], ["kinds", name, "activity", part]);
    }
    if (kind.log !== undefined) {
      add(`${name} log`, { from: kind.log.from.replaceAll("{lines}", NOTHING) }, ["kinds", name, "log"]);
    }
  }
  add("student", preset.people.student, ["people", "student"]);
  add("mentor", preset.people.mentor, ["people", "mentor"]);
  add("links", preset.links, ["links"]);
  add("batches", preset.batches, ["batches"]);
  add("courses", preset.courses, ["courses"]);
  add("chapters", preset.chapters, ["chapters"]);
  for (const [i, dated] of (preset.context?.activities ?? []).entries()) {
    add(`${dated.kind} dates`, dated, ["context", "activities", String(i)]);
  }
  for (const part of ["enrolments", "exemptions"] as const) {
    const of = preset.context?.[part] ?? null;
    if (of === null || of === "accounts") continue;
    add(part, { from: of.from.replaceAll("{students}", NOTHING) }, ["context", part]);
  }
  return found;
}

export interface DescribedPreset {
  /** Without the columns that its queries do not give. */
  readonly preset: Preset;
  /** Types of the queries' columns by {@link queryName} and column. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** The preset as its queries are: what they give of all that it asks for, and of which types. Throws LmsError. */
export async function describePreset(session: LmsSession, preset: Preset, dialect: Dialect): Promise<DescribedPreset> {
  const outputs = new Map<string, readonly OutputColumn[]>();
  for (const { what, probe } of queriesOf(preset, dialect)) outputs.set(what, await session.columns(probe));
  return withOutputs(preset, outputs, dialect);
}

/** The same with the columns at hand. Pure. */
export function withOutputs(
  preset: Preset,
  outputs: ReadonlyMap<string, readonly OutputColumn[]>,
  dialect: Dialect,
): DescribedPreset {
  if (outputs.size === 0) return { preset, types: new Map() };
  // MySQL takes names of columns in any case; what a query calls ID is found as id.
  const fold = dialect.name === "mysql" ? (name: string) => name.toLowerCase() : (name: string) => name;
  const types = new Map(
    [...outputs].map(([what, columns]) => [
      queryName(what),
      new Map(columns.map(({ name, type }) => [fold(name), type])),
    ]),
  );
  const gives = (what: string, column: string) => types.get(queryName(what))?.has(fold(column)) ?? true;
  const prune = <T extends { readonly columns: object }>(what: string, thing: T): T => ({
    ...thing,
    columns: Object.fromEntries(
      Object.entries(thing.columns).filter(([, column]) => typeof column === "string" && gives(what, column)),
    ),
  });
  const optional = <T extends { readonly columns: object }>(what: string, thing: T | null): T | null =>
    thing === null ? null : prune(what, thing);
  const kindOf = (name: Kind): KindPreset | null => {
    const kind = preset.kinds[name];
    if (kind === null) return null;
    const { activity } = kind;
    return {
      ...prune(name, kind),
      hashed: kind.hashed.filter((column) =>
        column.startsWith("side.") || (gives(name, column) && !keyColumns(kind.key).includes(column))
      ),
      activity: activity === null ? null : {
        self: prune(`${name} self`, activity.self),
        media: optional(`${name} media`, activity.media),
        placement: optional(`${name} placement`, activity.placement),
        chapterOfContent: optional(`${name} chapterOfContent`, activity.chapterOfContent),
      },
    };
  };
  const people = (role: "student" | "mentor") => {
    const person = prune(role, preset.people[role]);
    return { ...person, active: person.active !== null && gives(role, person.active) ? person.active : null };
  };
  return {
    preset: {
      ...preset,
      kinds: { exam: kindOf("exam"), assignment: kindOf("assignment"), content: kindOf("content") },
      people: { student: people("student"), mentor: people("mentor") },
      courses: optional("courses", preset.courses),
      chapters: optional("chapters", preset.chapters),
    },
    types,
  };
}
