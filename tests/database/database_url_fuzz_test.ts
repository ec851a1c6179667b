import assert from "node:assert/strict";
import fc from "fast-check";
import { BadUrl } from "../../lib/database/bad_url.ts";
import { parseDatabaseUrl } from "../../lib/database/database_url.ts";
import { PARAMETERS } from "../../lib/database/url_parameters.ts";

const SECRET = "Zq9xW7vK3jYp";
const piece = fc.oneof(
  fc.constantFrom(
    ..."postgres:// mysql:// // @ : / ? & = % %2F [ ] , # + ~ localhost 127.0.0.1 [::1] h db u require true {} 5432 verify-full"
      .split(" "),
    ...PARAMETERS.flatMap(({ names, accepts }) => [...names.map((name) => `${name}=`), ...accepts ?? []]),
  ),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const part = fc.constantFrom("lms" as const, "state" as const);

Deno.test("parseDatabaseUrl() takes or refuses any text, throws nothing but BadUrl, and reads what it prints the same", () => {
  const scheme = fc.constantFrom("postgres://", "postgres:", "mysql://u@h/db?", "postgres://u@h/db?", "pglite:", "");
  fc.assert(
    fc.property(scheme, fc.array(piece, { maxLength: 14 }), part, (beginning, pieces, part) => {
      let parsed;
      try {
        parsed = parseDatabaseUrl(beginning + pieces.join(""), { part, base: "/etc", home: "/home/me" });
      } catch (error) {
        assert.ok(error instanceof BadUrl, error instanceof Error ? error.stack : String(error));
        return;
      }
      const again = parseDatabaseUrl(parsed.url, { part });
      assert.deepEqual({ ...again, password: null, keyPassword: null }, {
        ...parsed,
        password: null,
        keyPassword: null,
      });
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseDatabaseUrl() tells no password, wherever it stands and whatever is wrong besides", () => {
  const noise = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
  const urls = fc.tuple(
    noise,
    noise,
    noise,
    fc.constantFrom(
      ...["password", "passwd", "pass", "pwd", "PWD", "sslpassword"].map((name) => (a: string, b: string) =>
        `postgres://u@h/db?${a}&${name}=${SECRET}&${b}`
      ),
      (a: string, b: string) => `postgres://u:${SECRET}@h${a}/db?${b}`,
      (a: string, b: string) => `postgres://u:${a}${SECRET}@h/db?${b}`,
      (a: string, b: string) => `mysql://u:${SECRET}${a}@h/db?${b}`,
      (a: string, b: string) => `mysql://u:${a}/${SECRET}@h/db?${b}`,
    ),
  );
  fc.assert(
    fc.property(urls, part, ([a, b, , make], part) => {
      let shown: string;
      try {
        const { url, target } = parseDatabaseUrl(make(a, b), { part, base: "/etc", home: null });
        shown = `${url} ${JSON.stringify(target)}`;
      } catch (error) {
        assert.ok(error instanceof BadUrl, String(error));
        shown = `${error.message} ${error.stack} ${Deno.inspect(error)}`;
      }
      assert.ok(!shown.includes(SECRET), `${make(a, b)} -> ${shown}`);
    }),
    { numRuns: 3000 },
  );
});
