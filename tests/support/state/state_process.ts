/**
 * A second process that opens a state, for tests of ownership: run as a program it obeys lines on stdin and answers with
 * one line each; `startStateProcess` is its remote control.
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { openState } from "../../../lib/state/open_state.ts";

export interface StateProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it said first: its mode, or its error. */
  readonly opened: string;
  /** Runs SQL there; the answer is the rows as JSON or `error: …`. */
  run(sql: string): Promise<string>;
  /** Inserts 1, 2, 3, … into `table` (x bigint) until the process is killed; calls back for every commit it told of. */
  insertForEver(table: string, onCommit: (n: number) => void): Promise<void>;
  kill(signal: Deno.Signal): Promise<void>;
}

export async function startStateProcess(url: string): Promise<StateProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", fileURLToPath(import.meta.url), url],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
  const answer = async () => {
    const line = await lines.next();
    return line.done ? "error: the process ended" : line.value;
  };
  const say = (text: string) => writer.write(new TextEncoder().encode(`${text}\n`)).catch(() => {});
  const end = async (signal?: Deno.Signal) => {
    if (signal !== undefined) child.kill(signal);
    await writer.close().catch(() => {});
    while (!(await lines.next()).done);
    await child.status;
  };
  let ended: Promise<void> | undefined;
  return {
    pid: child.pid,
    opened: await answer(),
    run: async (sql) => {
      await say(JSON.stringify({ sql }));
      return await answer();
    },
    insertForEver: async (table, onCommit) => {
      await say(JSON.stringify({ insertForEver: table }));
      for (let line = await lines.next(); !line.done; line = await lines.next()) onCommit(Number(line.value));
    },
    kill: (signal) => ended ??= end(signal),
    [Symbol.asyncDispose]: () => ended ??= end(),
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function main(url: string): Promise<void> {
  const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  try {
    await using state = await openState({ url, password: null });
    say(state.mode);
    const stdin = createInterface({ input: Readable.fromWeb(Deno.stdin.readable as never) });
    for await (const line of stdin) {
      const order = JSON.parse(line) as { sql?: string; insertForEver?: string };
      for (let n = 1; order.insertForEver !== undefined; n++) {
        await state.sql.unsafe(`insert into ${order.insertForEver} values (${n})`);
        say(String(n));
      }
      say(
        await state.sql.unsafe(order.sql ?? "").simple().then(
          (rows) => JSON.stringify(rows),
          (error) => `error: ${error.message}`,
        ),
      );
    }
  } catch (error) {
    say(`error: ${(error as Error).message}`);
  }
}

if (import.meta.main) await main(Deno.args[0] ?? "");
