import { NOT_READABLE } from "./channels.ts";
import type { Facts, Hindrance, Rule } from "./reason_words.ts";
import { REASONS } from "./reasons.ts";

/** A delivery as it stands, as far as a verdict rests on it. */
export interface Standing {
  readonly status: string;
  readonly reason: string | null;
  /** `delivery` of the poll that found it. */
  readonly poll: string;
  /** What a process noted when it could send nothing. */
  readonly blocked: "guard" | "outage" | null;
  /** Of its message: why that waits. */
  readonly messageReason: string | null;
}

export interface Explained {
  /** The word of the reason: that of the state where it has one. */
  readonly rule: string;
  readonly says: string;
  readonly change: string;
}

/** A delivery that waits for one of these reasons waits until something changes, and not for a time. */
const UNTIL_IT_CHANGES: ReadonlySet<string> = new Set([
  "no_account",
  "no_mentor",
  "row_missing",
  "channel_not_readable",
]);

/** Which rule said no (or not yet) to one delivery, and what would change it. Pure. */
export function explainDelivery(standing: Standing, facts: Facts): Explained {
  const { status, reason, messageReason } = standing;
  switch (status) {
    case "sent":
    case "sending":
      return by(REASONS.under_way, status, facts);
    case "unknown":
      return messageReason === NOT_READABLE
        ? by(REASONS.waiting, messageReason, facts)
        : by(REASONS.under_way, status, facts);
    case "suppressed":
      return by(REASONS.suppressed, reason?.startsWith("dropped: ") ? "dropped" : reason ?? "", facts);
    case "dead":
      return by(REASONS.dead, reason ?? "", facts);
    case "held":
      return by(REASONS.held, reason ?? "fuse", facts);
  }
  if (facts.pauses.length > 0) return by(REASONS.waiting, "paused", facts);
  if (status === "waiting" && reason !== null && waitsStill(reason, facts)) return by(REASONS.waiting, reason, facts);
  return by(REASONS.hindered, hindranceOf(standing, facts), facts);
}

/** A time or a pause that is over keeps nothing back any more: something else does. */
function waitsStill(reason: string, { nextAt, now }: Facts): boolean {
  if (UNTIL_IT_CHANGES.has(reason)) return true;
  return reason !== "paused" && (nextAt === null || nextAt > now);
}

function hindranceOf({ poll, blocked }: Standing, { attempts, config }: Facts): Hindrance {
  if (!config.enabled) return "switched_off";
  if (!config.notify.enabled) return "notifications_off";
  if (poll !== "open") return "poll_running";
  if (blocked !== null) return blocked;
  return attempts !== null && attempts > 0 ? "refused_so_far" : "none";
}

/** What the rule of that name says; a reason that no table knows is said as it is, and never hidden. */
export function by(rules: Readonly<Record<string, Rule>>, name: string, facts: Facts): Explained {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) return { rule: name, says: `its reason is "${name}"`, change: "See docs/delivery-states.md" };
  return { rule: name, says: rule.says(facts), change: rule.change(facts) };
}
