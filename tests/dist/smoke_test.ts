import assert from "node:assert/strict";
import { startZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { makeLms } from "../support/lms/lms_database.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { makeOwnPlace } from "./own_place.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const COMMANDS = [
  "migrate",
  "poll-once",
  "watch",
  "notify-test",
  "export-ai",
  "map-users",
  "release",
  "reconcile",
  "report",
  "stats",
  "doctor",
  "demo",
];

/** The released file in an empty folder, with neither deno nor node on PATH, as a newcomer's server has it. */
async function released() {
  const stack = new AsyncDisposableStack();
  const folder = makeOwnPlace(".lmsmon-dist-");
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const build = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ".ci/build.ts", `${folder}/dist`],
    cwd: ROOT,
    stderr: "piped",
    stdout: "piped",
  }).output();
  assert.ok(build.success, new TextDecoder().decode(build.stderr));
  await Deno.mkdir(`${folder}/bin`);
  for (const tool of ["sh", "tar", "gzip", "tail", "mkdir", "rm", "ln", "readlink"]) {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${tool}`] }).output();
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), `${folder}/bin/${tool}`);
  }
  await Deno.mkdir(`${folder}/work`);
  const run = async (args: string[], file = `${folder}/dist/lmsmon`) => {
    const output = await new Deno.Command(file, {
      args,
      cwd: `${folder}/work`,
      clearEnv: true,
      env: { PATH: `${folder}/bin`, HOME: folder },
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
  };
  return { folder, run, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test({
  name: "the released file runs alone: help, demo, migrate, poll-once on both databases, damaged and started twice",
  ignore: Deno.build.os !== "linux",
  fn: async (t) => {
    await using file = await released();

    await t.step("two first starts at once leave one copy", async () => {
      const both = await Promise.all([file.run(["--version"]), file.run(["--version"])]);
      for (const { code, stdout, stderr } of both) {
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^lmsmon \d+\.\d+\.\d+\n$/);
      }
      const cache = [...Deno.readDirSync(`${file.folder}/.cache/lmsmon`)].filter((entry) => entry.isDirectory);
      assert.equal(cache.length, 1);
    });

    await t.step("every command has help", async () => {
      for (const command of COMMANDS) {
        const { code, stdout } = await file.run([command, "--help"]);
        assert.equal(code, 0);
        assert.match(stdout, new RegExp(`^Usage: lmsmon ${command}`));
      }
    });

    await t.step("a damaged file says so", async () => {
      const bytes = await Deno.readFile(`${file.folder}/dist/lmsmon`);
      await Deno.writeFile(`${file.folder}/short`, bytes.subarray(0, bytes.length / 2), { mode: 0o755 });
      await Deno.remove(`${file.folder}/.cache`, { recursive: true });
      const { code, stderr } = await file.run(["--version"], `${file.folder}/short`);
      assert.equal(code, 1);
      assert.match(stderr, /is damaged or the disk is full; copy it again/);
    });

    await t.step("no fail point of the chaos harness is in it", async () => {
      await file.run(["--version"]);
      const cache = `${file.folder}/.cache/lmsmon`;
      for (const copy of Deno.readDirSync(cache)) {
        if (!copy.isDirectory) continue;
        for (const entry of Deno.readDirSync(`${cache}/${copy.name}/program`)) {
          if (!entry.name.endsWith(".js")) continue;
          const text = await Deno.readTextFile(`${cache}/${copy.name}/program/${entry.name}`);
          assert.ok(!text.includes("LMSMON_FAIL_POINT"), entry.name);
        }
      }
    });

    for (const [name, server] of [["postgres", await realPostgres()], ["mariadb", await realMariaDb()]] as const) {
      await t.step({
        name: `migrate and poll-once with ${name}`,
        ignore: server === null,
        fn: async () => {
          await using lms = await makeLms(server, `dist_${name}`);
          await using zulip = await startZulipStandIn({ users: [{ email: "mentor1@institute.example" }] });
          const student = await lms.writer.student();
          await lms.writer.link(await lms.writer.mentor(), student);
          const exam = await lms.writer.exam();
          const course = await lms.writer.course(); // what is of no course is in no report
          const content = await lms.writer.content({ course_id: course, content_type: "Exam", examId: exam });
          await lms.writer.inChapter(content, await lms.writer.chapter({ course_id: course }));
          const attempt = await lms.writer.attempt({ user_id: student, exam_id: exam });
          await Deno.writeTextFile(`${file.folder}/work/zuliprc`, zulip.zuliprc());
          await Deno.writeTextFile(
            `${file.folder}/work/config.yaml`,
            `lms: {url: "${lms.config.url}"}\nstate: {url: "pglite:./state-${name}"}\nzulip: {config_file: zuliprc}\n`,
          );
          const migrated = await file.run(["migrate"]);
          assert.equal(migrated.code, 0, migrated.stderr);
          const first = await file.run(["poll-once", "--json"]);
          assert.equal(first.code, 0, first.stderr);
          assert.equal(JSON.parse(first.stdout).poll.events, 1);
          await lms.writer.updateAttempt(Number(attempt), {
            state: "Completed",
            result: "Pass",
            score: 148,
            percentage: 82,
          });
          const second = await file.run(["poll-once", "--json"]);
          assert.equal(second.code, 0, second.stderr);
          assert.equal(JSON.parse(second.stdout).delivery.sent, 1);
          assert.equal(zulip.messages.length, 1);
          const report = await file.run(["report", "--students", String(student), "--out", "report.html"]);
          assert.equal(report.code, 0, report.stderr);
          assert.match(await Deno.readTextFile(`${file.folder}/work/report.html`), /<svg class="plot"[^]*<circle /);
        },
      });
    }

    await t.step("demo", async () => {
      const { code, stdout, stderr } = await file.run(["demo"]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /Done: \d+ events stored/);
    });
  },
});
