import assert from "node:assert/strict";
import { join } from "node:path";
import { tokensIn } from "../../lib/history/tokens.ts";
import { readOnly } from "../../lib/mcp/view.ts";
import { createServerDatabase, openServerState } from "../support/state/server_state.ts";
import { serverTest } from "../support/state/with_state.ts";
import { type Json, McpClient } from "./mcp_client.ts";
import { HOSTILE, McpPlace, MENTORS, NAMES_PERSON, OWN, QUIET, studentId, STUDENTS } from "./mcp_place.ts";

const TOOLS = ["find_students", "student_history", "student_insight", "course_overview", "at_risk", "explain_event"];
const ANNOTATIONS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const STATELESS = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

Deno.test("lmsmon mcp answers an agent beside a process that has the embedded state open", async (t) => {
  await using place = await McpPlace.make();
  await t.step("a call that writes fails, and leaves no transaction behind", async () => {
    const writes = readOnly(place.db, (sql) => sql`update lmsmon.people set active = false`);
    await assert.rejects(Promise.resolve(writes), { code: "25006" });
    assert.equal(await place.db.sql`select 1 as n`.then(([row]) => row?.["n"]), 1);
  });
  await t.step("pseudonymous: a whole session names nobody", () => pseudonymous(place));
  await t.step("a session that is piped in is answered whole before the end of stdin ends it", () => piped(place));
  await t.step("identified and limited to one mentor's students, in the stateless protocol", () => limited(place));
});

serverTest("lmsmon mcp leaves no transaction open between calls, and each of them cannot write", async () => {
  const { url, drop } = await createServerDatabase(true);
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_mcp_" });
  await Deno.writeTextFile(join(folder, "config.yaml"), JSON.stringify({ state: { url } }));
  try {
    await using db = await openServerState(url);
    const writes = readOnly(db, (sql) => sql`delete from lmsmon.people`);
    await assert.rejects(Promise.resolve(writes), { code: "25006" });
    const timeout = await readOnly(db, async (sql) => (await sql`show statement_timeout`)[0]?.["statement_timeout"]);
    assert.equal(timeout, "20s");
    await using client = McpClient.start(folder);
    await client.initialize();
    assert.equal((await client.call("find_students")).found, 0);
    assert.match((await client.call("at_risk")).content[0].text, /no event/);
    const open = await db.sql`
      select state from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null and backend_type = 'client backend'`;
    assert.deepEqual([...open], []);
    assert.equal(await client.end(), 0);
    await using wrong = McpClient.start(folder, ["--mentor", "nobody"]);
    await wrong.greet(); // it ends with the reason right after its answer
    assert.equal(await wrong.ended(), 1);
    assert.match(await wrong.err, /Cannot find mentor/);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await drop();
  }
});

async function pseudonymous(place: McpPlace): Promise<void> {
  await using client = McpClient.start(place.folder);
  const hello = await client.initialize();
  assert.equal(hello.serverInfo.name, "lmsmon");
  const { tools } = await client.request("tools/list");
  assert.deepEqual(tools.map(({ name }: Json) => name), TOOLS);
  for (const { annotations, inputSchema, outputSchema } of tools) {
    assert.deepEqual(annotations, ANNOTATIONS);
    assert.ok(inputSchema.properties && outputSchema.properties);
  }

  const { students, found, cursor } = await client.call("find_students", { limit: 30, course: "physics" });
  assert.deepEqual([students.length, found, typeof cursor], [30, STUDENTS - QUIET.length, "string"]);
  const rest = await client.call("find_students", { limit: 30, course: "41", cursor });
  assert.deepEqual([rest.students.length, rest.cursor], [STUDENTS - QUIET.length - 30, null]);

  const { courses: [course] } = await client.call("course_overview");
  assert.deepEqual([course.course, course.students], [{ id: 41, title: "«Physics»" }, STUDENTS]);
  assert.ok(course.quiet >= QUIET.length);
  const risk = await client.call("at_risk", { list: "quiet", limit: 2 });
  assert.equal(risk.left_out, course.quiet - 2);
  assert.match(risk.students[0].reasons[0], /course median/);
  const insight = await client.call("student_insight", { student: risk.students[0].student });
  assert.deepEqual(insight.courses[0], risk.students[0]);

  const student = students[0].student;
  const history = await client.call("student_history", { student });
  assert.match(JSON.stringify(history.items), new RegExp(`«${HOSTILE.replace("»", "'").replace("«", "'")}»`));
  const short = await client.call("student_history", { student, max_tokens: 250 });
  assert.ok(tokensIn(JSON.stringify(short)) <= 250 && short.left_out > 0);
  const { event_id } = history.items.findLast(({ kind }: Json) => kind === "exam");
  const explained = await client.call("explain_event", { event_id });
  assert.deepEqual([explained.student, explained.event.kind], [student, "exam"]);
  assert.equal(explained.told[0].rule, "first_contact");

  await badInput(client, student);
  const { resources } = await client.request("resources/list");
  for (const { uri } of resources) assert.ok((await client.request("resources/read", { uri })).contents[0].text);
  const { prompts } = await client.request("prompts/list");
  assert.deepEqual(prompts.map(({ name }: Json) => name), ["weekly_review", "prepare_call"]);
  const prepare = await client.request("prompts/get", { name: "prepare_call", arguments: { student } });
  assert.match(prepare.messages[0].content.text, new RegExp(student));

  await place.poll(); // an open transaction would keep it waiting
  // A pseudonym is made of signs by chance, and any can be among them.
  const said = (line: string) => line.replaceAll(/"(\$id|\$schema)":"[^"]*"|[0-9a-f]{32}/g, "");
  const leaks = client.lines.filter((line) => NAMES_PERSON.test(said(line)));
  assert.deepEqual(leaks, []);
  assert.equal(await client.end(), 0);
  assert.doesNotMatch(await client.err, NAMES_PERSON);
}

