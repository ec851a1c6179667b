import assert from "node:assert/strict";
import type { PollBench } from "../poll/poll_bench.ts";
import type { MoodleChange } from "../support/moodle/moodle_changes.ts";
import type { MoodleDatabase } from "./moodle_bench.ts";

/** Somebody does something on the site, and a poll finds it. Twice: what was found once is not found again. */
export async function changed(
  moodle: MoodleDatabase,
  bench: PollBench,
  { statements, expected, mode = "full" }: MoodleChange,
  prefix: string,
): Promise<void> {
  const now = String(Math.floor(Temporal.Now.instant().epochMilliseconds / 1000));
  for (const statement of statements) {
    await moodle.execute(statement.replaceAll("{P}", prefix).replaceAll("{NOW}", now));
  }
  const { tally } = await bench.poll({ mode });
  const { events = {}, gone = 0, quarantined = 0, told = 0, regressions = 0 } = expected(moodle.server.dialect);
  assert.deepEqual(
    {
      events: Object.fromEntries(tally.byType),
      gone: tally.rowsMissing,
      quarantined: tally.quarantined,
      told: tally.eventsToTell,
      regressions: tally.regressions,
    },
    { events, gone, quarantined, told, regressions },
  );
  const again = (await bench.poll()).tally;
  assert.deepEqual({ events: again.events, gone: again.rowsMissing }, { events: 0, gone: 0 });
}
