import { insertStatement, updateStatement } from "../../sql/lms/write_statements.ts";
import { type ChaosRun, type StateChoice } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { runLmsmon } from "./watcher.ts";

const SQL = "x'; drop schema lmsmon cascade; drop table attempts; --";

/** Names and titles as somebody would choose them who wants to be heard. */
const NAMES = [
  "@**all**",
  "@**everyone** [click](https://evil.example)",
  "@_**Mentor 1|10**",
  "#**general>topic**",
  "[free marks](javascript:alert(1))",
  "![x](https://evil.example/pixel.png)",
  "https://evil.example/login",
  "```quote\nfake\n```",
  "`ref aaaaaaaaaaaaaaaa`",
  "#n=aaaaaaaaaaaaaaaa",
  "<script>alert(1)</script><time:2026-11-23T10:00:00Z>",
  "/me leaves",
  "/poll Who is best?",
  "$$\\frac{1}{0}$$ ~~gone~~ **bold** _it_ ||spoiler||",
  "line\nbreak\r\n# Heading\n> quote\n* list\n1. list",
  "\u202Egnirts desrever\u202C \u200B\u2066x\u2069",
  "\u0001\u0008\u001b[31mred\u001b[0m",
  "Z̸̡̢͓̳̜̪̟̳̠̻̖͐̂̍̅̔̂͋͂͐l̸̢̹̣̤̙͚̱͓̖̹̻̣͇͗͊̽̃ͅ",
  "👩‍👩‍👧‍👦".repeat(500),
  "ﷺ".repeat(4_000),
  "%s %d {0} ${HOME} {{x}}",
  SQL,
  "NULL",
  "",
  "   ",
];

