import assert from "node:assert/strict";
import { withPostgres } from "../../tests/support/databases.ts";
import { migrations } from "../../sql/state/migrations/manifest.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { runLmsmon, runShell } from "../support/child.ts";
import {
  benchLms,
  databaseExists,
  type LmsKind,
  newDatabase,
  postgresUrl,
  renameDatabase,
} from "../support/databases.ts";
import {
  EVENT_COLUMNS,
  mariadbEvents,
  mariadbStates,
  postgresEvents,
  postgresStates,
  STATE_COLUMNS,
} from "../support/first_pass_sql.ts";
import { type Bench, interleaved, line, type Measure } from "../support/measure.ts";
import { copyFromMariaDb, copyFromPostgres } from "../support/pipes.ts";

export const firstPollPostgres: Measure = {
  name: "first-poll-postgres",
  about: "a first poll beside psql COPY | psql COPY of the same rows",
  run: (bench) => measure(bench, "postgres"),
};

export const firstPollMariaDb: Measure = {
  name: "first-poll-mariadb",
  about: "a first poll beside mariadb --quick --batch | psql COPY of the same rows",
  run: (bench) => measure(bench, "mariadb"),
};

/** The search for patterns, which follows the first poll of a day, has a line of its own (`insights`). */
const POLL_ALONE = { insights: { at: null } };

async function measure(bench: Bench, kind: LmsKind) {
  const { rows } = bench.options;
  const lms = await benchLms(kind, { attempts: rows, contentAttempts: 0, open: false }, bench.say);
  const server = await postgresUrl();
  const pairs = await interleaved(bench, `first-poll-${kind}`, async () => {
    const { ms } = await firstPoll(lms, await emptyState("first_poll"), POLL_ALONE);
    return ms;
  }, async () => {
    const state = await emptyState("first_copy");
    await withPostgres(state, async (sql) => {
      await sql.unsafe("create schema yard");
      await sql.unsafe("create table yard.events (like lmsmon.lms_activity_events including all)");
      await sql.unsafe("create table yard.row_states (like lmsmon.row_states including all)");
    });
    const copy = kind === "postgres" ? copyFromPostgres : copyFromMariaDb;
    const [events, states] = kind === "postgres" ? [postgresEvents, postgresStates] : [mariadbEvents, mariadbStates];
    const { ms } = await runShell(
      `${copy(lms, events, state, "yard.events", EVENT_COLUMNS)}; ${
        copy(lms, states, state, "yard.row_states", STATE_COLUMNS)
      }`,
    );
    return ms;
  });
  await assertSameRows(server, rows);
  for (const name of ["first_poll", "first_copy"]) await newDatabase(server, name); // empty: their rows are not needed
  return [line({
    name: `first-poll-${kind}`,
    what: `first poll of ${rows} finished attempts, ${kind} -> PostgreSQL`,
    yardstick: kind === "postgres"
      ? "psql COPY | psql COPY, shaped, same indexes"
      : "mariadb --quick --batch | psql COPY",
    reach: { atMost: 2 },
    unit: "ms",
  }, pairs)];
}

/** A migrated state of its own for every run, made before the time is taken. */
export async function emptyState(name: string): Promise<string> {
  const server = await postgresUrl();
  const state = await newDatabase(server, name);
  await using config = await ConfigFolder.make({ lms: "postgres://postgres@127.0.0.1/nowhere", state });
  await runLmsmon(config.path, ["migrate"]);
  return state;
}

export async function firstPoll(lms: string, state: string, more: Readonly<Record<string, unknown>> = {}) {
  await using config = await ConfigFolder.make({ lms, state, more });
  return await runLmsmon(config.path, ["poll-once", "--no-notify", "--json"], true);
}

/** A state whose events are those of the first poll of `rows` attempts; kept. */
export async function stateWithEvents(bench: Bench, rows: number): Promise<string> {
  const server = await postgresUrl();
  // Of each schema one: another tree's program refuses a state that is newer than itself.
  const name = `events_${rows}_${migrations.length}`;
  const lms = await benchLms("postgres", { attempts: rows, contentAttempts: 0, open: false }, bench.say);
  if (!await databaseExists(server, name)) {
    bench.say(`  storing ${rows} events`);
    await firstPoll(lms, await emptyState(`${name}_filling`));
    await renameDatabase(server, `${name}_filling`, name);
  }
  const url = server.replace(/\/[^/]*$/, `/lmsmon_bench_${name}`);
  await using config = await ConfigFolder.make({ lms, state: url });
  await runLmsmon(config.path, ["migrate"]); // a kept state may be older than the program
  await withPostgres(url, (sql) => sql.unsafe("vacuum analyze"));
  return url;
}

/** Both sides wrote the same: counts, and sums over what identifies and describes a row. */
async function assertSameRows(server: string, rows: number): Promise<void> {
  const facts = async (name: string, events: string, states: string) =>
    await withPostgres(server.replace(/\/[^/]*$/, `/lmsmon_bench_${name}`), async (sql) => {
      const [found] = await sql.unsafe(
        `select (select count(*) from ${events})::int as events,
           (select sum(hashtext(concat_ws('/', attempt_id, event_type, student_id, student_username, mentor_id, mentor_username,
             activity_id, activity_title, course, chapter, student_batch_ids, activity_metadata, timestamp, origin,
             suppressed_reason))::bigint)::text from ${events}) as content,
           (select sum(hashtext(concat_ws('/', row_key, student_id, activity_id, hash, stage, verdict, score, percentage, revision, is_open))::bigint)::text
             from ${states}) as states`,
      );
      return { ...found };
    });
  const ours = await facts("first_poll", "lmsmon.lms_activity_events", "lmsmon.row_states");
  assert.equal(ours.events, rows);
  assert.deepEqual(ours, await facts("first_copy", "yard.events", "yard.row_states"));
}
