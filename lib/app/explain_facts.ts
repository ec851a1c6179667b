import type { ExplainedDeliveryRow, ExplainedEventRow, ExplainedPersonRow } from "../../sql/state/explain.ts";
import * as q from "../../sql/state/explain.ts";
import { mentorLinks } from "../../sql/state/outbox.ts";
import type { Config } from "../config/config.ts";
import type { LmsId } from "../model/event.ts";
import { mentorOf, mentorRecipient } from "../model/recipient.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { type Blocked, readBlock } from "../tell/block_note.ts";
import { by, explainDelivery, type Explained } from "../tell/explain_delivery.ts";
import { type Pause, pausesOf, readPauses } from "../tell/pauses.ts";
import type { Exclusion, Facts } from "../tell/reason_words.ts";
import { REASONS } from "../tell/reasons.ts";
import { localTime } from "../text/local_time.ts";
import { jsonTime } from "./command_json.ts";

/** An answer in sentences, and the same for programs. */
export interface Answer {
  readonly lines: readonly string[];
  readonly json: object;
}

/** What a question is asked of, whatever it is about. */
export interface Asked {
  readonly db: Pick<StateDb, "sql">;
  readonly config: Pick<Config, "enabled" | "notify" | "students" | "poll">;
  readonly source: string;
  readonly now: EpochMicros;
}

/** One delivery and what is said of it. */
export interface ExplainedDelivery {
  readonly row: ExplainedDeliveryRow | null;
  readonly recipient: string | null;
  readonly verdict: Explained;
}

/** Everything that explaining some events rests on, read once. */
export class Explainer {
  private constructor(
    readonly config: Asked["config"],
    readonly pauses: readonly Pause[],
    readonly blocked: Blocked | null,
    private readonly people: ReadonlyMap<string, ExplainedPersonRow>,
    private readonly links: ReadonlyMap<LmsId, readonly LmsId[]>,
    private readonly deliveries: ReadonlyMap<string, readonly ExplainedDeliveryRow[]>,
    private readonly now: EpochMicros,
  ) {}

  static async read(
    asked: Omit<Asked, "db"> & { readonly db: { readonly sql: Queryable } },
    events: readonly ExplainedEventRow[],
    moreMentors: readonly LmsId[] = [],
  ): Promise<Explainer> {
    const { db: { sql }, source, config, now } = asked;
    const rows = events.length === 0 ? [] : [...await q.explainedDeliveries(sql, events.map((e) => e.event_id))];
    const students = [...new Set(events.flatMap((event) => event.student_id ?? []))];
    const mentors = [...new Set([...rows.flatMap((row) => mentorOf(row.recipient ?? "") ?? []), ...moreMentors])];
    const [pauses, blocked, studentRows, mentorRows, links] = await Promise.all([
      readPauses(asked, now),
      readBlock(asked),
      q.explainedPeople(sql, source, "student", students),
      q.explainedPeople(sql, source, "mentor", mentors),
      mentorLinks(sql, source, students),
    ]);
    const people = new Map([
      ...studentRows.map((row) => [`student:${row.id}`, row] as const),
      ...mentorRows.map((row) => [`mentor:${row.id}`, row] as const),
    ]);
    return new Explainer(
      config,
      pauses,
      blocked,
      people,
      new Map(links.map((row) => [row.student_id, row.mentor_ids])),
      Map.groupBy(rows, (row) => row.event_id),
      now,
    );
  }

  person(role: "student" | "mentor", id: LmsId | null): ExplainedPersonRow | null {
    return id === null ? null : this.people.get(`${role}:${id}`) ?? null;
  }

  /** The student's mentors as last read from the LMS; `null`: never asked. */
  mentorsNow(studentId: LmsId | null): readonly LmsId[] | null {
    return studentId === null ? null : this.links.get(studentId) ?? null;
  }

