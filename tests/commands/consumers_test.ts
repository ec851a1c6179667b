import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { openState } from "../../lib/state/open_state.ts";
import { insertPeople, insertRows, manyRows } from "../export/_events.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";

const ids = (text: string) =>
  text.split("\n").filter((line) => line !== "").map((line) => (JSON.parse(line) as { event_id: number }).event_id);
const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("a consumer begins after what it acknowledged, files come whole, and combinations without sense end with 2", async () => {
  await using home = await LmsmonHome.make({ state: { url: "pglite:./state" } });
  {
    await using db = await openState({ url: `pglite:${home.folder}/state`, password: null });
    await insertPeople(db);
    await insertRows(db, manyRows(300, (i) => ({ event_type: i % 2 === 0 ? "exam_passed" : "exam_failed" })));
  }
  const run = (...args: string[]) => home.run(...args);
  // Not acknowledged: the same again. Acknowledged: also what the filter left out is done with.
  const first = await run("export-ai", "--consumer", "ai", "--limit", "10");
  assert.deepEqual(ids(first.out), span(1, 10), first.err);
  assert.deepEqual(ids((await run("export-ai", "--consumer", "ai", "--limit", "10", "--ack")).out), span(1, 10));
  assert.equal(ids((await run("export-ai", "--consumer", "ai", "--type", "exam_failed", "--ack")).out).length, 145);
  assert.equal((await run("export-ai", "--consumer", "ai", "--ack")).out, "");
  const listed = JSON.parse((await run("consumers", "--json")).out) as { consumers: { name: string; lag: number }[] };
  assert.deepEqual(listed.consumers.map(({ name, lag }) => [name, lag]), [["ai", 0]]);
  assert.deepEqual(ids((await run("export-ai", "--after", "298")).out), [299, 300]);

  const folder = join(home.folder, "parts/");
  const parts = await run("export-ai", "--out", folder, "--split", "60KB", "--manifest");
  assert.equal(parts.code, 0, parts.err);
  const manifest = JSON.parse(await Deno.readTextFile(join(folder, "events.jsonl.manifest.json"))) as {
    lines: number;
    state_epoch: string;
    files: { name: string; sha256: string; lines: number; bytes: number; first_event_id: string }[];
  };
  assert.equal(manifest.lines, 300);
  assert.ok(manifest.files.length > 3);
  const all: number[] = [];
  for (const file of manifest.files) {
    const bytes = await Deno.readFile(join(folder, file.name));
    assert.ok(bytes.length <= 60_000 && bytes.length === file.bytes);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), file.sha256);
    const held = ids(new TextDecoder().decode(bytes));
    assert.deepEqual([held.length, String(held[0])], [file.lines, file.first_event_id]);
    all.push(...held);
  }
  assert.deepEqual(all, span(1, 300));
  assert.equal((await run("export-ai", "--out", folder, "--split", "60KB")).code, 1);

  const [gz, zst] = [join(home.folder, "a.csv.gz"), join(home.folder, "a.jsonl.zst")];
  assert.equal((await run("export-ai", "--format", "csv", "--out", gz)).code, 0);
  assert.equal(gunzipSync(await Deno.readFile(gz)).toString().split("\n").length, 302);
  assert.equal((await run("export-ai", "--out", zst)).code, 0);
  assert.deepEqual(ids(zstdDecompressSync(await Deno.readFile(zst)).toString()), span(1, 300));

  const key = join(home.folder, "key");
  await Deno.writeTextFile(key, `${"k".repeat(40)}\n`, { mode: 0o644 });
  const refused = await run("export-ai", "--pseudonyms", key);
  assert.deepEqual([refused.code, /others may read it/.test(refused.err)], [1, true]);
  await Deno.chmod(key, 0o600);
  const [plain, keyed] = [
    await run("export-ai", "--limit", "1"),
    await run("export-ai", "--limit", "1", "--pseudonyms", key),
  ];
  const student = (text: string) => (JSON.parse(text) as { student: { id: string } }).student.id;
  assert.notEqual(student(plain.out), student(keyed.out));
  assert.deepEqual(ids((await run("export-ai", "--student", student(plain.out), "--limit", "2")).out), [1, 2]);

  const unknown = await run("consumers", "drop", "aj");
  assert.deepEqual([unknown.code, /did you mean "ai"/.test(unknown.err)], [2, true]);
  assert.equal((await run("consumers", "drop", "ai")).code, 0);
});

Deno.test("export-ai --follow goes on with what is recorded, and ends well by a signal", async () => {
  await using home = await LmsmonHome.make({ state: { url: "pglite:./state" } });
  await using db = await openState({ url: `pglite:${home.folder}/state`, password: null });
  await insertRows(db, manyRows(3));
  await using follower = home.start("export-ai", "--follow", "--consumer", "ai", "--ack");
  await follower.said(/Exported 3 events/);
  await insertRows(db, manyRows(5).slice(3));
  await follower.said(/Exported 2 events/);
  follower.kill("SIGTERM");
  const { code, out, err } = await follower.finished;
  assert.deepEqual([code, ids(out)], [0, span(1, 5)], err);
});
