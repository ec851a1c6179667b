import assert from "node:assert/strict";
import { NO_UPDATE_CHECK, PROGRAM, START } from "../support/program.ts";

/** Text of answers, whatever its shape. */
// deno-lint-ignore no-explicit-any -- answers of the protocol are looked into freely
export type Json = any;

/** A client of a real `lmsmon mcp`, in JSON-RPC by hand: nothing of the server's own library stands between. */
export class McpClient implements AsyncDisposable {
  #id = 0;
  #rest = "";
  /** Every line that the server wrote to stdout. */
  readonly lines: string[] = [];
  readonly err: Promise<string>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(private readonly child: Deno.ChildProcess, private readonly meta: object | null) {
    this.#reader = child.stdout.pipeThrough(new TextDecoderStream() as Json).getReader() as Json;
    this.#writer = child.stdin.getWriter();
    this.err = new Response(child.stderr).text();
  }

  /** `meta`: what each request of the stateless protocol carries; without it the client begins as those before it. */
  static start(folder: string, args: readonly string[] = [], meta: object | null = null): McpClient {
    return new McpClient(spawnServer(folder, args), meta);
  }

  /** A session that is piped in, as a script does it: all messages at once, then the end. Resolves to what came back. */
  static async piped(folder: string, messages: readonly object[]): Promise<{ code: number; answers: Json[] }> {
    const child = spawnServer(folder, []);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(messages.map((message) => JSON.stringify(message)).join("\n")));
    await writer.close();
    const { code, stdout } = await child.output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    return { code, answers: lines.map((line) => JSON.parse(line)) };
  }

  async initialize(): Promise<Json> {
    const answer = await this.greet();
    await this.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return answer;
  }

  /** The first message alone: what a server is asked that may have gone as soon as it has answered. */
  async greet(): Promise<Json> {
    const clientInfo = { name: "test", version: "1" };
    return await this.request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
  }

  async request(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#id;
    const _meta = this.meta === null ? {} : { _meta: this.meta };
    await this.send({ jsonrpc: "2.0", id, method, params: { ...params, ..._meta } });
    for (;;) {
      const message = JSON.parse(await this.#line());
      if (message.id === id) return message.result ?? { error: message.error };
    }
  }

  /** A tool's answer; its structured content is held to be what the text says, where that is JSON. */
  async call(name: string, args: object = {}): Promise<Json> {
    const result = await this.request("tools/call", { name, arguments: args });
    if (result.isError) return result;
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
    return result.structuredContent;
  }

  async send(message: object): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  /** Resolves to the exit code, once the server ends by itself. */
  async ended(): Promise<number> {
    return (await this.child.status).code;
  }

  /** Closes stdin; resolves to the exit code. */
  async end(): Promise<number> {
    await this.#writer.close();
    return (await this.child.status).code;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        this.lines.push(line);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`The server ended: ${await this.err}`);
      this.#rest += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // ended already
    }
    await this.child.status;
    await this.err;
    await this.#reader.cancel();
    await this.#writer.close().catch(() => {});
  }
}

function spawnServer(folder: string, args: readonly string[]): Deno.ChildProcess {
  const { DENO_DIR, XDG_CACHE_HOME, HOME = "/root", PATH = "" } = Deno.env.toObject();
  return new Deno.Command(Deno.execPath(), {
    args: [...START, PROGRAM, "mcp", ...args],
    cwd: folder,
    clearEnv: true,
    env: {
      ...{ PATH, HOME: folder, DENO_DIR: DENO_DIR ?? `${XDG_CACHE_HOME ?? `${HOME}/.cache`}/deno` },
      ...NO_UPDATE_CHECK,
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
