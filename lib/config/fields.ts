import { registerSecret } from "../base/secrets.ts";
import type { QuietHours } from "./config.ts";
import { EVENT_TYPES, type EventType, eventTypeOf } from "../model/event_types.ts";
import { parseDuration } from "../text/parse_duration.ts";
import { Filled } from "./fill_env.ts";
import { didYouMean, isSlipOf } from "./problem.ts";

/** What a single value reader throws; `index` is the place in a list (or the key in a map), `others` what else is wrong there. */
export class FieldError extends Error {
  constructor(
    message: string,
    readonly index: string | number | null = null,
    readonly others: readonly FieldError[] = [],
  ) {
    super(message);
  }
}

/** Reads the parts of one value, each with its place in it. Throws all that is wrong with them, so that it is told at once. */
export function readParts<T>(parts: Iterable<readonly [string | number, () => T]>): T[] {
  const values: T[] = [], wrong: FieldError[] = [];
  for (const [index, read] of parts) {
    try {
      values.push(read());
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      wrong.push(new FieldError(error.message, index));
    }
  }
  const [first, ...others] = wrong;
  if (first !== undefined) throw new FieldError(first.message, first.index, others);
  return values;
}

/** Reads a raw value (as parsed from YAML, `Filled` when from the environment) or throws FieldError. */
export type Reader<T> = (raw: unknown) => T;

/** A raw value for a problem's text; what came from the environment may be a secret and is not shown. */
export function shown(raw: unknown): string {
  if (raw instanceof Filled) return "what the environment gave";
  if (typeof raw === "string") return JSON.stringify(raw.length > 40 ? `${raw.slice(0, 40)}…` : raw);
  if (raw === null || raw === undefined) return "empty";
  if (Array.isArray(raw)) return "a list";
  return typeof raw === "object" ? "a group of keys" : String(raw);
}

export const text: Reader<string> = (raw) => {
  if (raw instanceof Filled) return raw.text;
  if (typeof raw === "string") return raw;
  throw new FieldError(`must be text, not ${shown(raw)}${isPlainNumber(raw) ? "; put it in quotes" : ""}`);
};

/** Text that may be or hold a secret: nothing of a wrong value is shown. */
export const secretText: Reader<string> = (raw) => {
  if (raw instanceof Filled || typeof raw === "string") return text(raw);
  throw new FieldError(`must be text${isPlainNumber(raw) || typeof raw === "boolean" ? "; put it in quotes" : ""}`);
};

export const filledText: Reader<string> = (raw) => {
  const value = text(raw).trim();
  if (value === "") throw new FieldError("must not be empty");
  return value;
};

/** Text that people also write as a bare number: ids, usernames. */
export const idText: Reader<string> = (raw) =>
  isPlainNumber(raw) && Number.isInteger(Number(raw)) ? String(raw) : filledText(raw);

export const bool: Reader<boolean> = (raw) => {
  if (typeof raw === "boolean") return raw;
  const word = raw instanceof Filled ? raw.text.trim().toLowerCase() : "";
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new FieldError(`must be true or false, not ${shown(raw)}`);
};
const TRUE = new Set(["true", "yes", "on", "1"]);
const FALSE = new Set(["false", "no", "off", "0"]);

export function wholeNumber(min: number): Reader<number> {
  return (raw) => {
    const value = raw instanceof Filled && /^\d{1,15}$/.test(raw.text.trim()) ? Number(raw.text) : raw;
    if (typeof value === "bigint" || typeof value === "number") {
      const number = Number(value);
      if (Number.isSafeInteger(number) && number >= min) return number;
    }
    throw new FieldError(`must be a whole number, at least ${min}, not ${shown(raw)}`);
  };
}

/** Milliseconds, from `minMs` to `mostDays`. */
export function duration(minMs: number, mostDays = Infinity): Reader<number> {
  return (raw) => {
    if (isPlainNumber(raw)) throw new FieldError(`must be a duration with its unit such as ${raw}s, not ${shown(raw)}`);
    const ms = typeof raw === "string" || raw instanceof Filled ? parseDuration(text(raw)) : null;
    if (ms === null) throw new FieldError(`must be a duration such as 30s, 15m, 24h, 7d or 1h30m, not ${shown(raw)}`);
    if (ms < minMs) throw new FieldError(`must be at least ${minMs / 1000}s, not ${shown(raw)}`);
    if (ms > mostDays * 86_400_000) throw new FieldError(`must be at most ${mostDays}d, not ${shown(raw)}`);
    return ms;
  };
}

