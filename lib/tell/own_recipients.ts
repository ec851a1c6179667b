import { lmsKeys } from "../../sql/state/lms_keys.ts";
import { isTextId } from "../model/key_space.ts";
import { mentorOf, mentorRecipient } from "../model/recipient.ts";
import { numberArrayLiteral } from "../state/array_literal.ts";
import type { Queryable } from "../state/state_db.ts";

/**
 * Recipients as a log names them: a mentor by the LMS's own key, where that is a text. The state is asked only then; what cannot be
 * looked up stays as it is, since a log line must stop nothing.
 */
export async function ownRecipients(
  sql: Queryable,
  recipients: readonly string[],
): Promise<(recipient: string) => string> {
  const ids = [...new Set(recipients.flatMap((recipient) => mentorOf(recipient) ?? []))].filter(isTextId);
  if (ids.length === 0) return (recipient) => recipient;
  const rows = await lmsKeys(sql, numberArrayLiteral(ids)).then((rows) => [...rows], () => []);
  const known = new Map(rows.map(({ id, key }) => [mentorRecipient(id), mentorRecipient(key)]));
  return (recipient) => known.get(recipient) ?? recipient;
}
