/** `deno task template`: makes `lib/state/template.tar.gz`, the state that a new embedded one begins with. */
import { PgliteEngine } from "../lib/drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../lib/drivers/pglite/pglite_socket.ts";
import { migrate } from "../lib/state/migrate.ts";
import { embeddedPool } from "../lib/state/state_pool.ts";

const TARGET = Deno.args[0] ?? new URL("../lib/state/template.tar.gz", import.meta.url).pathname;

const directory = await Deno.makeTempDir({ prefix: "lmsmon-template-" });
try {
  const data = `${directory}/data`;
  await Deno.mkdir(data);
  const engine = await PgliteEngine.open(data);
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)));
  // Nobody creates databases in a state; without these it has a third of the files.
  await sql`update pg_database set datistemplate = false, datallowconn = true where datname like 'template_'`;
  await sql`drop database template0`;
  await sql`drop database template1`;
  await migrate(sql);
  await sql`vacuum`;
  // The write-ahead log of all this is no longer needed: another segment begins, and the old one is not used again.
  await sql`set wal_recycle = off`;
  await sql`select pg_switch_wal()`;
  await sql`checkpoint`;
  await sql.end();
  await engine.close();
  await Deno.remove(`${data}/postmaster.pid`).catch(() => {});
  await Deno.remove(`${data}/postmaster.opts`).catch(() => {});
  const tar = `${directory}/template.tar`;
  const plain = ["--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--format=ustar"];
  await must("tar", [...plain, "-cf", tar, "-C", data, "."]);
  await must("gzip", ["-9nf", tar]);
  await Deno.copyFile(`${tar}.gz`, TARGET);
} finally {
  await Deno.remove(directory, { recursive: true });
}

async function must(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot make the template: ${command} failed\n${new TextDecoder().decode(stderr)}`);
}
