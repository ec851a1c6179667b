import process from "node:process";
import { Transform } from "node:stream";
import type { JSONRPCMessage, RequestId, Transport } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

/** Longer than a call takes: one that is never answered must not keep the server for ever. */
const PATIENCE_MS = 60_000;
const NEWLINE = 10;

/**
 * Stdin and stdout, where the end of stdin ends nothing before the calls in hand are answered: a session that is piped in
 * (`lmsmon mcp < session.jsonl`) ends right behind its last question, whose answer the library would drop.
 */
export class PatientWire implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: NonNullable<Transport["onmessage"]>;
  readonly #closed = Promise.withResolvers<void>();
  readonly #unanswered = new Set<RequestId>();
  readonly #input = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      this.#endsLine = chunk.at(-1) === NEWLINE;
      done(null, chunk);
    },
    flush: (done) => {
      if (!this.#endsLine) this.#input.push("\n"); // the last line of a file may have no end
      this.#afterAnswers(done);
    },
  });
  readonly #inner = new StdioServerTransport(this.#input, process.stdout);
  #endsLine = true;
  #answered: (() => void) | null = null;

  constructor() {
    this.#inner.onmessage = (message) => {
      this.#arrived(message);
      this.onmessage?.(message);
    };
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onclose = () => {
      this.#answered?.();
      this.onclose?.();
      this.#closed.resolve();
    };
  }

  /** The client has gone, and nothing is left to answer. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async start(): Promise<void> {
    await this.#inner.start();
    process.stdin.once("close", () => this.#input.end()).pipe(this.#input);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    try {
      await this.#inner.send(message);
    } finally {
      if (!("method" in message) && message.id !== undefined) this.#settle(message.id);
    }
  }

  async close(): Promise<void> {
    process.stdin.unpipe(this.#input).pause();
    await this.#inner.close();
  }

  #arrived(message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) {
      // A subscription is answered by its end only, and lasts for as long as the client is there.
      if (message.method !== "subscriptions/listen") this.#unanswered.add(message.id);
      return;
    }
    const cancelled = message.method === "notifications/cancelled" ? message.params?.["requestId"] : undefined;
    if (typeof cancelled === "string" || typeof cancelled === "number") this.#settle(cancelled);
  }

  #settle(id: RequestId): void {
    this.#unanswered.delete(id);
    if (this.#unanswered.size === 0) this.#answered?.();
  }

  #afterAnswers(done: () => void): void {
    // What was passed on a moment ago arrives first.
    setTimeout(() => {
      const patience = setTimeout(() => this.#answered?.(), PATIENCE_MS);
      this.#answered = () => {
        this.#answered = null;
        clearTimeout(patience);
        done();
      };
      if (this.#unanswered.size === 0) this.#answered();
    }, 0);
  }
}
