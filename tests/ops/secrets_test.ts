import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { redact, Secret } from "../../lib/ops/secrets.ts";

Deno.test("P7: Secret prints as *** however it is printed", () => {
  const secret = new Secret("correct horse battery");
  const prints = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }), Deno.inspect([secret])];
  for (const text of prints) {
    assert(!text.includes("horse"), text);
    assert(text.includes("***"), text);
  }
  assert.equal(secret.reveal(), "correct horse battery");
  assert.deepEqual(Object.keys(secret), []);
});

Deno.test("P7: redact() finds a secret plain, in JSON and in a URL, whatever signs it has", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 8, unit: "binary" }), (value) => {
      if (value.includes("*")) return;
      new Secret(value);
      for (const text of [`before ${value} after`, JSON.stringify({ value })]) {
        assert(!redact(text).includes(value), JSON.stringify(value));
      }
    }),
    { numRuns: 50 },
  );
  new Secret('se"cr/et&word');
  assert.equal(redact(`x=${encodeURIComponent('se"cr/et&word')} ${JSON.stringify('se"cr/et&word')}`), 'x=*** "***"');
});

Deno.test("redact() replaces a short secret as a whole word only", () => {
  new Secret("lms");
  assert.equal(redact("lmsmon: password lms refused"), "lmsmon: password *** refused");
});
