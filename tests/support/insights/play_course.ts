import { pollSettings } from "../../../lib/app/open_parts.ts";
import { type Clock, systemClock } from "../../../lib/base/clock.ts";
import { defaultConfig } from "../default_config.ts";
import type { Exemption } from "../../../lib/model/course_context.ts";
import { type EpochMicros, fromInstant } from "../../../lib/model/time.ts";
import { runPoll } from "../../../lib/poll/run_poll.ts";
import type { LmsSource } from "../../../lib/source/lms_source.ts";
import { acquireLease, releaseLease } from "../../../lib/state/leases.ts";
import { openMemory } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { makeLms, type TestLms } from "../lms/lms_database.ts";
import { dayZeroOf, type OuladModule } from "../replay/read_oulad.ts";
import { type CourseDay, courseDays } from "./course_days.ts";
import { onePage, withContext } from "./with_context.ts";

export interface PlayedCourse extends AsyncDisposable {
  readonly db: StateDb;
  readonly source: string;
  /** Writes into the LMS, beside what the module's days write. */
  readonly lms: TestLms;
  /** ISO date of a day of the course. */
  dateOf(day: number): string;
  /** Writes the days up to this one into the LMS, each followed by a poll at its end. */
  playUntil(day: number): Promise<void>;
}

const DAY = 86_400_000_000;
const LEASE_MS = 600_000;

/** A Testpress-shaped LMS that a module's students work in, day by day, and a state that real polls fill. */
export async function openCourse(
  data: OuladModule,
  options: { readonly db?: StateDb; /** What was written on earlier days is history. */ readonly firstPoll?: number } =
    {},
): Promise<PlayedCourse> {
  await using stack = new AsyncDisposableStack();
  const db = options.db ?? stack.use(await openMemory());
  const lms = stack.use(await makeLms(null));
  const source = withExemptions(await lms.open(), data);
  const date = Temporal.PlainDate.from(dayZeroOf(data.presentation));
  const dayZero = fromInstant(date.toZonedDateTime("UTC").toInstant());
  const { before, firstDay, days } = courseDays(data, dayZero);
  for (const { table, rows } of before) await lms.writer.insert(table, rows);
  const polls = await pollAt(db, source);
  let next = firstDay;
  const rest = stack.move();
  return {
    db,
    source: source.name,
    lms,
    dateOf: (day) => date.add({ days: day }).toString(),
    playUntil: async (day) => {
      for (; next <= day; next++) {
        const today = days.get(next);
        if (today !== undefined) await write(lms, today);
        if (next >= (options.firstPoll ?? firstDay)) await polls(dayZero + (next + 1) * DAY - 1);
      }
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** Testpress has no place for work that counts as done: this source answers for it. */
function withExemptions(lms: LmsSource, data: OuladModule): LmsSource {
  const byStudent = [...data.carriedOver].sort((a, b) => a.student - b.student);
  const all: Exemption[] = byStudent.map(({ student, assessment }) => ({
    studentId: String(student),
    kind: "exam",
    activityId: String(assessment),
  }));
  return withContext(lms, { exemptions: () => onePage(all) });
}

async function write({ writer }: TestLms, day: CourseDay): Promise<void> {
  const byTable = Map.groupBy(day.rows, ({ table }) => table);
  for (const table of ["students", "_BatchToStudent", "_MentorToStudent", "attempts", "content_attempts"]) {
    await writer.insert(table, byTable.get(table)?.map(({ row }) => row) ?? []);
  }
  for (const { id, ...values } of day.attemptUpdates) await writer.update("attempts", Number(id), values);
  for (const id of day.leavers) await writer.update("students", id, { is_active: false });
}

/** Polls at a time of the past: nobody is told of anything. */
async function pollAt(db: StateDb, lms: LmsSource): Promise<(at: EpochMicros) => Promise<void>> {
  const config = await defaultConfig();
  const settings = pollSettings({ ...config, notify: { ...config.notify, enabled: false } });
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => now };
  return async (at) => {
    now = at;
    const { lease } = await acquireLease(db, lms.name, "host:1:play", LEASE_MS);
    if (lease === null) throw new Error("Cannot play: somebody else polls");
    try {
      const signal = new AbortController().signal;
      await runPoll({ db, lms, clock, settings }, lease, { mode: "full", notifyHistory: false, signal });
    } finally {
      await releaseLease(db, lease);
    }
  };
}
