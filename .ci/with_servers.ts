/**
 * Runs a command with what tests need made beforehand, where its environment names it: the bundled program, and both real
 * databases. These are servers of its own, which do not wait for the disk since nothing in them need survive a power cut, and
 * which end with it; where they cannot be started, those of this machine. Answers with the command's exit status.
 */
import { realMariaDb, realPostgres } from "../tests/support/databases.ts";
import { bundleProgram } from "./bundle_program.ts";
import { spawnMariaDb, spawnPostgres } from "../tests/support/spawned_servers.ts";

/** An address of the caller's choice stays. */
async function addressOf(
  variable: string,
  spawn: () => Promise<string | null>,
  find: () => Promise<{ readonly url: string } | null>,
): Promise<string> {
  const given = Deno.env.get(variable);
  const url = given ?? await spawn().catch(() => null) ?? (await find())?.url;
  if (url === undefined) Deno.exit(1); // what is missing was said
  return url;
}

const [program = "", ...args] = Deno.args;
const [postgres, mariadb] = await Promise.all([
  addressOf("LMSMON_TEST_POSTGRES_URL", spawnPostgres, realPostgres),
  addressOf("LMSMON_TEST_MYSQL_URL", spawnMariaDb, realMariaDb),
]);
const folder = await Deno.makeTempDir({ prefix: "lmsmon-program-" });
await bundleProgram(folder);
const { code } = await new Deno.Command(program, {
  args,
  env: {
    LMSMON_TEST_POSTGRES_URL: postgres,
    LMSMON_TEST_MYSQL_URL: mariadb,
    LMSMON_TEST_PROGRAM: `${folder}/main.js`,
  },
}).spawn().status;
await Deno.remove(folder, { recursive: true });
Deno.exit(code);
