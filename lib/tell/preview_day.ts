import type { NotifyConfig } from "../config/config.ts";
import type { EventType } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Recent } from "./notify_types.ts";
import { isAtDigestTime, roomFor, type TimedRow, whenToTell } from "./when_to_tell.ts";

/** A delivery that a day would have had. */
export interface PreviewedDelivery {
  readonly recipient: string;
  readonly type: EventType;
  readonly dueAt: EpochMicros;
  /** It waits for a digest time from the start. */
  readonly planned: boolean;
  /** Which attempt it is about: its start is not told where its finish is in the same message. */
  readonly attempt: string;
  readonly isStart: boolean;
}

export interface PreviewedReader {
  readonly messages: number;
  readonly deliveries: number;
  /** How many deliveries each rule put off, by its word. */
  readonly putOff: ReadonlyMap<string, number>;
  readonly finishedSince: number;
}

interface Waiting extends TimedRow {
  readonly delivery: PreviewedDelivery;
}

/** At most so many looks at one reader: whatever waits gets its turn long before. */
const MOST_TURNS = 20_000;

/**
 * What one reader would have got of these deliveries: goes through the day by the rules that say when a delivery leaves. Counts
 * messages, not the parts that long ones are cut into. Pure.
 */
export function previewReader(
  deliveries: readonly PreviewedDelivery[],
  notify: NotifyConfig,
  zone: string | null,
): PreviewedReader {
  const putOff = new Map<string, number>();
  const sent: EpochMicros[] = [];
  let finishedSince = 0;
  let waiting: Waiting[] = deliveries.map((delivery) => ({
    delivery,
    recipient: delivery.recipient,
    told: { type: delivery.type },
    dueAt: delivery.dueAt,
    planned: delivery.planned,
    gathered: false,
  }));
  let now = Math.min(Infinity, ...waiting.map((row) => row.dueAt));
  for (let turn = 0; waiting.length > 0 && turn < MOST_TURNS; turn++) {
    const recent = recentOf(sent, now, notify, zone);
    const due = waiting.filter((row) => row.dueAt <= now || row.gathered);
    const waits = due.map((row) => ({ row, wait: whenToTell(row, { now, notify, recent }) }));
    const leaves = waits.some(({ wait }) => wait === null);
    if (leaves) {
      const asOne = due.some((row) => row.gathered || isAtDigestTime(row, notify)) ||
        due.length > Math.min(notify.digestAbove, roomFor(recent, notify));
      const finished = new Set(due.filter(({ delivery }) => !delivery.isStart).map(({ delivery }) => delivery.attempt));
      const over = asOne ? due.filter(({ delivery }) => delivery.isStart && finished.has(delivery.attempt)).length : 0;
      finishedSince += over;
      for (let i = 0; i < (asOne ? 1 : due.length - over); i++) sent.push(now);
      const gone = new Set(due);
      waiting = waiting.filter((row) => !gone.has(row));
    } else {
      const later = new Map(waits.map(({ row, wait }) => [row, wait]));
      waiting = waiting.map((row) => {
        const wait = later.get(row);
        if (wait === undefined || wait === null) return row;
        if (!row.gathered || row.dueAt !== wait.until) putOff.set(wait.reason, (putOff.get(wait.reason) ?? 0) + 1);
        return { ...row, dueAt: wait.until, planned: wait.reason === "rate", gathered: wait.reason !== "rate" };
      });
    }
    const next = Math.min(Infinity, ...waiting.map((row) => row.dueAt).filter((at) => at > now));
    if (next === Infinity) break;
    now = next;
  }
  return { messages: sent.length, deliveries: deliveries.length, putOff, finishedSince };
}

function recentOf(
  sent: readonly EpochMicros[],
  now: EpochMicros,
  { maxPerMentor, gatherMs }: NotifyConfig,
  zone: string | null,
): Recent {
  const window = maxPerMentor === null ? [] : sent.filter((at) => at > now - maxPerMentor.perMs * 1000);
  const last = sent.at(-1) ?? null;
  return {
    messages: window.length,
    oldestAt: window[0] ?? null,
    lastAt: last !== null && last > now - gatherMs * 1000 ? last : null,
    zone,
  };
}
