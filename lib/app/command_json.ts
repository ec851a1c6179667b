import { UsageError } from "../base/errors.ts";
import { type EpochMicros, formatUtc, fromInstant } from "../model/time.ts";

/** Commands that take `--json`. */
export type JsonCommand =
  | "consumers"
  | "doctor"
  | "history"
  | "insights"
  | "insights evaluate"
  | "insights fit"
  | "audit"
  | "config"
  | "explain"
  | "init"
  | "map-users"
  | "migrate"
  | "notify-test"
  | "pause"
  | "poll-once"
  | "preset"
  | "preview"
  | "privacy"
  | "reconcile"
  | "release"
  | "reload"
  | "report"
  | "resume"
  | "retry"
  | "state"
  | "stats"
  | "version";

/** Of every `--json` result: rises when a key changes its meaning or goes. docs/json.md is the contract. */
export const JSON_SCHEMA = 1;

/** A result of a command for programs: the same two keys first in all of them. */
export function commandJson<T extends object>(command: JsonCommand, result: T) {
  return { schema: JSON_SCHEMA, command, ...result };
}

/** For a result that would stand on stdout behind what the command writes there: `the page goes`. */
export function jsonBehind(whatGoes: string): UsageError {
  return new UsageError(`Cannot print JSON to where ${whatGoes}: both would be on stdout`, {
    hint: "name a file with --out, or leave --json out",
  });
}

/** The one spelling of times in results; `null` stays. */
export function jsonTime(time: Temporal.Instant | EpochMicros | null): string | null {
  if (time === null) return null;
  return formatUtc(typeof time === "number" ? time : fromInstant(time));
}
