import { mysqlDialect } from "../../sql/lms/dialects/mysql.ts";
import { postgresDialect } from "../../sql/lms/dialects/postgres.ts";
import { testpress } from "../../sql/lms/testpress/preset.ts";
import { openLms } from "../../lib/source/open_lms.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { withPostgres } from "../../tests/support/databases.ts";
import { testLmsConfig } from "../../tests/support/lms/test_lms_config.ts";
import { runShell } from "./child.ts";
import {
  benchLms,
  databaseExists,
  databaseUrl,
  type LmsKind,
  newDatabase,
  postgresUrl,
  PREFIX,
  renameDatabase,
} from "./databases.ts";
import { lmsServer } from "./lms_server.ts";
import type { Bench } from "./measure.ts";
import { copyFromMariaDb, copyFromPostgres } from "./pipes.ts";
import { STATE_COLUMNS } from "./first_pass_sql.ts";

/** An LMS of some size and the state of a watch that has known it for long; both are kept between runs. */
export interface Watched extends AsyncDisposable {
  readonly kind: LmsKind;
  readonly rows: number;
  readonly lmsUrl: string;
  readonly stateUrl: string;
  readonly lms: LmsSource;
  readonly db: StateDb;
}

/** Content attempts per exam attempt. */
const CONTENT_SHARE = 10;

export async function openWatched(bench: Bench, kind: LmsKind, rows: number): Promise<Watched> {
  const shape = { attempts: rows, contentAttempts: Math.round(rows / CONTENT_SHARE), open: true };
  const lmsUrl = await benchLms(kind, shape, bench.say, kind === "postgres" ? await lmsServer() : undefined);
  const lms = await openLms(testLmsConfig(lmsUrl));
  await lms.check();
  const server = await postgresUrl();
  const name = `watched_${kind}_${rows}_${lms.recipe("exam")}`;
  const stateUrl = databaseUrl(server, `${PREFIX}${name}`);
  let db = await databaseExists(server, name) ? await openKnown(stateUrl) : null;
  if (db === null) {
    bench.say(`  storing the states of ${rows} rows of ${kind}`);
    await fillState(kind, lmsUrl, lms, await newDatabase(server, `${name}_filling`));
    await withPostgres(server, (sql) => sql.unsafe(`drop database if exists "${PREFIX}${name}" with (force)`));
    db = await openState({ url: await renameDatabase(server, `${name}_filling`, name), password: null });
  }
  const opened = db;
  return {
    kind,
    rows,
    lmsUrl,
    stateUrl,
    lms,
    db: opened,
    [Symbol.asyncDispose]: async () => {
      await lms.close();
      await opened.close();
    },
  };
}

/** `null` when it was made by another version of the schema: then it is made anew. */
async function openKnown(url: string): Promise<StateDb | null> {
  return await openState({ url, password: null }).catch(() => null);
}

/** By SQL, without events: what rounds read are row states and bucket sums. */
async function fillState(kind: LmsKind, lmsUrl: string, lms: LmsSource, state: string): Promise<void> {
  const db = await openState({ url: state, password: null }, { migrate: "auto" });
  await db.close();
  await withPostgres(state, async (sql) => {
    await sql.unsafe("insert into lmsmon.sources (source) values ('testpress')");
    for (const [i, name] of (["exam", "content"] as const).entries()) {
      await sql.unsafe(
        `insert into lmsmon.streams (source, kind, recipe, first_contact_started_at, first_contact_completed_at, last_full_pass_at)
           values ('testpress', '${name}', ${lms.recipe(name)}, now(), now(), now())`,
      );
      const copy = kind === "postgres" ? copyFromPostgres : copyFromMariaDb;
      await runShell(
        copy(lmsUrl, statesOf(kind, name, i + 1, lms.recipe(name)), state, "lmsmon.row_states", STATE_COLUMNS),
      );
    }
    await sql.unsafe(
      `insert into lmsmon.row_buckets select stream_id, row_key / 1000, count(*), bit_xor(hash) from lmsmon.row_states group by 1, 2`,
    );
    await sql.unsafe(
      `update lmsmon.streams s set highest_row_key = (select max(row_key) from lmsmon.row_states r where r.stream_id = s.stream_id)`,
    );
    await sql.unsafe("vacuum analyze");
  });
}

/** Row states of a kind as a SELECT on the LMS; the hash is lmsmon's own expression. */
function statesOf(kind: LmsKind, name: "exam" | "content", streamId: number, recipe: number): string {
  const open = "t.state = 'Running'";
  const exam = name === "exam";
  return `select ${streamId}, t.id, t.user_id, ${exam ? "t.exam_id" : "t.chapter_content_id"}, ${
    hashOf(kind, name)
  }, ${recipe}, case when ${open} then 1 else 2 end,
    ${exam ? "case t.result when 'Pass' then 1 when 'Fail' then 0 end" : "null"},
    ${
    exam
      ? `case when ${open} then null else t.score end, case when ${open} then null else t.percentage end`
      : "null, null"
  },
    case when ${open} then 0 else 1 end, case when ${open} then 't' else 'f' end, case when ${open} then 't' else 'f' end, null
    from ${fromOf(name)}`;
}

export function hashOf(kind: LmsKind, name: "exam" | "content"): string {
  const preset = testpress.kinds[name];
  const dialect = kind === "postgres" ? postgresDialect : mysqlDialect;
  const field = (column: string) => ({
    expression: column.startsWith("side.") ? column : `t.${column}`,
    type: /state|result|_type$/.test(column) ? "text" : "integer",
  });
  return dialect.hash([`${name}:`], [preset.key, ...preset.hashed].map(field));
}

const fromOf = (name: "exam" | "content") =>
  name === "exam" ? "attempts t" : "content_attempts t left join user_videos side on side.id = t.user_video_id";

/** The yardstick of rounds: one hash pass over everything that is watched, as plain SQL. */
export function hashPass(kind: LmsKind): readonly string[] {
  return (["exam", "content"] as const).map((name) =>
    `select count(*), bit_xor(h) from (select ${hashOf(kind, name)} as h from ${fromOf(name)}) r`
  );
}
