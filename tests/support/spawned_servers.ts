/**
 * Database servers started for one test file from installed programs, in a temporary folder, on a free port of the
 * loopback; stopped and removed when the file ends. `null` when the programs are not there.
 */
import { statfs } from "node:fs/promises";
import { withMysql, withPostgres } from "./databases.ts";
import { freePort } from "./free_port.ts";

/**
 * Memory first: tests make and drop databases of 300 files by the hundred. On ext4 a new file costs a search among those that were
 * deleted just before: it made a new database ten times as dear for the CPU (measured). Nothing here need survive anyway.
 */
const PLACES = ["/dev/shm", "/tmp", "/var/tmp"];
/** More than what all tests that run at a time keep, with room to spare. */
const ROOM = 4 * 2 ** 30;

/** What a spawned server has beyond the usual. */
export interface SpawnOptions {
  /** Files for the server alone, by name; arguments may name them in `folder`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: (folder: string) => readonly string[];
  /** PostgreSQL: pg_hba.conf in place of trust for everybody. */
  readonly hba?: string;
}

export async function spawnPostgres(options: SpawnOptions = {}): Promise<string | null> {
  const bin = findProgram("postgres", [...subfolders("/usr/lib/postgresql", "bin"), "/usr/local/pgsql/bin"]);
  if (bin === null) return null;
  const who = unprivileged(["postgres", "nobody"]);
  const folder = await makeFolder("lmsmon-postgres-", who);
  const data = `${folder}/data`;
  const init = new Deno.Command(`${bin}/initdb`, {
    args: ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"],
    cwd: folder,
    ...who,
    stdout: "null",
    stderr: "piped",
  });
  const made = await init.output();
  if (!made.success) throw new Error(`Cannot run initdb: ${new TextDecoder().decode(made.stderr)}`);
  if (options.hba !== undefined) await Deno.writeTextFile(`${data}/pg_hba.conf`, options.hba);
  await writeFiles(folder, options, who);
  const port = freePort();
  const child = start(
    `${bin}/postgres`,
    [
      ...["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder],
      ...["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_wal_size=256MB", "-c", "max_connections=200"],
      ...options.args?.(folder) ?? [],
    ],
    folder,
    who,
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await untilAnswers(child, () => withPostgres(url, (sql) => sql.unsafe("select 1")));
  return url;
}

export async function spawnMariaDb(options: SpawnOptions = {}): Promise<string | null> {
  const places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin"];
  const maria = findProgram("mariadbd", places);
  const bin = maria ?? findProgram("mysqld", places);
  if (bin === null) return null;
  const who = unprivileged(["mysql", "nobody"]);
  const folder = await makeFolder("lmsmon-mysql-", who);
  const data = `${folder}/data`;
  const installer = findProgram("mariadb-install-db", places);
  const init = maria !== null && installer !== null
    ? new Deno.Command(`${installer}/mariadb-install-db`, {
      args: ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"],
      cwd: folder,
      ...who,
      stdout: "null",
      stderr: "piped",
    })
    : new Deno.Command(`${bin}/mysqld`, {
      args: ["--no-defaults", "--initialize-insecure", `--datadir=${data}`],
      cwd: folder,
      ...who,
      stdout: "null",
      stderr: "piped",
    });
  const made = await init.output();
  if (!made.success) throw new Error(`Cannot prepare MariaDB: ${new TextDecoder().decode(made.stderr)}`);
  await writeFiles(folder, options, who);
  const port = freePort();
  const child = start(
    `${bin}/${maria !== null ? "mariadbd" : "mysqld"}`,
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--socket=${folder}/mysql.sock`,
      `--pid-file=${folder}/mysql.pid`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      "--innodb-flush-log-at-trx-commit=0",
      ...options.args?.(folder) ?? [],
    ],
    folder,
    who,
  );
  const url = `mysql://root@127.0.0.1:${port}/mysql`;
  await untilAnswers(child, () => withMysql(url, (connection) => connection.query("select 1")));
  return url;
}

/** A pooler in transaction mode before the server of `url`; answers the same database's URL through it. */
export async function spawnPgBouncer(
  url: string,
  settings: readonly string[] = [],
): Promise<{ readonly url: string } & AsyncDisposable | null> {
  const bin = findProgram("pgbouncer", ["/usr/sbin", "/usr/local/sbin"]);
  if (bin === null) return null;
  const who = unprivileged(["postgres", "nobody"]);
  const folder = await makeFolder("lmsmon-pgbouncer-", who);
  const { hostname, port, username, pathname } = new URL(url);
  const listen = freePort();
  const ini = [
    "[databases]",
    `* = host=${hostname} port=${port || 5432} user=${username}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${listen}`,
    "unix_socket_dir =",
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 3",
    ...settings,
  ];
  await writeFiles(folder, { files: { "pgbouncer.ini": `${ini.join("\n")}\n` } }, who);
  const child = new Deno.Command(`${bin}/pgbouncer`, {
    args: ["-q", "pgbouncer.ini"],
    cwd: folder,
    ...who,
    stdout: "null",
    stderr: "null",
  }).spawn();
  const pooled = `postgres://${username || "postgres"}@127.0.0.1:${listen}${pathname}`;
  await untilAnswers(child, async () => {
    using _ = await Deno.connect({ hostname: "127.0.0.1", port: listen });
  });
  return {
    url: pooled,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function start(
  program: string,
  args: string[],
  folder: string,
  who: { uid?: number; gid?: number },
): Deno.ChildProcess {
  const child = new Deno.Command(program, { args, cwd: folder, ...who, stdout: "null", stderr: "null" }).spawn();
  child.unref();
  globalThis.addEventListener("unload", () => {
    try {
      child.kill("SIGKILL"); // its data goes with the folder
    } catch {
      // it has ended already
    }
    removeFolder(folder);
  });
  return child;
}

/** A server refuses to run as root: then it runs as its own user. */
function unprivileged(users: readonly string[]): { uid?: number; gid?: number } {
  if (Deno.uid() !== 0) return {};
  const lines = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  const found = users.map((user) => lines.find(([name]) => name === user)).find((line) => line !== undefined);
  return found === undefined ? {} : { uid: Number(found[2]), gid: Number(found[3]) };
}

async function makeFolder(prefix: string, { uid, gid }: { uid?: number; gid?: number }): Promise<string> {
  const folder = await makeServerFolder(prefix);
  if (uid !== undefined && gid !== undefined) await Deno.chown(folder, uid, gid);
  return folder;
}

async function writeFiles(folder: string, { files }: SpawnOptions, { uid, gid }: { uid?: number; gid?: number }) {
  for (const [name, text] of Object.entries(files ?? {})) {
    await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) await Deno.chown(`${folder}/${name}`, uid, gid);
  }
}

/**
 * Where a database server of tests keeps its files: in memory, unless there is little of it, as in many containers, or none; a temporary
 * folder may be in memory and small, too. Where nothing has that much, where there is most.
 */
export async function makeServerFolder(prefix: string): Promise<string> {
  const places = await Promise.all(PLACES.map(async (dir) => ({
    dir,
    room: await statfs(dir).then(({ bavail, bsize }) => bavail * bsize, () => 0),
  })));
  const roomiest = places.reduce((one, other) => other.room > one.room ? other : one);
  return await Deno.makeTempDir({ prefix, dir: (places.find(({ room }) => room >= ROOM) ?? roomiest).dir });
}

/** Processes of a killed server end a moment after it, and may write meanwhile. An error here would be one of the whole test file. */
function removeFolder(folder: string): void {
  for (let left = 20; left > 0; left--) {
    try {
      return Deno.removeSync(folder, { recursive: true });
    } catch {
      // once more
    }
  }
}

function findProgram(name: string, folders: readonly string[]): string | null {
  const path = (Deno.env.get("PATH") ?? "").split(":").filter((p) => p !== "");
  return [...folders, ...path].find((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  }) ?? null;
}

/** `<root>/<version>/<leaf>`, the newest version first. */
function subfolders(root: string, leaf: string): string[] {
  try {
    return [...Deno.readDirSync(root)].map(({ name }) => name).sort((a, b) => Number(b) - Number(a))
      .map((version) => `${root}/${version}/${leaf}`);
  } catch {
    return [];
  }
}

/** A server says in no other way that it is ready; on a loaded machine it may take a minute, and one that has ended never is. */
async function untilAnswers(child: Deno.ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  const giveUpAt = performance.now() + 180_000;
  let ended = false;
  void child.status.then(() => ended = true);
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (ended || performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
