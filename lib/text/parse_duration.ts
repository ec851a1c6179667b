const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SHORT = /^(?:\d+(?:\.\d+)?[smhdw]\s*)+$/;
const ISO = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
/** No duration of a century or more is meant seriously, and times computed with it would leave the calendar. */
const LONGEST_MS = 36_500 * 86_400_000;

/**
 * Milliseconds of `30s`, `15m`, `24h`, `7d`, `1h30m`, `1h 30m` or ISO `PT15M`; `null` when `text` is no duration.
 * Days are 24 hours; months and years are not taken, since their length depends on when.
 */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed.length > 40) return null;
  const ms = SHORT.test(trimmed) ? sumOfParts(trimmed) : sumOfIso(trimmed.toUpperCase());
  return ms === null || ms > LONGEST_MS ? null : Math.round(ms);
}

function sumOfParts(text: string): number | null {
  let total = 0;
  const seen = new Set<string>();
  for (const [, amount = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)) {
    if (seen.has(unit)) return null; // "5m5m" is a slip, not ten minutes
    seen.add(unit);
    total += Number(amount) * (UNIT_MS[unit] ?? NaN);
  }
  return total;
}

function sumOfIso(text: string): number | null {
  const parts = ISO.exec(text)?.slice(1);
  if (parts === undefined || parts.every((part) => part === undefined) || text.endsWith("T")) return null;
  const units = ["w", "d", "h", "m", "s"];
  return parts.reduce((sum, part, i) => sum + Number(part ?? 0) * (UNIT_MS[units[i] ?? ""] ?? 0), 0);
}

/** The shortest spelling that `parseDuration` reads back: `90s` is `1m30s`, `86400s` is `1d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return ms <= 0 ? "0s" : `${Math.round(ms) / 1000}s`;
  let rest = Math.round(ms / 1000);
  let text = "";
  for (const [unit, seconds] of [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]] as const) {
    const amount = Math.floor(rest / seconds);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * seconds;
  }
  return text;
}

/** The same to the minute, for what is measured: nobody needs its seconds. */
export function roundDuration(ms: number): string {
  return formatDuration(Math.max(60_000, Math.round(ms / 60_000) * 60_000));
}

/** How old something is, for people: the two largest units, never cut to less than a second. `1d`, `1d 4h`, `5m 12s`. */
export function briefDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const step = seconds >= 86_400 ? 3600 : seconds >= 3600 ? 60 : 1;
  return formatDuration(Math.round(seconds / step) * step * 1000).replace(/([dhm])(?=\d)/g, "$1 ");
}
