import assert from "node:assert/strict";
import { join } from "node:path";
import { realPostgres } from "../support/databases.ts";
import { farFromMidnight } from "../support/far_from_midnight.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { customLms } from "../support/presets/custom_lms.ts";
import { createServerDatabase } from "../support/state/server_state.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";

const server = await realPostgres();
const file = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));
const MAPPING = new URL("../../docs/presets/uuid.yaml", import.meta.url).pathname;

const STUDENT = "a0000000-0000-4000-8000-000000000001";
const MENTOR = "b0000000-0000-4000-8000-000000000001";
const COURSE = "c0000000-0000-4000-8000-000000000001";
const EXAM = "d0000000-0000-4000-8000-000000000001";
/** An id that stands for a text or a pair. */
const SURROGATE = /(?<![\w.-])(?:[4-9]\d{18}|-\d{19})(?!\w)/;

/** In this order. `says`: what stdout has, as the LMS calls it. */
const COMMANDS: readonly {
  readonly args: readonly string[];
  readonly says: readonly string[];
  readonly code?: number;
}[] = [
  { args: ["map-users", "--only", "all"], says: [`mentor ${MENTOR}`, `student ${STUDENT}`] },
  { args: ["map-users", "--only", "all", "--json"], says: [`"id":"${MENTOR}"`] },
  { args: ["map-users", "--csv"], says: [MENTOR] },
  { args: ["explain", "student", STUDENT], says: [STUDENT, MENTOR] },
  { args: ["explain", "mentor", MENTOR], says: [MENTOR] },
  { args: ["explain", "--student", STUDENT, "--mentor", MENTOR, "--exam", EXAM], says: [STUDENT] },
  { args: ["explain", "event", "1", "--json"], says: [] },
  { args: ["pause", "--mentor", MENTOR, "--reason", "away"], says: [MENTOR] },
  { args: ["pause", "--student", STUDENT, "--reason", "ill"], says: [STUDENT] },
  { args: ["pause", "--exam", EXAM, "--reason", "marked anew", "--json"], says: [EXAM] },
  { args: ["stats"], says: [STUDENT, MENTOR, EXAM] },
  { args: ["stats", "--json"], says: [STUDENT] },
  { args: ["resume", "--exam", EXAM], says: [EXAM] },
  { args: ["resume", "--student", STUDENT, "--json"], says: [STUDENT] },
  { args: ["resume", "--all"], says: [MENTOR] },
  { args: ["audit"], says: [MENTOR, STUDENT, EXAM] },
  { args: ["audit", "--json"], says: [MENTOR] },
  { args: ["retry", "--mentor", MENTOR], says: [MENTOR] },
  { args: ["preview", "--day", "today"], says: [MENTOR] },
  { args: ["history", STUDENT], says: [] },
  { args: ["insights", "--mentor", MENTOR], says: [] },
  { args: ["insights", "--explain", STUDENT], says: [] },
  { args: ["insights", "evaluate", "--outcomes", "outcomes.csv"], says: [COURSE] },
  { args: ["report", "--identified", "--out", "reports/"], says: [MENTOR, `mentor-${MENTOR}.html`] },
  { args: ["report", "--identified", "--out", "reports/", "--json"], says: [`"mentor_id":"${MENTOR}"`] },
  { args: ["export-ai", "--student", STUDENT, "--identified"], says: [STUDENT, EXAM] },
  { args: ["privacy", "show", STUDENT], says: [STUDENT] },
  { args: ["privacy", "erase", STUDENT, "--reason-code", "art17", "--dry-run"], says: [] },
  // Slips: what may have been meant is shown as the LMS has it.
  { args: ["explain", "student", STUDENT.replace("a0", "a1")], says: [], code: 1 },
  { args: ["explain", "student", MENTOR], says: [], code: 1 },
  { args: ["pause", "--exam", EXAM.replace("d0", "d1"), "--reason", "x"], says: [], code: 1 },
  { args: ["insights", "--course", COURSE.replace("c0", "c1")], says: [], code: 1 },
];

Deno.test({
  name: "where the LMS's keys are texts, every command takes and shows them, and no id that stands for one",
  ignore: server === null,
  fn: async (t) => {
    if (server === null) return;
    await using stack = new AsyncDisposableStack();
    const lms = stack.use(await customLms(server, await file("../support/presets/uuid.sql")));
    const zulip = stack.use(await startArmedStandIn({ rateLimit: UNLIMITED }));
    zulip.addUser({ email: "mentor1@institute.example", fullName: "Gina" });
    const state = await createServerDatabase(true);
    stack.defer(state.drop);
    const home = stack.use(
      await LmsmonHome.make({
        lms: { name: "school", preset: "custom", mapping: MAPPING, url: lms.url },
        state: { url: state.url },
        notify: { digest: { at: [] }, gather: 0, max_per_mentor: null, fallback: null, timezone: farFromMidnight() },
        zulip: { site: zulip.site, email: zulip.bot.email, api_key: zulip.bot.apiKey },
      }),
    );
    const run = async (args: readonly string[], code = 0) => {
      const done = await home.run(...args);
      assert.equal(done.code, code, `${args.join(" ")}: ${done.err}${done.out}`);
      // Hashes of rows are such numbers, too.
      assert.doesNotMatch(done.out.replaceAll(/"(?:hash|fingerprint)":"?-?\d+"?/g, ""), SURROGATE, args.join(" "));
      assert.doesNotMatch(done.err, SURROGATE, args.join(" "));
      return done;
    };
    // As many as a score needs.
    await lms.execute(
      `insert into users select cast(concat('e1000000-0000-4000-8000-0000000000', 10 + n) as uuid), 'student', concat('s', n), null,
                                concat('S', n), true from generate_series(1, 30) n;
       insert into submissions select cast(concat('51000000-0000-4000-8000-0000000000', 10 + n) as uuid),
                                cast(concat('e1000000-0000-4000-8000-0000000000', 10 + n) as uuid), '${EXAM}', 'handed in', n % 20, false,
                                '2026-11-20 09:00:00', '2026-11-20 09:20:00' from generate_series(1, 30) n`,
    );
    await Deno.writeTextFile(
      join(home.folder, "outcomes.csv"),
      `\uFEFFstudent,course,outcome\r\n"${STUDENT}",Algebra,1\r\nben,"${COURSE}",0\r\n`,
    );
    await t.step("poll-once, told and quarantined", async () => {
      await run(["poll-once"]);
      await lms.execute(
        `insert into submissions (id, user_id, test_id, status, points, started_at, handed_in_at) values
           ('90000000-0000-4000-8000-000000000001', '${STUDENT}', '${EXAM}', 'handed in', 20, now(), now()),
           ('90000000-0000-4000-8000-000000000002', '${STUDENT}', '${EXAM}', 'lost', null, now(), null)`,
      );
      assert.match((await run(["poll-once", "--dry-run"])).out, new RegExp(STUDENT));
      assert.match((await run(["poll-once"])).err, new RegExp(`to mentor:${MENTOR}`));
      assert.match((await run(["stats"])).out, /90000000-0000-4000-8000-000000000002/);
    });
    for (const { args, says, code } of COMMANDS) {
      await t.step(args.join(" "), async () => {
        const { out, err } = await run(args, code);
        for (const text of says) assert.ok(out.includes(text), `${text} is missing in: ${out}`);
        if (code === 1) {
          assert.match(err, new RegExp(args.includes("--exam") ? EXAM : `${STUDENT}|${MENTOR}|${COURSE}`));
        }
      });
    }
  },
});
