import postgres from "postgres";
import { lmsSchema } from "../../../lib/demo/lms_writer.ts";
import type { Random } from "../../../lib/demo/random.ts";
import { insertStatement } from "../../../sql/lms/write_statements.ts";
import { type ChaosRun, sleep } from "./chaos_run.ts";
import { LmsPlans } from "./lms_plans.ts";
import type { LoadRow, Plan, RowKind } from "./lms_rows.ts";
import type { Material } from "./material.ts";

/** A writer that treats the LMS the way syncs do, from a seed: in place, late, out of order, in long transactions. */
export class LmsLoad implements AsyncDisposable {
  readonly counts: Record<string, number> = {};
  readonly #sql: postgres.Sql;
  readonly #random: Random;
  readonly #plans: LmsPlans;
  readonly #held = new Set<Promise<void>>();
  #stop = true;
  #stopped: Promise<void> = Promise.resolve();

  constructor(url: string, private readonly run: ChaosRun, readonly material: Material) {
    this.#sql = postgres(url, {
      max: 8,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: "chaos" },
    });
    this.#random = run.random("load");
    this.#plans = new LmsPlans(this.#random, material);
  }

  get rows(): Readonly<Record<RowKind, Map<number, LoadRow>>> {
    return this.#plans.rows;
  }

  /** Whether rows vanish and ids are used again; default true. */
  set displacing(value: boolean) {
    this.#plans.displacing = value;
  }

  /** Tables, people, and some history from before lmsmon came. */
  async prepare(history = 300): Promise<void> {
    for (const statement of lmsSchema("postgres")) await this.#sql.unsafe(statement);
    for (const { table, rows } of this.material.tables) {
      for (let i = 0; i < rows.length; i += 500) {
        await this.#sql.unsafe(insertStatement("postgres", table, rows.slice(i, i + 500)));
      }
    }
    this.#plans.preparing = true;
    for (let i = 0; i < history; i++) await this.#now(this.#plans.insert(i % 3 === 0 ? "content" : "exam", i % 4 > 0));
    this.#plans.preparing = false;
  }

  /** Writes until `stop`; about `perSecond` plans a second. Does nothing when it writes already. */
  start(perSecond: number): void {
    if (!this.#stop) return;
    this.#stop = false;
    this.#stopped = (async () => {
      while (!this.#stop) {
        const began = performance.now();
        if (this.#random.chance(0.04) && this.#held.size < 4) this.#hold();
        else {
          const burst = this.#random.chance(0.02) ? this.#random.int(50, 200) : 1;
          for (let i = 0; i < burst && !this.#stop; i++) await this.#now(this.#plans.plan());
        }
        await sleep(1000 / perSecond - (performance.now() - began));
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#stopped;
    await Promise.all(this.#held);
  }

  /** `n` plans at once, each committed. */
  async some(n: number): Promise<void> {
    for (let i = 0; i < n; i++) await this.#now(this.#plans.plan());
  }

  /** `n` finished exams in one transaction. */
  async finishedExams(n: number): Promise<void> {
    const plans = Array.from({ length: n }, () => this.#plans.insert("exam", true));
    await this.#sql.begin(async (tx) => {
      for (const plan of plans) for (const statement of plan.statements) await tx.unsafe(statement);
    });
    for (const plan of plans) plan.commit();
  }

  async finish(row: LoadRow): Promise<void> {
    await this.#now(this.#plans.finish(row));
  }

  /** The ids of `rows` are used again, each in the way that the seed says. */
  async reuse(rows: readonly LoadRow[]): Promise<void> {
    for (const row of rows) await this.#now(this.#plans.displaced.reuse(row));
  }

  async vanish(rows: readonly LoadRow[]): Promise<void> {
    for (const row of rows) await this.#now(this.#plans.displaced.vanish(row));
  }

  /** Rows that vanished are there again. */
  async bringBack(rows: readonly LoadRow[], changed: boolean): Promise<void> {
    for (const row of rows) await this.#now(this.#plans.displaced.bringBack(row, changed));
  }

  /** `n` attempts that finished at `when`, in statements of a thousand. */
  async finishedAt(n: number, kind: RowKind, when: string): Promise<void> {
    const plans = Array.from({ length: n }, () => this.#plans.insert(kind, true, false, when));
    for (let i = 0; i < plans.length; i += 1000) {
      const part = plans.slice(i, i + 1000);
      const [first = ""] = part.flatMap((plan) => plan.statements);
      const rows = part.flatMap((plan) => plan.statements.map((text) => text.slice(text.indexOf(" values ") + 8)));
      await this.#sql.unsafe(`${first.slice(0, first.indexOf(" values ") + 8)}${rows.join(", ")}`);
      for (const plan of part) plan.commit();
    }
  }

  async execute(statement: string): Promise<readonly Record<string, unknown>[]> {
    return await this.#sql.unsafe(statement);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
    await this.#sql.end({ timeout: 5 });
  }

  async #now(plan: Plan | null): Promise<void> {
    if (plan === null) return;
    for (const row of plan.rows) row.busy = true; // several write at a time: `start` and `some`
    try {
      if (plan.statements.length === 1) await this.#sql.unsafe(plan.statements[0] ?? "");
      else {
        await this.#sql.begin(async (tx) => {
          for (const statement of plan.statements) await tx.unsafe(statement);
        });
      }
      plan.commit();
    } finally {
      for (const row of plan.rows) row.busy = false;
    }
    this.#count(plan.name);
    if (plan.counts !== undefined) this.run.tally[plan.counts]++;
  }

  /** A transaction that stays open over some polls; several are open at a time and end in any order, some in a rollback. */
  #hold(): void {
    const plans: Plan[] = [];
    for (let n = this.#random.int(3, 12); n > 0; n--) {
      const plan = this.#plans.plan(true);
      if (plan === null) continue;
      for (const row of plan.rows) row.busy = true;
      plans.push(plan);
    }
    const heldMs = this.#random.int(500, 4000);
    const rollback = this.#random.chance(0.2);
    const name = `${plans.length} plans held for ${heldMs} ms, ${rollback ? "rolled back" : "committed"}`;
    const task = this.#sql.begin(async (tx) => {
      for (const plan of plans) for (const statement of plan.statements) await tx.unsafe(statement);
      for (let waited = 0; waited < heldMs && !this.#stop; waited += 50) await sleep(50);
      if (rollback) throw new RolledBack();
    }).then(() => {
      for (const plan of plans) {
        plan.commit();
        if (plan.counts !== undefined) this.run.tally[plan.counts]++;
      }
      this.#count("held");
    }, (error) => {
      if (!(error instanceof RolledBack)) throw error;
      for (const plan of plans) {
        for (const row of plan.rows) if (row.versions.length === 0) this.rows[row.kind].delete(row.id);
      }
      this.#count("rolled_back");
    }).catch((error) => this.run.fail(`the writer failed: ${error}`)).finally(() => {
      for (const plan of plans) for (const row of plan.rows) row.busy = false;
      this.#held.delete(task);
    });
    this.run.did(`load: ${name}`);
    this.#held.add(task);
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}

class RolledBack extends Error {}
