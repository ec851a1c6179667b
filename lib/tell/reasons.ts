import type { EventSuppression } from "../model/event.ts";
import { formatDuration, roundDuration } from "../text/parse_duration.ts";
import { accountRemedy, ACCOUNTS, accountWords } from "./account_reasons.ts";
import type { Pause } from "./pauses.ts";
import type { Absent, DeadReason, EndReason, Exclusion, Facts, Hindrance, Rule, WaitReason } from "./reason_words.ts";

const until = ({ nextAt, when }: Facts) => nextAt === null ? "" : ` until ${when(nextAt)}`;
const to = ({ recipient }: Facts) => recipient ?? "its mentors";
const ONCE = "An event is judged once, when it is found: the change holds for what is found from then on";
const NOTHING = "Nothing: it is over";

const OF_EVENTS: Readonly<Record<EventSuppression, Rule>> = {
  first_contact: {
    says: () => "it is history that was there at the first contact with this LMS, which is stored and told to nobody",
    change: () => "Nothing for this event; `poll-once --notify-history` tells history, before the first contact only",
  },
  notifications_off: {
    says: () => "notifications were off (notify.enabled: false) when it was found",
    change: ({ config }) => config.notify.enabled ? `They are on now. ${ONCE}` : `Set notify.enabled: true. ${ONCE}`,
  },
  type_not_told: {
    says: ({ event }) =>
      `its type ${event.type} was muted: neither in notify.immediate nor in notify.digest.events when it was found`,
    change: ({ event }) => `Add ${event.type} to one of both lists. ${ONCE}`,
  },
  too_old: {
    says: ({ event, config: { notify } }) =>
      `it was too old: ${
        roundDuration((event.detectedAt - event.occurredAt) / 1000)
      } when it was found, and first seen in this stage` +
      (notify.maxAgeMs === null ? "" : `; notify.max_age is ${formatDuration(notify.maxAgeMs)}`),
    change: () => `Raise notify.max_age (null: no limit). ${ONCE}`,
  },
  student_excluded: {
    says: ({ exclusion }) => `the student is excluded: ${WHY_EXCLUDED[exclusion ?? "unknown"]}`,
    change: ({ exclusion }) => `${CHANGE_EXCLUDED[exclusion ?? "unknown"]}. ${ONCE}`,
  },
  revision_not_told: {
    says: ({ config }) =>
      `it is a correction of a kind that is not told (notify.revisions: ${config.notify.revisions})`,
    change: () => `Set notify.revisions to verdict or score. ${ONCE}`,
  },
};

const WHY_EXCLUDED: Readonly<Record<Exclusion | "unknown", string>> = {
  inactive: "inactive in the LMS (students.active_only)",
  excluded_username: "named in students.exclude_usernames",
  excluded_batch: "in none of the batches of students.batches",
  unknown: "by students.active_only, exclude_usernames or batches, as they and the student were when it was found",
};
const CHANGE_EXCLUDED: Readonly<Record<Exclusion | "unknown", string>> = {
  inactive: "Make the student active in the LMS, or set students.active_only: false",
  excluded_username: "Take the username out of students.exclude_usernames",
  excluded_batch: "Add one of the student's batches to students.batches",
  unknown: "Nothing: today the student would be told of",
};

