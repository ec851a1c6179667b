import { alikeMarkers } from "../../sql/state/reconcile.ts";
import { preferIndexes } from "../../sql/state/recipients.ts";
import { markedLink } from "../format/marked_link.ts";
import { refsOf } from "../model/marker.ts";
import type { ToldEvent } from "../model/told_event.ts";
import type { StateDb } from "../state/state_db.ts";

interface ToldRow {
  readonly recipient: string;
  readonly told: ToldEvent;
}

/**
 * Gives each row its `ref`, which stands for its marker in a `ref` line: the first five signs, or the whole marker where that of
 * another delivery begins the same. Only rows without a link are looked up: a link holds the whole marker.
 */
export async function withRefs<T extends ToldRow>(
  db: Pick<StateDb, "sql">,
  rows: readonly T[],
  links: Readonly<Record<string, string>>,
): Promise<readonly T[]> {
  const unlinked = rows.filter(({ told }) => markedLink(told, links) === null);
  if (unlinked.length === 0) return rows;
  const taken = await db.sql.begin(async (tx) => {
    await preferIndexes(tx);
    const found = await alikeMarkers(
      tx,
      unlinked.map(({ told }) => told.marker),
      unlinked.map(({ recipient }) => recipient),
    );
    return found.map(({ marker }) => marker);
  });
  return shortened(rows, new Set(taken));
}

/** The same without asking the state; `taken`: markers among them that need all their signs. */
export function shortened<T extends ToldRow>(rows: readonly T[], taken?: ReadonlySet<string>): readonly T[] {
  const byMarker = new Map<string, string>();
  for (const own of Map.groupBy(rows, ({ recipient }) => recipient).values()) {
    const refs = refsOf(own.map(({ told }) => told.marker), taken);
    own.forEach(({ told }, i) => byMarker.set(told.marker, refs[i] ?? told.marker));
  }
  return rows.map((row) => ({ ...row, told: { ...row.told, ref: byMarker.get(row.told.marker) ?? row.told.marker } }));
}
