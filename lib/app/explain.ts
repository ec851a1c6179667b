import * as q from "../../sql/state/explain.ts";
import { mentorLinks } from "../../sql/state/outbox.ts";
import type { ExplainedEventRow, ExplainedPersonRow } from "../../sql/state/explain.ts";
import { CommandError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import { EVENT_TYPES } from "../model/event_types.ts";
import { mentorRecipient } from "../model/recipient.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { pausesOf } from "../tell/pauses.ts";
import { localTime } from "../text/local_time.ts";
import { findPerson } from "../people/find_person.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { ExplainOptions } from "./command_options.ts";
import { type Answer, type Asked, blockedJson, Explainer } from "./explain_facts.ts";
import { explainMentor } from "./explain_mentor.ts";
import * as words from "./explain_words.ts";
import { findExam, noSuchEvent } from "./find_subject.ts";
import { hideErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";
import { withOwnKeys } from "./own_keys.ts";
import { storedKeys } from "./state_key_store.ts";

/** `explain`: what happened to an event, a student's or a mentor's news, and which rule said no. Changes nothing. */
export async function runExplain(context: CommandContext, options: ExplainOptions): Promise<void> {
  await using parts = new OpenParts(context.config);
  const db = await parts.state({ dryRun: true });
  await hideErased(context, db);
  const asked = { db, config: context.config, source: context.config.source.name, now: context.clock.now() };
  const answer = await explainAnswer(asked, options);
  if (options.json) return context.out.writeJson(commandJson("explain", { source: asked.source, ...answer.json }));
  for (const line of answer.lines) context.out.writeLine(line);
  context.out.writeLine(`(times of ${asked.config.notify.timezone}, notify.timezone)`);
}

/** The answer without its surroundings. Throws CommandError, with what may have been meant, for what is not there. */
export async function explainAnswer(asked: Asked, options: Omit<ExplainOptions, "json">): Promise<Answer> {
  return await withOwnKeys(await answerTo(asked, options), storedKeys(asked.db));
}

async function answerTo(asked: Asked, { about, since, limit }: Omit<ExplainOptions, "json">): Promise<Answer> {
  switch (about.kind) {
    case "event":
      return await explainEvent(asked, about.id);
    case "mentor":
      return await explainMentor(asked, await personOf(asked, "mentor", about.who), since);
    case "student": {
      const student = await personOf(asked, "student", about.who);
      const mentor = about.mentor === null ? null : await personOf(asked, "mentor", about.mentor);
      const examId = about.exam === null ? null : await findExam(asked.db, asked.source, about.exam);
      const question = { source: asked.source, studentId: student.id, examId, since, limit };
      const events = [...await q.explainedEvents(asked.db.sql, question)];
      return await explainStudent(asked, student, { mentor, examId, events, since });
    }
  }
}

async function personOf({ db, source }: Asked, role: "student" | "mentor", who: string): Promise<ExplainedPersonRow> {
  const id = await findPerson(db.sql, source, role, who);
  const [person] = await q.explainedPeople(db.sql, source, role, [id]);
  if (person !== undefined) return person;
  throw new CommandError(`Cannot explain ${role} ${id} of ${source}: the LMS has no such person any more`, {
    hint: "`lmsmon explain event N` explains what is stored, an event at a time",
  });
}

async function explainEvent(asked: Asked, eventId: string): Promise<Answer> {
  const { db, source } = asked;
  const [event] = await q.explainedEvents(db.sql, { source, eventId, limit: 1 });
  if (event === undefined) throw await noSuchEvent(db, source, eventId);
  const explainer = await Explainer.read(asked, [event]);
  const history = event.student_id === null ? [] : [
    ...await q.attemptHistory(db.sql, {
      source,
      kind: event.kind,
      studentId: event.student_id,
      attemptId: event.attempt_id,
    }),
  ];
  const deliveries = explainer.explain(event);
  const lines = [
    words.eventLine(event, explainer),
    `As seen: ${seenWords(event, explainer)}`,
    ...history.length < 2 ? [] : [
      `This attempt: ${
        history.map((row) =>
          `${row.event_type}${row.revision > 1 ? ` revision ${row.revision}` : ""} (event ${row.event_id})`
        )
          .join(", ")
      }`,
    ],
    `Mentors when it was found: ${event.mentor_ids === null ? "none" : event.mentor_ids.join(", ")}`,
    ...deliveries.flatMap((delivery) => words.deliveryLines(delivery, explainer)),
    ...deliveries.length === 0 ? ["Not told: no delivery was made of it"] : [],
  ];
  return {
    lines,
    json: {
      about: "event",
      event: words.eventJson(event),
      revisions: history.map(words.revisionJson),
      deliveries: deliveries.map((delivery) => words.deliveryJson(delivery, explainer)),
      pauses: explainer.pauses.map(words.pauseJson),
      in_words: lines,
    },
  };
}

/** What the LMS's row said, as far as it is known. */
function seenWords({ metadata }: ExplainedEventRow, explainer: Explainer): string {
  if (typeof metadata !== "object" || metadata === null) return "nothing";
  const known = Object.entries(metadata).filter(([, value]) => value !== null && typeof value !== "object");
  return known.map(([key, value]) => {
    const isTime = typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
    return `${key} ${isTime ? explainer.when(fromInstant(Temporal.Instant.from(value))) : value}`;
  }).join(", ");
}

async function explainStudent(
  asked: Asked,
  student: ExplainedPersonRow,
  { mentor, examId, events, since }: {
    readonly mentor: ExplainedPersonRow | null;
    readonly examId: LmsId | null;
    readonly events: readonly ExplainedEventRow[];
    readonly since: EpochMicros | null;
  },
): Promise<Answer> {
  const explainer = await Explainer.read(asked, events, mentor === null ? [] : [mentor.id]);
  const [link] = await linkOf(asked, student.id);
  const mentorsNow = link?.mentor_ids ?? null;
  const told = events.map((event) => ({ event, deliveries: explainer.explain(event, mentor?.id ?? null) }));
  const pauses = explainer.pauses.filter((pause) =>
    pausesOf({
      recipient: mentor === null ? null : mentorRecipient(mentor.id),
      kind: "exam",
      studentId: student.id,
      activityId: examId,
    }, [pause]).length > 0
  );
  const isMentor = mentor === null || mentorsNow === null ? null : mentorsNow.includes(mentor.id);
  const lines = [
    studentLine(student, mentorsNow),
    ...mentor === null ? [] : [
      `Mentor ${mentor.id}: ${isMentor === false ? "not a mentor of this student now. " : ""}${
        words.accountLine(mentor, explainer)
      }`,
    ],
    ...pauses.map((pause) => words.pauseLine(pause, explainer)),
    ...events.length === 0 ? [nothingStored(asked, student.id, examId, since)] : [],
    ...told.flatMap(({ event, deliveries }) => [
      "",
      words.eventLine(event, explainer),
      ...deliveries.flatMap((delivery) => words.deliveryLines(delivery, explainer)).map((line) => `  ${line}`),
    ]),
  ];
  return {
    lines,
    json: {
      about: mentor === null ? "student" : "student_and_mentor",
      student: {
        student_id: BigInt(student.id),
        active: student.active,
        batch_ids: student.batch_ids.map(BigInt),
        mentor_ids: mentorsNow?.map(BigInt) ?? null,
      },
      mentor: mentor === null ? null : { ...words.mentorJson(mentor), is_mentor_now: isMentor },
      exam_id: examId === null ? null : BigInt(examId),
      pauses: pauses.map(words.pauseJson),
      blocked: blockedJson(explainer),
      events: told.map(({ event, deliveries }) => ({
        ...words.eventJson(event),
        deliveries: deliveries.map((delivery) => words.deliveryJson(delivery, explainer)),
      })),
      in_words: lines.filter((line) => line !== ""),
    },
  };
}

function studentLine({ id, active, batch_ids: batches }: ExplainedPersonRow, mentors: readonly LmsId[] | null): string {
  const where = batches.length === 0 ? "in no batch" : `in batch ${batches.join(", ")}`;
  const whose = mentors === null ? "not read yet" : mentors.length === 0 ? "none" : mentors.join(", ");
  return `Student ${id}: ${active ? "active" : "inactive"}, ${where}, mentors now: ${whose}`;
}

async function linkOf({ db, source }: Asked, studentId: LmsId) {
  return [...await mentorLinks(db.sql, source, [studentId])];
}

function nothingStored(
  { config }: Asked,
  studentId: LmsId,
  examId: LmsId | null,
  since: EpochMicros | null,
): string {
  const what = examId === null ? "" : ` and exam ${examId}`;
  if (since !== null) {
    const from = localTime(since, config.notify.timezone);
    return `No event of student ${studentId}${what} was found since ${from}; without --since what is stored from before is shown`;
  }
  const left = EVENT_TYPES.filter((type) => !config.poll.eventTypes.includes(type));
  const unwanted = left.length === 0
    ? ""
    : `, or it is of a type that poll.event_types leaves out (${left.join(", ")})`;
  return `No event of student ${studentId}${what} is stored: the LMS showed no change of it, or it waits in quarantine ` +
    `(\`lmsmon stats\`)${unwanted}; \`lmsmon poll-once --dry-run\` shows what the LMS has that is not stored yet`;
}
