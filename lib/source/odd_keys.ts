import { drivers, type KindPreset } from "../../sql/lms/preset.ts";
import type { KeyForm } from "../model/key_space.ts";
import type { Kind } from "../model/event_types.ts";
import type { CellRow } from "./lms_driver.ts";
import type { QueryAccess } from "./query_access.ts";
import { oddReason } from "./query_keys.ts";

/** So many are remembered until they are asked for. */
const MOST_MET = 1000;

/** Keys of a query's rows that no id can be: those met among the rows, and those that no other statement gives. */
export class OddKeys {
  readonly #met = new Map<string, string>();
  /** Some row of a pass had no bucket. */
  hasPairs = false;

  constructor(
    private readonly name: Kind,
    private readonly kind: KindPreset,
    private readonly form: KeyForm,
    private readonly access: QueryAccess,
  ) {}

  /** Of rows that share one, or whose id stands for another key. */
  note(key: string): void {
    if (this.#met.size >= MOST_MET) return;
    const collided = this.form === "text" && this.access.keys.hasCollided(`${this.name}_row`, key);
    const shown = key.replaceAll("\0", "\u2400"); // bytes taken for a text may hold a 0, which no text of the state can
    this.#met.set(shown, oddReason(this.name, this.form, key, collided));
  }

  /** All of them since the last call. */
  async take(limit: number): Promise<{ readonly key: string; readonly reason: string }[]> {
    for (const cells of await this.#ask(limit)) this.note(cells.map((cell) => cell ?? "").join("/"));
    const found = [...this.#met].map(([key, reason]) => ({ key, reason }));
    this.#met.clear();
    return found.slice(0, limit);
  }

  /** What drives the query is asked first: nearly always it has none, by its types or by a look into its index. */
  async #ask(limit: number): Promise<readonly CellRow[]> {
    const known = this.access.sql();
    const isDriven = drivers(this.kind).length > 0;
    if (known !== null && (isDriven ? known.oddDriving(1, 2).length === 0 : known.oddOwn(1) === null)) return [];
    return await this.access.read(async (session, sql) => {
      const ofDriving: CellRow[] = [];
      for (const query of sql.oddDriving(limit, this.hasPairs ? 2 : 1)) ofDriving.push(...await session.rows(query));
      if (ofDriving.length === 0 && isDriven) return [];
      const own = sql.oddOwn(limit);
      return own === null ? ofDriving : await session.rows(own);
    });
  }
}
