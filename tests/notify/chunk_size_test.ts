import assert from "node:assert/strict";
import { ChunkSize } from "../../lib/notify/chunk_size.ts";

Deno.test("ChunkSize grows while full chunks are sent within a second, up to 2048 messages", () => {
  const size = new ChunkSize();
  const seen = [size.messages];
  for (const ms of [200, 400, 900, 900]) {
    size.took(size.messages, ms);
    seen.push(size.messages);
  }
  assert.deepEqual(seen, [128, 512, 2048, 2048, 2048]);
  size.took(100, 10); // there was no more to send: says nothing
  assert.equal(size.messages, 2048);
});

Deno.test("ChunkSize falls to what can be sent in five seconds when Zulip becomes slow, and not below 8", () => {
  const size = new ChunkSize();
  for (const ms of [200, 400]) size.took(size.messages, ms);
  size.took(2048, 20_000);
  assert.equal(size.messages, 512);
  size.took(512, 6000);
  assert.equal(size.messages, 256);
  size.took(1, 6000); // one slow answer
  assert.equal(size.messages, 128);
  for (let i = 0; i < 9; i++) size.took(size.messages, 30_000);
  assert.equal(size.messages, 8);
});
