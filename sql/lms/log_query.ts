import type { Dialect } from "./dialects/dialect.ts";
import {
  type CanonicalColumn,
  keyColumns,
  type KindPreset,
  type LogPreset,
  LONGEST_TEXT,
  TEXT_COLUMNS,
} from "./preset.ts";

/** Statements about the log of a kind. Ids must have gone through `integer`, times are unix seconds. */
export function logQuery(
  kind: KindPreset,
  log: LogPreset,
  columns: readonly CanonicalColumn[],
  dialect: Dialect,
  raw: boolean,
) {
  const q = dialect.quote;
  const [table, id, time] = [q(log.table), `l.${q(log.key)}`, `l.${q(log.time)}`];
  const own = keyColumns(kind.key).map((column) => `t.${q(column)}`);
  const key = own.length === 1 ? own[0] ?? "" : dialect.concat([own[0] ?? "", "'/'", own[1] ?? ""]);
  const short = (expression: string) =>
    raw ? dialect.shortBytes(expression, LONGEST_TEXT) : dialect.shortText(expression, LONGEST_TEXT);
  return {
    /** One row [lowest id, highest id]. */
    span: () => `select ${dialect.text(`min(${id})`)}, ${dialect.text(`max(${id})`)} from ${table} l`,

    /**
     * One row [last id, how many, the first of those written after `young` and before `future`, the last of the others], of so many
     * lines after an id: a time ahead of every clock must not hold reading back.
     */
    stretch: (after: string | null, limit: number, young: string, future: string) =>
      `select ${dialect.text("max(s.id)")}, ${dialect.text("count(*)")}, ${
        dialect.text(`min(case when s.at > ${young} and s.at < ${future} then s.id end)`)
      }, ${
        dialect.text(`max(case when s.at > ${young} and s.at < ${future} then null else s.id end)`)
      } from (select ${id} as id, ${time} as at from ${table} l${
        after === null ? "" : ` where ${id} > ${after}`
      } order by ${id} limit ${limit}) s`,

    /** Rows [line, seen, key, hash (none), ...columns] with after < line <= last, in any order. */
    lines: (after: string | null, last: string) => {
      const range = `${after === null ? "" : `${id} > ${after} and `}${id} <= ${last}`;
      const values = columns.map((column) => {
        const expression = `t.${q(kind.columns[column] ?? "")}`;
        return TEXT_COLUMNS.has(column) ? short(expression) : dialect.text(expression);
      });
      return `select ${
        [dialect.text("t.line_id"), dialect.text("t.seen"), dialect.text(key), "'0'", ...values].join(", ")
      } from (${log.from.replaceAll("{lines}", range)}\n) t`;
    },
  };
}
export type LogQuery = ReturnType<typeof logQuery>;
