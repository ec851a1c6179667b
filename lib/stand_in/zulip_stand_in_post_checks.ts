import { parseJson, refused } from "./zulip_stand_in_params.ts";

const MAX_LENGTH = 10_000;
const MAX_TOPIC = 60;
const CUT = "\n[message truncated]";
/** From this feature level on a topic may be empty. */
const EMPTY_TOPIC_LEVEL = 334;

/** The text as it is kept: stripped, and cut at 10,000 code points without a word. */
export function checkContent(raw: string): string {
  if (raw.includes("\0")) throw refused("Message must not contain null bytes");
  const content = raw.trimEnd().replace(/^\n+/, "");
  if (content === "") throw refused("Message must not be empty");
  if (content.length <= MAX_LENGTH) return content; // UTF-16 units are never fewer than code points
  const points = [...content];
  return points.length <= MAX_LENGTH ? content : points.slice(0, MAX_LENGTH - CUT.length).join("") + CUT;
}

export function checkTopic(given: string | null, featureLevel: number): string {
  if (given === null) throw refused("Missing topic");
  const topic = given.trim();
  if (topic === "" && featureLevel < EMPTY_TOPIC_LEVEL) throw refused("Topic can't be empty!");
  const points = [...topic];
  const bad = points.findIndex((char) => /[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(char));
  if (bad >= 0) throw refused(`Invalid character in topic, at position ${bad + 1}!`);
  return points.length <= MAX_TOPIC ? topic : `${points.slice(0, MAX_TOPIC - 3).join("")}...`;
}

/** The `to` of a direct message: ids or addresses, in JSON or with commas. */
export function parseRecipients(to: string): (number | string)[] {
  const value = parseJson(to) ?? to;
  const list: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(list)) throw refused("Invalid data type for recipients");
  const [first] = list as unknown[];
  if (first === undefined) return [];
  if (typeof first !== "string" && !Number.isInteger(first)) throw refused("Invalid data type for recipients");
  const kind = typeof first;
  if (list.some((item: unknown) => typeof item !== kind || (typeof item === "number" && !Number.isInteger(item)))) {
    throw refused("Recipient lists may contain emails or user IDs, but not both.");
  }
  return (list as (number | string)[])
    .map((item) => typeof item === "string" ? item.trim() : item)
    .filter((item) => item !== "");
}

/** The `to` of a channel message: a name or an id, as it is or in JSON. */
export function parseChannel(to: string): number | string {
  const value = parseJson(to) ?? to;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length !== 1) throw refused("Expected exactly one channel");
  const [channel] = list;
  if (typeof channel === "string") return channel;
  if (typeof channel === "number" && Number.isInteger(channel)) return channel;
  throw refused("Invalid data type for channel");
}
