import assert from "node:assert/strict";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { PROGRAM, START } from "../support/program.ts";
import { McpPlace } from "../mcp/mcp_place.ts";

/** In a shell, with `lmsmon` for the program. */
async function shell(folder: string, command: string) {
  const lmsmon = [Deno.execPath(), ...START, PROGRAM].map((word) => `'${word}'`).join(" ");
  const args = ["-c", `lmsmon() { ${lmsmon} "$@"; }; ${command}`];
  const { code, stderr } = await new Deno.Command("sh", { args, cwd: folder }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

Deno.test("- is stdout wherever a file is to be written, and what was in it stays", async (t) => {
  await using place = await McpPlace.make(() => Promise.resolve());
  const lmsmon = LmsmonHome.at(place.folder);
  const names = () => [...Deno.readDirSync(place.folder)].map(({ name }) => name).toSorted();
  const before = names();
  await t.step("report", async () => {
    const { code, out, err } = await lmsmon.run("report", "--out", "-");
    assert.deepEqual([code, /^<!doctype html>[^]*<\/html>\s*$/i.test(out)], [0, true], err);
    const both = await lmsmon.run("report", "--out", "-", "--json");
    assert.deepEqual([both.code, both.out], [2, ""], both.err);
    assert.match(both.err, /Cannot print JSON to where the page goes/);
  });
  await t.step("insights fit", async () => {
    const both = await lmsmon.run("insights", "fit", "--outcomes", "o.csv", "--out", "-", "--json");
    assert.match(both.err, /Cannot print JSON to where the constants go/);
  });
  await t.step("init, which prints there what it asks, says so", async () => {
    const { code, out, err } = await lmsmon.run("init", "--out", "-");
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, /Cannot write a configuration to stdout/);
  });
  assert.deepEqual(names(), before, "no file of that name");
  await t.step("state dump, behind what a file held", async () => {
    const { code, err } = await shell(place.folder, "echo before > all && lmsmon state dump - >> all");
    assert.equal(code, 0, err);
    const all = await Deno.readFile(`${place.folder}/all`);
    const head = new TextEncoder().encode("before\n");
    assert.deepEqual(all.slice(0, head.length), head);
    await Deno.writeFile(`${place.folder}/dump.gz`, all.slice(head.length));
    const other = await shell(place.folder, "gzip -t dump.gz");
    assert.equal(other.code, 0, other.err);
  });
});
