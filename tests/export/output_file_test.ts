import assert from "node:assert/strict";
import { join } from "node:path";
import { openOutputFile } from "../../lib/export/output_file.ts";
import { rawWriter } from "../../lib/export/line_writer.ts";
import { PartFiles, partTarget } from "../../lib/export/part_files.ts";
import { CommandError } from "../../lib/base/errors.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("openOutputFile() makes the file appear whole, readable by its owner only", () =>
  withFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    await Deno.writeTextFile(path, "old");
    await using file = await openOutputFile(path);
    await file.write(bytes("new\n"));
    assert.equal(await Deno.readTextFile(path), "old");
    await file.commit();
    assert.equal(await Deno.readTextFile(path), "new\n");
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(await names(folder), ["events.jsonl"]);
  }));

Deno.test("openOutputFile() leaves what was there when it is not committed", () =>
  withFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    await Deno.writeTextFile(path, "old");
    {
      await using file = await openOutputFile(path);
      await file.write(bytes("half"));
    }
    assert.equal(await Deno.readTextFile(path), "old");
    assert.deepEqual(await names(folder), ["events.jsonl"]);
  }));

Deno.test("openOutputFile() writes through a link to what it names", () =>
  withFolder(async (folder) => {
    const path = join(folder, "real");
    await Deno.writeTextFile(path, "old");
    await Deno.symlink(path, join(folder, "link"));
    await using file = await openOutputFile(join(folder, "link"));
    await file.commit();
    assert.equal(await Deno.readTextFile(path), "");
    assert.ok((await Deno.lstat(join(folder, "link"))).isSymlink);
  }));

Deno.test("openOutputFile() writes a device directly", async () => {
  await using file = await openOutputFile("/dev/null");
  await file.write(bytes("x"));
  await file.commit();
});

Deno.test("openOutputFile() says why it cannot write", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    for (
      const [path, reason] of [
        [join(folder, "missing", "x"), /^Cannot write .*: the folder does not exist$/],
        [folder, /^Cannot write .*: it is a directory$/],
        [join(folder, "file", "x"), /^Cannot write .*: a part of its path is no folder$/],
      ] as const
    ) {
      await assert.rejects(openOutputFile(path), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.message, reason);
        assert.ok(error.hint);
        return true;
      });
    }
  }));

Deno.test({
  name: "openOutputFile() names the path and the space of a full disk",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // A process of its own: only one that may do everything may write to this device.
    const module = new URL("../../lib/export/output_file.ts", import.meta.url).href;
    const script = `import { openOutputFile } from "${module}";
      await using file = await openOutputFile("/dev/full");
      await file.write(new Uint8Array(10)).catch((error) => console.log(String(error)));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", script] }).output();
    assert.match(
      new TextDecoder().decode(stdout),
      /^CommandError: Cannot write \/dev\/full: No space left on device \(os error 28\), \d+ MB of \d+ MB free\n$/,
    );
  },
});

Deno.test("openOutputFile() leaves nothing of a file that could not get its name", () =>
  withFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    {
      await using file = await openOutputFile(path);
      await file.write(bytes("a student's data"));
      await Deno.mkdir(join(path, "in the way"), { recursive: true });
      await assert.rejects(file.commit(), CommandError);
    }
    assert.deepEqual(await names(folder), ["events.jsonl"]);
  }));

Deno.test("a split export begins with a line, however large, and not among the files of an earlier one", () =>
  withFolder(async (folder) => {
    const options = { split: 20, view: "events", extension: "jsonl", hashed: false };
    const target = await partTarget(folder, options);
    await using parts = new PartFiles(target);
    await parts.begin();
    const writer = rawWriter({ parts }, true);
    await writer.write(bytes(`{"event_id":1,"a":"${"x".repeat(40)}"}\n{"event_id":2}\n`));
    await writer.end();
    assert.deepEqual(parts.facts.map(({ firstEventId, lines }) => [firstEventId, lines]), [["1", 1], ["2", 1]]);
    await Deno.writeTextFile(join(folder, "events-00007.jsonl"), "");
    await assert.rejects(partTarget(folder, options), /events-00007\.jsonl is there already/);
    await partTarget(join(folder, "other.jsonl"), options);
    // One file among them neither: it would take their manifest's place, and readers of the folder would have everything twice.
    await assert.rejects(
      partTarget(folder, { ...options, split: null }),
      /Cannot write .*events\.jsonl: events-00007\.jsonl is there already/,
    );
    await partTarget(join(folder, "events.jsonl"), { ...options, split: null });
  }));

Deno.test("of several files none is there when one of them cannot get its name", () =>
  withFolder(async (folder) => {
    const target = await partTarget(folder, { split: 20, view: "events", extension: "jsonl", hashed: false });
    {
      await using parts = new PartFiles(target);
      const writer = rawWriter({ parts }, true);
      for (let id = 1; id <= 3; id++) await writer.write(bytes(`{"event_id":${id},"a":"x"}\n`));
      await writer.end();
      assert.equal(parts.facts.length, 3);
      await Deno.mkdir(join(folder, "events-00002.jsonl", "in the way"), { recursive: true });
      await assert.rejects(parts.commit(), /events-00002\.jsonl/);
    }
    assert.deepEqual(await names(folder), ["events-00002.jsonl"]);
  }));
