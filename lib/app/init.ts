import { isAbsolute, resolve } from "node:path";
import { stringify } from "yaml";
import { environment, homeDirectory } from "../config/environment.ts";
import { loadConfig } from "../config/load_config.ts";
import type { Config } from "../config/config.ts";
import { CommandError, LmsmonError, UsageError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Output } from "../base/output.ts";
import { commandJson } from "./command_json.ts";
import type { InitOptions } from "./command_options.ts";
import { OpenParts } from "./open_parts.ts";
import type { CommandContext } from "./command_context.ts";

interface Question {
  readonly flag: keyof InitOptions["answers"];
  readonly asks: string;
  readonly fallback: string | null;
}

const QUESTIONS: readonly Question[] = [
  {
    flag: "lmsUrl",
    asks: "Address of the LMS database, without a password (postgres://USER@HOST:5432/DB or mysql://…)",
    fallback: null,
  },
  { flag: "lmsPasswordFile", asks: "File with its password (empty: none is needed)", fallback: "" },
  { flag: "stateUrl", asks: "State database (empty: embedded, beside the configuration)", fallback: "" },
  { flag: "zuliprc", asks: "The bot's zuliprc", fallback: null },
  { flag: "timezone", asks: "Time zone of the institute", fallback: "Asia/Kolkata" },
];

/**
 * `init`: asks what it needs on a terminal, or takes flags; tries each answer against the real thing, and writes a configuration
 * that only its owner may read. Nothing is written when something does not work.
 */
export async function runInit(context: CommandContext, options: InitOptions): Promise<void> {
  const { out } = context;
  const target = resolve(options.out);
  if (!options.force && exists(target)) {
    throw new CommandError(`Cannot write ${target}: it is there already`, {
      hint: "name another file with --out, or --force to replace it",
    });
  }
  const answers = askMissing(options, out);
  const text = configText(answers);
  const temporary = `${target}.init-${crypto.randomUUID().slice(0, 8)}`;
  await writePrivately(temporary, text);
  try {
    const config = await load(temporary);
    await tryAll(config, out, options.json);
    if (options.dryRun) {
      if (!options.json) out.writeLine(`\nWould write ${target}:\n\n${text}`);
    } else await Deno.rename(temporary, target);
    if (options.json) {
      return out.writeJson(commandJson("init", { dry_run: options.dryRun, file: target, grants: grants(config) }));
    }
    if (!options.dryRun) out.writeLine(`\nWrote ${target} (mode 600)`);
    out.writeLine("\nOn the LMS database, as its administrator (lmsmon needs no other right):\n");
    for (const line of grants(config)) out.writeLine(`  ${line}`);
    out.writeLine("\nNext: lmsmon migrate; lmsmon poll-once --dry-run; lmsmon notify-test; lmsmon watch");
  } finally {
    await Deno.remove(temporary).catch(() => {}); // renamed, when all went well
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

type Answers = Readonly<Record<Question["flag"], string>>;

/** Flags first; what is missing is asked for where somebody can answer. */
function askMissing({ answers }: InitOptions, out: Output): Answers {
  const found = new Map<Question["flag"], string>();
  for (const { flag, asks, fallback } of QUESTIONS) {
    const given = answers[flag];
    if (given !== null) found.set(flag, given);
    else if (out.isTerminal) {
      const answer = (prompt(`${asks}:`, fallback ?? undefined) ?? "").trim();
      if (answer === "" && fallback === null) throw new UsageError(`Cannot go on without: ${asks}`);
      found.set(flag, answer);
    } else if (fallback !== null) found.set(flag, fallback);
    else {
      throw new UsageError(`Cannot ask for it here, since this is no terminal: ${asks}`, {
        hint: `give --${flag.replace(/[A-Z]/g, (sign) => `-${sign.toLowerCase()}`)}`,
      });
    }
  }
  const of = (flag: Question["flag"]) => found.get(flag) ?? "";
  return {
    lmsUrl: of("lmsUrl"),
    lmsPasswordFile: of("lmsPasswordFile"),
    stateUrl: of("stateUrl"),
    zuliprc: of("zuliprc"),
    timezone: of("timezone"),
  };
}

/** The configuration with what each part is for; paths as they were given, relative ones made absolute. */
function configText(answers: Answers): string {
  const path = (text: string) => isAbsolute(text) || /^(~|\$\{)/.test(text) ? text : resolve(text);
  const value = (text: string) => stringify(text).trimEnd();
  const lines = [
    "# Written by lmsmon init. config.example.yaml and the README say what else there is; `lmsmon config` shows all that holds.",
    "lms:",
    "  # read-only: a role that may SELECT is enough",
    `  url: ${value(answers.lmsUrl)}`,
    ...answers.lmsPasswordFile === "" ? [] : [`  password_file: ${value(path(answers.lmsPasswordFile))}`],
    "state:",
    "  # lmsmon's own database: never the LMS's",
    // Without an address it lies where the configuration's place says: /var/lib/lmsmon/state, or beside the file.
    ...answers.stateUrl === "" ? ["  url: null"] : [`  url: ${value(answers.stateUrl)}`],
    "notify:",
    "  # of people; stored times are UTC",
    `  timezone: ${value(answers.timezone)}`,
    "  # a trial first: with an address here, that person gets every message instead of the mentors",
    "  # redirect_to: you@institute.example",
    "zulip:",
    "  # of a generic bot: Zulip, Settings, Bots, Add a new bot; then download its zuliprc",
    `  config_file: ${value(path(answers.zuliprc))}`,
    "",
  ];
  return lines.join("\n");
}

async function writePrivately(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { mode: 0o600, createNew: true });
  } catch (error) {
    throw new CommandError(`Cannot write ${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

async function load(path: string): Promise<Config> {
  const env = environment();
  const needs = ["lms", "state", "delivery"] as const;
  return await loadConfig({ flag: path, env, cwd: Deno.cwd(), home: homeDirectory(env), needs });
}

/** Each part is really used; the first that does not work is the error. */
async function tryAll(config: Config, out: Output, quiet: boolean): Promise<void> {
  await using parts = new OpenParts(config);
  const said = (line: string) => quiet || out.writeLine(`✓ ${line}`);
  const attempt = async (what: string, work: () => Promise<string>) => {
    try {
      said(await work());
    } catch (error) {
      if (error instanceof LmsmonError) logger("init").error("{what} does not work; nothing was written", { what });
      throw error;
    }
  };
  await attempt(
    "the LMS",
    async () => `LMS: every table can be read on ${(await (await parts.lms()).check()).version}`,
  );
  await attempt("Zulip", async () => {
    const me = await parts.zulip().me();
    return `Zulip: the bot is user ${me.userId}`;
  });
  await attempt("the state", async () => {
    const db = await parts.state({ dryRun: true });
    return `State: ${db.mode === "server" ? "on a server" : "embedded; it is made by the first command that writes"}`;
  });
}

/** What the LMS's administrator types, once. */
function grants({ lms }: Config): string[] {
  const url = URL.parse(lms.url.replace(/^(postgres|mysql):/, "http:"));
  const user = decodeURIComponent(url?.username ?? "") || "lms_readonly";
  const database = decodeURIComponent(url?.pathname.slice(1) ?? "") || "lms";
  if (lms.url.startsWith("mysql:")) {
    return [`create user '${user}'@'%' identified by '…';`, `grant select on \`${database}\`.* to '${user}'@'%';`];
  }
  return [
    `create role "${user}" login password '…';`,
    `grant connect on database "${database}" to "${user}";`,
    `grant usage on schema public to "${user}";`,
    `grant select on all tables in schema public to "${user}";`,
  ];
}
