/**
 * Runs a command with what tests need made beforehand, where its environment names it: the bundled program, as it is released
 * and as a test build, and both real databases. These are servers of its own, which keep nothing on a disk where memory is
 * plenty and never wait for one, since nothing in them need survive a power cut, and which end with it; where they cannot be
 * started, those of this machine. Answers with the command's exit status.
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

// Servers and their files, which may be in memory, go when this process exits, but not when a signal ends it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => Deno.exit(1));

/** The command's exit status. */
async function run([program = "", ...args]: readonly string[]): Promise<number> {
  const [postgres, mariadb] = await Promise.all([
    addressOf("LMSMON_TEST_POSTGRES_URL", spawnPostgres, realPostgres),
    addressOf("LMSMON_TEST_MYSQL_URL", spawnMariaDb, realMariaDb),
  ]);
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-program-" });
  try {
    // Apart, so that nothing of a test build gets into what is tried as the released program. One after the other: on a new machine
    // the first fetches the bundler, and two that fetch it at once (Deno 2.9.6) fail: "failed to copy esbuild binary".
    await bundleProgram(`${folder}/released`);
    await bundleProgram(`${folder}/armed`, "tests/chaos/harness/armed_main.ts");
    const { code } = await new Deno.Command(program, {
      args: [...args],
      env: {
        LMSMON_TEST_POSTGRES_URL: postgres,
        LMSMON_TEST_MYSQL_URL: mariadb,
        LMSMON_TEST_PROGRAM: `${folder}/released/main.js`,
        LMSMON_TEST_ARMED_PROGRAM: `${folder}/armed/armed_main.js`,
      },
    }).spawn().status;
    return code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

// An error that nobody catches ends a process without a word to what it must leave behind: the servers would go on.
Deno.exit(
  await run(Deno.args).catch(async (error) => {
    await Deno.stderr.write(new TextEncoder().encode(`${error instanceof Error ? error.stack : error}\n`));
    return 1;
  }),
);
