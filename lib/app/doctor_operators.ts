import { countMentors } from "../../sql/state/doctor.ts";
import { newestOccurrence } from "../../sql/state/admin_report.ts";
import { keptForConsumers } from "../../sql/state/retention.ts";
import type { RateLimit } from "../bot/zulip_api.ts";
import type { Config } from "../config/config.ts";
import { fromInstant } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import { readBlock } from "../tell/block_note.ts";
import { findRedirect } from "../tell/redirect.ts";
import { readPauses } from "../tell/pauses.ts";
import { pauseWords } from "../tell/reasons.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import type { Findings } from "./doctor_findings.ts";

/** What people asked for by hand, and what only a running process knows: pauses, a block, an LMS that shows nothing new. */
export async function lookAtSteering(
  { db, config, now }: { readonly db: StateDb; readonly config: Config; readonly now: number },
  { ok, warn }: Findings,
): Promise<void> {
  const source = config.source.name;
  const [pauses, blocked, [newest]] = await Promise.all([
    readPauses({ db, source }, now),
    readBlock({ db, source }),
    newestOccurrence(db.sql, source),
  ]);
  for (const pause of pauses) {
    const flag = pause.scope === "all" ? "" : ` --${pause.scope} ${pause.subjectId}`;
    warn(`${pauseWords(pause)} is paused: ${pause.reason}`, `lmsmon resume${flag}`);
  }
  if (blocked !== null) {
    const hint = blocked.kind === "guard"
      ? "lmsmon reconcile"
      : "it goes on by itself when Zulip answers; a service that reads its zuliprc through systemd (LoadCredential) sees a renewed " +
        "one after a restart only";
    warn(`nothing could be sent by the last round: ${blocked.reason}`, hint);
  }
  const keepMs = config.retention?.eventsMs ?? null;
  if (keepMs !== null) {
    for (const { name, events } of await keptForConsumers(db.sql, source, now - keepMs * 1000)) {
      warn(
        `${counted(Number(events), "event")} older than retention.events ${
          events === "1" ? "is" : "are"
        } kept for the consumer ${name}`,
        `export-ai --consumer ${name} --ack takes them; lmsmon consumers drop ${name} if nobody does any more`,
      );
    }
  }
  const staleMs = config.source.staleAfterMs;
  if (staleMs === null || newest?.newest_at == null) return;
  const ageMs = (now - fromInstant(newest.newest_at)) / 1000;
  const when = localTime(fromInstant(newest.newest_at), config.notify.timezone);
  if (ageMs > staleMs) {
    warn(`the LMS shows nothing newer than ${when} (lms.stale_after)`, "look whether it is still filled");
  } else ok(`the newest row of the LMS is of ${when}`);
}

/** How many mentors there are to tell, as far as the state knows; 0 before the first poll. */
export async function mentorsToTell(db: StateDb, source: string): Promise<number> {
  const [row] = await countMentors(db.sql, source);
  return row?.mentors ?? 0;
}

/** `800 mentors at 200 calls a minute: 4 minutes for one message to each`. Zulip counts by the minute. */
export function rateWords(limit: Pick<RateLimit, "limit"> | null, mentors: number): string {
  const perMinute = limit?.limit ?? 120;
  const calls = limit === null
    ? "Zulip says no rate limit, so 120 calls a minute"
    : `${perMinute.toLocaleString("en")} calls a minute`;
  if (mentors === 0) return `rate limit: ${calls}`;
  const minutes = Math.max(1, Math.ceil(mentors / perMinute));
  return `${counted(mentors, "mentor")} at ${calls}: ${counted(minutes, "minute")} for a message to each`;
}

/** A trial must not be forgotten. Throws ZulipError where it names nobody, as the delivery does: then nothing leaves at all. */
export async function lookAtRedirect(deps: Parameters<typeof findRedirect>[0], warn: Findings["warn"]): Promise<void> {
  const { notify } = deps.config;
  if (!notify.redirectTo) return;
  await findRedirect(deps);
  warn(
    `a trial: every message goes to ${notify.redirectTo} (notify.redirect_to), and is never told to its mentor`,
    "take notify.redirect_to away when the trial is over, and `lmsmon reload`",
  );
}
