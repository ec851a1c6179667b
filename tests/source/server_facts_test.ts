import assert from "node:assert/strict";
import { realPostgres } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();

Deno.test({
  name: "changeToken() of PostgreSQL stays while nothing is committed, and moves with every commit",
  fn: async () => {
    await using lms = await makeLms(null, "token"); // a server of its own: other tests write to the shared one
    const source = await lms.open();
    const first = await source.changeToken();
    await source.rowsAfter("exam", null, 10);
    assert.equal(await source.changeToken(), first);
    await lms.writer.attempt();
    const second = await source.changeToken();
    assert.notEqual(second, first);
    await lms.writer.updateAttempt(1, { state: "Completed" });
    assert.notEqual(await source.changeToken(), second);
  },
});

Deno.test({
  name: "identity() tells two databases of one PostgreSQL server apart, and the server from another",
  ignore: postgres === null,
  fn: async () => {
    await using one = await makeLms(postgres, "identity");
    await using two = await makeLms(postgres, "identity");
    const [a, b] = [await (await one.open()).identity(), await (await two.open()).identity()];
    assert.equal(a.dialect, "postgres");
    assert.match(a.system ?? "", /^\d{10,}$/);
    assert.equal(a.system, b.system);
    assert.notEqual(a.database, b.database);
  },
});

Deno.test({
  name: "P3: pages, buckets and look-ups of PostgreSQL use the key index and sort nothing",
  ignore: postgres === null,
  fn: async () => {
    await using lms = await makeLms(postgres, "plans");
    await lms.execute(
      "insert into attempts (id, state) select i, 'Running' from generate_series(1, 20000) i;" +
        "alter table content_attempts drop constraint content_attempts_user_id_fkey;" +
        "alter table content_attempts drop constraint content_attempts_course_id_fkey;" +
        "alter table content_attempts drop constraint content_attempts_chapter_id_fkey;" +
        "alter table content_attempts drop constraint content_attempts_chapter_content_id_fkey;" +
        "alter table user_videos drop constraint user_videos_user_id_fkey;" +
        "alter table user_videos drop constraint user_videos_video_id_fkey;" +
        "insert into user_videos (id, user_id, video_id, created, watched_percentage, state, is_live_class_recording)" +
        " select i, 1, 1, now(), 0, 'Started', false from generate_series(1, 20000) i;" +
        "insert into content_attempts (id, user_id, course_id, chapter_id, chapter_content_id, content_type, state," +
        " user_video_id, created) select i, 1, 1, 1, 1, 'video', 'Started', i, now() from generate_series(1, 20000) i;" +
        "analyze",
    );
    const { lmsQueries } = await import("../../sql/lms/queries.ts");
    const { postgresDialect, postgresSettings } = await import("../../sql/lms/dialects/postgres.ts");
    const { testpress } = await import("../../sql/lms/testpress/preset.ts");
    const queries = lmsQueries(testpress, postgresDialect, () => undefined);
    const settings = postgresSettings(30_000, []);
    for (const kind of ["exam", "content"] as const) {
      for (
        const query of [
          queries.rows(kind, { after: "100", limit: 500 }),
          queries.rows(kind, { ids: ["1", "17", "19999"] }),
          queries.firstIdFrom(kind, "500"),
          queries.buckets(kind, "5000", "7000", 1000),
          queries.keyHashes(kind, [["0", "1000"], ["5000", "6000"]]),
        ]
      ) {
        const answer = await lms.execute(`begin; ${settings}; explain ${query}; rollback`) as unknown[];
        const plan = JSON.stringify(answer);
        assert.ok(plan.includes("_pkey"), `${query}\n${plan}`);
        assert.ok(!/Sort|Seq Scan|Hash (Left )?Join/.test(plan), `${query}\n${plan}`);
      }
    }
  },
});
