import assert from "node:assert/strict";
import { endPauses, insertPause, wakePausedRows } from "../../sql/state/pauses.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import type { PauseScope } from "../../lib/tell/pauses.ts";
import { type Outbox, SOURCE } from "./outbox_fixture.ts";

export const begin = (box: Outbox, scope: PauseScope, subjectId: string | null, until: number | null = null) =>
  insertPause(box.db.sql, SOURCE, { scope, subjectId, until, reason: "exam hall burnt down" });

export async function resume(box: Outbox, scope: PauseScope, subjectId: string | null): Promise<void> {
  const now = box.clock.now();
  assert.equal((await endPauses(box.db.sql, SOURCE, { scope, subjectId }, now)).length, 1);
  const woken = await wakePausedRows(box.db.sql, SOURCE, now);
  await wakeRecipients(box.db.sql, SOURCE, woken.map(({ recipient }) => recipient), now);
}