/** What may start something in Zulip; LMS text must never bring it into a message. */
const ACTIVE = [
  /@\*\*/,
  /@_\*\*/,
  /@\*/,
  /#\*\*/,
  /\]\((?!https:\/\/lms\.example\/attempts\/)/,
  /```/,
  /<script/,
  /<time:/,
  /evil\.example/,
  /!\[/,
  /\$\$/,
];

/** People and exams with hostile names, hostile values in every option, and secrets looked for in everything it says. */
export async function hostileScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  const secret = `s3cret-${run.seed}`;
  await using place = await makePlace(run, {
    state,
    notify: "  digest_above: 2",
    lmsUrl: (url) => url.replace("postgres@", `postgres:${secret}-lms@`),
  });
  const secrets = [`${secret}-lms`, place.zulip.bot.apiKey, btoa(`${place.zulip.bot.email}:${place.zulip.bot.apiKey}`)];
  await disguise(place);
  await place.load.some(150);
  {
    await using watcher = place.watch({ secrets, args: ["--log-level", "debug"] });
    await watcher.untilSays("Polling testpress");
    await place.load.some(100);
    await place.load.finishedExams(100);
    await place.settle({ running: watcher });
    await watcher.end("SIGTERM");
    if (watcher.leaks.length > 0) run.fail(`a secret stands in the log: ${watcher.leaks[0]?.slice(0, 200)}`);
  }
  for (const message of place.zulip.messages) {
    run.tally.faults++;
    const found = ACTIVE.find((pattern) => pattern.test(message.content));
    if (found !== undefined) run.fail(`${found} in a message: ${JSON.stringify(message.content.slice(0, 300))}`);
    if ([...message.content].length > 10_000) run.fail("a message is longer than Zulip takes");
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]/.test(message.content)) run.fail("control characters in a message");
  }
  await hostileOptions(run, place, secrets);
  await hostileConfigurations(run, place, secrets);
}

async function disguise(place: Place): Promise<void> {
  const { students, exams } = place.load.material;
  for (const [i, name] of NAMES.entries()) {
    const student = students[i];
    if (student !== undefined) {
      const values = { display_name: name, username: `${name.slice(0, 200)}${i}` };
      await place.load.execute(updateStatement("postgres", "students", { id: student }, clean(values)));
    }
    const exam = exams[i % exams.length];
    if (exam !== undefined) {
      await place.load.execute(updateStatement("postgres", "exams", { id: exam }, clean({ title: `${name} ${i}` })));
    }
  }
  // A title of a megabyte, too.
  const last = exams.at(-1);
  if (last !== undefined) {
    await place.load.execute(
      updateStatement("postgres", "exams", { id: last }, { title: "@**all** ".repeat(120_000) }),
    );
  }
  await place.load.execute(insertStatement("postgres", "batches", [{ id: 1, name: SQL }]));
}

/** PostgreSQL holds no NUL. */
const clean = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.replaceAll("\0", "")]));

/** Every option that takes text gets what a database, a shell or a path would mind; nothing but 0, 1, 2 or 4 comes back. */
async function hostileOptions(run: ChaosRun, place: Place, secrets: readonly string[]): Promise<void> {
  const values = [
    SQL,
    "1' or '1'='1",
    "7d; drop table x",
    "-1",
    "9".repeat(400),
    "2026-13-45",
    "\u0000",
    "../../etc/passwd",
    "$(id)",
    "P99999999999999999999Y",
  ].filter((value) => !value.includes("\0"));
  const commands: readonly (readonly string[])[] = [
    ["export-ai", "--since"],
    ["export-ai", "--until"],
    ["export-ai", "--type"],
    ["export-ai", "--student"],
    ["export-ai", "--limit"],
    ["reconcile", "--since"],
    ["release", "--poll"],
    ["release", "--poll", "1", "--drop", "--reason"],
    ["watch", "--interval"],
    ["watch", "--listen"],
    ["notify-test", "--to"],
    ["notify-test", "--event"],
    ["map-users", "--only"],
  ];
  const before = await counts(place);
  for (const [command = "", ...flags] of commands) {
    for (const value of values) {
      run.tally.faults++;
      // An interval that is too long to wait for is a good one: the run must end.
      if (command === "watch" && value.startsWith("9")) continue;
      const { code, signal, log, out, leaks } = await runLmsmon(command, place.config, {
        args: [...flags, value],
        secrets,
      });
      const said = `${log.join("\n")}${out}`;
      const what = `${command} ${flags.join(" ")} ${JSON.stringify(value.slice(0, 40))}`;
      if (signal !== null || ![0, 1, 2, 4].includes(code)) run.fail(`${what} ended with ${signal ?? code}`);
      if (/\bat (file|async|Object)|TypeError|syntax error|This is a fault/.test(said)) {
        run.fail(`${what} says ${said.slice(0, 300)}`);
      }
      if (leaks.length > 0 || secrets.some((secret) => said.includes(secret))) run.fail(`${what} shows a secret`);
    }
  }
  const after = await counts(place);
  if (before !== after) run.fail(`hostile options changed something: ${before}, then ${after}`);
}

async function counts(place: Place): Promise<string> {
  await using db = await place.openState();
  const [row] = await db.sql<{ events: number; logs: number }[]>`
    select (select count(*)::int from lmsmon.lms_activity_events) as events,
           (select count(*)::int from lmsmon.lms_event_logs) as logs`;
  const [lms] = await place.load.execute("select count(*)::int as n from attempts");
  return JSON.stringify([row, lms]);
}

/** Bombs, SQL in every string of the configuration, and connections that fail with a password at hand. */
async function hostileConfigurations(run: ChaosRun, place: Place, secrets: readonly string[]): Promise<void> {
  const yaml = await Deno.readTextFile(place.config);
  const bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" +
    [..."bcdefghi"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(",")}]`).join("\n");
  const quoted = JSON.stringify(SQL);
  const variants: Record<string, readonly [string, readonly number[]]> = {
    "alias bomb": [bomb, [2]],
    "deep nesting": [`lms: ${"[".repeat(50_000)}`, [2]],
    "a huge key": [`${"k".repeat(5_000_000)}: 1`, [2]],
    "SQL as source name": [yaml.replace("name: testpress", `name: ${quoted}`), [0, 2]],
    "SQL as excluded student and override": [
      `${yaml}\nstudents: {exclude_usernames: [${quoted}]}\nadmin: {to: ${quoted}}\n`.replace(
        "users: {cache: 5s}",
        `users: {cache: 5s, overrides: {${quoted}: ${quoted}}}`,
      ),
      [0, 2],
    ],
    "SQL as fallback topic": [
      yaml.replace("  fuse: null", `  fuse: null\n  fallback: {channel: ${quoted}, topic: ${quoted}}`),
      [0, 1, 2, 4],
    ],
    "an LMS that is not there": [yaml.replace(/(lms:\n[^]*?url: "[^"]*:)\d+\//, "$11/"), [4]],
  };
  for (const [what, [text, codes]] of Object.entries(variants)) {
    run.tally.faults++;
    const config = `${place.folder}/hostile.yaml`;
    await Deno.writeTextFile(config, text);
    const began = performance.now();
    const { code, log, out, leaks } = await runLmsmon("poll-once", config, {
      args: ["--no-notify", "--log-level", "debug"],
      secrets,
    });
    const said = `${log.join("\n")}${out}`;
    if (!codes.includes(code)) run.fail(`${what}: poll-once ended with ${code}\n${said.slice(0, 500)}`);
    if (performance.now() - began > 30_000) run.fail(`${what}: took ${performance.now() - began} ms`);
    if (leaks.length > 0 || secrets.some((secret) => said.includes(secret))) run.fail(`${what} shows a secret`);
    if (/This is a fault/.test(said)) run.fail(`${what}: ${said.slice(0, 500)}`);
  }
}
