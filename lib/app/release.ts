import { formatUtc } from "../model/time.ts";
import { CommandError } from "../base/errors.ts";
import { dropPoll, type HeldPoll, listHeld, releasePoll } from "../poll/record/release.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import type { CommandContext } from "./command_context.ts";
import { confirm } from "./confirm.ts";
import { commandJson } from "./command_json.ts";
import type { ReleaseOptions } from "./command_options.ts";
import { OpenParts } from "./open_parts.ts";

/** `lmsmon release`: what the fuse holds is listed, let go, or dropped with a reason. */
export async function runRelease(context: CommandContext, options: ReleaseOptions): Promise<void> {
  const { config, out } = context;
  const source = config.source.name;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun || options.list });
  const held = await listHeld(db, source, config.notify.digestAbove);
  if (options.list) return await printHeld(context, held, options.json);

  const chosen = options.poll === null ? held : held.filter(({ pollId }) => pollId === options.poll);
  if (options.poll !== null && chosen.length === 0) throw notHeld(options.poll);
  if (options.drop && !options.dryRun && chosen.length > 0) {
    const messages = chosen.reduce((sum, poll) => sum + poll.messages, 0);
    const polls = `${chosen.length === 1 ? "poll" : "polls"} ${chosen.map(({ pollId }) => pollId).join(", ")}`;
    const what = `Drop ${counted(messages, "message")} of ${polls}, never to be told`;
    confirm({ what, yes: options.yes, isSaid: options.reason !== null });
  }
  const done: HeldPoll[] = [];
  for (const poll of chosen) {
    if (context.stop.soft.aborted) break;
    const changed = options.dryRun ||
      await (options.drop
        ? dropPoll(db, source, poll.pollId, options.reason ?? "")
        : releasePoll(db, source, poll.pollId));
    // Somebody else decided at the same moment: theirs stands.
    if (changed) done.push(poll);
    else if (options.poll !== null) throw notHeld(poll.pollId);
  }
  const action = options.drop ? "dropped" : "released";
  if (options.json) {
    const { dryRun, reason } = options;
    out.writeJson(commandJson("release", { action, dry_run: dryRun, reason, polls: done.map(heldJson) }));
    return context.stop.soft.throwIfAborted();
  }
  if (done.length === 0 && !context.stop.soft.aborted) return out.writeLine("No messages are held.");
  for (const poll of done) {
    const what = `poll ${poll.pollId}: ${counted(poll.messages, "message")} about ${counted(poll.events, "event")}`;
    out.writeLine(`${options.dryRun ? `Would be ${action}` : action === "dropped" ? "Dropped" : "Released"}: ${what}`);
  }
  context.stop.soft.throwIfAborted();
  if (!options.dryRun && !options.drop) out.writeLine("They leave with the next round of watch or poll-once.");
}

function notHeld(pollId: string): CommandError {
  return new CommandError(`Cannot release poll ${pollId}: it holds no messages`, {
    hint: "lmsmon release --list shows the polls that do",
  });
}

async function printHeld(context: CommandContext, held: readonly HeldPoll[], json: boolean): Promise<void> {
  const { out, config } = context;
  if (json) return out.writeJson(commandJson("release", { action: "list", held: held.map(heldJson) }));
  if (held.length === 0) return out.writeLine("No messages are held.");
  await out.table(
    ["poll", "started", "messages", "recipients", "events", "corrections", "held because"],
    held.map((poll) => [
      poll.pollId,
      localTime(poll.startedAt, config.notify.timezone),
      poll.messages,
      poll.recipients,
      poll.events,
      poll.rewritten,
      poll.reason,
    ]),
  );
  out.writeLine("Let them go: lmsmon release --poll N. Drop them: lmsmon release --poll N --drop --reason TEXT");
}

function heldJson(poll: HeldPoll) {
  return {
    poll_id: BigInt(poll.pollId),
    started_at: formatUtc(poll.startedAt),
    reason: poll.reason,
    messages: poll.messages,
    recipients: poll.recipients,
    events: poll.events,
    revisions: poll.rewritten,
    without_mentor: poll.withoutMentor,
  };
}
