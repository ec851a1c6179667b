import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { redact, Secret } from "../../lib/base/secrets.ts";
import { normalizeSite, readCredentials } from "../../lib/bot/credentials.ts";
import { zulipConfig } from "../support/zulip.ts";

const NOTHING = { site: null, email: null, apiKey: null };

/** A zuliprc in a folder of its own. */
function zuliprc(text: string): Disposable & { readonly path: string } {
  const dir = Deno.makeTempDirSync({ prefix: "lmsmon-zuliprc-" });
  Deno.writeTextFileSync(`${dir}/zuliprc`, text);
  return { path: `${dir}/zuliprc`, [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }) };
}

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return `${error.message} | ${error.hint ?? ""}`;
  }
  assert.fail("nothing was thrown");
}

Deno.test("readCredentials() reads the zuliprc that Zulip offers", () => {
  using file = zuliprc(
    "[api]\nemail=bot@zulip.example\nkey=abcdefghijklmnopqrstuvwxyz123456\nsite=https://zulip.example/\n",
  );
  const read = readCredentials(zulipConfig({ ...NOTHING, configFile: file.path }));
  assert.equal(read.site, "https://zulip.example");
  assert.equal(read.email, "bot@zulip.example");
  assert.equal(read.key, "abcdefghijklmnopqrstuvwxyz123456");
});

Deno.test("readCredentials() reads what editors make of it: byte order mark, CRLF, blanks, colons, quotes, comments, other sections", () => {
  using file = zuliprc(
    "\uFEFF# mine\r\n[other]\r\nkey=no\r\n[api]\r\n; note\r\nEMAIL : first.last+x@zulip.example \r\n" +
      'key = "abc;def#ghi"\r\n site=localhost:9991\r\n',
  );
  const read = readCredentials(zulipConfig({ ...NOTHING, configFile: file.path }));
  assert.deepEqual([read.site, read.email, read.key], [
    "http://localhost:9991",
    "first.last+x@zulip.example",
    "abc;def#ghi",
  ]);
});

