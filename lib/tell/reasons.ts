import { mentorOf } from "../model/recipient.ts";
import { EXCLUDED, OF_EVENTS } from "./event_reasons.ts";
import { accountRemedy, ACCOUNTS, accountWords } from "./account_reasons.ts";
import type { Pause } from "./pauses.ts";
import type { Absent, DeadReason, EndReason, Facts, Hindrance, Rule, UnderWay, WaitReason } from "./reason_words.ts";

const until = ({ nextAt, when }: Facts) => nextAt === null ? "" : ` until ${when(nextAt)}`;
const to = ({ recipient }: Facts) => recipient === null ? "its mentors" : recipientWords(recipient);
const NOTHING = "Nothing: it is over";

const WAITING: Readonly<Record<WaitReason, Rule>> = {
  digest: {
    says: (f) => `it waits for the next digest${until(f)} (notify.digest.at)`,
    change: ({ event }) => `Put ${event.type} into notify.immediate to have it told at once`,
  },
  gathering: {
    says: (f) =>
      `its reader was told something just before, so it gathers with what follows${until(f)} (notify.gather)`,
    change: () => "It goes out then by itself; notify.gather: 0 tells each result at once",
  },
  quiet: {
    says: (f) => `these are its reader's quiet hours${until(f)} (notify.quiet)`,
    change: () => "It goes out at their end by itself; without notify.quiet there are none",
  },
  rate: {
    says: (f) => `its reader got as many messages as notify.max_per_mentor allows, so it waits${until(f)}`,
    change: () => "It goes out then by itself; a higher notify.max_per_mentor (null: no limit) lets more through",
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
    change: () => "Put the row back in the LMS; without that it ends after an hour and two full passes",
  },
  paused: {
    says: ({ pauses, when }) => {
      const each = pauses.map((pause) =>
        `it is paused (${pauseWords(pause)}) since ${when(pause.since)}${
          pause.until === null ? ", until somebody resumes it" : `, until ${when(pause.until)}`
        }: ${pause.reason}`
      );
      return each.join("; and ");
    },
    change: ({ pauses }) => {
      const commands = pauses.map(({ scope, subjectId }) =>
        `\`lmsmon resume${scope === "all" ? "" : ` --${scope} ${subjectId}`}\``
      );
      const end = pauses.every(({ until }) => until !== null) ? "It goes out at the end of the pause; " : "";
      return `${end}${commands.join(" and ")}${end === "" ? " lets it go" : " lets it go before"}`;
    },
  },
  channel_not_readable: {
    says: () => "the bot cannot read the channel, so it could not look up what it sent there",
    change: () => "Subscribe the bot itself to the channel; it goes out within a minute then",
  },
};

const ENDED: Readonly<Record<EndReason, Rule>> = {
  no_longer_mentor: {
    says: (f) => `${to(f)} was no longer the student's mentor when it was to be told`,
    change: () => "Link them in the LMS, for what is found from then on; a hand-over tells nothing again",
  },
  erased: {
    says: ({ recipient }) =>
      `the ${recipient?.startsWith("erased:") ? "mentor" : "student"} was erased (lmsmon privacy erase)`,
    change: () => NOTHING,
  },
  self: { says: (f) => `${to(f)} is the student, by their Zulip account`, change: () => NOTHING },
  duplicate: {
    says: (f) => `${to(f)} has the same Zulip account as another mentor of the student, who was told`,
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
    says: () => "it is a start, superseded: the finish of the same attempt was in the same message",
    change: () => NOTHING,
  },
  overtaken: {
    says: (f) => `${to(f)} was told a later report of the same attempt before this one could be told`,
    change: () => `${NOTHING}; what was told is newer`,
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
      `somebody dropped it while the fuse held it (lmsmon release --drop): ${(reason ?? "").replace(/^dropped: /, "")}`,
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
      `Zulip refused it${timesWords(attempts)}${
        error === null ? "" : `, ${attempts === 1 ? "" : "at last "}with ${error}`
      }`,
    change: (f) => `Mend what Zulip says, then \`lmsmon retry ${retryFlag(f)}\``,
  },
  poison: {
    says: ({ error }) => `it is poison: ${error ?? "tried again and again without an answer"}, while others arrived`,
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
    change: ({ event }) =>
      `\`lmsmon release --poll ${event.pollId ?? "N"}\` tells it; with \`--drop --reason TEXT\` it is never told`,
  },
};

const UNDER_WAY: Readonly<Record<UnderWay, Rule>> = {
  sent: { says: () => "it was told", change: () => "" },
  sending: {
    says: ({ startedAt, when }) =>
      `it is being sent${
        startedAt === null ? "" : `, since ${when(startedAt)}`
      }; whether it arrived is not written yet`,
    change: () =>
      "Nothing: look again in a minute. If that process died, Zulip is asked for it before anything is sent",
  },
  unknown: {
    says: (f) =>
      `a send began, and whether it arrived is not known${f.error === null ? "" : ` (${f.error})`}: ` +
      "Zulip is asked for it by its marker" +
      (f.nextAt === null || f.nextAt <= f.now ? "" : ` at ${f.when(f.nextAt)}`),
    change: () => "Nothing: it ends as sent, or is sent again",
  },
};

const HINDERED: Readonly<Record<Hindrance, Rule>> = {
  switched_off: {
    says: () => "lmsmon is switched off (enabled: false): nothing is polled and nothing told",
    change: () => "Set enabled: true and start `watch` anew",
  },
  notifications_off: {
    says: () => "notifications are off (notify.enabled: false); what was due before that is kept",
    change: () => "Set notify.enabled: true, then `lmsmon reload`",
  },
  poll_running: {
    says: ({ event }) => `${pollWords(event)}, which found it, has not ended yet`,
    change: () => "It leaves with the poll's end; a poll whose process died is ended by the next one",
  },
  guard: {
    says: ({ blocked, when }) =>
      `the guard lets nothing out${blocked === null ? "" : ` since ${when(blocked.since)}: ${blocked.reason}`}`,
    change: () => "Unless another lmsmon uses this bot: `lmsmon reconcile`, then `lmsmon poll-once --take-over`",
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
    says: (f) => {
      const were = f.mentors.length === 0
        ? "nobody was"
        : `mentor${f.mentors.length === 1 ? "" : "s"} ${f.mentors.join(", ")} ${
          f.mentors.length === 1 ? "was" : "were"
        }`;
      const since = f.isMentorNow === true ? ", and became one later" : "";
      return `${to(f)} was no mentor of this student when it was found${since}; ${were}`;
    },
    change: ({ isMentorNow }) =>
      isMentorNow === true
        ? "Nothing for this event: who becomes a mentor hears what is found from then on"
        : "Link them in the LMS, for what is found from then on; what was found before is not told again",
  },
};

/** Every reason of the product, by where it stands. The one table that `explain` speaks from. */
export const REASONS = {
  event: OF_EVENTS,
  exclusion: EXCLUDED,
  waiting: WAITING,
  suppressed: ENDED,
  dead: DEAD,
  held: HELD,
  hindered: HINDERED,
  under_way: UNDER_WAY,
  absent: ABSENT,
  account: ACCOUNTS,
} as const;

/** `mentor 3`, `channel:mentors/unmatched`, `a mentor who was erased`. */
export function recipientWords(recipient: string | null): string {
  if (recipient === null) return "anybody";
  const mentor = mentorOf(recipient);
  if (mentor !== null) return `mentor ${mentor}`;
  const erased = /^erased:(.+)$/.exec(recipient)?.[1];
  return erased === undefined ? recipient : `a mentor who was erased (${erased})`;
}

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
