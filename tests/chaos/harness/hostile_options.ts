import { buildProgram } from "../../../main.ts";
import type { ChaosRun } from "./chaos_run.ts";
import { SQL } from "./hostile_names.ts";
import type { Place } from "./place.ts";
import { runLmsmon } from "./watcher.ts";

/** To be read it is a secret of the system; to be written it would be the end of it. */
const SYSTEM_FILE = "../../etc/passwd";
const VALUES = [
  SQL,
  "1' or '1'='1",
  "7d; drop table x",
  "-1",
  "9".repeat(400),
  "2026-13-45",
  SYSTEM_FILE,
  "$(id)",
  "P99999999999999999999Y",
  "\u202e\u0007\n",
];

/** What else must be given for an option to count. */
const WITH: Readonly<Record<string, readonly string[]>> = { "release --reason": ["--drop", "--poll", "1"] };
/** Values that are good ones there, and would start something that does not end by itself, or write somewhere. */
const GOOD: Readonly<Record<string, RegExp>> = {
  "watch --interval": /^9/,
  "demo --seed": /^9/,
};
/** The option of every command that writes a file where it says. */
const WRITES = "--out";
const AT_ONCE = 4;

/** Each option of each command that takes a value, and the global ones; a new option is in it by itself. */
async function optionsWithValues(): Promise<readonly { readonly command: string; readonly flag: string }[]> {
  const program = await buildProgram();
  const own = program.commands.flatMap((command) =>
    command.options.filter((option) => option.required || option.optional)
      .map((option) => ({ command: command.name(), flag: option.long ?? "" }))
  );
  const global = program.options.filter((option) => option.required || option.optional)
    .map((option) => ({ command: "stats", flag: option.long ?? "" }));
  return [...own, ...global];
}

/** Every option that takes text gets what a database, a shell or a path would mind; nothing but 0, 1, 2 or 4 comes back. */
export async function hostileOptions(run: ChaosRun, place: Place, secrets: readonly string[]): Promise<void> {
  const options = await optionsWithValues();
  const before = await counts(place);
  const tries = options.flatMap(({ command, flag }) =>
    VALUES.filter((value) => !GOOD[`${command} ${flag}`]?.test(value) && !(flag === WRITES && value === SYSTEM_FILE))
      .map((value) => ({ command, flag, value }))
  );
  for (let i = 0; i < tries.length; i += AT_ONCE) {
    await Promise.all(tries.slice(i, i + AT_ONCE).map((each) => hostileOption(run, place, secrets, each)));
  }
  run.say(`  ${tries.length} hostile values in ${options.length} options`);
  const after = await counts(place);
  if (before !== after) run.fail(`hostile options changed something: ${before}, then ${after}`);
}

async function hostileOption(
  run: ChaosRun,
  place: Place,
  secrets: readonly string[],
  { command, flag, value }: { readonly command: string; readonly flag: string; readonly value: string },
): Promise<void> {
  run.tally.faults++;
  const { code, signal, log, out, leaks } = await runLmsmon(command, place.config, {
    args: [...WITH[`${command} ${flag}`] ?? [], flag, value],
    secrets,
    cwd: place.folder,
  });
  const said = `${log.join("\n")}${out}`;
  const what = `${command} ${flag} ${JSON.stringify(value.slice(0, 40))}`;
  if (signal !== null || ![0, 1, 2, 4].includes(code)) run.fail(`${what} ended with ${signal ?? code}`);
  if (/\bat (file|async|Object)|TypeError|syntax error|This is a fault/.test(said)) {
    run.fail(`${what} says ${said.slice(0, 300)}`);
  }
  // Lines of an export are data, and hold titles as the LMS has them.
  const prose = said.split("\n").filter((line) => !/^\{"schema":\d/.test(line)).join("\n");
  // deno-lint-ignore no-control-regex
  if (/[\u0007\u202e]/.test(prose)) run.fail(`${what} writes control characters to the terminal`);
  if (/root:.*:0:0:/.test(said)) run.fail(`${what} shows a file of the system`);
  if (leaks.length > 0 || secrets.some((secret) => said.includes(secret))) run.fail(`${what} shows a secret`);
}

async function counts(place: Place): Promise<string> {
  await using db = await place.openState();
  const [row] = await db.sql<{ events: number; logs: number }[]>`
    select (select count(*)::int from lmsmon.lms_activity_events) as events,
           (select count(*)::int from lmsmon.lms_event_logs) as logs`;
  const [lms] = await place.load.execute("select count(*)::int as n from attempts");
  return JSON.stringify([row, lms]);
}
