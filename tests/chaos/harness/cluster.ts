import { withPostgres } from "../../support/databases.ts";
import { makeServerFolder } from "../../support/spawned_servers.ts";
import { PATIENCE_MS, until } from "./chaos_run.ts";
import { freePort } from "../../support/free_port.ts";

/** A PostgreSQL of this run's own, to be stopped, restarted, copied and filled up. */
export interface Cluster extends AsyncDisposable {
  readonly port: number;
  readonly data: string;
  readonly url: string;
  urlOf(database: string): string;
  createDatabase(name: string): Promise<string>;
  /** `immediate`: as if the machine had lost its power. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** A standby of it, streaming; `through`: another port that leads to it. */
  standby(through?: number): Promise<Cluster>;
  /** Ends being a standby: from now on it is written to. */
  promote(): Promise<void>;
  /** Removes a standby that was stopped or killed. */
  discard(): Promise<void>;
  /** Whether a standby of it is being served just now. */
  streams(): Promise<boolean>;
}

/** Why there can be none, or a cluster. */
export async function startCluster(folder?: string): Promise<Cluster | string> {
  const bin = programs();
  if (bin === null) return "the programs of a PostgreSQL server are not installed";
  const who = unprivileged();
  if (who === null) return "PostgreSQL refuses to run as root, and there is no user postgres";
  const home = folder ?? await makeServerFolder("lmsmon-chaos-pg-");
  if (who.uid !== undefined && who.gid !== undefined) await Deno.chown(home, who.uid, who.gid);
  const data = `${home}/data`;
  await run(
    `${bin}/initdb`,
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"],
    {
      cwd: home,
      ...who,
    },
  );
  return await open({ bin, who, home, data, removes: folder === undefined, family: new Set() });
}

interface Making {
  readonly bin: string;
  readonly who: { readonly uid?: number; readonly gid?: number };
  readonly home: string;
  readonly data: string;
  readonly removes: boolean;
  /** The first one of a home and its standbys; that one ends them all. */
  readonly family: Set<Cluster>;
}

async function open({ bin, who, home, data, removes, family }: Making): Promise<Cluster> {
  const port = freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let process: Deno.ChildProcess | null = null;
  const cluster: Cluster = {
    port,
    data,
    url,
    urlOf: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    createDatabase: async (name) => {
      await withPostgres(url, (sql) => sql.unsafe(`create database "${name}" template template0`));
      return cluster.urlOf(name);
    },
    start: async () => {
      process = new Deno.Command(`${bin}/postgres`, {
        args: [
          ...["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", home, "-c", "fsync=off"],
          ...["-c", "max_connections=60", "-c", "wal_level=replica", "-c", "shared_buffers=32MB"],
          ...["-c", "max_standby_streaming_delay=500ms"],
        ],
        cwd: home,
        ...who,
        stdout: "null",
        stderr: "null",
      }).spawn();
      const answers = () => withPostgres(url, (sql) => sql.unsafe("select 1")).then(() => true, () => false);
      if (!await until(answers, PATIENCE_MS)) {
        throw new Error("Cannot start a PostgreSQL of our own: it does not answer");
      }
    },
    stop: async (mode) => {
      const stopping = process;
      process = null;
      stopping?.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
      await stopping?.status;
    },
    kill: async () => {
      const killed = process;
      process = null;
      killed?.kill("SIGKILL");
      await killed?.status;
    },
    standby: async (through = port) => {
      const copy = `${home}/standby${family.size}-${crypto.randomUUID().slice(0, 8)}`;
      const from = ["-h", "127.0.0.1", "-p", String(through), "-U", "postgres"];
      await run(`${bin}/pg_basebackup`, ["-D", copy, ...from, "-R", "-X", "stream", "-c", "fast", "--no-sync"], {
        cwd: home,
        ...who,
      });
      return await open({ bin, who, home, data: copy, removes: false, family });
    },
    promote: async () => {
      const [row] = await withPostgres(
        url,
        (sql) => sql.unsafe<{ done: boolean }[]>(`select pg_promote(true, ${PATIENCE_MS / 1000}) as done`),
      );
      if (row?.done !== true) throw new Error("Cannot promote a standby: it stays one");
    },
    streams: () =>
      withPostgres(url, async (sql) => {
        const [row] = await sql.unsafe<{ n: number }[]>(
          "select count(*)::int as n from pg_stat_replication where state = 'streaming' and replay_lsn >= sent_lsn",
        );
        return (row?.n ?? 0) > 0;
      }),
    discard: async () => {
      family.delete(cluster);
      await Deno.remove(data, { recursive: true }).catch(() => {}); // its children may still be dying: it goes with its home
    },
    [Symbol.asyncDispose]: async () => {
      family.delete(cluster);
      await cluster.stop("immediate");
      if (data !== `${home}/data`) return await cluster.discard();
      for (const each of family) await each.stop("immediate");
      if (removes) await Deno.remove(home, { recursive: true });
    },
  };
  family.add(cluster);
  await cluster.start();
  return cluster;
}

async function run(program: string, args: string[], options: Deno.CommandOptions): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped", ...options })
    .output();
  if (!success) throw new Error(`Cannot run ${program}: ${new TextDecoder().decode(stderr)}`);
}

function programs(): string | null {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => name)
      .sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => `/usr/lib/postgresql/${version}/bin`).find((bin) => {
      try {
        return Deno.statSync(`${bin}/initdb`).isFile && Deno.statSync(`${bin}/pg_basebackup`).isFile;
      } catch {
        return false;
      }
    }) ?? null;
  } catch {
    return null;
  }
}

function unprivileged(): Making["who"] | null {
  if (Deno.uid() !== 0) return {};
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").map((each) => each.split(":"))
    .find(([name]) => name === "postgres");
  return line === undefined ? null : { uid: Number(line[2]), gid: Number(line[3]) };
}
