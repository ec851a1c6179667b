import { z } from "zod";
import { fullPassWanted } from "../../sql/state/lineage.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { fullPassAge } from "../../sql/state/streams.ts";
import { passStats } from "../../sql/state/stats.ts";
import type { Clock } from "../base/clock.ts";
import type { KindError } from "../base/errors.ts";
import type { LmsSource } from "../source/lms_source.ts";
import type { StateDb } from "../state/state_db.ts";
import { StateLineage } from "../state/state_lineage.ts";
import { passCostMs, passPeriodMs, type PassSettings, rememberCost } from "./pass_policy.ts";

/** The fact in which a source's measured passes outlive the process. */
const FACT = "full_pass_cost";

const Measured = z.object({ cost_ms: z.number().nonnegative(), period_ms: z.number().nonnegative() });

/** What a full pass of a source costs and how often one comes, milliseconds; a period of 0 is every poll. */
export interface MeasuredPass {
  readonly costMs: number;
  readonly periodMs: number;
}

/** As the last `watch` over the source measured it; `null` when none has yet. */
export async function readMeasuredPass(db: Pick<StateDb, "sql">, source: string): Promise<MeasuredPass | null> {
  const [row] = await readFact(db.sql, source, FACT);
  return parseMeasured(row?.value);
}

/** The same of every source that has one. */
export async function measuredPasses(
  db: Pick<StateDb, "sql">,
): Promise<(MeasuredPass & { readonly source: string })[]> {
  return (await passStats(db.sql)).flatMap(({ source, value }) => {
    const measured = parseMeasured(value);
    return measured === null ? [] : [{ source, ...measured }];
  });
}

function parseMeasured(value: unknown): MeasuredPass | null {
  const measured = Measured.safeParse(value);
  return measured.success ? { costMs: measured.data.cost_ms, periodMs: measured.data.period_ms } : null;
}

/** What the next poll does. */
export interface PassPlan {
  readonly mode: "quick" | "full";
  /** A full pass was due, but nothing was committed since the last one. */
  readonly skipped: boolean;
  /** The proof of that, for the pass after this one; `null` where there is none. */
  readonly token: string | null;
  readonly startedMs: number;
  /** What some kinds failed with in the last full pass: a poll that does not compare them has not shown that it is over. */
  readonly unresolved: KindError | null;
}

export interface PassScheduleDeps extends PassSettings {
  readonly db: StateDb;
  readonly lms: Pick<LmsSource, "name" | "changeToken">;
  readonly clock: Clock;
}

/** Decides, poll by poll, whether everything is compared; see pass_policy.ts for how often. */
export class PassSchedule {
  readonly #deps: PassScheduleDeps;
  readonly #lineage: StateLineage;
  /** The last full pass of this process, and the proof of what was committed when it began. */
  #last: { readonly token: string | null; readonly startedMs: number } | null = null;
  /** The state may have lost what it knew, so no proof of idleness holds: everything is compared, once. */
  #owed = false;
  #unresolved: KindError | null = null;
  #costs: readonly number[] | null = null;
  #cold = true;
  #written: MeasuredPass | null = null;

  constructor(deps: PassScheduleDeps) {
    this.#deps = deps;
    this.#lineage = new StateLineage(deps.db);
  }

  /** Another process may have polled: what it read proves nothing about what this one knows. */
  forget(): void {
    this.#last = null;
  }

  async plan(): Promise<PassPlan> {
    const { clock, lms } = this.#deps;
    if (await this.#lineage.look() !== null || await this.#isWanted()) this.#owed = true;
    if (this.#owed) this.#last = null;
    const startedMs = clock.monotonicMs();
    if (!this.#owed && !await this.#isDue()) {
      return { mode: "quick", skipped: false, token: null, startedMs, unresolved: this.#unresolved };
    }
    const token = await lms.changeToken();
    const skipped = token !== null && token === this.#last?.token;
    return { mode: skipped ? "quick" : "full", skipped, token, startedMs, unresolved: null };
  }

  /** After the poll that was planned. `sumsMs`: what the statements of its sum phase took. */
  async done({ mode, skipped, token, startedMs }: PassPlan, sumsMs: number | null): Promise<void> {
    if (mode === "quick" && !skipped) return;
    this.#last = { token, startedMs };
    if (mode === "quick") return;
    this.#owed = false;
    this.#unresolved = null;
    if (sumsMs === null) return;
    this.#costs = rememberCost(await this.#remembered(), sumsMs, this.#cold, this.#deps);
    this.#cold = false;
    await this.#write();
  }

  /**
   * After a poll in which some kinds failed: the others' rows need not be compared again at once, since no LMS is to pay for it that a
   * query fails. No proof of idleness comes of it.
   */
  async doneInPart(plan: PassPlan, error: KindError): Promise<void> {
    if (this.#owed) return;
    await this.done({ ...plan, token: null }, error.sumsMs);
    if (plan.mode === "full") this.#unresolved = error;
  }

  async #isDue(): Promise<boolean> {
    const { clock, db, lms } = this.#deps;
    const periodMs = passPeriodMs(passCostMs(await this.#remembered()), this.#deps);
    if (periodMs === 0) return true;
    if (this.#last !== null) return clock.monotonicMs() - this.#last.startedMs >= periodMs;
    // A process that just started (or took over) trusts a full pass of its predecessor for as long as its own.
    const [passed] = await fullPassAge(db.sql, lms.name);
    return passed?.ms_ago == null || passed.ms_ago >= periodMs;
  }

  /** Somebody's sending waits for it. */
  async #isWanted(): Promise<boolean> {
    const [row] = await fullPassWanted(this.#deps.db.sql, this.#deps.lms.name);
    return row?.wanted === true;
  }

  async #remembered(): Promise<readonly number[]> {
    if (this.#costs === null) {
      this.#written = await readMeasuredPass(this.#deps.db, this.#deps.lms.name);
      this.#costs = this.#written === null ? [] : [this.#written.costMs];
    }
    return this.#costs;
  }

  /** Only what changes how often passes come is worth a write. */
  async #write(): Promise<void> {
    const { db, lms } = this.#deps;
    const costMs = passCostMs(this.#costs ?? []);
    if (costMs === null) return;
    const periodMs = passPeriodMs(costMs, this.#deps);
    const before = this.#written;
    if (before !== null && Math.abs(before.periodMs - periodMs) <= before.periodMs / 10) return;
    this.#written = { costMs, periodMs };
    await writeFact(db.sql, lms.name, FACT, JSON.stringify({ cost_ms: costMs, period_ms: periodMs }));
  }
}