async function piped(place: McpPlace): Promise<void> {
  const clientInfo = { name: "test", version: "1" };
  const ask = (id: number, method: string, params: object) => ({ jsonrpc: "2.0", id, method, params });
  const { code, answers } = await McpClient.piped(place.folder, [
    ask(1, "initialize", { protocolVersion: "2024-11-05", capabilities: {}, clientInfo }),
    { jsonrpc: "2.0", method: "notifications/initialized" },
    ask(2, "tools/call", { name: "course_overview" }),
    ask(3, "resources/read", { uri: "lmsmon://data-card" }),
    ask(4, "tools/call", { name: "at_risk" }),
  ]);
  assert.equal(code, 0);
  assert.deepEqual(answers.map(({ id }) => id).sort(), [1, 2, 3, 4]);
  assert.ok(answers.every(({ result }) => result && !result.isError));
}

/** What is wrong is a tool's answer that says what to ask instead. */
async function badInput(client: McpClient, student: string): Promise<void> {
  const wrong: readonly [string, object, RegExp][] = [
    ["student_history", { student: mistyped(student) }, new RegExp(`did you mean ${student}`)],
    ["student_insight", { student: "zebra1" }, /no such pseudonym .*\nfind_students lists .*only pseudonyms/],
    ["student_insight", { student: String(studentId(1)) }, /Cannot find student of that name/],
    ["course_overview", { course: "Phisics" }, /did you mean 41 «Physics»/],
    ["at_risk", { list: "loud" }, /"quiet"\|"struggling"\|"all"/],
    ["at_risk", { at: "2999-01-01" }, /to come/],
    ["explain_event", { event_id: 999_999 }, /student_history gives the event_id/],
    ["find_students", { limmit: 3 }, /limmit/],
    ["find_students", { query: "0\0" }, /query: it holds a NUL/],
    ["find_students", { cursor: "page2" }, /"page2": it is no cursor/],
    ["student_history", { student, cursor: "2026-13-01T00:00:00.000000Z/1" }, /no cursor/],
    ["student_history", { student, cursor: "2026-11-20T00:00:00.000000Z/9999999999999999999" }, /no cursor/],
  ];
  for (const [name, args, says] of wrong) {
    const answer = await client.call(name, args);
    assert.ok(answer.isError, name);
    assert.match(answer.content[0].text, says);
  }
}

/** A pseudonym whose end is another one, whatever it ended with. */
const mistyped = (pseudonym: string) => `${pseudonym.slice(0, 30)}${pseudonym.endsWith("00") ? "11" : "00"}`;

async function limited(place: McpPlace): Promise<void> {
  await using client = McpClient.start(place.folder, ["--identified", "--mentor", "zebra-mentor0"], STATELESS);
  assert.equal((await client.request("server/discover")).cacheScope, "private");
  const list = await client.request("tools/list");
  assert.deepEqual([list.cacheScope, list.ttlMs > 0, list.tools.length], ["private", true, TOOLS.length]);

  const { students } = await client.call("find_students");
  assert.deepEqual(students.map(({ id }: Json) => Number(id)).sort(), OWN);
  assert.deepEqual(students.flatMap(({ name }: Json) => name ?? []), ["«Xylander 3»"]);
  assert.equal((await client.call("find_students", { query: "zebra30" })).found, 0);
  const own = await client.call("student_history", { student: "zebra3" });
  assert.equal(own.student, String(OWN[2]));
  const { told } = await client.call("explain_event", { event_id: own.items.at(-1).event_id });
  assert.deepEqual(told.map(({ mentor }: Json) => mentor), [String(MENTORS[0])]);
  const { courses: [course] } = await client.call("course_overview");
  assert.deepEqual([course.students, course.n_cohort], [OWN.length, STUDENTS]);
  const risk = await client.call("at_risk");
  assert.ok(risk.students.length >= 2 && risk.students.every(({ student }: Json) => OWN.includes(Number(student))));
  const card = JSON.parse((await client.request("resources/read", { uri: "lmsmon://data-card" })).contents[0].text);
  assert.deepEqual([card.students, card.sources[0].events], [OWN.length, 6]);

  const [other] = await place.db.sql`
    select event_id from lmsmon.lms_activity_events where student_id = ${studentId(9)} limit 1`;
  for (
    const [name, args] of [
      ["student_history", { student: "zebra9" }],
      ["student_insight", { student: String(studentId(30)) }],
      ["explain_event", { event_id: other?.["event_id"] }],
    ] as const
  ) {
    const answer = await client.call(name, args);
    assert.ok(answer.isError, name);
    assert.match(answer.content[0].text, /^Cannot find .* that may be seen/);
  }
  // What was asked is said again in the refusal.
  const others = client.lines.filter((line) => /7700(0[4-9]|[1-3]\d)/.test(line) && !/Cannot find student/.test(line));
  assert.deepEqual(others, []);
}