Deno.test("readCredentials() says of a zuliprc in UTF-16 what is wrong with it", () => {
  using file = zuliprc("");
  const text = "[api]\r\nkey=abc\r\n";
  Deno.writeFileSync(file.path, new Uint8Array(Uint16Array.from(`\uFEFF${text}`, (sign) => sign.charCodeAt(0)).buffer));
  const said = messageOf(() => readCredentials(zulipConfig({ ...NOTHING, configFile: file.path })));
  assert.match(said, /zuliprc": it is not UTF-8 text/);
});

Deno.test("readCredentials() cuts no value at ; or # and eats no backslash", () => {
  using file = zuliprc("[api]\nemail=a.b@c.d\nkey=a;b#c\\d=e\nsite=https://zulip.example\n");
  assert.equal(readCredentials(zulipConfig({ ...NOTHING, configFile: file.path })).key, "a;b#c\\d=e");
});

Deno.test("readCredentials() takes the configuration before the file, each value on its own", () => {
  using file = zuliprc("[api]\nemail=file@zulip.example\nkey=filekey\nsite=https://file.example\n");
  const read = readCredentials(zulipConfig({ ...NOTHING, configFile: file.path, site: "https://given.example" }));
  assert.deepEqual([read.site, read.email, read.key], ["https://given.example", "file@zulip.example", "filekey"]);
});

Deno.test("readCredentials() needs no file when everything is given", () => {
  const read = readCredentials(zulipConfig({ configFile: "/nowhere/zuliprc", site: "https://z.example" }));
  assert.equal(read.site, "https://z.example");
});

Deno.test("readCredentials() reads api_key_file anew each time", () => {
  using file = zuliprc("first\n");
  const config = zulipConfig({ apiKey: null, apiKeyFile: file.path });
  assert.equal(readCredentials(config).key, "first");
  Deno.writeTextFileSync(file.path, "second\n");
  assert.equal(readCredentials(config).key, "second");
});

Deno.test("P9: readCredentials() names the file and the key that is missing", () => {
  using file = zuliprc("[api]\nemail=bot@zulip.example\nsite=https://zulip.example\n");
  assert.match(
    messageOf(() => readCredentials(zulipConfig({ ...NOTHING, configFile: file.path }))),
    /api_key is not set and section \[api\] of ".*zuliprc" has no "key" \| Set zulip\.api_key \(or ZULIP_API_KEY\)/,
  );
  using empty = zuliprc("");
  assert.match(
    messageOf(() => readCredentials(zulipConfig({ ...NOTHING, configFile: empty.path }))),
    /Cannot use ".*zuliprc": it has no section \[api\]/,
  );
  assert.match(
    messageOf(() => readCredentials(zulipConfig({ ...NOTHING, configFile: "/nowhere/zuliprc" }))),
    /Cannot read zuliprc "\/nowhere\/zuliprc": no such file/,
  );
  assert.match(
    messageOf(() => readCredentials(zulipConfig({ ...NOTHING }))),
    /site is not set and the configuration has no "site"/,
  );
});

Deno.test("P7: readCredentials() registers the key and its Basic form as secrets, and shows neither in errors", () => {
  const key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
  using file = zuliprc(`[api]\nemail=bot@zulip.example\nkey=${key}\nsite=https://zulip.example\n`);
  readCredentials(zulipConfig({ ...NOTHING, configFile: file.path }));
  assert.equal(redact(`x ${key} y`), "x *** y");
  assert.equal(redact(`Basic ${btoa(`bot@zulip.example:${key}`)}`), "Basic ***");
  const message = messageOf(() => readCredentials(zulipConfig({ apiKey: new Secret("kéy with blanks") })));
  assert.ok(!message.includes("kéy"), message);
});

Deno.test("readCredentials() refuses insecure=true instead of pretending", () => {
  using file = zuliprc("[api]\nemail=a@b.c\nkey=k\nsite=https://zulip.example\ninsecure=true\n");
  assert.match(messageOf(() => readCredentials(zulipConfig({ ...NOTHING, configFile: file.path }))), /cert_bundle/);
});

Deno.test("readCredentials() reads certificates, and says which file is none", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  using bundle = zuliprc(pem);
  using rc = zuliprc(`[api]\nemail=a@b.c\nkey=k\nsite=https://zulip.example\ncert_bundle=${bundle.path}\n`);
  assert.equal(readCredentials(zulipConfig({ ...NOTHING, configFile: rc.path })).caBundle, pem);
  using junk = zuliprc("junk");
  assert.match(
    messageOf(() => readCredentials(zulipConfig({ site: "https://z.example", certBundle: junk.path }))),
    /Cannot use cert_bundle ".*": it holds no PEM block/,
  );
});

for (
  const [given, expected] of [
    ["https://zulip.example.org", "https://zulip.example.org"],
    ["https://zulip.example.org/", "https://zulip.example.org"],
    ["https://zulip.example.org///", "https://zulip.example.org"],
    [" https://ZULIP.example.org:8443/chat/ ", "https://zulip.example.org:8443/chat"],
    ["https://zulip.example.org/api/v1/", "https://zulip.example.org"],
    ["zulip.example.org", "https://zulip.example.org"],
    ["zulip.example.org:8443", "https://zulip.example.org:8443"],
    ["localhost:9991", "http://localhost:9991"],
    ["127.0.0.1:9991", "http://127.0.0.1:9991"],
    ["http://127.0.0.1:9991/", "http://127.0.0.1:9991"],
    ["http://[::1]:9991", "http://[::1]:9991"],
    ["http://zulip.localhost", "http://zulip.localhost"],
  ] as const
) {
  Deno.test(`normalizeSite() makes ${JSON.stringify(given)} ${expected}`, () =>
    assert.equal(normalizeSite(given), expected));
}

for (
  const given of [
    "http://zulip.example.org",
    "http://127.0.0.1.example.org",
    "http://localhost.example.org",
    "http://10.0.0.5",
    "ftp://zulip.example.org",
    "https://",
    "",
    "https://user:hunter2hunter2@zulip.example.org",
    "https://zulip.example.org/?x=1",
    "not a site",
  ]
) {
  Deno.test(`normalizeSite() refuses ${JSON.stringify(given)}`, () => {
    const message = messageOf(() => normalizeSite(given));
    assert.match(message, /Cannot use zulip\.site/);
    assert.ok(!message.includes("hunter2"), message);
  });
}
