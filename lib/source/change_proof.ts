import { type Preset } from "../../sql/lms/preset.ts";
import { requirements } from "../../sql/lms/requirements.ts";
import { LmsError } from "../base/errors.ts";
import { queriesOf } from "./described_preset.ts";
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import { queryObstacles } from "./query_obstacles.ts";
import { skipObstacles } from "./skip_obstacles.ts";

interface Proof {
  readonly token: string | null;
  /** Why the token proves nothing about what is read. */
  readonly obstacles: readonly string[];
}

/** Whether anything that a poll reads can have changed since the last look. */
export class ChangeProof {
  readonly #driver: LmsDriver;
  #last: Proof = { token: null, obstacles: [] };

  constructor(driver: LmsDriver, private readonly preset: () => Preset) {
    this.#driver = driver;
  }

  async #obstacles(session: LmsSession, preset: Preset, tables: readonly string[]): Promise<string[]> {
    const { dialect } = this.#driver;
    const texts = queriesOf(preset, dialect).map(({ what, from }) => ({ what, from }));
    const ofTables = tables.length === 0 || dialect.relations === null
      ? []
      : skipObstacles(await session.rows(dialect.relations(tables)));
    return texts.length === 0 ? ofTables : [...ofTables, ...await queryObstacles(session, dialect, texts)];
  }

  /** `null` where nothing proves that every table reads as before. */
  async token(): Promise<string | null> {
    const { token, obstacles } = await this.look();
    return obstacles.length === 0 ? token : null;
  }

  /** Why there is no token now; `null` when there is one. */
  async whyNone(): Promise<string | null> {
    const { token, obstacles } = await this.look();
    if (obstacles.length > 0) return obstacles.join(", ");
    return token === null ? "this database has no proof that nothing was committed" : null;
  }

  /**
   * The token, and what kinds of relations the tables are. The kinds cannot change without a commit, so they are looked at
   * anew only when the token is another one, in the same snapshot.
   */
  async look(): Promise<Proof> {
    const { dialect } = this.#driver;
    const { changeToken, relations } = dialect;
    const preset = this.preset();
    const tables = requirements(preset).map(({ table }) => table);
    if (changeToken === null || relations === null) {
      return { token: null, obstacles: ["MySQL and MariaDB do not tell whether something was committed"] };
    }
    try {
      this.#last = await this.#driver.read(async (session) => {
        const [row] = await session.rows(changeToken(tables));
        const token = row?.[0] ?? null;
        if (token !== null && token === this.#last.token) return this.#last;
        return { token, obstacles: await this.#obstacles(session, preset, tables) };
      });
    } catch (error) {
      // Whoever may not look at the catalogs can still poll; only nothing is ever skipped.
      if (!(error instanceof LmsError) || (error.reason !== "schema" && error.reason !== "failed")) throw error;
      this.#last = { token: null, obstacles: [`the catalogs cannot be read (${error.message})`] };
    }
    return this.#last;
  }
}
