import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";

// Loaded once more, as another thread or process loads it.
const another = await import("../support/free_port.ts?another") as { readonly freePort: typeof freePort };

Deno.test("freePort() gives nobody a port that another one was given and does not listen on just now", () => {
  const given = Array.from({ length: 50 }, freePort);
  const others = Array.from({ length: 200 }, another.freePort);
  assert.equal(new Set(given).size, 50);
  assert.deepEqual(others.filter((port) => given.includes(port)), []);
});