const WAITING: Readonly<Record<WaitReason, Rule>> = {
  digest: {
    says: (f) => `it waits for the next digest${until(f)} (notify.digest.at)`,
    change: ({ event }) => `Put ${event.type} into notify.immediate to have it told at once`,
  },
  gathering: {
    says: (f) =>
      `it gathers with what follows, since its reader was told something just before${until(f)} (notify.gather)`,
    change: () => "It goes out by itself; notify.gather: 0 tells each result at once",
  },
  quiet: {
    says: (f) => `these are its reader's quiet hours${until(f)} (notify.quiet)`,
    change: () => "It goes out at their end; notify.quiet: null has none",
  },
  rate: {
    says: (f) => `its reader got as many messages as notify.max_per_mentor allows, so it waits${until(f)} (rate)`,
    change: () => "It goes out then; notify.max_per_mentor: null has no limit",
  },
  no_account: {
    says: (f) =>
      `${to(f)} has no Zulip account that lmsmon can see (${
        accountWords(f)
      }); it is waited for until the end of the grace` +
      ` at ${f.when(f.event.detectedAt + f.config.notify.accountGraceMs * 1000)} (notify.account_grace)`,
    change: (f) => accountRemedy(f),
  },
  no_mentor: {
    says: (f) =>
      `its student has no mentor in the LMS; a link is waited for until the end of the grace` +
      (f.event.graceUntil === null ? "" : ` at ${f.when(f.event.graceUntil)}`) + " (notify.mentor_grace)",
    change: () => "Link a mentor to the student in the LMS",
  },
  row_missing: {
    says: (f) => `its row is gone from the LMS; it is waited for${until(f)}`,
    change: () => "It is told if the row comes back; it ends after an hour and two full passes",
  },
  paused: {
    says: ({ pauses, when }) => {
      const [pause] = pauses;
      if (pause === undefined) return "it was paused; that pause is over, and the next round tells it";
      return `it is paused (${pauseWords(pause)}) since ${when(pause.since)}${
        pause.until === null ? ", until somebody resumes it" : `, until ${when(pause.until)}`
      }: ${pause.reason}`;
    },
    change: ({ pauses: [pause] }) =>
      pause === undefined
        ? "Nothing: it goes out by itself"
        : `\`lmsmon resume${pause.scope === "all" ? "" : ` --${pause.scope} ${pause.subjectId}`}\``,
  },
  channel_not_readable: {
    says: () => "the bot cannot read the channel, so it could not look up what it sent there",
    change: () => "Subscribe the bot itself to the channel",
  },
};

const ENDED: Readonly<Record<EndReason, Rule>> = {
  no_longer_mentor: {
    says: (f) => `${to(f)} was no longer the student's mentor when it was to be told`,
    change: () => "A link in the LMS, for what comes from then on; a hand-over tells nothing again",
  },
  erased: { says: () => "the student or the mentor was erased (lmsmon privacy erase)", change: () => NOTHING },
  self: { says: (f) => `${to(f)} is the student, by their Zulip account`, change: () => NOTHING },
  duplicate: {
    says: (f) => `${to(f)} has the same Zulip account as another mentor of the student, who was told (duplicate)`,
    change: () => "Give each mentor an address of their own in the LMS, or set users.overrides",
  },
  no_account: {
    says: (f) => `${to(f)} had no Zulip account (${accountWords(f)}) when the grace ended (notify.account_grace)`,
    change: (f) => `${accountRemedy(f)}; for this event it is over. notify.fallback names a channel for such news`,
  },
  no_mentor: {
    says: () => "its student had no mentor in the LMS when the grace ended (notify.mentor_grace)",
    change: () =>
      "Link a mentor to the student in the LMS; for this event it is over. notify.fallback names a channel for such news",
  },
  fell_back_to_channel: {
    says: (f) => `${to(f)} had no Zulip account when the grace ended, so it went to the fallback channel`,
    change: (f) => accountRemedy(f),
  },
  row_missing: {
    says: () => "its row was gone from the LMS before it could be told, and did not come back",
    change: () => `${NOTHING}; find out who deletes rows in the LMS`,
  },
  finished_since: {
    says: () => "it was superseded: the finish of the same attempt was told in the same message",
    change: () => NOTHING,
  },
  nobody_named: {
    says: (f) =>
      `a weekly message had nobody left to name to ${
        to(f)
      }: no longer their mentor, paused, excluded by students.*, or no longer so`,
    change: () => "Nothing: next week is judged anew",
  },
  dropped: {
    says: ({ reason }) =>
      `the administrator dropped it while the fuse held it: ${(reason ?? "").replace(/^dropped: /, "")}`,
    change: () => NOTHING,
  },
  redirected: {
    says: () => "it was redirected (notify.redirect_to): its message went to the person of the trial",
    change: () => "Take notify.redirect_to away; what was redirected is never told again",
  },
};

