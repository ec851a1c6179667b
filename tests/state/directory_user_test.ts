import assert from "node:assert/strict";
import { denied } from "../../lib/state/directory_user.ts";

Deno.test({
  ignore: Deno.build.os === "windows",
  name:
    "who may not make the state's directory is told to have it made, by name: chown of what is not there would fail",
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_state_" });
  try {
    const missing = denied({ path: `${folder}/state` });
    assert.match(missing, new RegExp(`^make it for .* install -d -o (?!USER)\\S+ -m 700 ${folder}/state$`));
    const there = denied({ path: folder });
    assert.match(there, new RegExp(`^give it to .* chown -R (?!USER)\\S+ ${folder}; chmod 700 ${folder}$`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
