import { eventType, FieldError } from "../lib/config/fields.ts";
import type { EventType } from "../lib/model/event_types.ts";
import { UsageError } from "../lib/base/errors.ts";

/** For flags with one event type or a comma list. Imported when the command runs: suggestions cost time at the start. */
export function parseEventTypes(flag: string, text: string): EventType[] {
  try {
    return [...new Set(text.split(",").map((name) => eventType(name)))];
  } catch (error) {
    if (error instanceof FieldError) throw new UsageError(`Cannot use ${flag}: ${error.message}`);
    throw error;
  }
}
