import type { Measure } from "../support/measure.ts";
import { deliveries } from "./deliveries.ts";
import { exportAi, exportFormats, exportLine } from "./export.ts";
import { firstPollMariaDb, firstPollPostgres } from "./first_poll.ts";
import { insights } from "./insights.ts";
import { latency } from "./latency.ts";
import { load } from "./load.ts";
import { memory } from "./memory.ts";
import { moodleMariaDb, moodlePostgres } from "./moodle.ts";
import { plans } from "./plans.ts";
import { changesMariaDb, changesPostgres, idle, idleMariaDb } from "./rounds.ts";
import { start } from "./start.ts";

/** In the order of the table. */
export const measures: readonly Measure[] = [
  firstPollPostgres,
  firstPollMariaDb,
  idle,
  idleMariaDb,
  changesPostgres,
  changesMariaDb,
  moodlePostgres,
  moodleMariaDb,
  load,
  latency,
  exportAi,
  exportLine,
  exportFormats,
  memory,
  deliveries,
  insights,
  start,
  plans,
];
