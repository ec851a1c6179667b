import { insertStatement, updateStatement } from "../../../sql/lms/write_statements.ts";
import { createServerDatabase } from "../../support/state/server_state.ts";
import { type ChaosRun, type StateChoice } from "./chaos_run.ts";
import { hostileConfigurations } from "./hostile_configurations.ts";
import { generatedNames, NAMES, SQL } from "./hostile_names.ts";
import { hostileOptions } from "./hostile_options.ts";
import { makePlace, type Place } from "./place.ts";

/**
 * The first sign of a message that may start something in Zulip and is not lmsmon's own: bold text, marked links, `ref` lines and
 * the bullets of lists. Text of the LMS stands in messages as letters, blanks and references.
 */
function activeIn(content: string): string | null {
  const rest = content
    .replaceAll(/\[([^[\]]*)\]\(https:\/\/lms\.example\/attempts\/\d+#n=[a-z2-9]{16}\)/g, "$1")
    .replaceAll(/`ref [a-z2-9, ]+`/g, "")
    .replaceAll(/&#\d+;/g, "x")
    .replaceAll(/^[*-] /gm, "")
    .replaceAll(/\*\*[^*\n]+\*\*/g, "");
  const sign = /[@#`<>[\]|$~*_\\&]|^\s*\/|evil\.example/.exec(rest);
  return sign === null ? null : `${sign[0]} in …${rest.slice(Math.max(0, sign.index - 100), sign.index + 100)}…`;
}

/** People and exams with hostile names, hostile values in every option, and secrets looked for in everything it says. */
export async function hostileScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  const [lmsSecret, stateSecret] = [`s3cret-${run.seed}-lms`, `s3cret-${run.seed}-state`];
  const database = await createServerDatabase(true);
  await using _dropped = { [Symbol.asyncDispose]: () => database.drop() };
  const withPassword = (url: string, secret: string) => url.replace("postgres@", `postgres:${secret}@`);
  await using place = await makePlace(run, {
    state,
    stateUrl: withPassword(database.url, stateSecret),
    notify: "  digest_above: 2",
    lmsUrl: (url) => withPassword(url, lmsSecret),
  });
  const { email, apiKey } = place.zulip.bot;
  const secrets = [lmsSecret, stateSecret, apiKey, btoa(`${email}:${apiKey}`), encodeURIComponent(apiKey)];
  await disguise(place, run.seed);
  await place.load.some(150);
  {
    await using watcher = place.watch({ secrets, args: ["--log-level", "debug"] });
    await watcher.untilSays("Polling testpress");
    await place.load.some(100);
    await place.load.finishedExams(100);
    await place.settle({ running: watcher, oracle: { disguised: true } });
    await watcher.end("SIGTERM");
    if (watcher.leaks.length > 0) run.fail(`a secret stands in the log: ${watcher.leaks[0]?.slice(0, 200)}`);
  }
  const escaped = place.zulip.messages.filter(({ content }) => content.includes("&#64;")).length;
  if (escaped < 10) run.fail(`only ${escaped} of ${place.zulip.messages.length} messages have a hostile name in them`);
  for (const message of place.zulip.messages) {
    run.tally.faults++;
    const found = activeIn(message.content);
    if (found !== null) run.fail(`a message has ${JSON.stringify(found)}`);
    if ([...message.content].length > 10_000) run.fail("a message is longer than Zulip takes");
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]/.test(message.content)) run.fail("control characters in a message");
  }
  await hostileOptions(run, place, secrets);
  await hostileConfigurations(run, place, secrets);
}

async function disguise(place: Place, seed: number): Promise<void> {
  const { students, exams, contents } = place.load.material;
  const names = [...NAMES, ...generatedNames(students.length + contents.length, seed)];
  const next = () => names.shift() ?? "";
  const update = (table: string, id: number, values: Record<string, string>) =>
    place.load.execute(updateStatement("postgres", table, { id }, clean(values)));
  for (const [i, id] of exams.entries()) await update("exams", id, { title: `${NAMES[i % NAMES.length]} ${i}` });
  for (const [i, id] of students.entries()) {
    const name = next();
    await update("students", id, { display_name: name, username: `${name.slice(0, 200)}${i}` });
  }
  for (const { id } of contents) await update("ChapterContent", id, { title: next() });
  // A title of a megabyte, too.
  const last = exams.at(-1);
  if (last !== undefined) await update("exams", last, { title: "@**all** ".repeat(120_000) });
  await place.load.execute(insertStatement("postgres", "batches", [{ id: 1, name: SQL }]));
}

/** PostgreSQL holds no NUL. */
const clean = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.replaceAll("\0", "")]));
