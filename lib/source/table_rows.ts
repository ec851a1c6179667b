import { kindOf } from "../../sql/lms/preset.ts";
import type { AttemptRow, BadRow } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import type { KnownActivities } from "./activities.ts";
import { BEYOND_IDS } from "./cell_readers.ts";
import { chunks, distinct } from "./id_lists.ts";
import type { LmsSession } from "./lms_driver.ts";
import type { LmsSource, RowPage } from "./lms_source.ts";
import { isBeyondIds } from "./lms_values.ts";
import type { Prepared } from "./prepared.ts";
import { lastOf, wholeChunk, wholePage } from "./whole_pages.ts";

/** Ids per query: some thousand, so that a statement stays short and an `in` list small. */
const IDS_PER_PAGE = 2000;

interface TableParts extends Prepared {
  /** Rows of a statement, with what they are about. */
  page(kind: Kind, query: string, known?: KnownActivities): Promise<RowPage>;
}

/** What the rows of a kind's table are read with. */
export interface TableAccess {
  /** One read-only transaction. */
  read<T>(work: (session: LmsSession, parts: TableParts) => Promise<T>): Promise<T>;
}

/** The rows of kinds that read a table. */
export class TableRows {
  /** Where the last full page of `rowsAfter` ended, and what its pass knows of activities. */
  readonly #passes: Record<Kind, { readonly last: LmsId; readonly known: KnownActivities } | null> = {
    exam: null,
    assignment: null,
    content: null,
  };

  constructor(private readonly access: TableAccess) {}

  async rowsAfter(from: LmsId | null, limit: number, kind: Kind): Promise<RowPage> {
    const pass = this.#passes[kind];
    const known: KnownActivities = from !== null && pass?.last === from ? pass.known : new Map();
    const page = await this.access.read((session, { queries, page }) =>
      wholePage(
        session,
        queries,
        kind,
        limit,
        from,
        (after, limit) => page(kind, queries.rows(kind, { after, limit }), known),
      )
    );
    // A page that is not full ends its pass: what comes later reads titles anew.
    const full = page.rows.length + page.bad.length >= limit;
    const last = lastOf(page);
    this.#passes[kind] = full ? { last, known } : null;
    return full ? { ...page, next: last } : page;
  }

  async rowsByIds(ids: readonly LmsId[], kind: Kind): Promise<RowPage> {
    const rows: AttemptRow[] = [], bad: BadRow[] = [];
    for (const chunk of chunks(distinct(ids), IDS_PER_PAGE)) {
      const whole = await wholeChunk(kind, () =>
        this.access.read(async (session, { queries, page: read }) => {
          const page = await read(kind, queries.rows(kind, { ids: chunk }));
          const came = page.rows.length + page.bad.length;
          const [count] = came < chunk.length ? await session.rows(queries.countByIds(kind, chunk)) : [[String(came)]];
          return { page, came, counted: Number(count?.[0]) };
        }));
      rows.push(...whole.rows);
      bad.push(...whole.bad);
    }
    return { rows, bad };
  }

  async oddKeys(kind: Kind, limit: number): ReturnType<LmsSource["oddKeys"]> {
    return await this.access.read(async (session, { queries, preset }) => {
      const of = kindOf(preset, kind);
      const table = "table" in of ? of.table : kind, column = of.key;
      const query = queries.oddKeys(kind, limit);
      const found = query === null ? [] : await session.rows(query);
      return found.map(([key]) => ({
        key: key ?? "",
        reason: `${table}.${column}: ${
          key === null ? "is null" : isBeyondIds(key) ? BEYOND_IDS : "is no whole number"
        }`,
      }));
    });
  }
}
