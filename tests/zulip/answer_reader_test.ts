import assert from "node:assert/strict";
import fc from "fast-check";
import { type Answer, AnswerReader } from "../../lib/zulip/answer_reader.ts";

const MAX = 100;
const encoder = new TextEncoder();

/** A reader of a connection that brings these pieces and then ends, or breaks. */
function reader(pieces: readonly (string | Uint8Array)[], end: "closed" | "reset" = "closed"): AnswerReader {
  const queue = pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  return new AnswerReader((into) => {
    const next = queue[0];
    if (next === undefined) return end === "closed" ? Promise.resolve(null) : Promise.reject(new Error("reset"));
    const count = Math.min(next.length, into.length);
    into.set(next.subarray(0, count));
    if (count === next.length) queue.shift();
    else queue[0] = next.subarray(count);
    return Promise.resolve(count);
  });
}

const shown = ({ status, text, reusable }: Answer) => ({ status, text, reusable });

const ANSWERS: readonly [string, string, Partial<Answer>][] = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", { text: "abcde", reusable: true }],
  ["no reason phrase", "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nabcde", { text: "abcde", reusable: true }],
  ["nothing", "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", { status: 400, text: "", reusable: true }],
  [
    "chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n1F;x=y\r\n0123456789012345678901234567890\r\n0\r\n\r\n",
    { text: "abc0123456789012345678901234567890", reusable: true },
  ],
  [
    "chunks and trailers",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n",
    { text: "a", reusable: true },
  ],
  ["until the end", "HTTP/1.1 200 OK\r\n\r\nabc", { text: "abc", reusable: false }],
  ["Connection: close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\na", {
    text: "a",
    reusable: false,
  }],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", { text: "a", reusable: false }],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, text: "", reusable: true }],
  [
    "interim answers first",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 429 Slow\r\nContent-Length: 1\r\n\r\na",
    { status: 429, text: "a", reusable: true },
  ],
  ["more than was asked for", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", { text: "a", reusable: false }],
  [
    "a length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    {
      text: "a",
      reusable: false,
    },
  ],
  ["a body that is cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", { text: null, reusable: false }],
  ["chunks that are cut off", "HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", {
    status: 400,
    text: null,
  }],
  ["a last chunk that is missing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", { text: null }],
  ["a chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", { text: null }],
  ["a chunk longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", {
    text: null,
  }],
  ["a coding it does not know", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", { text: null }],
  ["lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", { text: null }],
  ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", { text: null, reusable: false }],
  ["a body that is too long", `HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n${"a".repeat(101)}`, { text: null }],
  [
    "chunks that are too long",
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n${"a".repeat(101)}\r\n0\r\n\r\n`,
    {
      text: null,
    },
  ],
  ["too much until the end", `HTTP/1.1 200 OK\r\n\r\n${"a".repeat(20_000)}`, { text: null, reusable: false }],
];
for (const [name, bytes, expected] of ANSWERS) {
  Deno.test(`AnswerReader reads ${name}, however the bytes arrive`, async () => {
    const whole = { status: 200, reusable: false, text: "", ...expected };
    assert.deepEqual(shown(await reader([bytes]).answer(MAX)), whole);
    const all = encoder.encode(bytes);
    const sameInPieces = async (pieces: readonly (string | Uint8Array)[]) => {
      // What came too much is seen at once or by whoever reads ahead.
      const { status, text } = await reader(pieces).answer(MAX);
      assert.deepEqual({ status, text }, { status: whole.status, text: whole.text });
    };
    await sameInPieces([...bytes].slice(0, 3000));
    await fc.assert(fc.asyncProperty(fc.array(fc.nat({ max: all.length }), { maxLength: 6 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), all.length];
      await sameInPieces(at.slice(1).map((end, i) => all.subarray(at[i], end)).filter((piece) => piece.length > 0));
    }));
  });
}

const NO_ANSWERS: readonly [string, string][] = [
  ["nothing at all", ""],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-Le"],
  ["no HTTP", "hello\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200\r\n\r\n"],
  ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
  ["a folded header", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`],
  ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(20)],
];
for (const [name, bytes] of NO_ANSWERS) {
  Deno.test(`AnswerReader throws for ${name}`, async () => {
    await assert.rejects(reader([bytes]).answer(MAX));
    await assert.rejects(reader([bytes], "reset").answer(MAX));
  });
}

Deno.test("AnswerReader reads one answer after the other, each with what was read ahead, and characters cut in two", async () => {
  const body = "ä🎓".repeat(10);
  const bytes = encoder.encode(body);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\nX-One: 1\r\nx-one: 2\r\n\r\n`;
  const chunk = bytes.subarray(0, 3);
  const connection = reader([
    head,
    bytes.subarray(0, 1),
    bytes.subarray(1),
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n`,
    chunk,
    "\r\n3\r\n",
    bytes.subarray(3, 6),
    "\r\n0\r\n\r\n",
  ]);
  const first = await connection.answer(MAX);
  assert.deepEqual(shown(first), { status: 200, text: body, reusable: true });
  assert.equal(first.headers.get("X-ONE"), "1, 2");
  assert.equal(first.headers.get("Date"), null);
  await connection.ahead();
  assert.deepEqual(shown(await connection.answer(MAX)), { status: 200, text: "ä🎓", reusable: true });
});
