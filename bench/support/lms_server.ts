import { withPostgres } from "../../tests/support/databases.ts";

/** Kept between runs, since filling an LMS of ten million rows takes minutes. */
const FOLDER = "/var/tmp/lmsmon_bench_lms_server";
const PID_FILE = `${FOLDER}/data/postmaster.pid`;
const BIN_ROOT = "/usr/lib/postgresql";

/** `child` is `null` for a server that an interrupted run left behind. */
let running: { readonly url: string; readonly child: Deno.ChildProcess | null } | null = null;

/**
 * A second PostgreSQL, with the settings of a fresh installation, for the LMS of the measures that watch: on one server the
 * state's own transactions (and whoever else uses it) would count as changes of the LMS, and its work as the LMS's load.
 */
export async function lmsServer(): Promise<string> {
  if (running !== null) return running.url;
  const left = await leftBehind();
  if (left !== null) {
    running = { url: left, child: null };
    return left;
  }
  const bin = await newestBin();
  const who = postgresUser();
  if (!await exists(`${FOLDER}/data/PG_VERSION`)) {
    await Deno.mkdir(FOLDER, { recursive: true });
    if (who.uid !== undefined && who.gid !== undefined) await Deno.chown(FOLDER, who.uid, who.gid);
    const made = await new Deno.Command(`${bin}/initdb`, {
      args: ["-D", `${FOLDER}/data`, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8"],
      cwd: FOLDER,
      ...who,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!made.success) throw new Error(`Cannot run initdb: ${new TextDecoder().decode(made.stderr)}`);
  }
  const port = freePort();
  const child = new Deno.Command(`${bin}/postgres`, {
    args: ["-D", `${FOLDER}/data`, "-p", String(port), "-h", "127.0.0.1", "-k", FOLDER],
    cwd: FOLDER,
    ...who,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const patience = AbortSignal.timeout(60_000);
  for (;;) {
    try {
      await withPostgres(url, (sql) => sql.unsafe("select 1"));
      break;
    } catch (error) {
      if (patience.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  running = { url, child };
  return url;
}

/** Removes its data. */
export async function removeLmsServer(): Promise<void> {
  await stopLmsServer();
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
}

export async function stopLmsServer(): Promise<void> {
  if (running === null) return;
  const { child } = running;
  running = null;
  if (child !== null) {
    child.kill("SIGINT"); // fast shutdown: ends sessions, writes a checkpoint
    await child.status;
    return;
  }
  const [pid] = (await Deno.readTextFile(PID_FILE)).split("\n");
  Deno.kill(Number(pid), "SIGINT");
  const patience = AbortSignal.timeout(60_000);
  while (await exists(PID_FILE) && !patience.aborted) await new Promise((resolve) => setTimeout(resolve, 200));
}

/** The address of a server on our data that still runs. */
async function leftBehind(): Promise<string | null> {
  try {
    const port = (await Deno.readTextFile(PID_FILE)).split("\n")[3];
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    await withPostgres(url, (sql) => sql.unsafe("select 1"));
    return url;
  } catch {
    return null;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function newestBin(): Promise<string> {
  const versions: number[] = [];
  for await (const { name } of Deno.readDir(BIN_ROOT)) versions.push(Number(name));
  return `${BIN_ROOT}/${Math.max(...versions)}/bin`;
}

function postgresUser(): { uid?: number; gid?: number } {
  if (Deno.uid() !== 0) return {};
  const fields = Deno.readTextFileSync("/etc/passwd").split("\n").find((l) => l.startsWith("postgres:"))?.split(":");
  return fields === undefined ? {} : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
