import { formatMessages } from "../format/format_messages.ts";
import { sampleEvent } from "../format/sample_event.ts";
import type { EventType } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import { UsageError, ZulipError } from "../base/errors.ts";
import { printable } from "../base/output.ts";
import { kindOf } from "../bot/bot_kind.ts";
import type { ZulipConnection } from "../bot/connect_zulip.ts";
import type { SendOutcome, ZulipBot, ZulipUser } from "../bot/zulip_api.ts";
import type { Config } from "../config/config.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { NotifyTestOptions } from "./command_options.ts";
import { OpenParts } from "./open_parts.ts";
import { type NotifyTestReport, reportLines, roleName, warningsOf } from "./notify_test_report.ts";

/**
 * `lmsmon notify-test`: one labelled direct message, and what can be learnt about server, bot and rights on the way. Throws
 * ZulipError (exit 4) when Zulip cannot be reached or refuses, UsageError for a recipient that cannot be told.
 */
export async function runNotifyTest(context: CommandContext, options: NotifyTestOptions): Promise<number | void> {
  const { config, clock, out } = context;
  const content = testMessage(options.event, clock.now(), config);
  await using parts = new OpenParts(config);
  const zulip = parts.zulip();
  const { soft, hard } = context.stop;
  const server = await zulip.server(hard);
  const bot = await zulip.me(hard);
  const users = await zulip.users(hard);
  const recipient = findRecipient(options.to, bot, users);
  soft.throwIfAborted(); // nothing was sent yet
  const messageId = options.dryRun ? null : await send(zulip, recipient.userId, content, hard);
  const people = users.filter((user) => user.isActive && !user.isBot);
  const visible = people.filter((user) => user.deliveryEmail !== null).length;
  const limit = zulip.rateLimit();
  const report: NotifyTestReport = {
    dry_run: options.dryRun,
    message_id: messageId === null ? null : Number(messageId),
    to: { user_id: Number(recipient.userId), name: recipient.fullName },
    event_type: options.event,
    content,
    server: {
      site: zulip.site,
      version: server.version,
      feature_level: server.featureLevel,
      organization: server.realmName,
    },
    bot: {
      user_id: Number(bot.userId),
      name: bot.fullName,
      type: kindOf(bot).replace(/^an? /, ""),
      role: roleName(bot.role),
      owner_id: bot.ownerId === null ? null : Number(bot.ownerId),
    },
    addresses: { visible, hidden: people.length - visible },
    rate_limit: limit === null ? null : { limit: limit.limit, remaining: limit.remaining },
    warnings: warningsOf(bot, people.length - visible),
  };
  if (options.json) out.writeJson(commandJson("notify-test", report));
  else for (const line of reportLines(report)) out.writeLine(printable(line));
}

/** The text that is sent: says in its first line that it is a test, and that nothing in it happened. */
export function testMessage(
  event: EventType | null,
  now: EpochMicros,
  { notify: { timezone }, source: { links }, format }: Config,
): string {
  if (event === null) {
    return "🔔 **Test message from lmsmon**: notifications reach you.\n" +
      "No student did anything. Somebody ran `lmsmon notify-test`.";
  }
  const sample = sampleEvent(event, now);
  // No marker: a look-up of what lmsmon told must never meet it. Ids that no LMS gives: a click leads to nobody's attempt.
  const harmless = {
    ...sample,
    attemptId: "0",
    activityId: "0",
    student: { ...sample.student, id: "0" },
    marker: "notify-test",
    ref: "notify-test",
  };
  const [message] = formatMessages([harmless], {
    now,
    timezone,
    links,
    delayedMs: null,
    names: format?.names ?? "full",
  });
  return `🔔 **Test message from lmsmon**: a sample of \`${event}\`, all of it made up.\n\n${message?.content ?? ""}`;
}

/** Whom to tell: by id, by real address, or the bot's owner. Errors repeat no address. */
export function findRecipient(to: string | null, bot: ZulipBot, users: readonly ZulipUser[]): ZulipUser {
  const wanted = to?.trim() ?? bot.ownerId;
  if (wanted === null) {
    throw new UsageError("Cannot choose a recipient: this Zulip account has no owner", {
      hint: "Name one with --to EMAIL or --to ID",
    });
  }
  const matches = users.filter((user) =>
    /^\d+$/.test(wanted) ? user.userId === wanted : user.deliveryEmail?.toLowerCase() === wanted.toLowerCase()
  );
  const recipient = matches.find((user) => user.isActive) ?? matches[0];
  if (recipient === undefined) {
    throw new UsageError(
      `Cannot find a Zulip user with ${/^\d+$/.test(wanted) ? `id ${wanted}` : "the given email address"}`,
      {
        hint:
          "An address that Zulip hides from the bot cannot be matched: give the user id (shown in the profile) instead",
      },
    );
  }
  if (!recipient.isActive) {
    throw new UsageError(`Cannot tell Zulip user ${recipient.userId}: the account is deactivated`);
  }
  return recipient;
}

async function send(zulip: ZulipConnection, userId: string, content: string, signal: AbortSignal): Promise<string> {
  const outcome = await zulip.send({ type: "direct", userId }, content, signal);
  if (outcome.outcome === "sent") return outcome.zulipMessageId;
  throw failure(outcome, zulip.site);
}

function failure(outcome: Exclude<SendOutcome, { outcome: "sent" }>, site: string): ZulipError {
  const what = `Cannot send through Zulip at ${site}`;
  switch (outcome.outcome) {
    case "refused":
      return new ZulipError("failed", `${what}: HTTP ${outcome.status}: ${outcome.reason}`);
    case "rate_limited":
      return new ZulipError("failed", `${what}: rate limit, free again in ${Math.ceil(outcome.retryAfterMs / 1000)} s`);
    case "unauthorized":
      return new ZulipError("refused", `${what}: ${outcome.reason}`, { hint: "Check the zuliprc (email, key, site)" });
    case "not_sent":
      return new ZulipError("unreachable", `${what}: ${outcome.reason}`);
    case "unknown":
      return new ZulipError("unreachable", `Cannot tell whether Zulip at ${site} took the message: ${outcome.reason}`, {
        hint: "Look into the conversation with the bot before you try again",
      });
  }
}
