import assert from "node:assert/strict";
import fc from "fast-check";
import { ALL_KEYS, checkTree } from "../../lib/config/check_tree.ts";
import { fillEnv } from "../../lib/config/fill_env.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { parseYaml } from "../../lib/config/parse_yaml.ts";
import { setAt } from "../../lib/config/tree.ts";
import { ConfigError } from "../../lib/base/errors.ts";

const EXAMPLE = Deno.readTextFileSync(new URL("../../config.example.yaml", import.meta.url));

Deno.test("checkTree() takes or refuses any value at any key, and never throws", () => {
  const anyKey = fc.constantFrom(...ALL_KEYS);
  fc.assert(
    fc.property(anyKey, fc.oneof(fc.jsonValue(), fc.bigInt(), fc.string()), (key, value) => {
      const tree = {};
      setAt(tree, key, value);
      const { config, problems } = checkTree(fillEnv(tree, {}, () => true, []));
      assert.equal(config === null, problems.length > 0);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseYaml() and locate() never throw for the example with any piece cut out or put in", () => {
  const cut = fc.tuple(fc.nat(EXAMPLE.length), fc.nat(20), fc.string({ unit: "binary", maxLength: 6 }));
  fc.assert(
    fc.property(cut, ([at, length, insert]) => {
      const tree = parseYaml(EXAMPLE.slice(0, at) + insert + EXAMPLE.slice(at + length));
      if (tree.errors.length === 0) {
        for (const { path, atKey } of checkTree(tree.value).problems) tree.locate(path, atKey ?? false);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("P7: parseYaml() quotes nothing of the file, however broken it is", () => {
  const sign = fc.constantFrom(
    ..."[]{},&*!|>'\"%@`#\\?\t\n\r=<",
    ": ",
    "- ",
    " #",
    "!!",
    "---",
    "|9",
    "%TAG ",
    "%YAML ",
    "!<",
  );
  const word = fc.constantFrom("hunter2", "hunter2hunter2", "lms", "password");
  fc.assert(
    fc.property(fc.array(fc.oneof(sign, word), { maxLength: 14 }), (parts) => {
      for (const { message } of parseYaml(parts.join("")).errors) assert.ok(!/hunt|unter/.test(message), message);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("loadConfig() throws nothing but ConfigError, whatever its text and variables", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  const piece = fc.constantFrom(
    ..."lms: url state {}[],&*a!|>-?%@`'\"#\n \t:${}A.".split(""),
    ...ALL_KEYS.map((k) => k.join(": {")),
    "${A}",
    "\n  ",
  );
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.string(), async (pieces, variable) => {
        await Deno.writeTextFile(file, pieces.join(""));
        const env = { A: variable, LMS_ACTIVITY_POLL_INTERVAL: variable, LMS_EVENT_TYPES_TO_MONITOR: variable };
        const needs = ["lms", "state", "delivery"] as const;
        await loadConfig({ flag: file, env, cwd: "/tmp", home: null, needs }).catch((error: unknown) => {
          assert(error instanceof ConfigError, `${error instanceof Error ? error.stack : error}`);
        });
      }),
      { numRuns: 300 },
    );
  } finally {
    await Deno.remove(file);
  }
});
