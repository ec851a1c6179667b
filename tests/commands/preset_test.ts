import assert from "node:assert/strict";
import { LmsmonHome } from "../support/lmsmon_process.ts";

Deno.test("a preset or a file that is named is shown before there is a configuration, which only the configured one needs", async () => {
  await using home = await LmsmonHome.make({});
  await Deno.remove(`${home.folder}/config.yaml`);
  for (const name of ["testpress", "moodle"]) {
    const { code, out, err } = await home.run("preset", "show", name);
    assert.deepEqual([code, err], [0, ""], name);
    assert.match(out, new RegExp(`^# A copy of preset ${name} to change`));
    await Deno.writeTextFile(`${home.folder}/${name}.yaml`, out);
    assert.equal((await home.run("preset", "show", `./${name}.yaml`)).code, 0);
  }
  for (const args of [["show"], ["show", "custom"], ["check", "moodle"]]) {
    const { code, err } = await home.run("preset", ...args);
    assert.equal(code, 2);
    assert.match(err, /^error: Cannot find a configuration: looked for/, args.join(" "));
  }
  const { code, err } = await home.run("preset", "show", "canvas");
  assert.deepEqual([code, err.split("\n")[0]], [2, 'error: Cannot use preset "canvas": unknown']);
});
