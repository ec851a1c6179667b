import type { EventType } from "../model/event_types.ts";
import type { ZulipBot } from "../bot/zulip_api.ts";

/** What `notify-test --json` prints. */
export interface NotifyTestReport {
  readonly dry_run: boolean;
  /** `null` with --dry-run. */
  readonly message_id: number | null;
  readonly to: { readonly user_id: number; readonly name: string };
  readonly event_type: EventType | null;
  readonly content: string;
  readonly server: {
    readonly site: string;
    readonly version: string;
    readonly feature_level: number;
    readonly organization: string | null;
  };
  readonly bot: {
    readonly user_id: number;
    readonly name: string;
    readonly type: string;
    readonly role: string;
    readonly owner_id: number | null;
  };
  /** Active people whose real address this bot may see, and may not. */
  readonly addresses: { readonly visible: number; readonly hidden: number };
  /** `null`: the server sends no X-RateLimit headers. */
  readonly rate_limit: { readonly limit: number; readonly remaining: number } | null;
  readonly warnings: readonly string[];
}

/** The same for people. */
export function reportLines(report: NotifyTestReport): string[] {
  const { server, bot, addresses, rate_limit: limit, to } = report;
  const target = `${to.name} (user ${to.user_id})`;
  return [
    ...(report.message_id === null
      ? [`Would send to ${target}:`, ...report.content.split("\n").map((line) => `  ${line}`.trimEnd())]
      : [`Sent message ${report.message_id} to ${target}`]),
    "",
    `Server      Zulip ${server.version}, feature level ${server.feature_level}, ` +
    `${server.organization === null ? "" : `${server.organization}, `}${server.site}`,
    `Bot         ${bot.name} (user ${bot.user_id}), ${bot.type}, ${bot.role}` +
    `${bot.owner_id === null ? "" : `, owned by user ${bot.owner_id}`}`,
    `Addresses   ${addresses.visible} of ${addresses.visible + addresses.hidden} people's are visible to it`,
    `Rate limit  ${limit === null ? "not announced by the server" : `${limit.remaining} of ${limit.limit} calls left`}`,
    ...report.warnings.map((warning) => `Warning     ${warning}`),
  ];
}

/** What will go wrong later, with its remedy. An account that cannot be used at all is an error before. */
export function warningsOf(bot: ZulipBot, hidden: number): string[] {
  const warnings: string[] = [];
  if (bot.role === 600) warnings.push("the bot is a guest and may not see every user; make it a member");
  if (hidden > 0) {
    const people = hidden === 1 ? "1 person hides the" : `${hidden} people hide their`;
    warnings.push(
      `${people} real address from this bot, so LMS mentors cannot be matched by it: raise the bot's role, ` +
        "or list them in users.overrides",
    );
  }
  return warnings;
}

export function roleName(role: number | null): string {
  const names: Readonly<Record<number, string>> = {
    100: "owner",
    200: "administrator",
    300: "moderator",
    400: "member",
    600: "guest",
  };
  return role === null ? "unknown role" : names[role] ?? `role ${role}`;
}
