import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { FAIL_POINTS } from "../../lib/base/fail_point.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("a release bundle holds no way to arm a fail point", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-bundle-" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", folder, "main.ts"],
      cwd: ROOT,
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    let calls = 0;
    for await (const { name } of Deno.readDir(folder)) {
      const text = await Deno.readTextFile(`${folder}/${name}`);
      for (const word of ["LMSMON_FAIL_POINT", "armFailPoints"]) assert.ok(!text.includes(word), `${name} has ${word}`);
      calls += text.split("failPoint(").length - 1;
    }
    // Were the calls gone too, this test would prove nothing.
    assert.ok(calls > 10, `${calls} calls`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every fail point has exactly one place in the program", async () => {
  const places = new Map<string, number>(FAIL_POINTS.map((point) => [point, 0]));
  for await (const text of sources(`${ROOT}lib`)) {
    for (const [, point = ""] of text.matchAll(/failPoint\("([^"]+)"\)/g)) {
      places.set(point, (places.get(point) ?? 0) + 1);
    }
  }
  assert.deepEqual([...places].filter(([, n]) => n !== 1), []);
});

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (path.endsWith(".ts")) yield await Deno.readTextFile(path);
  }
}
