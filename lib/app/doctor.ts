import type { Config, Fallback } from "../config/config.ts";
import type { LmsSource } from "../source/lms_source.ts";
import { LmsmonError } from "../base/errors.ts";
import { printable } from "../base/output.ts";
import { compareSource, compareWith } from "../poll/check_source.ts";
import { isRefusal } from "../poll/judge_source.ts";
import { describeSource, sampled, sourceRefusal } from "../poll/source_words.ts";
import { readSource } from "../state/sources.ts";
import type { StateDb } from "../state/state_db.ts";
import { USE_GENERIC_BOT } from "../bot/bot_kind.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { DoctorOptions } from "./command_options.ts";
import type { Check } from "./doctor_findings.ts";
import { lookAtRedirect, lookAtSteering, mentorsToTell, rateWords } from "./doctor_operators.ts";
import { lookAtPlace, lookAtWork, lookIntoState } from "./doctor_state.ts";
import { othersWhoReadFile } from "./file_modes.ts";
import { findsNew } from "./finds_new.ts";
import { lookAtClock } from "./look_at_clock.ts";
import { OpenParts } from "./open_parts.ts";

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
    context.stop.soft.throwIfAborted();
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LmsmonError) || context.stop.soft.aborted) throw error;
      const { message, hint, exitCode } = error;
      checks.push({ part, status: "failed", message, hint: hint ?? null, exitCode });
    }
  };

  lookAtConfiguration(config, ok, warn);
  let lms: { readonly source: LmsSource; readonly answers: boolean } | null = null;
  await look("lms", async () => {
    const source = await parts.lms();
    lms = { source, answers: false };
    await lookAtLms(context, source, { ok, warn, answers: () => lms = { source, answers: true } });
  });
  let mentors = 0;
  await look("state", async () => {
    const findings = {
      ok: (message: string) => ok("state", message),
      warn: (message: string, hint: string) => warn("state", message, hint),
    };
    if (!(await lookAtPlace(config, findings)).exists) return;
    const db = await parts.state({ dryRun: true });
    warnOfPlaintext("state", db.plaintextHost(), warn);
    ok("state", `migrated, ${db.mode === "server" ? "on a server" : "embedded"}`);
    await lookIntoState(context, db, findings);
    await lookAtSource(db, lms, { name: config.source.name, ok, warn });
    await lookAtWork(context, db, findings);
    await lookAtSteering({ db, config, now: context.clock.now() }, findings);
    mentors = await mentorsToTell(db, config.source.name);
  });
  if (!config.notify.enabled) warn("zulip", "notify.enabled is false: nobody is told anything", "set it to true");
  else {
    await look("zulip", async () => {
      const zulip = parts.zulip();
      await lookAtZulip(zulip, config.notify.fallback, ok, warn);
      ok("zulip", rateWords(zulip.rateLimit(), mentors));
      await lookAtRedirect({ config, zulip }, (message, hint) => warn("zulip", message, hint));
    });
  }

  if (options.json) out.writeJson(commandJson("doctor", { checks: checks.map(({ exitCode: _, ...check }) => check) }));
  else {
    for (const { part, status, message, hint } of checks) {
      out.writeLine(`${MARKS[status]} ${part.padEnd(13)} ${printable(message)}`);
      if (hint !== null) out.writeLine(`  ${"".padEnd(13)} ${printable(hint)}`);
    }
  }
  return checks.find((check) => check.exitCode !== 0)?.exitCode ?? 0;
}

function lookAtConfiguration(
  config: Config,
  ok: (part: "configuration", message: string) => void,
  warn: (part: "configuration", message: string, hint: string) => void,
): void {
  ok("configuration", config.file ?? "no file, only defaults and the environment");
  for (const path of filesWithSecrets(config)) {
    const open = othersWhoReadFile(path);
    if (open !== null) warn("configuration", `${open.who} may read ${path}`, open.remedy);
  }
  for (const other of config.passedOver ?? []) {
    warn("configuration", `${other} is there, too, and is not taken: ${config.file} comes first`, `--config ${other}`);
  }
  if (!config.enabled) warn("configuration", "enabled is false", "watch and poll-once do nothing until it is true");
}

/** The configuration itself may hold a password or a key. */
function filesWithSecrets({ file, secretFiles = [], zulip }: Config): Set<string> {
  const named = [file, ...secretFiles, zulip.configFile, zulip.apiKeyFile, zulip.clientCertKey];
  return new Set(named.filter((path) => path !== null && path !== undefined));
}

const MARKS = { ok: "✓", warning: "!", failed: "✗" } as const;

