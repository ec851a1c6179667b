import type { WeeklyTelling } from "./config.ts";
import { FieldError, minuteOfDay, oneOf, type Reader, readParts, shown, wholeNumber } from "./fields.ts";
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
  const unknown = Object.keys(given).filter((name) => !names.includes(name)).map((name) =>
    [name, () => {
      throw new FieldError(`unknown key${didYouMean(name, names)}`);
    }] as const
  );
  const [weekday = 1, at = 0, most = 1] = readParts([
    ["weekday", () => WEEKDAYS.indexOf(oneOf(WEEKDAYS)(given["weekday"] ?? "Mon")) + 1],
    ["at", () => minuteOfDay(given["at"] ?? "08:00")],
    ["most", () => nameCount(given["most"] ?? 2)],
    ...unknown,
  ]);
  return { weekday, at, most };
};

const nameCount: Reader<number> = (raw) => {
  const most = wholeNumber(1)(raw);
  if (most > MOST_NAMES) throw new FieldError(`must be at most ${MOST_NAMES}, not ${most}`);
  return most;
};
