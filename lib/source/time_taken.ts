/**
 * Seconds out of the many spellings of a duration in the LMS: `2:47:53.076906`, `1 day, 2:03:04` (Python), `PT2H3M`
 * (ISO), `1171.627827` (seconds), `18 seconds`. `null` for anything else, for negative ones and from ten years on: it is shown, never
 * decided upon, so an unreadable one costs a detail and not the row.
 */
export function readTimeTaken(text: string | null | undefined): number | null {
  const seconds = secondsOf(text);
  return seconds === null || seconds > LONGEST_S ? null : seconds;
}

/** Nothing that a student does lasts as long: ten years. */
export const LONGEST_S = 10 * 366 * 86_400;

function secondsOf(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const clock = CLOCK.exec(text);
  if (clock !== null) {
    const [, days, hours, minutes, seconds] = clock;
    return exact(Number(days ?? 0) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  }
  const plain = PLAIN.exec(text);
  if (plain !== null) {
    const unit = plain[2]?.[0]?.toLowerCase() ?? "s";
    return exact(Number(plain[1]) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1));
  }
  const iso = ISO.exec(text);
  if (iso === null || /^\s*P(T)?\s*$/i.test(text)) return null;
  const [, days, hours, minutes, seconds] = iso;
  return exact(
    Number(days ?? 0) * 86_400 + Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0),
  );
}

const CLOCK = /^\s*(?:(\d{1,6}) days?,? +)?(\d{1,6}):([0-5]?\d):([0-5]?\d(?:\.\d+)?)\s*$/i;
const PLAIN = /^\s*(\d{1,12}(?:\.\d+)?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)?\s*$/i;
const ISO = /^\s*P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d+)?)S)?)?\s*$/i;

/** To the microsecond: sums of binary fractions would show as 7920.500000001. */
function exact(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