/** A duration that may also be a plain 0, which needs no unit. */
export function zeroOr(read: Reader<number>): Reader<number> {
  return (raw) => {
    const isZero = raw instanceof Filled ? raw.text.trim() === "0" : isPlainNumber(raw) && Number(raw) === 0;
    return isZero ? 0 : read(raw);
  };
}

export function oneOf<const T extends string>(choices: readonly T[]): Reader<T> {
  return (raw) => {
    const word = text(raw).trim();
    const choice = choices.find((candidate) => candidate === word);
    if (choice !== undefined) return choice;
    throw new FieldError(`must be ${orList(choices)}, not ${shown(raw)}${didYouMean(word, choices)}`);
  };
}

export function listOf<T>(item: Reader<T>): Reader<T[]> {
  return (raw) => {
    // One variable can hold a whole list: a,b,c
    const items = raw instanceof Filled
      ? raw.text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => new Filled(part))
      : raw;
    if (!Array.isArray(items)) throw new FieldError(`must be a list such as [a, b], not ${shown(raw)}`);
    return readParts(items.map((value, index) => [index, () => item(value)]));
  };
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (raw) => raw === null || raw === undefined || (raw instanceof Filled && raw.text === "") ? null : reader(raw);
}

export const eventType: Reader<EventType> = (raw) => {
  const word = text(raw).trim();
  const type = eventTypeOf(word);
  if (type !== null) return type;
  // Named although it came from the environment where it is plainly a slip: no secret looks like an event type.
  const what = shown(isSlipOf(word, EVENT_TYPES) ? word : raw);
  throw new FieldError(
    `unknown event type ${what}${didYouMean(word, EVENT_TYPES) || `; there are ${EVENT_TYPES.join(", ")}`}`,
  );
};

export const eventTypes: Reader<EventType[]> = (raw) => [...new Set(listOf(eventType)(raw))];

export const timezone: Reader<string> = (raw) => {
  const name = filledText(raw);
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    const hint = didYouMean(name, ["UTC", "Asia/Kolkata", ...Intl.supportedValuesOf("timeZone")]);
    throw new FieldError(`unknown time zone ${shown(raw)}${hint || "; write an IANA name such as Asia/Kolkata"}`);
  }
};

const TIME_OF_DAY = /^([01]?\d|2[0-3]):([0-5]\d)$/;

/** Minutes after midnight of `13:30`. */
export const minuteOfDay: Reader<number> = (raw) => {
  const match = TIME_OF_DAY.exec(typeof raw === "string" || raw instanceof Filled ? text(raw).trim() : "");
  if (match === null) throw new FieldError(`must be a time of day such as "13:30", not ${shown(raw)}`);
  return Number(match[1]) * 60 + Number(match[2]);
};

/** `22:00-07:00`; `24:00` is the midnight at its end. */
export const quietHours: Reader<QuietHours> = (raw) => {
  const [, first = "", last = ""] = /^\s*(\S+?)\s*[-–]\s*(\S+)\s*$/.exec(
    typeof raw === "string" || raw instanceof Filled ? text(raw) : "",
  ) ?? [];
  const end = last === "24:00" ? "0:00" : last;
  if (!TIME_OF_DAY.test(first) || !TIME_OF_DAY.test(end)) {
    throw new FieldError(`must be a span of the day such as 22:00-07:00 (or null for none), not ${shown(raw)}`);
  }
  const span = { from: minuteOfDay(first), to: minuteOfDay(end) };
  if (span.from === span.to) throw new FieldError(`must end at another time than it begins, not ${shown(raw)}`);
  return span;
};

/** `12/h`, `3/10m`: so many messages per so long. */
export const rate: Reader<{ messages: number; perMs: number }> = (raw) => {
  const [, messages = "", per = ""] = /^\s*(\d{1,9})\s*\/\s*(\S+)\s*$/.exec(
    typeof raw === "string" || raw instanceof Filled ? text(raw) : "",
  ) ?? [];
  const perMs = parseDuration(/^\d|^P/i.test(per) ? per : `1${per}`);
  if (messages === "" || Number(messages) < 1 || perMs === null || perMs < 1000) {
    throw new FieldError(`must be a rate such as 12/h, 100/d or 3/10m (or null for no limit), not ${shown(raw)}`);
  }
  return { messages: Number(messages), perMs };
};

