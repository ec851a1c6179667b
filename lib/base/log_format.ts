import { styleText } from "node:util";
import type { LogRecord } from "@logtape/logtape";
import { errorChain, type ErrorLink } from "./describe_error.ts";
import { jsonValue, printable, toJson } from "./output.ts";

/** Keys that every JSON line has; a property of the same name gets a trailing underscore. */
const RESERVED = new Set(["time", "level", "logger", "message"]);

/** One JSON object without line break: time, level, logger, message, then the properties. */
export function formatJson(record: LogRecord, showStack: boolean): string {
  const line: Record<string, unknown> = {
    time: timeOf(record),
    level: record.level,
    logger: record.category.join("."),
    message: messageOf(record),
  };
  for (const [key, value] of Object.entries(record.properties)) {
    line[RESERVED.has(key) ? `${key}_` : key] = value;
  }
  try {
    return toJson(plainErrors(line, showStack));
  } catch (error) {
    // A cycle or a throwing getter must not cost the line.
    const { time, level, logger, message } = line;
    return toJson({ time, level, logger, message, unprintable: String(error) });
  }
}

/** Errors one level down, as in `{ failures: [error] }`, would be `{}` in JSON. */
function plainErrors(line: Record<string, unknown>, showStack: boolean): Record<string, unknown> {
  const plainOne = (value: unknown) => value instanceof Error ? errorObject(value, showStack) : value;
  return Object.fromEntries(
    Object.entries(line).map(([key, value]) => [key, Array.isArray(value) ? value.map(plainOne) : plainOne(value)]),
  );
}

/** For people: `09:15:00Z info  poll  Poll finished  events=3`. */
export function formatPretty(record: LogRecord, options: { color: boolean; showStack: boolean }): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const told = new Set([...record.rawMessage.toString().matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
  const rest: string[] = [];
  let errorText = "";
  for (const [key, value] of Object.entries(record.properties)) {
    if (value instanceof Error) errorText += `: ${errorLine(value)}${stackOf(value, options.showStack)}`;
    else if (!told.has(key) && value !== undefined) rest.push(`${paint("gray", `${key}=`)}${plain(value)}`);
  }
  return [
    paint("gray", timeOf(record).slice(11)),
    paint(COLORS[record.level], record.level.padEnd(7)),
    paint("cyan", (record.category.slice(1).join(".") || "lmsmon").padEnd(7)),
    `${printable(messageOf(record))}${errorText}`,
    ...rest,
  ].join(" ");
}

const COLORS = {
  trace: "gray",
  debug: "gray",
  info: "green",
  warning: "yellow",
  error: "red",
  fatal: "red",
} as const;

const timeOf = (record: LogRecord) =>
  Temporal.Instant.fromEpochMilliseconds(record.timestamp).toString({ fractionalSecondDigits: 3 });

function messageOf(record: LogRecord): string {
  return record.message.map((part) => typeof part === "string" ? part : plain(part)).join("");
}

function plain(value: unknown): string {
  if (typeof value === "string") return /^[^\s="]+$/.test(value) ? printable(value) : printable(JSON.stringify(value));
  if (value instanceof Error) return errorLine(value);
  return JSON.stringify(value, jsonValue) ?? String(value);
}

function errorLine(error: Error): string {
  const links = errorChain(error);
  // A cause whose text its wrapper already quotes says nothing new.
  const news = links.filter((link, i) => !links.slice(0, i).some((outer) => outer.message.includes(link.message)));
  const hint = links.find((link) => link.hint !== undefined)?.hint;
  return printable(`${news.map((link) => link.message).join(": ")}${hint === undefined ? "" : ` (${hint})`}`);
}

function errorObject(error: Error, showStack: boolean): unknown {
  const [outer, ...causes]: ErrorLink[] = errorChain(error);
  return { ...outer, ...(causes.length > 0 && { causes }), ...(showStack && { stack: error.stack }) };
}

const stackOf = (error: Error, show: boolean) => show && error.stack ? `\n${error.stack}` : "";
