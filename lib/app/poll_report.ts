import { type EpochMicros, formatUtc } from "../model/time.ts";
import type { RoundResult, Waiting } from "../tell/notify_types.ts";
import type { Output } from "../base/output.ts";
import type { DryRunResult } from "../poll/dry_run.ts";
import type { PollResult } from "../poll/run_poll.ts";
import type { PollTally } from "../poll/tally.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import { commandJson } from "./command_json.ts";
import { type UntoldNews, untoldNewsText } from "./untold_news.ts";
import type { DryMessages } from "./dry_messages.ts";
import { type ShownKeys, withOwnKeys } from "./own_keys.ts";

function typesLine(tally: PollTally): string {
  return [...tally.byType].sort().map(([type, n]) => `${type} ${n.toLocaleString("en")}`).join(", ");
}

function rowsLine(tally: PollTally): string {
  const parts = [counted(tally.rowsRead, "row") + " looked at", `${tally.rowsChanged.toLocaleString("en")} changed`];
  if (tally.rowsMissing > 0) parts.push(`${tally.rowsMissing.toLocaleString("en")} gone`);
  if (tally.regressions > 0) parts.push(`${tally.regressions.toLocaleString("en")} back in a lower stage (ignored)`);
  if (tally.quarantined > 0) parts.push(`${tally.quarantined.toLocaleString("en")} in quarantine`);
  if (tally.unreadableTexts > 0) parts.push(`${tally.unreadableTexts.toLocaleString("en")} with unreadable text`);
  if (tally.unusableLinks > 0) parts.push(`${counted(tally.unusableLinks, "link")} left out (an id beyond 64 bits)`);
  return parts.join(", ");
}

/** What a `poll-once` came to. */
export interface PollOnceResult {
  readonly poll: PollResult | null;
  /** `null` with --no-notify, or when Zulip could not be used. */
  readonly round: RoundResult | null;
  /** `null` while messages are sent. */
  readonly untold: UntoldNews | null;
}

/** What `poll-once` prints for people. */
export function printPoll(
  out: Output,
  source: string,
  { poll, round, untold }: PollOnceResult,
  zone: string,
): void {
  if (poll) {
    const { tally } = poll;
    out.writeLine(`Polled ${source}: ${rowsLine(tally)}`);
    out.writeLine(`${counted(tally.events, "event")}${tally.events > 0 ? `: ${typesLine(tally)}` : ""}`);
    if (poll.firstContact.length > 0) {
      out.writeLine(
        `First contact (${poll.firstContact.join(", ")}): history is stored${
          tally.eventsToTell > 0 ? " and told as asked" : ", nobody is told about it"
        }; what comes from now on is news`,
      );
    }
    if (poll.verdict.delivery === "held") {
      out.writeLine(`Held by the fuse: ${poll.verdict.reason}`);
      out.writeLine(`  look: lmsmon release --list; send: lmsmon release --poll ${poll.pollId}`);
    }
  }
  if (untold) out.writeLine(untoldNewsText(untold, poll?.tally.neverTold ?? 0));
  if (round) {
    const rest = [
      [round.waiting, "waiting"],
      [round.unknown, "with an unknown outcome, to be looked up"],
      [round.suppressed, "suppressed"],
      [round.dead, "dead"],
    ] as const;
    const told = `Told: ${counted(round.sent, "delivery", "deliveries")} in ${counted(round.messages, "message")}`;
    out.writeLine(
      [told, ...rest.filter(([n]) => n > 0).map(([n, what]) => `${n.toLocaleString("en")} ${what}`)].join("; "),
    );
    if (round.waits.length > 0) out.writeLine(`Waiting: ${round.waits.map((wait) => waitText(wait, zone)).join("; ")}`);
    if (round.trouble !== null) out.writeLine(`Not everything was sent: ${round.trouble}`);
  }
}

/** `3 gathering until 13:40`, `15 digest, the first until 13:30`: what waits is looked at again then. */
function waitText({ reason, deliveries, from, until }: Waiting, zone: string): string {
  const when = (at: EpochMicros) => localTime(at, zone);
  const several = when(from) === when(until) ? "" : ", the first";
  return `${deliveries.toLocaleString("en")} ${reason}${several} until ${when(from)}`;
}

/** The `--json` shape of `poll-once`; docs/json.md. */
export function pollJson(source: string, { poll, round, untold }: PollOnceResult) {
  return commandJson("poll-once", {
    source,
    dry_run: false,
    poll: poll && {
      poll_id: Number(poll.pollId),
      ...tallyJson(poll.tally),
      first_contact: poll.firstContact,
      delivery: poll.verdict.delivery,
      held_reason: poll.verdict.reason,
    },
    not_told: untold && {
      why: untold.why,
      never_told: poll?.tally.neverTold ?? 0,
      never_told_in_all: untold.neverTold,
      pending: untold.pending,
    },
    delivery: round && {
      sent: round.sent,
      messages: round.messages,
      waiting: round.waiting,
      waiting_for: round.waits.map(({ reason, deliveries, from, until }) => ({
        reason,
        deliveries,
        from: formatUtc(from),
        until: formatUtc(until),
      })),
      unknown: round.unknown,
      suppressed: round.suppressed,
      dead: round.dead,
      trouble: round.trouble,
    },
  });
}

