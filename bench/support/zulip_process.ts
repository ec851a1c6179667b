import { fileURLToPath } from "node:url";

const STAND_IN = fileURLToPath(new URL("../../tests/support/stand_in/main.ts", import.meta.url));

interface Announcement {
  readonly control_port: number;
  readonly site: string;
  readonly email: string;
  readonly key: string;
}

/** The Zulip stand-in in a process of its own, without a rate limit: who measures must not share a thread with it. */
export class ZulipProcess implements AsyncDisposable {
  private constructor(private readonly child: Deno.ChildProcess, private readonly told: Announcement) {}

  static async start(users: readonly { readonly email: string; readonly fullName: string }[]): Promise<ZulipProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--no-check",
        "--cached-only",
        "-A",
        STAND_IN,
        "--rate-limit",
        "unlimited",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("Cannot start the Zulip stand-in");
      text += value;
    }
    reader.releaseLock();
    const zulip = new ZulipProcess(child, JSON.parse(text));
    await zulip.control("POST", "users", users);
    return zulip;
  }

  get site(): string {
    return this.told.site;
  }

  get zuliprc(): string {
    return `[api]\nemail=${this.told.email}\nkey=${this.told.key}\nsite=${this.told.site}\n`;
  }

  /** For bare requests of a benchmark. */
  get authorization(): string {
    return `Basic ${btoa(`${this.told.email}:${this.told.key}`)}`;
  }

  async messages(): Promise<number> {
    return (JSON.parse(await this.control("GET", "stats")) as { messages: number }).messages;
  }

  private async control(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.told.control_port}/_control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot control the Zulip stand-in: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.status;
    await this.child.stdout.cancel().catch(() => {});
  }
}
