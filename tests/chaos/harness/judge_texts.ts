import type { Findings } from "./findings.ts";
import type { EventRow } from "./judge_attempts.ts";
import { markersIn, type ReadableZulip } from "./told_markers.ts";

/** Words that only a correction has. */
const CORRECTS = /→|\byou were told\b|\bnow \*\*|\bstill \*\*|\bwas (?:passed|failed)\b/;

/** What a mentor reads of an event names its student, and a first report speaks of nothing that was before it. */
export function judgeTexts(
  { zulip, disguised = false }: { readonly zulip: ReadableZulip; readonly disguised?: boolean },
  events: ReadonlyMap<string, EventRow>,
  found: Findings,
): void {
  for (const message of zulip.messages) {
    if (message.senderId !== zulip.bot.id) continue;
    const own = markersIn(message.content);
    for (const line of message.content.split("\n")) {
      const [marker, ...others] = markersIn(line);
      const event = events.get(marker ?? "");
      // Where one line tells of several students there is no telling what belongs to whom.
      if (event === undefined || others.length > 0) continue;
      const text = own.length === 1 ? message.content : line;
      if (own.length > 1 && !/^\s*- /.test(line)) continue;
      const what = `event ${event.event_id} in message ${message.id}`;
      if (!disguised && !new RegExp(`\\bStudent ${event.student_id}\\b`).test(text)) {
        found.wrong(`${what}: its student is not named: ${text}`);
      }
      if (!event.has_previous && CORRECTS.test(text)) {
        found.wrong(`${what}: a first report corrects something: ${text}`);
      }
    }
  }
}
