import { z } from "zod";
import { dropFact, readFact, writeFact } from "../../sql/state/facts.ts";
import type { EpochMicros } from "../model/time.ts";
import { type Circuit, remedyOf, type Trouble } from "../bot/circuit.ts";
import type { GuardVerdict } from "./guard.ts";
import type { Queryable } from "../state/state_db.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Once, when it begins. */
export function sayDeliveryPauses(log: NotifierDeps["log"], trouble: Trouble, hint = remedyOf(trouble)): void {
  const { reason } = trouble;
  log.error(/[.!?]$/.test(reason) ? "Delivery pauses: {reason} {hint}" : "Delivery pauses: {reason}. {hint}", {
    reason,
    hint,
  });
}

const FACT = "delivery_blocked";

const Block = z.object({ kind: z.enum(["guard", "outage"]), reason: z.string(), since_us: z.number() });

/** Why some process can send nothing, and since when. */
export interface Blocked {
  readonly kind: "guard" | "outage";
  readonly reason: string;
  readonly since: EpochMicros;
}

/** Writes down that nothing can be sent, and that it can again: for whoever asks from another process. */
export class BlockNote {
  readonly #deps: Pick<NotifierDeps, "db" | "source" | "clock">;
  /** What this process wrote last; undefined: nothing yet, so the note of an earlier process may still stand. */
  #written: string | null | undefined = undefined;
  #since: EpochMicros | null = null;

  constructor(deps: Pick<NotifierDeps, "db" | "source" | "clock">) {
    this.#deps = deps;
  }

  /** `due`: somebody was to be told, so the round tried. */
  async afterRound(
    verdict: GuardVerdict | null,
    circuit: Pick<Circuit, "state" | "reason">,
    due: boolean,
  ): Promise<void> {
    if (verdict !== null) return await this.#blocked("guard", verdict.reason);
    if (circuit.state === "open") return await this.#blocked("outage", circuit.reason ?? "Zulip does not answer");
    if (due && circuit.state === "closed") await this.#free();
  }

  async #blocked(kind: Blocked["kind"], reason: string): Promise<void> {
    if (this.#written === `${kind} ${reason}`) return;
    const { db, source, clock } = this.#deps;
    this.#since ??= clock.now();
    await writeFact(db.sql, source, FACT, JSON.stringify({ kind, reason, since_us: this.#since }));
    this.#written = `${kind} ${reason}`;
  }

  async #free(): Promise<void> {
    if (this.#written === null) return;
    await dropFact(this.#deps.db.sql, this.#deps.source, FACT);
    this.#written = null;
    this.#since = null;
  }
}

/** `null`: as far as anybody knows, everything can be sent. */
export async function readBlock(
  { db, source }: { readonly db: { readonly sql: Queryable }; readonly source: string },
): Promise<Blocked | null> {
  const [row] = await readFact(db.sql, source, FACT);
  const known = Block.safeParse(row?.value);
  return known.success ? { kind: known.data.kind, reason: known.data.reason, since: known.data.since_us } : null;
}
