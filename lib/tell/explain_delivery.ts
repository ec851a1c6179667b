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
}

export interface Explained {
  /** The word of the reason: that of the state where it has one. */
  readonly rule: string;
  readonly says: string;
  readonly change: string;
}

const TOLD = "it was told";

/** Which rule said no (or not yet) to one delivery, and what would change it. Pure. */
export function explainDelivery(standing: Standing, facts: Facts): Explained {
  const { status, reason } = standing;
  switch (status) {
    case "sent":
      return { rule: "sent", says: TOLD, change: "" };
    case "suppressed":
      return by(REASONS.suppressed, reason?.startsWith("dropped: ") ? "dropped" : reason ?? "", facts);
    case "dead":
      return by(REASONS.dead, reason ?? "", facts);
    case "held":
      return by(REASONS.held, reason ?? "fuse", facts);
    case "sending":
      return { rule: "sending", says: "it is being sent at this moment", change: "Nothing: look again in a minute" };
    case "unknown":
      return {
        rule: "unknown",
        says: "a send began and its outcome is not known yet: Zulip is asked for it by its marker",
        change: "Nothing: it ends as sent, or is sent again",
      };
  }
  if (facts.pauses.length > 0) return by(REASONS.waiting, "paused", facts);
  if (status === "waiting" && reason !== null && !(reason === "paused" && facts.pauses.length === 0)) {
    return by(REASONS.waiting, reason, facts);
  }
  const hindrance = hindranceOf(standing, facts);
  return by(REASONS.hindered, hindrance, facts);
}

function hindranceOf({ poll, blocked }: Standing, { attempts }: Facts): Hindrance {
  if (poll === "undecided") return "poll_running";
  if (poll === "dropped") return "poll_failed";
  if (blocked !== null) return blocked;
  return attempts !== null && attempts > 0 ? "refused_so_far" : "none";
}

/** What the rule of that name says; a reason that no table knows is said as it is, and never hidden. */
export function by(rules: Readonly<Record<string, Rule>>, name: string, facts: Facts): Explained {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) return { rule: name, says: `its reason is "${name}"`, change: "See docs/delivery-states.md" };
  return { rule: name, says: rule.says(facts), change: rule.change(facts) };
}
