import { type EpochMicros, toInstant } from "../model/time.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** Joins what is there with commas: no empty labels, no doubled separators. */
export function listOf(...parts: readonly (string | null | undefined | false)[]): string {
  return parts.filter((part) => typeof part === "string" && part !== "").join(", ");
}

/** `148`, `148.5`, `-3.25`: at most two decimals, a plain minus, never an exponent. */
export function scoreText(value: number): string {
  if (Math.abs(value) >= 1e15) return value.toPrecision(6);
  return String(Math.round(value * 100) / 100 + 0);
}

/**
 * `82%`: whole per cents, with decimals only where rounding would tell a lie: over or onto the pass mark, to 100% or to 0%.
 */
export function percentText(value: number, passMark: number | null = null): string {
  const marks = [0, 100, ...(passMark === null ? [] : [passMark])];
  const side = (n: number) => marks.map((mark) => Math.sign(n - mark)).join();
  for (const digits of [0, 1, 2]) {
    const rounded = Number(value.toFixed(digits));
    if (side(rounded) === side(value)) return `${rounded + 0}%`;
  }
  return `${value}%`;
}

/** `45 s`, `12 min`, `2 h 12 min`, `3 h`, `2 days 4 h`: two units at most. */
export function durationText(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours * 60 === minutes ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} days` : `${days} days ${hours % 24} h`;
}

/** `13:02` today, `20 Nov 13:02` on another day, `20 Nov 2025 13:02` in another year, in people's zone. */
export function timeText(at: EpochMicros, now: EpochMicros, timezone: string): string {
  const time = toInstant(at).toZonedDateTimeISO(timezone);
  const today = zonedNow(now, timezone);
  const pad = (n: number) => String(n).padStart(2, "0");
  const clock = `${pad(time.hour)}:${pad(time.minute)}`;
  if (time.year === today.year && time.dayOfYear === today.dayOfYear) return clock;
  const day = `${time.day} ${MONTHS[time.month - 1]}`;
  return time.year === today.year ? `${day} ${clock}` : `${day} ${time.year} ${clock}`;
}

let lastNow: { readonly now: EpochMicros; readonly timezone: string; readonly zoned: Temporal.ZonedDateTime } | null =
  null;

/** Remembered, because all messages of a round share it and looking into a time zone is slow. */
function zonedNow(now: EpochMicros, timezone: string): Temporal.ZonedDateTime {
  if (lastNow?.now !== now || lastNow.timezone !== timezone) {
    lastNow = { now, timezone, zoned: toInstant(now).toZonedDateTimeISO(timezone) };
  }
  return lastNow.zoned;
}

/** `1st`, `2nd`, `3rd`, `11th`, `22nd`. */
export function ordinal(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  const ending = teen ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th";
  return `${n}${ending}`;
}

/** `1 update`, `23 updates`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}
