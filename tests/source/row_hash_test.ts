import assert from "node:assert/strict";
import { z } from "zod";
import { postgresDialect } from "../../sql/lms/dialects/postgres.ts";
import { realPostgres } from "../support/databases.ts";
import { makeLms } from "../support/lms/lms_database.ts";

/** Types that are hashed as they are, and such as are not, each with two values. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  "smallint": ["1", "2"],
  "integer": ["1", "2"],
  "bigint": ["1", "9223372036854775807"],
  "numeric": ["0.1", "0.2"],
  "real": ["0.5", "0.25"],
  "double precision": ["0.1", "0.2"],
  "boolean": ["true", "false"],
  "text": ["Pass", "pass"],
  "character varying": ["", "Fail"],
  "date": ["2026-11-28", "2026-11-29"],
  "uuid": ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"],
  "timestamp without time zone": ["2026-11-28 10:00", "2026-11-28 10:01"],
  "timestamp with time zone": ["2026-11-28 10:00+00", "infinity"],
  "json": ['{"a":1}', '{"a":2}'],
  "jsonb": ['{"a":1}', '{"a":2}'],
  "mood": ["glad", "sad"],
};

const Rows = z.array(z.object({ hash: z.string() }));

for (const [name, server] of [["the embedded database", null], ["PostgreSQL", await realPostgres()]] as const) {
  Deno.test({
    name: `P1: two values of any type, and none, have three hashes in ${name}`,
    ignore: name === "PostgreSQL" && server === null,
    async fn() {
      await using lms = await makeLms(server, "row_hash");
      await lms.execute("create type mood as enum ('glad', 'sad')");
      for (const [type, [a, b]] of Object.entries(VALUES)) {
        const hash = postgresDialect.hash(["exam:"], [
          { expression: "v.id", type: "integer" },
          { expression: "v.x", type },
        ]);
        const rows = await lms.execute(
          `select ${hash}::text as hash from (values (1, '${a}'::${type}), (1, '${b}'::${type}), (1, null::${type}), (2, '${a}'::${type})) as v (id, x)`,
        );
        const hashes = Rows.parse(Array.from(rows as Iterable<unknown>)).map((row) => row.hash);
        assert.equal(new Set(hashes).size, 4, `${type}: ${hashes}`);
      }
    },
  });
}