/** `127.0.0.1:9464`, `localhost:9464`, `[::1]:9464`. */
export const listenAddress: Reader<{ host: string; port: number }> = (raw) => {
  const value = typeof raw === "string" || raw instanceof Filled ? text(raw).trim() : "";
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new FieldError(`must be HOST:PORT such as 127.0.0.1:9464, not ${shown(raw)}`);
  }
  return { host: match[1] ?? match[2] ?? "", port };
};

const LINK_FIELDS = ["attempt_id", "activity_id", "student_id"];

/** An http(s) URL with `{attempt_id}`, `{activity_id}` and `{student_id}` in it. */
export const linkTemplate: Reader<string> = (raw) => {
  const template = filledText(raw);
  const example = "such as https://lms.example/attempts/{attempt_id}";
  if (/[\s()<>"]/.test(template)) throw new FieldError(`must be a URL without spaces, quotes or brackets, ${example}`);
  for (const [, name = ""] of template.matchAll(/\{([^{}]*)\}/g)) {
    if (!LINK_FIELDS.includes(name)) {
      const hint = didYouMean(name, LINK_FIELDS) || `; there are ${LINK_FIELDS.map((f) => `{${f}}`).join(", ")}`;
      throw new FieldError(`unknown placeholder {${name}}${hint}`);
    }
  }
  const plain = template.replace(/\{[a-z_]+\}/g, "1");
  const url = URL.parse(plain);
  if (url === null || !/^https?:$/.test(url.protocol) || /[{}]/.test(plain)) {
    throw new FieldError(`must be an http or https URL ${example}`);
  }
  if (url.password !== "") throw new FieldError("must not hold a password: it is shown to every mentor");
  return template;
};

/** What stands before the name of every table; it may be empty. */
export const tablePrefix: Reader<string> = (raw) => {
  const prefix = text(raw).trim();
  if (/^[A-Za-z0-9_]{0,40}$/.test(prefix)) return prefix;
  throw new FieldError(`must be letters, digits and "_" before the name of a table, such as mdl_, not ${shown(raw)}`);
};

const roleName: Reader<string> = (raw) => {
  const name = filledText(raw);
  if (/^[\p{L}\p{N}_.-]{1,100}$/u.test(name)) return name;
  throw new FieldError(`must be the short name of a role, without blanks and quotes, not ${shown(raw)}`);
};

/** Short names of roles, at least one: without any, nobody would ever be told. */
export const roleNames: Reader<readonly string[]> = (raw) => {
  const names = listOf(roleName)(raw);
  if (names.length > 0) return names;
  throw new FieldError("must name at least one role, such as [mentor]");
};

/** The address of a web site, without a slash at its end. */
export const siteUrl: Reader<string> = (raw) => {
  const address = filledText(raw);
  const url = /[\s()<>"{}?#]/.test(address) ? null : URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new FieldError("must be an http or https address such as https://moodle.example.org");
  }
  if (url.password !== "") throw new FieldError("must not hold a password: it is shown to every mentor");
  return address.replace(/\/+$/, "");
};

/** A Zulip site: without scheme it is https (http for localhost), as Zulip's own client takes it. */
export const zulipSite: Reader<string> = (raw) => {
  const value = filledText(raw);
  const url = URL.parse(
    /^https?:\/\//i.test(value) ? value : `${/^localhost\b/.test(value) ? "http" : "https"}://${value}`,
  );
  if (
    url === null || /^(?!https?:)[a-z]+:\/\//i.test(value) || url.username !== "" || url.password !== "" ||
    url.search !== "" || url.hash !== ""
  ) {
    throw new FieldError("must be the URL of a Zulip server such as https://zulip.example.org");
  }
  return url.href.replace(/\/+$/, "");
};

/** Of a watchdog outside. Whoever knows it can keep it quiet, so it is treated as a secret. */
export const pingUrl: Reader<string> = (raw) => {
  const value = secretText(raw).trim();
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new FieldError("must be a URL such as https://hc.example.org/ping/…");
  }
  for (const form of [value, url.href]) registerSecret(form); // an error of the request has the second
  return url.href;
};

export function isPlainNumber(raw: unknown): raw is number | bigint {
  return typeof raw === "number" || typeof raw === "bigint";
}

function orList(choices: readonly string[]): string {
  return choices.length === 1 ? `${choices[0]}` : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
}
