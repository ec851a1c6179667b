import { InvalidArgumentError } from "@commander-js/extra-typings";
import { didYouMean } from "../lib/config/problem.ts";
import { EVENT_TYPES, type EventType } from "../lib/model/event.ts";

/** For flags with one event type. */
export function parseEventType(text: string): EventType {
  const type = EVENT_TYPES.find((candidate) => candidate === text.trim());
  if (type !== undefined) return type;
  const hint = didYouMean(text, EVENT_TYPES) || `; there are ${EVENT_TYPES.join(", ")}`;
  throw new InvalidArgumentError(`Unknown event type ${JSON.stringify(text.slice(0, 40))}${hint}.`);
}

/** For flags with a comma list of event types. */
export function parseEventTypes(text: string): EventType[] {
  return [...new Set(text.split(",").map(parseEventType))];
}