const DEAD: Readonly<Record<DeadReason, Rule>> = {
  erased: {
    says: () => "the mentor was erased while it was under way (lmsmon privacy erase); nothing is looked up any more",
    change: () => NOTHING,
  },
  refused: {
    says: ({ attempts, error }) =>
      `Zulip refused it${timesWords(attempts)}${error === null ? "" : `, at last with ${error}`}`,
    change: (f) => `Mend what Zulip says, then \`lmsmon retry ${retryFlag(f)}\``,
  },
  poison: {
    says: ({ error }) =>
      `it is poison: tried again and again without an answer, while others arrived${
        error === null ? "" : ` (${error})`
      }`,
    change: (f) => `\`lmsmon retry ${retryFlag(f)}\`: Zulip is asked for it first`,
  },
  unseen: {
    says: () => "it may be in a channel where the bot cannot see it",
    change: (f) =>
      `Subscribe the bot to the channel, then \`lmsmon retry ${retryFlag(f)}\`: Zulip is asked for it first`,
  },
};

const HELD: Readonly<Record<"fuse", Rule>> = {
  fuse: {
    says: ({ event }) =>
      `the fuse holds ${pollWords(event)}${event.pollReason === null ? "" : `: ${event.pollReason}`}`,
    change: ({ event }) => `\`lmsmon release --poll ${event.pollId ?? "N"}\`, or with \`--drop --reason TEXT\` never`,
  },
};

const HINDERED: Readonly<Record<Hindrance, Rule>> = {
  poll_running: {
    says: ({ event }) => `${pollWords(event)}, which found it, has not ended yet`,
    change: () => "It leaves with the poll's end; a poll whose process died is ended by the next one",
  },
  poll_failed: {
    says: ({ event }) => `${pollWords(event)}, which found it, was dropped`,
    change: () => NOTHING,
  },
  guard: {
    says: ({ blocked, when }) =>
      `the guard lets nothing out${blocked === null ? "" : ` since ${when(blocked.since)}: ${blocked.reason}`}`,
    change: () => "`lmsmon reconcile --since 36h`, then once `--take-over`",
  },
  outage: {
    says: ({ blocked, when }) =>
      `Zulip cannot be used, an outage${blocked === null ? "" : ` since ${when(blocked.since)}: ${blocked.reason}`}`,
    change: () => "It goes out when Zulip answers again, and uses up no attempt; `lmsmon doctor` asks Zulip",
  },
  refused_so_far: {
    says: (f) =>
      `Zulip refused it${timesWords(f.attempts)} so far${f.error === null ? "" : ` (${f.error})`}; it is tried again${
        f.nextAt === null ? "" : ` at ${f.when(f.nextAt)}`
      }`,
    change: (f) => `Mend what Zulip says; \`lmsmon retry ${retryFlag(f)}\` tries at once`,
  },
  none: {
    says: () => "it is due: the next round of watch or poll-once tells it",
    change: () => "Have `watch` running, or run `poll-once`",
  },
};

const ABSENT: Readonly<Record<Absent, Rule>> = {
  not_mentor: {
    says: (f) =>
      `${to(f)} was not the student's mentor: ${
        f.mentors.length === 0 ? "nobody was" : `mentor ${f.mentors.join(", ")} was`
      }`,
    change: () => "A link in the LMS, for what comes from then on; a hand-over tells nothing again",
  },
};

/** Every reason of the product, by where it stands. The one table that `explain` speaks from. */
export const REASONS = {
  event: OF_EVENTS,
  waiting: WAITING,
  suppressed: ENDED,
  dead: DEAD,
  held: HELD,
  hindered: HINDERED,
  absent: ABSENT,
  account: ACCOUNTS,
} as const;

/** `everything`, `mentor 3`: what a pause covers. */
export function pauseWords({ scope, subjectId }: Pick<Pause, "scope" | "subjectId">): string {
  return scope === "all" ? "everything" : `${scope} ${subjectId}`;
}

const pollWords = ({ pollId }: Facts["event"]) => pollId === null ? "the poll" : `poll ${pollId}`;

/** ` once`, ` twice`, ` 3 times`; nothing where nobody counted. */
function timesWords(attempts: number | null): string {
  if (attempts === null || attempts === 0) return "";
  return [" once", " twice"][attempts - 1] ?? ` ${attempts.toLocaleString("en")} times`;
}

const retryFlag = ({ recipient }: Facts) =>
  recipient?.startsWith("mentor:") ? `--mentor ${recipient.slice("mentor:".length)}` : "--dead";
