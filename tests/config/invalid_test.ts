import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { loadConfig } from "../../lib/config/load_config.ts";

const FOLDER = new URL("./invalid/", import.meta.url);

for (const { name } of [...Deno.readDirSync(FOLDER)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const text = Deno.readTextFileSync(new URL(name, FOLDER));
  const expected = /^# deno-fmt-ignore-file; expect: (.*)$/m.exec(text)?.[1] ?? "";

  Deno.test(`loadConfig() says what is wrong in invalid/${name}`, async () => {
    const loading = loadConfig({ flag: name, env: {}, cwd: FOLDER.pathname, home: null });
    const error = await loading.then(() => assert.fail("was accepted"), (error) => error);
    assert(error instanceof ConfigError, String(error));
    const where = /^\d+:/.test(expected) ? `${name}:` : `${name}: `;
    assert.equal(error.message, where + expected);
    assert(!/hunter/.test(`${error.message}${error.hint}${error.stack}`), "a password is in the error");
  });
}