  /** What became of an event for all, or (with `mentor`) for one of its mentors, also where there is no delivery. */
  explain(event: ExplainedEventRow, mentor: LmsId | null = null): ExplainedDelivery[] {
    const rows = this.deliveries.get(event.event_id) ?? [];
    const facts = (row: ExplainedDeliveryRow | null, recipient: string | null) => this.#facts(event, row, recipient);
    if (event.suppressed_reason !== null) {
      const recipient = mentor === null ? null : mentorRecipient(mentor);
      const verdict = by(REASONS.event, event.suppressed_reason, facts(null, recipient));
      return [{ row: null, recipient, verdict: this.#withExclusion(verdict, event) }];
    }
    if (mentor === null) return rows.map((row) => this.#explained(event, row));
    const recipient = mentorRecipient(mentor);
    const own = rows.find((row) => row.recipient === recipient) ?? rows.find((row) => row.recipient === null);
    if (own !== undefined) return [this.#explained(event, own)];
    return [{ row: null, recipient, verdict: by(REASONS.absent, "not_mentor", facts(null, recipient)) }];
  }

  #explained(event: ExplainedEventRow, row: ExplainedDeliveryRow): ExplainedDelivery {
    const standing = {
      status: row.status,
      reason: row.reason,
      poll: row.poll_delivery ?? "open",
      blocked: this.blocked?.kind ?? null,
      messageReason: row.message_reason,
    };
    return {
      row,
      recipient: row.recipient,
      verdict: explainDelivery(standing, this.#facts(event, row, row.recipient)),
    };
  }

  /** The word that the configuration has for it, behind the reason. */
  #withExclusion(verdict: Explained, event: ExplainedEventRow): Explained {
    return verdict.rule === "student_excluded"
      ? { ...verdict, rule: `${verdict.rule}: ${this.#exclusion(event)}` }
      : verdict;
  }

  #facts(event: ExplainedEventRow, row: ExplainedDeliveryRow | null, recipient: string | null): Facts {
    const delivery = { recipient, kind: event.kind, studentId: event.student_id, activityId: event.activity_id };
    const next = row?.message_next_at ?? row?.next_attempt_at ?? null;
    const mentorId = mentorOf(recipient ?? "");
    const mentor = this.person("mentor", mentorId);
    const mentorsNow = this.mentorsNow(event.student_id);
    return {
      config: this.config,
      now: this.now,
      event: {
        type: event.event_type,
        occurredAt: fromInstant(event.occurred_at),
        detectedAt: fromInstant(event.detected_at),
        graceUntil: event.mentor_grace_until === null ? null : fromInstant(event.mentor_grace_until),
        pollId: event.poll_id,
        pollReason: event.poll_reason,
      },
      recipient,
      nextAt: next === null ? null : fromInstant(next),
      attempts: row?.message_attempts ?? row?.attempts ?? 0,
      error: row?.error ?? row?.message_reason ?? null,
      reason: row?.reason ?? null,
      account: mentor?.account_status == null ? null : { status: mentor.account_status, userId: mentor.account_id },
      pauses: pausesOf(delivery, this.pauses),
      blocked: this.blocked,
      exclusion: this.#exclusion(event),
      mentors: event.mentor_ids ?? [],
      isMentorNow: mentorId === null || mentorsNow === null ? null : mentorsNow.includes(mentorId),
      startedAt: row?.message_started_at == null ? null : fromInstant(row.message_started_at),
      when: (at) => this.when(at),
    };
  }

  /** By the student and the configuration as they are now: what was judged at detection is not kept. */
  #exclusion(event: ExplainedEventRow): Exclusion {
    const student = this.person("student", event.student_id);
    const { activeOnly, excludeUsernames, batches } = this.config.students;
    const name = student?.username?.trim().toLowerCase();
    if (excludeUsernames.some((excluded) => excluded.trim().toLowerCase() === name)) return "excluded_username";
    if (student === null) return "not_any_more";
    if (activeOnly && !student.active) return "inactive";
    const own = event.student_batch_ids ?? student.batch_ids;
    return batches.length > 0 && !batches.some((batch) => own.includes(batch)) ? "excluded_batch" : "not_any_more";
  }

  /** A time for people, in the zone that the institute lives in. */
  when(at: EpochMicros): string {
    return localTime(at, this.config.notify.timezone, "second");
  }
}

/** Why nothing at all can be sent, for programs. */
export const blockedJson = ({ blocked }: Explainer) =>
  blocked === null ? null : { rule: blocked.kind, reason: blocked.reason, since_at: jsonTime(blocked.since) };
