import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { redact, registerUrlSecrets, Secret } from "../../lib/base/secrets.ts";

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

Deno.test("P7: redact() masks passwords and secret parameters of any URL, whoever prints it", () => {
  const masked: [string, string][] = [
    ["cannot open postgres://ro:s3cret@h/db?sslpassword=S", "cannot open postgres://ro:***@h/db?sslpassword=***"],
    ["mysql://h/db?passwd=S&charset=utf8", "mysql://h/db?passwd=***&charset=utf8"],
    ["?a=1&API-KEY=x%20y&b=2", "?a=1&API-KEY=***&b=2"],
    [
      "https://x.example/?access_token=t&client_secret=u;pwd=v",
      "https://x.example/?access_token=***&client_secret=***;pwd=***",
    ],
    ['{"url":"mysql://h/db?my%50assword=x"}', '{"url":"mysql://h/db?my%50assword=***"}'],
  ];
  for (const [text, expected] of masked) assert.equal(redact(text), expected);
  for (
    const text of ["https://zulip.example.org:8443/a?page=2&sort=name", "a = b, c=d?e", "mentor@x.example: Re: x@y"]
  ) {
    assert.equal(redact(text), text);
  }
});

Deno.test("registerUrlSecrets() takes no path of a key file for a secret", () => {
  registerUrlSecrets("postgres://h/db?sslkey=/etc/lmsmon/client.key&sslpassword=tr0ub4dor");
  assert.equal(
    redact("/etc/lmsmon/client.key: permission denied (tr0ub4dor)"),
    "/etc/lmsmon/client.key: permission denied (***)",
  );
});
