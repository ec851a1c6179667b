import { exists } from "../config/config_file.ts";
import { resolve } from "node:path";
import { environment, homeDirectory } from "../config/environment.ts";
import { loadConfig, type Need } from "../config/load_config.ts";
import type { Config } from "../config/config.ts";
import { askLine, canAsk } from "../base/ask.ts";
import { CommandError, LmsError, LmsmonError, UsageError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { printable } from "../base/output.ts";
import { readMigrationStatus } from "../state/migrate.ts";
import { openState } from "../state/open_state.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { InitOptions } from "./command_options.ts";
import { type Answers, BOT_STEPS, configText, grants } from "./init_words.ts";
import { OpenParts } from "./open_parts.ts";

type Flag = keyof InitOptions["answers"];

interface Question {
  readonly flag: Flag;
  readonly asks: string;
  /** The answer where nothing is typed; `null`: there must be one. */
  readonly fallback: string | null;
  /** Whether there is anything to ask, by the answers before. */
  readonly when?: (answers: Answers) => boolean;
}

/** What is asked for, tried, and asked for again together. */
interface Part {
  readonly what: string;
  readonly questions: readonly Question[];
  readonly needs: readonly Need[];
  readonly attempt: (config: Config) => Promise<string>;
  /** What has to be done elsewhere before it can work. */
  readonly remedy: (answers: Answers) => { readonly title: string; readonly lines: readonly string[] } | null;
}

const onTheLms = (answers: Answers) => ({
  title: "On the LMS database, as its administrator (lmsmon needs no other right):",
  lines: grants(answers.lmsUrl ?? ""),
});
const inZulip = { title: "In Zulip, the bot:", lines: BOT_STEPS };
const isServer = ({ stateUrl = "" }: Answers) => /^postgres(ql)?:/.test(stateUrl);

const PARTS: readonly Part[] = [
  {
    what: "the LMS",
    questions: [
      {
        flag: "lmsUrl",
        asks: "Address of the LMS database, without a password (postgres://USER@HOST:5432/DB or mysql://…)",
        fallback: null,
      },
      { flag: "lmsPasswordFile", asks: "File with its password (empty: none is needed)", fallback: "" },
    ],
    needs: ["lms"],
    attempt: tryLms,
    remedy: onTheLms,
  },
  {
    what: "the state",
    questions: [
      { flag: "stateUrl", asks: "State database (empty: embedded, beside the configuration)", fallback: "" },
      {
        flag: "statePasswordFile",
        asks: "File with its password (empty: none is needed)",
        fallback: "",
        when: isServer,
      },
    ],
    needs: ["state"],
    attempt: tryState,
    remedy: (answers) =>
      isServer(answers)
        ? {
          title: "On that server, as its administrator:",
          lines: ["create role lmsmon login password '…';", "create database lmsmon owner lmsmon;"],
        }
        : null,
  },
  {
    what: "Zulip",
    questions: [{ flag: "zuliprc", asks: "The bot's zuliprc", fallback: null }],
    needs: ["zulip"],
    attempt: async (config) => {
      await using parts = new OpenParts(config);
      return `Zulip: the bot is user ${(await parts.zulip().me()).userId}`;
    },
    remedy: () => inZulip,
  },
  {
    what: "the time zone",
    questions: [{ flag: "timezone", asks: "Time zone of the institute", fallback: "Asia/Kolkata" }],
    needs: [],
    attempt: (config) => Promise.resolve(`Time zone: ${config.notify.timezone}`),
    remedy: () => null,
  },
];

/**
 * `init`: asks what it needs on a terminal, or takes flags; tries each answer against the real thing, asks again for what does not work,
 * and writes a configuration that only its owner may read. Nothing at all is written before everything works.
 */
export async function runInit(context: CommandContext, options: InitOptions): Promise<void> {
  const { out } = context;
  if (options.out === "-") {
    throw new UsageError("Cannot write a configuration to stdout: what is asked and tried is printed there", {
      hint: "--dry-run shows what would be written; ./- is a file of that name",
    });
  }
  const target = resolve(options.out);
  if (!options.force && exists(target)) {
    throw new CommandError(`Cannot write ${target}: it is there already`, {
      hint: "name another file with --out, or --force to replace it",
    });
  }
  const asks = canAsk() && !options.json;
  const answers: Answers = {};
  for (const part of PARTS) await settle(part, { context, options, asks, answers, target });
  const text = configText(answers);
  if (!options.dryRun) await writePrivately(target, text);
  const { lmsUrl = "" } = answers;
  if (options.json) {
    const written = { dry_run: options.dryRun, file: target, grants: grants(lmsUrl), bot: BOT_STEPS };
    return out.writeJson(commandJson("init", written));
  }
  out.writeLine(options.dryRun ? `\nWould write ${target}:\n\n${text}` : `\nWrote ${target} (mode 600)`);
  show(context, onTheLms(answers));
  show(context, inZulip);
  out.writeLine("\nNext: lmsmon migrate; lmsmon poll-once --dry-run; lmsmon notify-test; lmsmon watch");
}

interface Surroundings {
  readonly context: CommandContext;
  readonly options: InitOptions;
  /** Somebody is there to be asked. */
  readonly asks: boolean;
  /** Grows as they are settled. */
  readonly answers: Answers;
  readonly target: string;
}

/** Asks and tries until it works; what a flag says is asked for only when it does not work. */
async function settle(part: Part, surroundings: Surroundings): Promise<void> {
  const { context, options, asks, answers, target } = surroundings;
  for (let isAgain = false;; isAgain = true) {
    for (const question of part.questions) {
      answers[question.flag] = answerOf(question, surroundings, isAgain);
    }
    context.stop.soft.throwIfAborted();
    try {
      const said = await part.attempt(await load(target, configText(answers), part.needs));
      if (!options.json) context.out.writeLine(`✓ ${said}`);
      return;
    } catch (error) {
      context.stop.soft.throwIfAborted();
      if (!(error instanceof LmsmonError)) throw error;
      const remedy = part.remedy(answers);
      if (!options.json && remedy !== null) show(context, remedy);
      if (!asks) {
        logger("init").error("{what} does not work; nothing was written", { what: part.what });
        throw error;
      }
      context.out.writeLine(`\n✗ ${printable(error.message).replaceAll("\ufffd", " ")}`);
      if (error.hint !== undefined) context.out.writeLine(`  ${printable(error.hint)}`);
      context.out.writeLine("Once more (^C ends, and nothing is written):");
    }
  }
}

function answerOf(
  { flag, asks: what, fallback, when }: Question,
  { options, asks, answers }: Surroundings,
  isAgain: boolean,
): string {
  if (when?.(answers) === false) return "";
  const given = options.answers[flag];
  if (given !== null && !isAgain) return given;
  if (!asks) {
    if (fallback !== null) return fallback;
    throw new UsageError(`Cannot ask for it here, since this is no terminal: ${what}`, {
      hint: `give --${flag.replace(/[A-Z]/g, (sign) => `-${sign.toLowerCase()}`)}`,
    });
  }
  while (true) {
    // What may be left empty offers nothing, since an empty line would then be taken for the offer.
    const line = askLine(what, fallback === "" ? null : answers[flag] ?? fallback);
    if (line !== "" || fallback !== null) return line;
  }
}

function show(
  { out }: CommandContext,
  { title, lines }: { readonly title: string; readonly lines: readonly string[] },
) {
  out.writeLine(`\n${title}\n`);
  for (const line of lines) out.writeLine(`  ${line}`);
}

/** As if the file were there already. */
async function load(path: string, text: string, needs: readonly Need[]): Promise<Config> {
  const env = environment();
  const file = { path, label: "what was answered", text };
  return await loadConfig({ flag: undefined, file, env, cwd: Deno.cwd(), home: homeDirectory(env), needs });
}

/** The preset is not asked for: what is no Testpress is configured by hand. */
async function tryLms(config: Config): Promise<string> {
  await using parts = new OpenParts(config);
  try {
    return `LMS: every table can be read on ${(await (await parts.lms()).check()).version}`;
  } catch (error) {
    if (!(error instanceof LmsError) || error.reason !== "schema") throw error;
    throw new LmsError(error.reason, error.message, {
      cause: error.cause,
      hint:
        `${error.hint ?? ""}. init configures a Testpress LMS; for Moodle or a mapping of your own write lms.preset ` +
        "into a configuration by hand, as docs/presets.md shows (config.example.yaml has every key)",
    });
  }
}

/** A server is reached, and may be empty yet; an embedded state is made by the first command that writes. */
async function tryState(config: Config): Promise<string> {
  if (config.state.url.startsWith("pglite:")) return "State: embedded; the first command that writes makes it";
  await using db = await openState(config.state, { migrate: "skip", dryRun: true });
  const { applied } = await readMigrationStatus(db.sql);
  return `State: on a server, ${applied.length === 0 ? "empty yet: `lmsmon migrate` makes it" : "made already"}`;
}

/** Whole or not at all. */
async function writePrivately(path: string, text: string): Promise<void> {
  const temporary = `${path}.init-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await Deno.writeTextFile(temporary, text, { mode: 0o600, createNew: true });
    await Deno.rename(temporary, path);
  } catch (error) {
    throw new CommandError(`Cannot write ${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    await Deno.remove(temporary).catch(() => {}); // renamed
  }
}
