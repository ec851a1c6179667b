import type { ToldLetterRow } from "../../sql/state/letters.ts";
import { fromInstant } from "../model/time.ts";
import { jsonTime } from "./command_json.ts";
import type { Explainer } from "./explain_facts.ts";

/** Weekly messages of a mentor that are shown. */
export const MOST_LETTERS = 5;

/** `Weekly message of 2026-11-23: names student 7, 9; sent at 2026-11-23 08:01 (Zulip message 42)`. */
export function letterLine(row: ToldLetterRow, explainer: Explainer): string {
  const { day, status, reason, students, processed_at: ended, zulip_message_id: zulipId, next_attempt_at: next } = row;
  const names = students.length === 0 ? "names nobody" : `names student ${students.join(", ")}`;
  const at = ended !== null
    ? ` at ${explainer.when(fromInstant(ended))}`
    : next === null
    ? ""
    : `, looked at again at ${explainer.when(fromInstant(next))}`;
  const why = reason === null ? "" : ` (${reason})`;
  return `Weekly message of ${day}: ${names}; ${status}${why}${at}${
    zulipId === null ? "" : ` (Zulip message ${zulipId})`
  }`;
}

export function letterJson({ day, status, reason, students, processed_at, zulip_message_id }: ToldLetterRow) {
  return {
    day,
    status,
    reason,
    student_ids: students.map(BigInt),
    ended_at: jsonTime(processed_at),
    message_id: zulip_message_id === null ? null : BigInt(zulip_message_id),
  };
}
