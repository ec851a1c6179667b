import assert from "node:assert/strict";
import { realMariaDb, realPostgres, withMysql, withPostgres } from "../support/databases.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { ASSIGNMENTS, assignmentTruth } from "../support/moodle/moodle_assignments.ts";
import { eventsOfExport, moodleTruth } from "../support/moodle/moodle_truth.ts";
import { testData } from "../support/shared_data.ts";
import { createServerDatabase } from "../support/state/server_state.ts";
import { MoodleDatabase } from "./moodle_bench.ts";

const folder = await testData("moodle", "commands on a real Moodle");
const PASSWORD = "a-pass-of-a-test";

for (const server of [await realPostgres(), await realMariaDb()]) {
  const at = server?.dialect ?? "postgres";
  Deno.test({
    name: `with the rights of docs/presets.md and no others, the commands read a real Moodle [${at}]`,
    ignore: folder === null || server === null,
    fn: async (t) => {
      if (folder === null || server === null) return;
      await using stack = new AsyncDisposableStack();
      const moodle = stack.use(await MoodleDatabase.restore(server, folder));
      const role = `moodle_ro_${crypto.randomUUID().slice(0, 8)}`;
      const sentences = await grantsOfDocs(at);
      stack.defer(() => dropRole(moodle, role));
      const grant = async (sentences: readonly string[]) => {
        for (const sentence of sentences) {
          await run(
            moodle,
            sentence.replaceAll("lmsmon_ro", role).replaceAll("moodle.mdl_", `${moodle.database.name}.mdl_`)
              .replace("choose one", PASSWORD),
          ).catch((error: Error) => {
            assert.match(error.message, /does not exist|doesn't exist/, sentence); // tables that this site has not
          });
        }
      };
      await grant(sentences);
      const url = new URL(moodle.url);
      url.username = role;
      const state = at === "postgres" ? await createServerDatabase(true) : null;
      if (state !== null) stack.defer(state.drop);
      const config = (changes: object = {}) => ({
        lms: { preset: "moodle", url: url.href, password: PASSWORD, ...changes },
        state: { url: state?.url ?? "pglite:./state" },
        notify: { enabled: false },
      });
      const home = stack.use(await LmsmonHome.make(config()));

      await t.step("poll-once and export-ai tell what the tables tell", async () => {
        const polled = await home.run("poll-once", "--no-notify", "--json");
        assert.equal(polled.code, 0, polled.err);
        const exported = await home.run("export-ai", "--identified");
        assert.equal(exported.code, 0, exported.err);
        assert.deepEqual(eventsOfExport(exported.out), await moodleTruth(server, moodle.url));
      });
      await t.step("doctor says what is left out, and that the version is not known", async () => {
        const { out } = await home.run("doctor");
        assert.match(out, /Moodle, version unknown/);
        assert.match(out, /mentors: 16 by mentor/);
        assert.match(out, /left out: 2 attempts of deleted accounts/);
        assert.match(out, /left out: 1 attempts previews of teachers/);
      });
      await t.step("a wrong prefix names the right one", async () => {
        await home.configure(config({ moodle: { prefix: "mdlx_" } }));
        const { code, err, out } = await home.run("poll-once", "--no-notify");
        assert.equal(code, 1, out);
        assert.match(err, /no table mdlx_quiz_attempts; found mdl_quiz_attempts: set lms\.moodle\.prefix/);
        assert.doesNotMatch(err, /\bat .*\.ts:\d/);
        await home.configure(config({ moodle: { prefix: "MDL_" } }));
        const capitals = await home.run("poll-once", "--no-notify");
        assert.equal(capitals.code, 1, capitals.out);
        assert.match(capitals.err, /no table MDL_quiz_attempts; found mdl_quiz_attempts/);
      });
      await t.step("a role in capitals is the same role to every query", async () => {
        await home.configure(config({ name: "capitals", moodle: { mentor_roles: ["MENTOR"] } }));
        const polled = await home.run("poll-once", "--no-notify");
        assert.equal(polled.code, 0, polled.err);
        const { out } = await home.run("export-ai", "--identified");
        const mentors = (source: string) =>
          out.split("\n").filter((line) => line.includes(`"source":"${source}"`) && !line.includes('"mentors":[]'))
            .length;
        assert.ok(mentors("moodle") > 0);
        assert.equal(mentors("capitals"), mentors("moodle"));
      });
      await t.step("a role that is not there names those that are", async () => {
        await home.configure(config({ moodle: { mentor_roles: ["tutor"] } }));
        const { code, err } = await home.run("poll-once", "--no-notify");
        assert.equal(code, 1);
        assert.match(err, /no role "tutor"; roles of user contexts: mentor, caseworker/);
      });
      await t.step("assignments need their tables, and the rights that the page names for them", async () => {
        const asked = config({ moodle: { assignments: true } });
        await home.configure(asked);
        const { code, err } = await home.run("poll-once", "--no-notify");
        assert.equal(code, 1);
        assert.match(err, /mdl_assign_submission, mdl_assign_grades, mdl_assign_user_flags cannot be read/);
        assert.match(err, /lms\.moodle\.assignments/);
        for (const statement of ASSIGNMENTS) await run(moodle, statement.replaceAll("{P}", "mdl_"));
        await grant(await grantsOfDocs(at, "mdl_assign_submission"));
        await grant(sentences.filter((sentence) => /_overrides|_members/.test(sentence)));
        const polled = await home.run("poll-once", "--no-notify", "--json");
        assert.equal(polled.code, 0, polled.err);
        const exported = await home.run("export-ai", "--identified");
        const lines = exported.out.split("\n").filter((line) => line.includes('"kind":"assignment"'));
        assert.deepEqual(eventsOfExport(lines.join("\n")), await assignmentTruth(server, moodle.url));
      });
      await t.step("a Moodle that is too old, or newer than what is known, names its version", async () => {
        const add = "insert into mdl_config (name, value) values";
        await run(moodle, "create table mdl_config (name varchar(255), value text)");
        await run(moodle, `${add} ('version', '2020110900.00'), ('release', '3.10 (Build: 20201109)')`);
        await run(
          moodle,
          at === "postgres"
            ? `grant select on mdl_config to ${role}`
            : `grant select on ${moodle.database.name}.mdl_config to '${role}'@'%'`,
        );
        await home.configure(config());
        const { code, err } = await home.run("poll-once", "--no-notify");
        assert.equal(code, 1);
        assert.match(err, /Moodle 3\.10 \(Build: 20201109\)/);
        await run(moodle, "update mdl_config set value = '2031010100.00' where name = 'version'");
        const source = await moodle.open();
        const found = await source.findings?.() ?? [];
        await source.close();
        assert.ok(found.some(({ message }) => /is newer than what lmsmon knows of \(5\.x\)/.test(message)));
        await run(moodle, "drop table mdl_config");
      });
    },
  });
}

/** The statements of the page for one kind of database. */
async function grantsOfDocs(at: "postgres" | "mysql", table = "mdl_quiz_attempts"): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("../../docs/presets.md", import.meta.url));
  const moodle = page.slice(page.indexOf("\n## Moodle"));
  const blocks = [...moodle.matchAll(/```sql\n(.*?)```/gs)].map(([, block = ""]) => block);
  const [block = ""] = blocks.filter((block) =>
    block.includes(`${table} to `) && block.includes("'lmsmon_ro'@") === (at === "mysql")
  );
  const sentences = block.split("\n").filter((line) => line.endsWith(";"));
  assert.ok(sentences.length >= 5, "the page has no grants");
  return sentences;
}

async function run(moodle: MoodleDatabase, sentence: string): Promise<void> {
  await moodle.execute(sentence.replace(/;$/, ""));
}

async function dropRole({ server, url }: MoodleDatabase, role: string): Promise<void> {
  if (server.dialect === "mysql") {
    await withMysql(url, (connection) => connection.query(`drop user if exists '${role}'@'%'`));
    return;
  }
  await withPostgres(url, async (sql) => {
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  });
}