/** Whether the LMS can be read, and what is worth knowing of it. `answers` is called once it is known to. */
async function lookAtLms(
  { config, clock }: Pick<CommandContext, "config" | "clock">,
  source: LmsSource,
  { ok, warn, answers }: {
    readonly ok: (part: Check["part"], message: string) => void;
    readonly warn: (part: Check["part"], message: string, hint: string) => void;
    readonly answers: () => void;
  },
): Promise<void> {
  const { version, plaintextHost } = await source.check();
  warnOfPlaintext("lms", plaintextHost, warn);
  const obstacle = await source.whyNoChangeToken();
  answers();
  ok("lms", `${config.lms.preset} on ${version}: every table can be read, the session is read only`);
  ok(
    "lms",
    obstacle === null ? "idle full passes are skipped" : `full passes are never skipped: ${obstacle}`,
  );
  if (obstacle?.includes("row-level security")) {
    warn(
      "lms",
      "row-level security may hide rows from lmsmon's role, which are then as if they were not there",
      "look at the tables' policies, or let the role see everything: alter role … bypassrls",
    );
  }
  for (const kind of source.kinds) {
    if (!source.keySpace(kind).ascending) {
      ok("lms", `new ${kind} rows are found ${findsNew(source, kind)}`);
    }
    if (config.lms.preset !== "custom") continue;
    for (const warning of (await source.inspect(kind)).warnings) warn("lms", warning, "docs/presets.md");
  }
  for (const { message, hint } of await source.findings?.() ?? []) {
    if (hint === null) ok("lms", message);
    else warn("lms", message, hint);
  }
  if (config.lms.url.startsWith("pglite:")) return; // no server, so no roles and no other clock
  await lookAtClock(source, clock, ok, warn);
  for (const right of await source.writeRights()) {
    warn(
      "lms",
      `the role of lms.url can write to the LMS: ${right}`,
      "use a role that may only SELECT (README, step 2)",
    );
  }
}

/** Whether the LMS is the one that the state knows; what is stored and what is there are shown where they differ. */
async function lookAtSource(
  db: StateDb,
  lms: { readonly source: LmsSource; readonly answers: boolean } | null,
  { name, ok, warn }: {
    readonly name: string;
    readonly ok: (part: "state", message: string) => void;
    readonly warn: (part: "state", message: string, hint: string) => void;
  },
): Promise<void> {
  const stored = await readSource(db, name);
  if (stored.identity === null) return ok("state", `never polled "${name}"`);
  const before = describeSource(stored.identity, stored.address);
  if (lms === null || !lms.answers) {
    const now = lms?.source.address ?? null;
    const edited = stored.address !== null && now !== null && await compareWith(stored.address, now) === "edited";
    return warn(
      "state",
      `knows "${name}" as ${before}; ` +
        (edited ? `lms.url is now ${describeSource(null, now)}, and ` : "") + "what is there now cannot be seen",
      edited ? "check lms.url: another database must be confirmed once with --accept-source" : "see the LMS above",
    );
  }
  const examined = await compareSource(db, lms.source);
  if (isRefusal(examined.verdict)) throw sourceRefusal(name, examined);
  if (examined.verdict === "system_changed") {
    return warn(
      "state",
      `knows "${name}" as ${before}, present: ${describeSource(examined.now, examined.address)}; ` +
        `${sampled(examined.sample)}, so polling goes on`,
      "an upgrade or a failover looks like this; if it was neither, look at what answers there",
    );
  }
  const moved = examined.verdict === "address_changed" ? `, now ${describeSource(null, examined.address)}` : "";
  ok("state", `knows "${name}" as ${before}${moved}`);
}

function warnOfPlaintext(
  part: "lms" | "state",
  host: string | null,
  warn: (part: Check["part"], message: string, hint: string) => void,
): void {
  if (host === null) return;
  warn(
    part,
    `${host} is spoken to without TLS: the password and all rows can be read on the way`,
    `turn TLS on in the server and write ?sslmode=verify-full&sslrootcert=FILE in ${part}.url (docs/configuration.md)`,
  );
}

async function lookAtZulip(
  zulip: Pick<ZulipApi, "server" | "me" | "users" | "channels">,
  fallback: Fallback,
  ok: (part: "zulip", message: string) => void,
  warn: (part: "zulip", message: string, hint: string) => void,
): Promise<void> {
  const server = await zulip.server();
  ok("zulip", `Zulip ${server.version}, feature level ${server.featureLevel}`);
  const bot = await zulip.me();
  if (bot.botType === null) warn("zulip", "Zulip does not say of what type the bot is", USE_GENERIC_BOT);
  else ok("zulip", "the key is a generic bot's: it can look up what it sent");
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
  if (fallback !== null) await lookAtChannel(zulip, fallback.channel, ok, warn);
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
