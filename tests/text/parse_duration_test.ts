import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../lib/text/parse_duration.ts";

Deno.test("parseDuration() reads the spellings of the contract", () => {
  const cases: Record<string, number> = {
    "30s": 30_000,
    "15m": 900_000,
    "24h": 86_400_000,
    "7d": 604_800_000,
    "1h30m": 5_400_000,
    "1h 30m": 5_400_000,
    "1.5h": 5_400_000,
    "PT15M": 900_000,
    "P1DT12H": 129_600_000,
    "PT0.5S": 500,
    "0s": 0,
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() gives null for anything else", () => {
  const wrong = [
    "",
    "30",
    "s",
    "-5m",
    "5x",
    "5m5m",
    "1e3s",
    "P1M",
    "P1Y",
    "PT",
    "P",
    "15 minutes",
    "∞",
    "9".repeat(30) + "d",
    "1h\u0000",
  ];
  for (const text of wrong) assert.equal(parseDuration(text), null, JSON.stringify(text));
});

Deno.test("parseDuration() never throws, and reads back what formatDuration() writes", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const ms = parseDuration(text);
    assert(ms === null || ms >= 0);
  }));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      (s) => assert.equal(parseDuration(formatDuration(s * 1000)), s * 1000),
    ),
  );
});
