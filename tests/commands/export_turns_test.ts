import assert from "node:assert/strict";
import { openState } from "../../lib/state/open_state.ts";
import { insertRows, manyRows } from "../export/_events.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { PROGRAM, START } from "../support/program.ts";

const EVENTS = 3000;

const idsIn = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line).event_id as number);
const all = Array.from({ length: EVENTS }, (_, i) => i + 1);

async function homeWithEvents(count = EVENTS): Promise<LmsmonHome> {
  const home = await LmsmonHome.make({ state: { url: "pglite:./state" } });
  await using db = await openState({ url: `pglite:${home.folder}/state`, password: null });
  await insertRows(db, manyRows(count));
  return home;
}

/** Its stdout is read only when the test does. */
function startUnread(home: LmsmonHome, ...args: readonly string[]) {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: home.folder,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("export-ai waits for the reader of a pipe that another process made non-blocking", async () => {
  await using home = await homeWithEvents();
  // As a parent does that has an event loop of its own and hands its stdout on.
  const parent = `
    import { Socket } from "node:net";
    new Socket({ fd: 1, readable: false, writable: true });
    const args = ${JSON.stringify([...START, PROGRAM, "export-ai", "--mark-processed"])};
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).spawn();
    Deno.exit((await child.status).code);`;
  const child = startUnread(home, "eval", parent);
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.deepEqual(idsIn(new TextDecoder().decode(stdout)), all);
});

Deno.test("of two exports that mark what was unprocessed the second one waits, and finds nothing left", async () => {
  await using home = await homeWithEvents();
  const flags = ["export-ai", "--unprocessed", "--mark-processed"];
  const first = startUnread(home, ...START, PROGRAM, ...flags);
  const reader = first.stdout.getReader();
  const pieces = [(await reader.read()).value ?? new Uint8Array()];
  await using second = home.start(...flags);
  await second.said(/Waiting for another export/);
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
  const [{ code }, firstSaid] = await Promise.all([first.status, new Response(first.stderr).text()]);
  assert.equal(code, 0, firstSaid);
  assert.deepEqual(idsIn(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).text()), all);
  const waited = await second.finished;
  assert.deepEqual([waited.code, waited.out], [0, ""], waited.err);
});

Deno.test("export-ai that marks what a closed stdout, or /dev/null, takes says that it reached nobody", async () => {
  await using home = await homeWithEvents(3);
  const marked = async (redirection: string, ...flags: readonly string[]) => {
    const command = [Deno.execPath(), ...START, PROGRAM, "export-ai", ...flags].map((word) => `'${word}'`).join(" ");
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", `${command} ${redirection}`],
      cwd: home.folder,
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    return /reached nobody/.test(said);
  };
  assert.equal(await marked(">&-", "--consumer", "ai", "--ack", "--limit", "2"), true);
  assert.equal(await marked("| cat >/dev/null", "--mark-processed"), false);
  assert.equal(await marked(">&-", "--mark-processed", "--out", "events.jsonl"), false);
});
