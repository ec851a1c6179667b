import { heldPollReasons } from "../../sql/state/reconcile.ts";
import { ZulipError } from "../base/errors.ts";
import { noticeTold, readSourceNotice } from "../state/sources.ts";
import { localDay } from "../text/local_time.ts";
import { isWanted, tellAdmin, type TroubleKey } from "./admin_notice.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Sees to it that the administrator hears of trouble, also when Zulip was away when it began. */
export class Notices {
  readonly #deps: NotifierDeps;
  /** Trouble that this process has reported, or found nobody to report to; the state database keeps the same for all processes. */
  readonly #done = new Set<string>();

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  #once(key: TroubleKey): string {
    const { clock, config } = this.#deps;
    return `${localDay(clock.now(), config.notify.timezone)} ${key}`;
  }

  /** One message per trouble and day. False when Zulip failed: the next round tries again. `text` is a function where making it costs something. */
  async tell(key: TroubleKey, text: string | (() => Promise<string>)): Promise<boolean> {
    const once = this.#once(key);
    if (this.#done.has(once) || !isWanted(key, this.#deps.config.admin.on)) return true;
    try {
      if (await tellAdmin(this.#deps, key, text) === "nobody") {
        this.#deps.log.warn(
          "Nobody is told of this: admin.to names no visible Zulip user, or the bot has no owner",
          {
            trouble: key,
            hint: "set admin.to to a Zulip user id",
          },
        );
      }
      this.#done.add(once);
      return true;
    } catch (error) {
      if (!(error instanceof ZulipError)) throw error;
      this.#deps.log.debug("Cannot tell the administrator yet", { key, error });
      return false;
    }
  }

  /** What a poller wrote down about the source; that poller may be unable to send. */
  async tellOfSource(): Promise<void> {
    const { db, source } = this.#deps;
    const notice = await readSourceNotice(db, source);
    if (notice !== null && await this.tell(`source:${notice.key}`, notice.text)) await noticeTold(db, source, notice);
  }

  /** Every poll that the fuse holds, by whichever process it was held (P11). */
  async tellHeldPolls(): Promise<void> {
    for (const { poll_id, reason } of await heldPollReasons(this.#deps.db.sql, this.#deps.source)) {
      await this.tell(
        `held:${poll_id}`,
        `poll ${poll_id} is held back: ${reason ?? "it would send far more than usual"}. Nobody was told yet. ` +
          `Look with \`lmsmon release --list\`, send with \`lmsmon release --poll ${poll_id}\`, or drop with ` +
          `\`lmsmon release --poll ${poll_id} --drop --reason "…"\`.`,
      );
    }
  }
}
