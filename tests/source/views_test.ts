import assert from "node:assert/strict";
import { LmsError } from "../../lib/base/errors.ts";
import { realMariaDb } from "../support/databases.ts";
import { customLms } from "../support/presets/custom_lms.ts";

const TABLES = `
create table users (id int primary key, login varchar(50), mail varchar(50));
insert into users values (1, 'ana', 'ana@institute.example');
create table tries (\`order\` int primary key, user_id int, word varchar(20));
insert into tries values (1, 1, 'done'), (2, 1, 'done');
create view results as select * from tries;
`;
const mapping = (table: string) => `
people:
  student: {from: "select id, login as username from users"}
  mentor: {from: "select id, mail as email from users where 1 = 0"}
links: {from: "select id as mentor_id, id as student_id from users where 1 = 0"}
kinds:
  exam:
    key: order
    rows: [{table: ${table}, key: order}]
    from: select \`order\`, user_id as student_id, 3 as activity_id, word as state from results
    states: {done: finished}
`;

const server = await realMariaDb();
Deno.test({
  name: "a view can be looked at with SELECT alone, and a table that a role may not read is not said to be missing",
  ignore: server === null,
  fn: async () => {
    assert.ok(server);
    await using lms = await customLms(server, TABLES);
    const url = new URL(lms.url), role = `lms_v_${crypto.randomUUID().slice(0, 8)}`;
    await lms.execute(`create user '${role}'@'%' identified by 'pw'`);
    try {
      for (const table of ["users", "results"]) await lms.execute(`grant select on ${table} to '${role}'@'%'`);
      [url.username, url.password] = [role, "pw"];
      const changes = { url: url.href };
      await assert.rejects((await lms.open(mapping("tries"), { changes })).check(), (error) => {
        assert.ok(error instanceof LmsError);
        assert.match(error.message, /exam, rows: there is no table tries, or this role may read nothing of it/);
        return true;
      });
      await lms.execute(`grant select on tries to '${role}'@'%'`);
      for (const [table, shown] of [["tries", 2], ["results", 1]] as const) {
        const source = await lms.open(mapping(table), { changes });
        await source.check();
        const { warnings, plan } = await source.inspect("exam");
        assert.deepEqual([warnings, plan.length], [[], shown], table);
        assert.match(plan.at(-1) ?? "", /^hidden from this role, since a view is read: grant SHOW VIEW/);
        assert.equal((await source.rowsAfter("exam", null, 10)).rows.length, 2);
      }
    } finally {
      await lms.execute(`drop user '${role}'@'%'`);
    }
  },
});
