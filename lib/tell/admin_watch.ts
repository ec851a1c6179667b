import { newestOccurrence, reportNumbers } from "../../sql/state/admin_report.ts";
import { outageUntilNow } from "../../sql/state/poll_runs.ts";
import type { Circuit } from "../bot/circuit.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { counted } from "../text/counted.ts";
import { localDay, localTime } from "../text/local_time.ts";
import { formatDuration, roundDuration } from "../text/parse_duration.ts";
import { oneDay } from "../text/parse_time.ts";
import { onDay } from "./times_of_day.ts";
import type { Notices } from "./notices.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { readPauses } from "./pauses.ts";
import { pauseWords } from "./reasons.ts";

const LOOK_MS = 60_000;
/** Shorter trouble is nobody's concern. */
const TROUBLE_MS = 15 * 60_000;

/**
 * A time in which Zulip failed; milliseconds of the monotonic clock. Zulip is only asked while there is something to send, so
 * its last failure and its first answer may lie far apart.
 */
interface Outage {
  readonly sinceMs: number;
  readonly failedMs: number;
  /** `null`: not yet. */
  answeredMs: number | null;
}

/** What is known of an outage that is over; `null`: nobody's concern. Pure. */
function recoveredText({ sinceMs, failedMs, answeredMs }: Outage): string | null {
  const endMs = answeredMs ?? failedMs;
  const unaskedMs = endMs - failedMs;
  const isKnown = unaskedMs <= TROUBLE_MS;
  const awayMs = (isKnown ? endMs : failedMs) - sinceMs;
  if (awayMs <= TROUBLE_MS) return null;
  const how = isKnown
    ? `after ${roundDuration(awayMs)}`
    : `after ${roundDuration(awayMs)} or more: it was not asked for ${roundDuration(unaskedMs)} in between`;
  return `Zulip answers again, ${how}; what waited goes out now.`;
}

/** What the administrator hears of although nothing happens: a daily report, an LMS that shows nothing new, trouble and its end. */
export class AdminWatch {
  readonly #deps: NotifierDeps;
  readonly #notices: Notices;
  #lookedAtMs = -Infinity;
  #outage: Outage | null = null;
  #isStale = false;
  #lmsAwayMs = 0;

  constructor(deps: NotifierDeps, notices: Notices) {
    this.#deps = deps;
    this.#notices = notices;
  }

  /** After each round: whether Zulip failed, or answers. */
  afterRound({ state, openedAt, failedAt }: Pick<Circuit, "state" | "openedAt" | "failedAt">): void {
    if (openedAt !== null) this.#outage = { sinceMs: openedAt, failedMs: failedAt, answeredMs: null };
    else if (state === "closed" && this.#outage !== null) this.#outage.answeredMs ??= this.#deps.clock.monotonicMs();
  }

  /** Before each round; asks the state once a minute. Never throws for Zulip. */
  async look(circuit: Circuit["state"]): Promise<void> {
    const now = this.#deps.clock.monotonicMs();
    if (circuit !== "closed") return;
    const recovered = this.#outage === null ? null : recoveredText(this.#outage);
    this.#outage = null;
    if (recovered !== null) await this.#notices.tell("recovered:zulip", recovered);
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
      await this.#notices.tell(
        "trouble:lms",
        `polling has failed for ${roundDuration(awayMs)}. \`lmsmon doctor\` says why.`,
      );
    } else if (this.#lmsAwayMs > TROUBLE_MS) {
      await this.#notices.tell("recovered:lms", `polling works again, after ${roundDuration(this.#lmsAwayMs)}.`);
    }
    this.#lmsAwayMs = awayMs;
  }

  async #lookForStale(): Promise<void> {
    const { db, source, clock, config } = this.#deps;
    const staleMs = config.source.staleAfterMs;
    if (staleMs === null) return;
    const [row] = await newestOccurrence(db.sql, source);
    const newest = row?.newest_at ?? null;
    if (newest === null) return;
    const ageMs = (clock.now() - fromInstant(newest)) / 1000;
    if (ageMs > staleMs) {
      this.#isStale = true;
      await this.#notices.tell(
        "stale",
        `the LMS shows nothing newer than ${this.#when(fromInstant(newest))}, ${
          roundDuration(ageMs)
        } ago (lms.stale_after: ${formatDuration(staleMs)}). Is it still filled?`,
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
    const { timezone } = config.notify;
    if (now < onDay(localDay(now, timezone), at, timezone)) return;
    await this.#notices.tell("report", () => this.#reportText(now));
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

  /** `02:14` of today, else with its day. */
  #when(at: EpochMicros): string {
    const { config, clock } = this.#deps;
    const { timezone } = config.notify;
    const text = localTime(at, timezone);
    return localDay(at, timezone).equals(localDay(clock.now(), timezone)) ? text.slice(11) : text;
  }
}
