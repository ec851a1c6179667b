import { newestOccurrence, reportNumbers } from "../../sql/state/admin_report.ts";
import { outageUntilNow } from "../../sql/state/poll_runs.ts";
import type { Circuit } from "../bot/circuit.ts";
import { type EpochMicros, fromInstant, toInstant } from "../model/time.ts";
import { counted } from "../text/counted.ts";
import { formatDuration } from "../text/parse_duration.ts";
import { oneDay } from "../text/parse_time.ts";
import type { Notices } from "./notices.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { readPauses } from "./pauses.ts";
import { pauseWords } from "./reasons.ts";

const LOOK_MS = 60_000;
/** Shorter trouble is nobody's concern. */
const TROUBLE_MS = 15 * 60_000;

/** What the administrator hears of although nothing happens: a daily report, an LMS that shows nothing new, trouble and its end. */
export class AdminWatch {
  readonly #deps: NotifierDeps;
  readonly #notices: Notices;
  #lookedAtMs = -Infinity;
  #zulipAwaySinceMs: number | null = null;
  #isStale = false;
  #lmsAwayMs = 0;

  constructor(deps: NotifierDeps, notices: Notices) {
    this.#deps = deps;
    this.#notices = notices;
  }

  /** Before each round; asks the state once a minute. Never throws for Zulip. */
  async look(circuit: Circuit["state"]): Promise<void> {
    const now = this.#deps.clock.monotonicMs();
    if (circuit === "open") {
      this.#zulipAwaySinceMs ??= now;
      return;
    }
    if (circuit !== "closed") return;
    const awayMs = this.#zulipAwaySinceMs === null ? 0 : now - this.#zulipAwaySinceMs;
    this.#zulipAwaySinceMs = null;
    if (awayMs > TROUBLE_MS) {
      await this.#notices.tell(
        "recovered:zulip",
        `Zulip answers again, after ${words(awayMs)}; what waited goes out now.`,
      );
    }
    if (now - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = now;
    await this.#lookAtLms();
    await this.#lookForStale();
    await this.#report();
  }

  async #lookAtLms(): Promise<void> {
    const { db, source } = this.#deps;
    const [row] = await outageUntilNow(db.sql, source);
    const awayMs = row?.outage_ms ?? 0;
    if (awayMs > TROUBLE_MS) {
      await this.#notices.tell("trouble:lms", `polling fails since ${words(awayMs)}. \`lmsmon doctor\` says why.`);
    } else if (this.#lmsAwayMs > TROUBLE_MS) {
      await this.#notices.tell("recovered:lms", `polling works again, after ${words(this.#lmsAwayMs)}.`);
    }
    this.#lmsAwayMs = awayMs;
  }

  async #lookForStale(): Promise<void> {
    const { db, source, clock, config } = this.#deps;
    const staleMs = config.lms.staleAfterMs ?? null;
    if (staleMs === null) return;
    const [row] = await newestOccurrence(db.sql, source);
    const newest = row?.newest_at ?? null;
    if (newest === null) return;
    const ageMs = (clock.now() - fromInstant(newest)) / 1000;
    if (ageMs > staleMs) {
      this.#isStale = true;
      await this.#notices.tell(
        "stale",
        `the LMS shows nothing newer than ${this.#when(fromInstant(newest))}, ${words(ageMs)} ago (lms.stale_after: ${
          formatDuration(staleMs)
        }). Is it still filled?`,
      );
    } else if (this.#isStale) {
      this.#isStale = false;
      await this.#notices.tell("recovered:stale", "the LMS shows new rows again.");
    }
  }

  async #report(): Promise<void> {
    const { clock, config } = this.#deps;
    const at = config.admin.reportAt ?? null;
    if (at === null) return;
    const now = clock.now();
    const local = toInstant(now).toZonedDateTimeISO(config.notify.timezone);
    if (local.hour * 60 + local.minute < at || this.#notices.wasTold("report")) return;
    await this.#notices.tell("report", await this.#reportText(now));
  }

  async #reportText(now: EpochMicros): Promise<string> {
    const { db, source, config } = this.#deps;
    const { since, until } = oneDay("report", "yesterday", now, config.notify.timezone);
    const [[row], [newest], pauses] = await Promise.all([
      reportNumbers(db.sql, source, since, until),
      newestOccurrence(db.sql, source),
      readPauses(this.#deps, now),
    ]);
    if (row === undefined) return "no numbers";
    const parts = [
      counted(row.events, "event"),
      counted(row.messages, "message"),
      `${row.dead.toLocaleString("en")} dead`,
      `${row.without_account.toLocaleString("en")} ${row.without_account === 1 ? "mentor" : "mentors"} without account`,
      ...row.failed_polls > 0 ? [counted(row.failed_polls, "failed poll")] : [],
      ...row.quarantined > 0 ? [counted(row.quarantined, "row in quarantine", "rows in quarantine")] : [],
      `${row.waiting.toLocaleString("en")} still to be told`,
      `newest LMS row ${newest?.newest_at == null ? "none" : this.#when(fromInstant(newest.newest_at))}`,
      ...pauses.map((pause) => `paused: ${pauseWords(pause)}`),
    ];
    return `Yesterday ${parts.join(", ")}.`;
  }

  /** `02:14` of today or yesterday, else with its day. */
  #when(at: EpochMicros): string {
    const { config, clock } = this.#deps;
    const zoned = (micros: EpochMicros) => toInstant(micros).toZonedDateTimeISO(config.notify.timezone);
    const text = zoned(at).toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ");
    const isToday = zoned(at).toPlainDate().equals(zoned(clock.now()).toPlainDate());
    return isToday ? text.slice(11) : text;
  }
}

const words = (ms: number) => formatDuration(Math.max(60_000, Math.round(ms / 60_000) * 60_000));
