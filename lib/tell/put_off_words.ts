import { toInstant } from "../model/time.ts";
import { counted } from "../text/counted.ts";
import type { Log, RoundCounts, Wait } from "./notify_types.ts";

const WHY_PUT_OFF: Readonly<Record<Wait["reason"] | "paused", string>> = {
  gathering: "gathered, since their readers were told something just before (notify.gather)",
  quiet: "in their readers' quiet hours (notify.quiet)",
  paused: "paused by the administrator (lmsmon resume ends it)",
  rate: "beyond their readers' number of messages (notify.max_per_mentor)",
};

/** A log line for each reason that a round put deliveries off for. */
export function sayPutOff(log: Pick<Log, "info">, { putOff }: Pick<RoundCounts, "putOff">): void {
  for (const [reason, { deliveries, until }] of putOff) {
    log.info("Put off until {until}: {what}, {why}", {
      what: counted(deliveries, "delivery", "deliveries"),
      deliveries,
      why: WHY_PUT_OFF[reason],
      reason,
      until: toInstant(until).toString({ smallestUnit: "second" }),
    });
  }
}