function tallyJson(tally: PollTally) {
  return {
    rows_read: tally.rowsRead,
    rows_changed: tally.rowsChanged,
    rows_missing: tally.rowsMissing,
    regressions: tally.regressions,
    quarantined: tally.quarantined,
    unreadable_texts: tally.unreadableTexts,
    unusable_links: tally.unusableLinks,
    events: tally.events,
    events_by_type: Object.fromEntries(tally.byType),
  };
}

/** What a dry run prints: the events, and the messages as the mentors would read them. `pending`: deliveries of earlier polls. */
export async function printDryRun(
  out: Output,
  source: string,
  dry: DryRunResult,
  planned: DryMessages,
  pending: number,
  shown: ShownKeys,
): Promise<void> {
  for (const line of await withOwnKeys(dryRunLines(source, dry, planned, pending), shown)) out.writeLine(line);
}

function dryRunLines(source: string, dry: DryRunResult, planned: DryMessages, pending: number): string[] {
  const { tally } = dry;
  const lines: string[] = [];
  lines.push(`Dry run over ${source}, nothing is changed: ${rowsLine(tally)}`);
  lines.push(`${counted(tally.events, "event")}${tally.events > 0 ? `: ${typesLine(tally)}` : ""}`);
  if (dry.firstContact.length > 0) {
    lines.push(
      `First contact (${dry.firstContact.join(", ")}): this is history, it would be stored${
        tally.eventsToTell > 0 ? " and told as asked" : " and told to nobody"
      }`,
    );
  }
  lines.push(...dryEventLines(dry));
  if (planned.withoutMentor > 0) {
    lines.push(`${counted(planned.withoutMentor, "event")} of students without a mentor would wait`);
  }
  for (const [reason, deliveries] of planned.untold) {
    lines.push(`${counted(deliveries, "delivery", "deliveries")} would not go out: ${reason}`);
  }
  if (planned.notAsked !== null) {
    lines.push(
      `Every mentor is taken to have a Zulip account, since Zulip could not be asked: ${planned.notAsked.message}`,
    );
  }
  if (pending > 0) lines.push(`${counted(pending, "delivery", "deliveries")} of earlier polls would go out, too`);
  if (planned.held !== null) lines.push(`The fuse would hold these messages: ${planned.held}`);
  if (planned.messages.length > 0) lines.push(`${counted(planned.messages.length, "message")} would go out:`);
  for (const { recipient, at, content, events } of planned.messages) {
    lines.push("");
    lines.push(`--- ${recipient}, ${counted(events, "event")}, ${formatUtc(at)}`);
    lines.push(content);
  }
  return lines;
}

function dryEventLines(dry: DryRunResult): string[] {
  const samples = dry.events.slice(0, dry.firstContact.length > 0 ? 5 : dry.events.length);
  const lines = samples.map(({ event: { detected, row, suppressed } }) => {
    const what = `${detected.kind} attempt ${detected.attemptId}${
      detected.revision > 1 ? ` revision ${detected.revision}` : ""
    }`;
    const student = row.studentId === null ? "unknown student" : `student ${row.studentId}`;
    return `  ${formatUtc(detected.occurredAt)} ${detected.type} ${what}, ${student}${
      suppressed ? ` (not told: ${suppressed})` : ""
    }`;
  });
  const more = dry.tally.events - samples.length;
  return more > 0 ? [...lines, `  … and ${more.toLocaleString("en")} more`] : lines;
}

/** The `--json` shape of `poll-once --dry-run`. */
export function dryRunJson(source: string, dry: DryRunResult, planned: DryMessages, pending: number) {
  return commandJson("poll-once", {
    source,
    dry_run: true,
    ...tallyJson(dry.tally),
    first_contact: dry.firstContact,
    sample: dry.events.slice(0, dry.firstContact.length > 0 ? 5 : dry.events.length).map(({ event, mentors }) => ({
      event_type: event.detected.type,
      kind: event.detected.kind,
      attempt_id: BigInt(event.detected.attemptId),
      revision: event.detected.revision,
      occurred_at: formatUtc(event.detected.occurredAt),
      student_id: event.row.studentId === null ? null : BigInt(event.row.studentId),
      mentor_ids: mentors.map(BigInt),
      suppressed: event.suppressed,
    })),
    held_reason: planned.held,
    pending_before: pending,
    not_sent: Object.fromEntries(planned.untold),
    accounts_unknown: planned.notAsked?.message ?? null,
    messages: planned.messages.map(({ recipient, at, content, events }) => ({
      recipient,
      at: formatUtc(at),
      events,
      content,
    })),
  });
}
