import assert from "node:assert/strict";
import { textDecoder } from "../../lib/source/encodings.ts";
import { withBench } from "../poll/poll_bench.ts";
import { realMariaDb, realPostgres, type TestServer, withPostgres } from "../support/databases.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const postgres = await realPostgres();
const mariaDb = await realMariaDb();

/** The server, with databases of this encoding. */
function encoded(server: TestServer, encoding: string): TestServer {
  return {
    ...server,
    createDatabase: async (prefix) => {
      const made = await server.createDatabase(prefix);
      await withPostgres(server.url, async (sql) => {
        await sql.unsafe(`drop database "${made.name}"`);
        const locale = "lc_collate 'C' lc_ctype 'C'";
        await sql.unsafe(`create database "${made.name}" template template0 encoding '${encoding}' ${locale}`);
      });
      return made;
    },
  };
}

/** What old versions let in: bytes that nobody looked at, in a database that says UTF8 to whoever connects from now on. */
const RELABEL = "update pg_database set encoding = pg_char_to_encoding('UTF8') where datname = current_database()";

const cases = postgres === null ? [] : [
  {
    what: "a SQL_ASCII database with a title in Latin-1",
    server: encoded(postgres, "SQL_ASCII"),
    title: "E'Pr\\xfcfung'",
    read: "Pr\ufffdfung",
  },
  {
    what: "a SQL_ASCII database with a title cut inside a letter",
    server: encoded(postgres, "SQL_ASCII"),
    title: "E'gr\\xc3\\xbcn\\xc3'",
    read: "grün\ufffd",
  },
  {
    what: "a UTF8 database with bytes that are no UTF-8",
    server: encoded(postgres, "SQL_ASCII"),
    relabel: true,
    title: "E'pr\\xc3'",
    read: "pr\ufffd",
  },
  {
    what: "a WIN1252 database with a byte that has no meaning there",
    server: encoded(postgres, "WIN1252"),
    title: "E'Pr\\xfcf\\x81ung'",
    read: null,
  },
].map((one) => ({ relabel: false, ...one }));

for (const { what, server, title, read, relabel } of cases) {
  Deno.test(`P9: ${what} keeps no result from being told, and the row is counted`, async () => {
    await withBench({ name: what, lms: server, state: "server" }, {}, async (bench) => {
      const { student, zulipId } = await bench.pair();
      const plain = await bench.pair();
      const [exam, other] = [Number(await bench.writer.exam()), Number(await bench.writer.exam())];
      await bench.firstContact();
      await bench.lms.execute(`update exams set title = ${title} where id = ${exam}`);
      await bench.writer.attempt({ id: 1, user_id: student, exam_id: exam, ...PASSED });
      await bench.writer.attempt({ id: 2, user_id: plain.student, exam_id: other, ...PASSED });
      if (relabel) await bench.lms.execute(RELABEL);
      const { tally } = await bench.poll({ source: await bench.lms.open() });
      assert.deepEqual([tally.events, tally.quarantined], [2, 0]);
      const [event] = await bench.db.sql<{ title: string }[]>`
        select activity_title as title from lmsmon.lms_activity_events where attempt_id = 1`;
      if (read !== null) assert.equal(event?.title, read);
      else assert.match(event?.title ?? "", /^Prüf.ung$/u);
      assert.equal(tally.unreadableTexts, read === null ? 0 : 1, "a row is counted where something was lost");
      const [run] = await bench.db.sql<{ n: string }[]>`
        select unreadable_texts::text as n from lmsmon.poll_runs order by poll_id desc limit 1`;
      assert.equal(Number(run?.n), tally.unreadableTexts);
      assert.equal((await bench.deliver()).sent, 2);
      assert.equal(bench.standIn.dmsTo(zulipId).length, 1);
      assert.equal(bench.standIn.dmsTo(plain.zulipId).length, 1);
    });
  });

  Deno.test(`P9: ${what}: names, words and long texts of that kind are read, too`, async () => {
    await withBench({ name: what, lms: server, state: "server" }, {}, async (bench) => {
      const { student } = await bench.pair();
      await bench.firstContact();
      await bench.lms.execute(`update students set display_name = ${title}, first_name = repeat(${title}, 3000)`);
      await bench.writer.attempt({ id: 1, user_id: student, ...PASSED });
      await bench.lms.execute(`update attempts set name = ${title}, result = ${title}, email = repeat(${title}, 3000)`);
      if (relabel) await bench.lms.execute(RELABEL);
      const source = await bench.lms.open();
      const { tally } = await bench.poll({ source });
      assert.deepEqual([tally.events, tally.quarantined], [1, 0]);
      assert.deepEqual(await bench.told(), ["1 exam_completed 1"]);
      assert.equal((await bench.poll({ source })).tally.rowsRead, 0, "hashes do not depend on it");
    });
  });
}

Deno.test({
  name: "P9: text that MariaDB keeps as bytes is read as UTF-8, and what is none of it is U+FFFD, told and counted",
  ignore: mariaDb === null,
  fn: async () => {
    await withBench({ name: "MariaDB", lms: mariaDb, state: "embedded" }, {}, async (bench) => {
      const { student, zulipId } = await bench.pair();
      const exams = [await bench.writer.exam(), await bench.writer.exam(), await bench.writer.exam()].map(Number);
      await bench.firstContact();
      await bench.lms.execute("alter table exams modify title blob");
      await bench.lms.execute(
        "alter table attempts modify state varbinary(100), modify name varchar(100) charset latin1",
      );
      await bench.lms.execute(`update exams set title = x'5072fc66756e67' where id = ${exams[0]}`);
      await bench.lms.execute(`update exams set title = 'grün 🎓' where id = ${exams[1]}`);
      for (const [i, exam] of exams.entries()) {
        await bench.writer.attempt({ id: i + 1, user_id: student, exam_id: exam, name: "Jürgen", ...PASSED });
      }
      const { tally } = await bench.poll();
      assert.deepEqual([tally.events, tally.quarantined, tally.unreadableTexts], [3, 0, 1]);
      const events = await bench.db.sql<{ title: string }[]>`
        select activity_title as title from lmsmon.lms_activity_events order by attempt_id`;
      assert.deepEqual(events.map(({ title }) => title), ["Pr\ufffdfung", "grün 🎓", `Exam ${exams[2]}`]);
      assert.equal((await bench.deliver()).sent, 3);
      assert.ok(bench.standIn.dmsTo(zulipId).length > 0);
    });
  },
});

Deno.test("textDecoder() reads a server's encoding by PostgreSQL's name for it, and never fails", () => {
  const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  for (
    const [encoding, given, text] of [
      ["UTF8", "gr\xc3\xbcn\xff", "grün\ufffd"],
      ["SQL_ASCII", "gr\xfcn", "gr\ufffdn"],
      ["LATIN1", "gr\xfcn", "grün"],
      ["LATIN2", "\xb3\xf3d\xbc", "łódź"],
      ["WIN1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"],
      ["KOI8R", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"],
      ["EUC_JP", "\xc6\xfc\xcb\xdc\xff", "日本\ufffd"],
      ["MULE_INTERNAL", "plain", "plain"],
    ] as const
  ) assert.equal(textDecoder(encoding)(bytes(given)), text, encoding);
});
