import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { listConsumers } from "../../sql/state/consumers.ts";
import { CommandError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import { insertPeople, insertRows, manyRows } from "../export/_events.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { idsIn, run as runOn } from "./run_export.ts";

const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("a consumer begins after what it acknowledged, files come whole, and keys of others are refused", async () => {
  const home = await Deno.makeTempDir();
  const url = `pglite:${home}/state`;
  const run = (options: Parameters<typeof runOn>[1]) => runOn(url, options);
  try {
    {
      await using db = await openState({ url, password: null });
      await insertPeople(db);
      await insertRows(db, manyRows(300, (i) => ({ event_type: i % 2 === 0 ? "exam_passed" : "exam_failed" })));
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
