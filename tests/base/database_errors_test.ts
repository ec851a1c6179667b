import assert from "node:assert/strict";
import { errorCode, isConnectionCut, isConnectionLost } from "../../lib/base/database_errors.ts";

Deno.test("errorCode() knows SQLSTATEs, drivers' and systems' codes, numbers without a name and nothing else", () => {
  assert.equal(errorCode({ code: "23505" }), "23505");
  assert.equal(errorCode({ errno: 1969 }), "ER_STATEMENT_TIMEOUT");
  assert.equal(errorCode({ errno: 4711 }), "errno 4711");
  assert.equal(
    errorCode(new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })])),
    "ECONNREFUSED",
  );
  for (const other of [new TypeError("x"), null, "text", {}]) assert.equal(errorCode(other), null);
});

Deno.test("isConnectionLost() is true of both databases' lost and refused connections, of no statement's error", () => {
  for (
    const code of [
      ...[
        "CONNECTION_CLOSED",
        "CONNECT_TIMEOUT",
        "ECONNREFUSED",
        "ENOTFOUND",
        "EPIPE",
        "57P01",
        "57P03",
        "08006",
        "25P03",
      ],
      ...["53300", "PROTOCOL_CONNECTION_LOST", "ER_SERVER_SHUTDOWN", "ER_CON_COUNT_ERROR"],
    ]
  ) assert.ok(isConnectionLost({ code }), code);
  for (const code of ["23505", "40001", "42P01", "28P01", "3D000", "ER_NO_SUCH_TABLE", "57014", "25P02"]) {
    assert.ok(!isConnectionLost({ code }), code);
  }
  assert.ok(isConnectionCut({ code: "ECONNRESET" }));
  assert.ok(!isConnectionCut({ code: "ECONNREFUSED" }));
});
