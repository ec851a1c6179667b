import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { listConsumers } from "../../sql/state/consumers.ts";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { Config } from "../../lib/config/config.ts";
import { CommandError } from "../../lib/base/errors.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { openState } from "../../lib/state/open_state.ts";
import { eventRow, insertPeople, insertRows, manyRows, METADATA } from "../export/_events.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { idsIn, run as runOn } from "./run_export.ts";

const ZONE = { timezone: "Asia/Kolkata" } as Config["notify"];
const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("a consumer begins after what it acknowledged, files come whole, and keys of others are refused", async () => {
  const home = await Deno.makeTempDir();
  const url = `pglite:${home}/state`;
  const run = (options: Parameters<typeof runOn>[1]) => runOn(url, options);
  try {
    {
      await using db = await openState({ url, password: null });
      await insertPeople(db);
      await insertRows(
        db,
        manyRows(300, (i) => ({
          event_type: i % 2 === 0 ? "exam_passed" : "exam_failed",
          ...(i === 299 ? { activity_metadata: { ...METADATA, revision: 2 } } : {}),
        })),
      );
    }
    // Not acknowledged: the same again. Acknowledged: also what the filter left out is done with.
    const ai = { consumer: "ai" };
    assert.deepEqual((await run({ ...ai, limit: 10 })).ids, span(1, 10));
    assert.deepEqual((await run({ ...ai, limit: 10, ack: true })).ids, span(1, 10));
    assert.equal((await run({ ...ai, types: ["exam_failed"], ack: true })).ids.length, 145);
    assert.equal((await run({ ...ai, ack: true })).text, "");
    {
      await using db = await openState({ url, password: null });
      const consumers = await listConsumers(db.sql);
      assert.deepEqual(consumers.map(({ name, lag }) => [name, lag]), [["ai", "0"]]);
    }
    assert.deepEqual((await run({ after: "298" })).ids, [299, 300]);
    const warnings: unknown[] = [];
    const log = {
      info: () => {},
      warn: (...said: unknown[]) => warnings.push(said),
    } as unknown as CommandContext["log"];
    for (const after of ["300", "301"]) assert.deepEqual((await runOn(url, { after }, { log })).ids, []);
    assert.deepEqual(warnings.map((said) => (said as { after: string }[])[1]?.after), ["301"]);
    await runOn(url, { consumer: "a1", limit: 1 }, { log });
    assert.match(JSON.stringify(warnings[1]), /New consumer.*did you mean/);

    const folder = join(home, "parts/");
    await run({ out: folder, splitBytes: 60_000, manifest: true });
    const manifest = JSON.parse(await Deno.readTextFile(join(folder, "events.jsonl.manifest.json"))) as {
      lines: number;
      files: { name: string; sha256: string; lines: number; bytes: number; first_event_id: string }[];
    };
    assert.equal(manifest.lines, 300);
    assert.ok(manifest.files.length > 3);
    const all: number[] = [];
    for (const file of manifest.files) {
      const bytes = await Deno.readFile(join(folder, file.name));
      assert.ok(bytes.length <= 60_000 && bytes.length === file.bytes);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), file.sha256);
      const held = idsIn(new TextDecoder().decode(bytes));
      assert.deepEqual([held.length, String(held[0])], [file.lines, file.first_event_id]);
      all.push(...held);
    }
    assert.deepEqual(all, span(1, 300));
    await assert.rejects(run({ out: folder, splitBytes: 60_000 }), CommandError);

    // Statements are not as many as the events that they are of: here the second one corrects the first.
    await run({ out: join(home, "x.jsonl"), format: "xapi", manifest: true, after: "298" });
    const statements = await Deno.readTextFile(join(home, "x.jsonl"));
    const of = JSON.parse(await Deno.readTextFile(join(home, "x.jsonl.manifest.json"))) as typeof manifest;
    assert.equal(of.lines, statements.split("\n").length - 1);
    assert.deepEqual([of.lines, of.files[0]?.first_event_id], [3, "299"]);
    // The card calls nothing pseudonymous that names people.
    const asked = [[{}, /^pseudonymous/], [{ schema: 1 }, /ids in the LMS, which/], [
      { identified: true },
      /usernames/,
    ]] as const;
    for (const [options, expected] of asked) {
      await run({ ...options, out: join(home, "card.jsonl"), manifest: true, after: "299" });
      const { data_card } = JSON.parse(await Deno.readTextFile(join(home, "card.jsonl.manifest.json")));
      assert.match(data_card.personal, expected);
    }

    for (
      const [link, place] of [
        ["https://inst.example:8443/lms/{attempt_id}", "https://inst.example:8443"],
        ["https://inst.example:{attempt_id}/", "https://lms.invalid/testpress"],
        ["https://{attempt_id}/", "https://lms.invalid/testpress"],
      ]
    ) {
      const source = { name: "testpress", links: { exam_attempt: link } };
      const config = {
        state: { url, password: null },
        export: { schema: 2 },
        privacy: { journal: null },
        source,
      } as unknown as Config;
      const { text } = await runOn(url, { format: "xapi", limit: 1 }, { config: { ...config, notify: ZONE } });
      assert.equal((JSON.parse(text) as { actor: { account: { homePage: string } } }).actor.account.homePage, place);
    }

    const [gz, zst] = [join(home, "a.csv.gz"), join(home, "a.jsonl.zst")];
    await run({ format: "csv", out: gz });
    assert.equal(gunzipSync(await Deno.readFile(gz)).toString().split("\n").length, 302);
    await run({ out: zst });
    assert.deepEqual(idsIn(zstdDecompressSync(await Deno.readFile(zst)).toString()), span(1, 300));

    const key = join(home, "key");
    await Deno.writeTextFile(key, `${"k".repeat(40)}\n`, { mode: 0o644 });
    await assert.rejects(run({ pseudonyms: key }), /others may read it/);
    await Deno.chmod(key, 0o600);
    const student = (text: string) => (JSON.parse(text) as { student: { id: string } }).student.id;
    const plain = student((await run({ limit: 1 })).text);
    assert.notEqual(plain, student((await run({ limit: 1, pseudonyms: key })).text));
    assert.deepEqual((await run({ student: plain, limit: 2 })).ids, [1, 2]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("export-ai --follow goes on with what is recorded, ends well by a signal, and consumers shows how far it came", async () => {
  await using home = await LmsmonHome.make({ state: { url: "pglite:./state" } });
  {
    await using db = await openState({ url: `pglite:${home.folder}/state`, password: null });
    await insertRows(db, manyRows(3));
    await using follower = home.start("export-ai", "--follow", "--consumer", "ai", "--ack");
    await follower.said(/Exported 3 events/);
    await insertRows(db, manyRows(5).slice(3));
    await follower.said(/Exported 2 events/);
    follower.kill("SIGTERM");
    const { code, out, err } = await follower.finished;
    assert.deepEqual([code, idsIn(out)], [0, span(1, 5)], err);
  }
  const { consumers } = JSON.parse((await home.run("consumers", "--json")).out) as {
    consumers: { name: string; lag: number }[];
  };
  assert.deepEqual(consumers.map(({ name, lag }) => [name, lag]), [["ai", 0]]);
  const unknown = await home.run("consumers", "drop", "aj");
  assert.deepEqual([unknown.code, /did you mean "ai"/.test(unknown.err)], [2, true]);
  assert.equal((await home.run("consumers", "drop", "ai", "--yes")).code, 0);
});

Deno.test("whoever follows one student hears that the student was erased, whoever follows another does not", async () => {
  await using home = await LmsmonHome.make({ state: { url: "pglite:./state" } });
  await using db = await openState({ url: `pglite:${home.folder}/state`, password: null });
  await insertRows(db, manyRows(4, (i) => ({ student_id: i % 2 === 0 ? "7" : "8" })));
  await db.sql`select setval('lmsmon.event_ids', 4)`;
  const follow = (student: string) => home.start("export-ai", "--follow", "--student", student);
  await using seven = follow("7");
  await using eight = follow("8");
  for (const follower of [seven, eight]) await follower.said(/Exported 2 events/);
  await erase(db, { role: "student", source: "testpress", id: "7" }, { reasonCode: "art17", dryRun: false });
  await seven.printed(/"kind":"erasure"/);
  await insertRows(db, [eventRow({ event_id: "6", attempt_id: "2000", student_id: "8" })]);
  await eight.printed(/"event_id":6,/);
  const ended = await Promise.all([seven, eight].map((follower) => follower.stop("SIGTERM")));
  assert.deepEqual(ended.map(({ out }) => idsIn(out)), [[1, 3, 5], [2, 4, 6]]);
});
