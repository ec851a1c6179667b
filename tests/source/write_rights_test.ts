import assert from "node:assert/strict";
import { mysqlWriteRights } from "../../lib/source/write_rights.ts";
import { realMariaDb, realPostgres, type TestServer } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const mariaDb = await realMariaDb();

/** What a new role with the given rights could write. `at`: between role and host of MySQL's accounts. */
async function rightsAfter(
  server: TestServer | null,
  statements: (role: string, database: string) => readonly string[],
) {
  assert.ok(server);
  await using lms = await makeLms(server, "rights");
  const name = `lms_w_${crypto.randomUUID().slice(0, 8)}`;
  const role = server.dialect === "postgres" ? name : `'${name}'@'%'`;
  const url = new URL(lms.config.url);
  await lms.execute(
    server.dialect === "postgres"
      ? `create role ${role} login password 'pw'`
      : `create user ${role} identified by 'pw'`,
  );
  try {
    for (const statement of statements(role, url.pathname.slice(1))) await lms.execute(statement);
    [url.username, url.password] = [name, "pw"];
    const source = await lms.open({ url: url.href });
    try {
      return await source.writeRights();
    } finally {
      await source.close();
    }
  } finally {
    if (server.dialect === "postgres") {
      await lms.execute(`reassign owned by ${role} to current_user; drop owned by ${role}; drop role ${role}`);
    } else await lms.execute(`drop user ${role}`);
  }
}

const READ_ALL = (role: string) => `grant select on all tables in schema public to ${role}`;

for (
  const [what, statements, expected] of [
    ["SELECT only", [READ_ALL], []],
    ["an insert on one table", [READ_ALL, (r: string) => `grant insert on attempts to ${r}`], [
      /^it may change public\.attempts$/,
    ]],
    ["an update of one column", [(r: string) => `grant update (state) on attempts to ${r}`], [
      /^it may change public\.attempts$/,
    ]],
    ["a truncate", [(r: string) => `grant truncate on students to ${r}`], [/public\.students/]],
    ["a table of its own", [(r: string) => `alter table exams owner to ${r}`], [/public\.exams/]],
    ["everything", [(r: string) => `grant all on all tables in schema public to ${r}`], [
      /^it may change .* and \d+ more$/,
    ]],
    ["a superuser", [(r: string) => `alter role ${r} superuser`], [/^it is a superuser$/]],
    ["a role that writes all", [(r: string) => `grant pg_write_all_data to ${r}`], [/and \d+ more$/]],
  ] as const
) {
  Deno.test({
    name: `writeRights() of a PostgreSQL role with ${what}`,
    ignore: postgres === null,
    fn: async () => {
      const rights = await rightsAfter(postgres, (role) => statements.map((statement) => statement(role)));
      assert.equal(rights.length, expected.length, rights.join());
      expected.forEach((pattern, i) => assert.match(rights[i] ?? "", pattern));
    },
  });
}

for (
  const [what, grant, expected] of [
    ["SELECT only", (r: string, d: string) => `grant select, show view on \`${d}\`.* to ${r}`, null],
    [
      "writes on the database",
      (r: string, d: string) => `grant select, insert, update on \`${d}\`.* to ${r}`,
      /^it has INSERT, UPDATE on `/,
    ],
    [
      "a write on one table",
      (r: string, d: string) => `grant delete on \`${d}\`.attempts to ${r}`,
      /^it has DELETE on `.*`\.`attempts`$/,
    ],
    [
      "an update of one column",
      (r: string, d: string) => `grant update (state) on \`${d}\`.attempts to ${r}`,
      /^it has UPDATE on /,
    ],
    ["everything everywhere", (r: string) => `grant all on *.* to ${r}`, /^it has ALL PRIVILEGES on \*\.\*$/],
  ] as const
) {
  Deno.test({
    name: `writeRights() of a MariaDB role with ${what}`,
    ignore: mariaDb === null,
    fn: async () => {
      const rights = await rightsAfter(mariaDb, (role, database) => [grant(role, database)]);
      assert.equal(rights.length, expected === null ? 0 : 1, rights.join());
      if (expected !== null) assert.match(rights[0] ?? "", expected);
    },
  });
}

Deno.test("mysqlWriteRights() looks at grants on this database only, with their wildcards, and repeats no hash", () => {
  const of = (line: string) => mysqlWriteRights([[line]], "lms_1");
  const granted = (scope: string) => of(`GRANT INSERT ON ${scope} TO \`ro\`@\`%\` IDENTIFIED BY PASSWORD '*ABC'`);
  for (const scope of ["*.*", "`lms_1`.*", "`lms\\_1`.*", "`lms%`.*", "`LMS_1`.*", "`lms_1`.`t`", "`l_s__`.*"]) {
    assert.deepEqual(granted(scope), [`it has INSERT on ${scope}`]);
  }
  for (const scope of ["`other`.*", "`lms\\_2`.*", "`lms%x`.*", "`lmsx1`.`t`", "`lms.1`.*"]) {
    assert.deepEqual(granted(scope), []);
  }
  assert.deepEqual(of("GRANT USAGE ON *.* TO `ro`@`%` IDENTIFIED BY PASSWORD '*ABC'"), []);
  assert.deepEqual(of("GRANT CREATE TEMPORARY TABLES, SELECT (`a`, `insert`) ON `lms_1`.* TO `ro`@`%`"), []);
  assert.deepEqual(of("GRANT `role` TO `ro`@`%`"), []);
});
