import { highestIds, type HighestIdsRow, serverIdentity } from "../../sql/state/lineage.ts";
import type { StateDb } from "./state_db.ts";

/**
 * Why what this process knows of the state may be more than what the state holds. `lost`: a connection was lost, and the same server
 * answers. `replaced`: another server, another timeline, another database, or ids that have fallen: commits may be gone.
 */
export type Doubt = "lost" | "replaced";

interface Sight {
  readonly losses: number;
  /** `null`: not asked, or nobody may ask. */
  readonly identity: string | null;
  readonly ids: HighestIdsRow;
}

/** Notices that the state database may have lost commits since it was last looked at. One instance for each who cares. */
export class StateLineage {
  #last: Sight | null = null;
  /** One look at a time: of two at once, the slower one would take ids for fallen. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(private readonly db: Pick<StateDb, "sql" | "losses" | "mode">) {}

  /** What came between the last look and this one; `null`: nothing. The first look sees nothing. */
  look(): Promise<Doubt | null> {
    const looking = this.#looking.then(() => this.#look());
    this.#looking = looking.catch(() => {});
    return looking;
  }

  async #look(): Promise<Doubt | null> {
    const before = this.#last;
    // Taken first: a connection lost during the look is found by the next one.
    const { losses } = this.db;
    const identity = await this.#identity();
    const [ids] = await highestIds(this.db.sql);
    if (ids === undefined) return null;
    const now: Sight = { losses, identity, ids };
    this.#last = now;
    return before === null ? null : doubtBetween(before, now, this.db.mode === "server");
  }

  /** `StateDb.losses` as of the last look. */
  get losses(): number {
    return this.#last?.losses ?? this.db.losses;
  }

  /** The newest poll that the state held at the last look. */
  get newestPoll(): string {
    return this.#last?.ids.newest_poll ?? "0";
  }

  async #identity(): Promise<string | null> {
    // The directory of an embedded state is nobody's standby; a backup put in its place shows by its ids.
    if (this.db.mode !== "server") return null;
    const losses = this.db.losses;
    try {
      const [row] = await serverIdentity(this.db.sql);
      return row?.identity ?? null;
    } catch (error) {
      // Managed servers do not let everybody ask. A lost connection is the caller's affair.
      if (this.db.losses !== losses || !isRefusal(error)) throw error;
      return null;
    }
  }
}

/** Pure. On a server that does not say who it is, a lost connection may have led to another one. */
export function doubtBetween(before: Sight, now: Sight, onServer: boolean): Doubt | null {
  const lost = before.losses !== now.losses;
  const fell = (["messages", "events", "newest_event", "newest_poll"] as const)
    .some((name) => BigInt(now.ids[name]) < BigInt(before.ids[name]));
  if (fell || before.identity !== now.identity) return "replaced";
  if (!lost || !onServer) return null;
  return now.identity === null ? "replaced" : "lost";
}

/** No such function, no permission, not supported, not in this state of the server. */
function isRefusal(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | null)?.code ?? "");
  return ["42883", "42501", "42P01", "0A000", "55000"].includes(code);
}
