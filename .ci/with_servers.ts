/**
 * Runs a command with both real databases, whose addresses its environment names: those of this machine where they let the tests
 * in, else some that are started for it and end with it. Answers with the command's exit status.
 */
import { realMariaDb, realPostgres } from "../tests/support/databases.ts";

const [program = "", ...args] = Deno.args;
const [postgres, mariadb] = await Promise.all([realPostgres(), realMariaDb()]);
if (postgres === null || mariadb === null) Deno.exit(1); // what is missing was said
const { code } = await new Deno.Command(program, {
  args,
  env: { LMSMON_TEST_POSTGRES_URL: postgres.url, LMSMON_TEST_MYSQL_URL: mariadb.url },
}).spawn().status;
Deno.exit(code);
