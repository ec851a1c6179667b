/**
 * A real browser without a window: Debian's Chromium, asked over its DevTools protocol. Where it is not installed `browserTest` ignores
 * its test with a name that says what to do; under LMSMON_TEST_REQUIRE=1, as in CI, that fails.
 */
import { join } from "node:path";

// deno-lint-ignore no-explicit-any -- what a page's script answers is whatever the test asked for
type Answer = any;

export interface Look {
  /** CSS pixels. */
  readonly width: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly media?: "screen" | "print";
}

function installed(): string | null {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(folder, "chromium");
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // not in this folder
    }
  }
  return null;
}

export function browserTest(name: string, work: (browser: Browser, t: Deno.TestContext) => Promise<void>): void {
  const chromium = installed();
  if (chromium === null && Deno.env.get("LMSMON_TEST_REQUIRE") === "1") {
    throw new Error(`Cannot run "${name}": there is no chromium (apt-get install chromium)`);
  }
  Deno.test({
    name: chromium === null ? `${name} [no chromium here: apt-get install it]` : name,
    ignore: chromium === null,
    fn: async (t) => {
      await using browser = await Browser.start(chromium ?? "");
      await work(browser, t);
    },
  });
}

export class Browser implements AsyncDisposable {
  #id = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  readonly #heard: { readonly method: string; readonly params: Answer }[] = [];
  readonly #hearing = new Set<() => void>();
  readonly #gone = Promise.withResolvers<void>();
  #isGone = false;

  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly socket: WebSocket,
    private readonly profile: string,
    private readonly stderr: Promise<void>,
  ) {
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = () => this.#leave();
  }

  static async start(chromium: string): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "lmsmon_browser_" });
    const child = new Deno.Command(chromium, {
      // The pages are our own, and a sandbox cannot be had as root.
      // Its shared memory lies in the temporary folder: what containers have of /dev/shm is too little for it.
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        ...["--remote-debugging-port=0", `--user-data-dir=${profile}`],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const stderr = (async () => {
      const decoder = new TextDecoder();
      let text = "";
      for await (const chunk of child.stderr) {
        text += decoder.decode(chunk, { stream: true });
        const found = /DevTools listening on (ws:\S+)\s/.exec(text)?.[1];
        if (found !== undefined) address.resolve(found);
      }
      address.reject(new Error(`Chromium ended before it listened: ${text}`));
    })();
    const socket = new WebSocket(await address.promise);
    const opened = Promise.withResolvers<void>();
    socket.onopen = () => opened.resolve();
    socket.onerror = () => opened.reject(new Error("Chromium does not answer"));
    await opened.promise;
    return new Browser(child, socket, profile, stderr);
  }

  /** A new page with a file in it. */
  async open(path: string, look: Look): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    for (const part of ["Page", "Log", "Network", "Runtime"]) await this.send(`${part}.enable`, {}, sessionId);
    await this.send("Page.setLifecycleEventsEnabled", { enabled: true }, sessionId);
    const page = new Page(this, sessionId);
    await page.look(look);
    const from = this.#heard.length;
    const { loaderId } = await this.send("Page.navigate", { url: `file://${path}` }, sessionId);
    // Of this document: the blank one before it, or another page, may end loading only now.
    await this.#until(() =>
      this.heard(from).some(({ method, params }) =>
        method === "Page.lifecycleEvent" && params.name === "load" && params.loaderId === loaderId
      )
    );
    return page;
  }

  /** What happened, from the given place on. */
  heard(from = 0): readonly { readonly method: string; readonly params: Answer }[] {
    return this.#heard.slice(from);
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    const id = ++this.#id;
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(id, answer);
    this.socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return await answer.promise;
  }

  async #until(is: () => boolean): Promise<void> {
    while (!is()) {
      if (this.#isGone) throw new Error("Chromium has gone");
      await new Promise<void>((resolve) => this.#hearing.add(resolve));
    }
  }

  #hear(message: Answer): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting !== undefined) {
      this.#waiting.delete(message.id);
      if (message.error) waiting.reject(new Error(message.error.message));
      else waiting.resolve(message.result);
      return;
    }
    this.#heard.push(message);
    this.#wake();
  }

  /** Whoever waits for a browser that crashed would wait for ever. */
  #leave(): void {
    this.#isGone = true;
    for (const { reject } of this.#waiting.values()) reject(new Error("Chromium has gone"));
    this.#waiting.clear();
    this.#wake();
    this.#gone.resolve();
  }

  #wake(): void {
    for (const resolve of this.#hearing) resolve();
    this.#hearing.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isGone) await this.send("Browser.close").catch(() => {}); // it may go before it has answered
    await Promise.all([this.#gone.promise, this.child.status, this.stderr]);
    await Deno.remove(this.profile, { recursive: true });
  }
}

export class Page {
  constructor(private readonly browser: Browser, private readonly session: string) {}

  async look({ width, height = 900, scheme = "light", media = "screen" }: Look): Promise<void> {
    const size = { width, height, deviceScaleFactor: 1, mobile: width < 500 };
    await this.browser.send("Emulation.setDeviceMetricsOverride", size, this.session);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.browser.send("Emulation.setEmulatedMedia", { media, features }, this.session);
  }

  /** What an expression is in the page, as JSON has it. */
  async run(expression: string): Promise<Answer> {
    const asked = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.browser.send("Runtime.evaluate", asked, this.session);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** A picture of a part of the page, PNG. */
  async picture(clip: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }) {
    const asked = { format: "png", captureBeyondViewport: true, clip: { ...clip, scale: 1 } };
    const { data } = await this.browser.send("Page.captureScreenshot", asked, this.session);
    return Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  }
}
