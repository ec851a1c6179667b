import { type Preset, requirements } from "../../sql/lms/preset.ts";
import { LmsError } from "../base/errors.ts";
import type { LmsDriver } from "./lms_driver.ts";
import { skipObstacles } from "./skip_obstacles.ts";

interface Proof {
  readonly token: string | null;
  /** Why the token proves nothing about what is read. */
  readonly obstacles: readonly string[];
}

/** Whether anything that a poll reads can have changed since the last look. */
export class ChangeProof {
  readonly #driver: LmsDriver;
  readonly #tables: readonly string[];
  #last: Proof = { token: null, obstacles: [] };

  constructor(driver: LmsDriver, preset: Preset) {
    this.#driver = driver;
    this.#tables = requirements(preset).map(({ table }) => table);
  }

  /**
   * The token, and what kinds of relations the tables are. These cannot change without a commit, so they are looked at anew
   * only when the token is another one: with it, in one snapshot.
   */
  async look(): Promise<Proof> {
    const { changeToken, relations } = this.#driver.dialect;
    if (changeToken === null || relations === null) {
      return { token: null, obstacles: ["MySQL and MariaDB do not tell whether something was committed"] };
    }
    try {
      this.#last = await this.#driver.read(async (session) => {
        const [row] = await session.rows(changeToken(this.#tables));
        const token = row?.[0] ?? null;
        if (token !== null && token === this.#last.token) return this.#last;
        return { token, obstacles: skipObstacles(await session.rows(relations(this.#tables))) };
      });
    } catch (error) {
      // Whoever may not look at the catalogs can still poll; only nothing is ever skipped.
      if (!(error instanceof LmsError) || (error.reason !== "schema" && error.reason !== "failed")) throw error;
      this.#last = { token: null, obstacles: [`the catalogs cannot be read (${error.message})`] };
    }
    return this.#last;
  }
}
