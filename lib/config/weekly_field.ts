import type { WeeklyTelling } from "./config.ts";
import { FieldError, minuteOfDay, oneOf, type Reader, shown, wholeNumber } from "./fields.ts";
import { Filled } from "./fill_env.ts";
import { didYouMean } from "./problem.ts";

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
/** A message of more names is read by nobody, and Zulip takes 10,000 signs. */
const MOST_NAMES = 10;

/** `{weekday: Mon, at: "08:00", most: 2}`; what is left out is as there. */
export const weekly: Reader<WeeklyTelling | null> = (raw) => {
  if (raw === null || raw === undefined || (raw instanceof Filled && raw.text.trim() === "")) return null;
  if (typeof raw !== "object" || raw instanceof Filled || Array.isArray(raw)) {
    throw new FieldError(`must be null or {weekday: Mon, at: "08:00", most: 2}, not ${shown(raw)}`);
  }
  const given = raw as Readonly<Record<string, unknown>>;
  const names = ["weekday", "at", "most"];
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new FieldError(`unknown key${didYouMean(unknown, names)}`, unknown);
  const part = <T>(name: string, read: Reader<T>, fallback: unknown): T => {
    try {
      return read(given[name] ?? fallback);
    } catch (error) {
      throw error instanceof FieldError ? new FieldError(error.message, name) : error;
    }
  };
  const most = part("most", wholeNumber(1), 2);
  if (most > MOST_NAMES) throw new FieldError(`must be at most ${MOST_NAMES}, not ${most}`, "most");
  return {
    weekday: WEEKDAYS.indexOf(part("weekday", oneOf(WEEKDAYS), "Mon")) + 1,
    at: part("at", minuteOfDay, "08:00"),
    most,
  };
};
