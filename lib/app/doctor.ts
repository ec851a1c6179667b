import type { LmsSource } from "../lms/lms_source.ts";
import { LmsmonError } from "../ops/errors.ts";
import { logger } from "../ops/log.ts";
import { printable } from "../ops/output.ts";
import { readIdentity } from "../store/streams.ts";
import { connectZulip } from "../zulip/connect_zulip.ts";
import type { ZulipApi } from "../zulip/zulip_api.ts";
import type { CommandContext } from "./command_context.ts";
import type { DoctorOptions } from "./command_options.ts";
import { OpenParts } from "./open_parts.ts";

interface Check {
  readonly part: "configuration" | "lms" | "state" | "zulip";
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint: string | null;
  readonly exitCode: number;
}

/** `doctor`: looks at every part, changes nothing, and names what is wrong with its remedy. Exits as the worst part says. */
export async function runDoctor(context: CommandContext, options: DoctorOptions): Promise<number> {
  const { config, out } = context;
  await using parts = new OpenParts(config);
  const checks: Check[] = [];
  const ok = (part: Check["part"], message: string) =>
    checks.push({ part, status: "ok", message, hint: null, exitCode: 0 });
  const warn = (part: Check["part"], message: string, hint: string) =>
    checks.push({ part, status: "warning", message, hint, exitCode: 0 });
  const look = async (part: Check["part"], work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LmsmonError)) throw error;
      const { message, hint, exitCode } = error;
      checks.push({ part, status: "failed", message, hint: hint ?? null, exitCode });
    }
  };

  ok("configuration", config.file ?? "no file, only defaults and the environment");
  if (!config.enabled) warn("configuration", "enabled is false", "watch and poll-once do nothing until it is true");
  let lms: LmsSource | null = null;
  await look("lms", async () => {
    lms = await parts.lms();
    const { version } = await lms.check();
    const token = await lms.changeToken();
    ok("lms", `${config.lms.preset} on ${version}: every table can be read, the session is read only`);
    ok(
      "lms",
      token === null ? "no proof of idleness: every full pass compares all rows" : "idle full passes are skipped",
    );
  });
  await look("state", async () => {
    const db = await parts.state({ dryRun: true });
    ok("state", `migrated, ${db.mode === "server" ? "on a server" : "embedded"}`);
    const known = await readIdentity(db, config.lms.name);
    ok(
      "state",
      known === null
        ? `never polled "${config.lms.name}"`
        : `knows "${config.lms.name}" as ${known.dialect} database "${known.database}"`,
    );
  });
  if (!config.notify.enabled) warn("zulip", "notify.enabled is false: nobody is told anything", "set it to true");
  else await look("zulip", () => lookAtZulip(context, ok, warn));

  if (options.json) out.writeJson({ checks: checks.map(({ exitCode: _, ...check }) => check) });
  else {
    for (const { part, status, message, hint } of checks) {
      out.writeLine(`${MARKS[status]} ${part.padEnd(13)} ${printable(message)}`);
      if (hint !== null) out.writeLine(`  ${"".padEnd(13)} ${printable(hint)}`);
    }
  }
  return checks.find((check) => check.exitCode !== 0)?.exitCode ?? 0;
}

const MARKS = { ok: "✓", warning: "!", failed: "✗" } as const;

async function lookAtZulip(
  { config }: CommandContext,
  ok: (part: "zulip", message: string) => void,
  warn: (part: "zulip", message: string, hint: string) => void,
): Promise<void> {
  const zulip = connectZulip(config.zulip, { log: logger("zulip") });
  try {
    const server = await zulip.server();
    ok("zulip", `Zulip ${server.version}, feature level ${server.featureLevel}`);
    const bot = await zulip.me();
    if (bot.botType === 1) ok("zulip", "the key is a generic bot's: it can look up what it sent");
    else {warn(
        "zulip",
        "the key is not a generic bot's: what was sent cannot be looked up",
        "make a bot of type Generic bot",
      );}
    const users = (await zulip.users()).filter((user) => !user.isBot && user.isActive);
    const hidden = users.filter((user) => user.deliveryEmail === null).length;
    if (hidden === 0) ok("zulip", `the addresses of all ${users.length} users are visible`);
    else {
      warn(
        "zulip",
        `${hidden} of ${users.length} users hide their address from this bot`,
        "raise the bot's role, let them show it, or name them in users.overrides",
      );
    }
    if (config.notify.fallback !== null) await lookAtChannel(zulip, config.notify.fallback.channel, ok, warn);
  } finally {
    zulip.close();
  }
}

/** Whether messages to the fallback channel arrive, and can be looked up there. */
async function lookAtChannel(
  zulip: Pick<ZulipApi, "channels">,
  name: string,
  ok: (part: "zulip", message: string) => void,
  warn: (part: "zulip", message: string, hint: string) => void,
): Promise<void> {
  const [channel] = await zulip.channels([name], []);
  if (channel === undefined) {
    return warn(
      "zulip",
      `the fallback channel "${name}" is not there, or neither this bot nor its owner can see it`,
      "create it, correct notify.fallback, or subscribe the bot to it",
    );
  }
  if (channel.isPrivate && !channel.isSubscribed) {
    return warn(
      "zulip",
      `the fallback channel "${name}" is private and this bot is not subscribed: nothing is sent there`,
      "subscribe the bot itself to the channel; its owner's subscription lets it send and not look up what it sent",
    );
  }
  ok(
    "zulip",
    `the fallback channel "${name}" is ${channel.isPrivate ? "private and the bot is subscribed" : "public"}`,
  );
}
