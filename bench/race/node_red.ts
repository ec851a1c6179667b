import type { Claim, Fact } from "./claims.ts";
import { type Contender, POLLED_COLUMNS, PREDICATES, rowClaim, START } from "./predicates.ts";
import type { RaceLms } from "./race_lms.ts";

/** Node-RED 5 wants a newer Node.js than many machines have. The second and third are what its flows read databases with. */
const PACKAGES = ["node-red@4.1.8", "node-red-contrib-postgrestor-next@0.5.2", "node-red-node-mysql@3.0.4"];
const INSTALL_MS = 300_000;
const START_MS = 60_000;
const RESTART_MS = 100;
/** What it listens for: nothing. Contexts are kept on the disk, or a restart would begin with the first row. */
const SETTINGS = `module.exports = {
  httpAdminRoot: false, httpNodeRoot: false, credentialSecret: false, flowFile: "flows.json",
  contextStorage: { default: { module: "localfilesystem", config: { flushInterval: 1 } } },
  logging: { console: { level: "info" } },
};`;

/** A folder with Node-RED in it, by npm; the reason, where it cannot be had. To be removed by the caller. */
export async function installNodeRed(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_node_red_" });
  try {
    const { success, stderr } = await new Deno.Command("npm", {
      args: ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, ...PACKAGES],
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(INSTALL_MS),
    }).output();
    if (success) return { folder };
    throw new Error(new TextDecoder().decode(stderr).trim().split("\n")[0] || "npm failed");
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Node-RED as a contender: a flow that asks the table by time and id, posts the rows, and keeps its place when they were taken. It is
 * started again whenever it ends, as by systemd.
 */
export class NodeRed implements Contender {
  readonly name = "Node-RED";
  readonly claims: Claim[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #process: Deno.ChildProcess | null = null;
  #running: Promise<void> = Promise.resolve();
  #stop = false;
  /** When its flows began to run. */
  #readyMs = 0;

  constructor(private readonly folder: string, private readonly lms: RaceLms, private readonly intervalMs: number) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const knownMs = performance.now();
      for (const row of await request.json()) this.claims.push(...rowClaim(row, knownMs));
      return new Response();
    });
  }

  /** What is there already is the past. */
  async start(): Promise<void> {
    const [last] = await this.lms.read(
      `select ${POLLED_COLUMNS} from attempts where last_started_time is not null order by last_started_time desc, id desc limit 1`,
    );
    const cursor = { time: last?.["last_started_time"] ?? START.time, id: Number(last?.["id"] ?? START.id) };
    await Deno.remove(`${this.folder}/context`, { recursive: true }).catch(() => {});
    await Deno.writeTextFile(`${this.folder}/settings.js`, SETTINGS);
    const { nodes, credentials } = flow(this.lms, cursor, this.#server.addr.port, this.intervalMs);
    await Deno.writeTextFile(`${this.folder}/flows.json`, JSON.stringify(nodes));
    await Deno.writeTextFile(`${this.folder}/flows_cred.json`, JSON.stringify(credentials));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#running = this.#keepRunning(resolve);
    const timer = setTimeout(() => reject(new Error("Cannot race: Node-RED does not start")), START_MS);
    await promise.finally(() => clearTimeout(timer));
  }

  inTime({ visibleMs }: Fact, knownMs: number): boolean {
    return knownMs - Math.max(visibleMs, this.#readyMs) <= 1.5 * this.intervalMs;
  }

  kill(): void {
    try {
      this.#process?.kill("SIGKILL");
    } catch {
      // it has just ended by itself
    }
  }

  async stop(): Promise<void> {
    this.#stop = true;
    this.kill();
    await this.#running;
    await this.#server.shutdown();
  }

  async #keepRunning(ready: () => void): Promise<void> {
    while (!this.#stop) {
      this.#process = new Deno.Command("node", {
        args: [`${this.folder}/node_modules/node-red/red.js`, "--userDir", this.folder],
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
        if (!text.includes("Started flows")) continue;
        this.#readyMs = performance.now();
        ready();
      }
      await this.#process.status;
      this.#process = null;
      if (!this.#stop) await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
    }
  }
}

/** The flow: every interval a question, the database, a post, and the new place. */
function flow(lms: RaceLms, cursor: typeof START, port: number, intervalMs: number) {
  const { hostname, port: dbPort, pathname, username, password } = new URL(lms.url);
  const database = pathname.slice(1);
  // The same predicate as that of the contender beside it, with places that the flow fills in.
  const { where, order } = PREDICATES["timestamp+id"];
  const condition = where({ time: "${c.time}", id: "${c.id}" });
  const isPostgres = lms.dialect === "postgres";
  const db = isPostgres
    ? {
      id: "db",
      type: "postgresDB",
      host: hostname,
      port: dbPort,
      database,
      user: username,
      password,
      max: "10",
      min: "0",
    }
    : {
      id: "db",
      type: "MySQLdatabase",
      host: hostname,
      port: dbPort,
      db: database,
      tz: "",
      charset: "UTF8MB4_GENERAL_CI",
    };
  const fields = ["host", "port", "database", "user", "password", "max", "min"].map((field) =>
    [`${field}FieldType`, ["port", "max", "min"].includes(field) ? "num" : "str"] as const
  );
  const node = (id: string, type: string, next: string | null, rest: object) => ({
    ...{ id, type, z: "tab", name: id, x: 100, y: 100, wires: next === null ? [] : [[next]] },
    ...rest,
  });
  const code = (id: string, next: string | null, func: string) => node(id, "function", next, { func, outputs: 1 });
  return {
    credentials: isPostgres ? {} : { db: { user: username, password } },
    nodes: [
      { id: "tab", type: "tab", label: "attempts" },
      { ...db, name: "lms", ...(isPostgres ? Object.fromEntries(fields) : {}) },
      node("every", "inject", "ask", { repeat: String(intervalMs / 1000), once: true, onceDelay: 0.1, props: [] }),
      code(
        "ask",
        "read",
        `const c = flow.get("place") || ${JSON.stringify(cursor)};\n` +
          `return { payload: [], topic: \`select ${POLLED_COLUMNS} from attempts where ${condition} order by ${order}\` };`,
      ),
      isPostgres
        ? node("read", "postgrestor", "take", {
          postgresDB: "db",
          query: "{{{msg.topic}}}",
          output: true,
          throwErrors: true,
        })
        : node("read", "mysql", "take", { mydb: "db" }),
      code(
        "take",
        "post",
        `const rows = msg && msg.payload && (msg.payload.rows || msg.payload);\n` +
          `if (!Array.isArray(rows) || rows.length === 0) return null;\n` +
          `return { rows, payload: JSON.stringify(rows) };`,
      ),
      node("post", "http request", "keep", { method: "POST", url: `http://127.0.0.1:${port}/`, ret: "txt" }),
      code(
        "keep",
        null,
        `const last = msg.statusCode === 200 && msg.rows[msg.rows.length - 1];\n` +
          `if (last) flow.set("place", { time: last.last_started_time, id: Number(last.id) });`,
      ),
    ],
  };
}
