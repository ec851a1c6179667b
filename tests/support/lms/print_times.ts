/** Prints the times of the first exam attempt of the LMS at the given URL; run under different TZ by zones_test.ts. */
import { testLmsConfig } from "./test_lms_config.ts";
import { openLms } from "../../../lib/source/open_lms.ts";

const lms = await openLms(testLmsConfig(Deno.args[0] ?? ""));
const [row] = (await lms.rowsAfter("exam", null, 1)).rows;
await lms.close();
// The zone's own name has synonyms; its offset has none.
const { offset } = Temporal.Instant.from("2026-01-01T00:00:00Z").toZonedDateTimeISO(Temporal.Now.timeZoneId());
const answer = { offset, times: [row?.startedAt, row?.lastStartedAt] };
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(answer)));
