import { aggregatePage, studentIdsAfter } from "../../sql/state/export_views.ts";
import type { EventFilter } from "../../sql/state/event_filter.ts";
import { UsageError } from "../base/errors.ts";
import { type ByteSink, type Exported, orAborted } from "../export/byte_sink.ts";
import { rekeyed } from "../model/pseudonym.ts";
import type { EpochMicros } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import { readHistory } from "./read_history.ts";
import { tokensIn } from "./tokens.ts";

export type BatchApi = "anthropic" | "openai";

/** What requests are made of besides the students. */
export interface BatchRequest {
  readonly api: BatchApi;
  readonly instruction: string;
  /** Of instruction and history together. */
  readonly maxTokens: number;
  readonly answerTokens: number;
  /** Its name as the API knows it. */
  readonly model: string;
  readonly filter: EventFilter;
  readonly identified: boolean;
  /** A key for other pseudonyms. */
  readonly key: Uint8Array | null;
  readonly limit: number | null;
  readonly now: EpochMicros;
  readonly timezone: string;
}

/** Head, and one line, with the longest key, title and course of another script: less would fail at some student, half-way. */
const SMALLEST_HISTORY = 800;

const STUDENTS = 200;

/** Throws UsageError where no history has room beside the instruction. */
export function checkBudget(instruction: string, maxTokens: number): void {
  const needed = tokensIn(instruction) + SMALLEST_HISTORY;
  if (needed <= maxTokens) return;
  throw new UsageError(`Cannot export: --max-tokens ${maxTokens} leaves no room for a history`, {
    hint: `this prompt needs ${needed} or more`,
  });
}

/** Writes one request a student, a line each. Nothing is sent anywhere. */
export async function exportRequests(
  db: StateDb,
  request: BatchRequest,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<Exported> {
  const encoder = new TextEncoder();
  const { filter, timezone, now, identified, key } = request;
  const maxTokens = request.maxTokens - tokensIn(request.instruction);
  let lines = 0;
  for await (const student of studentsOf(db, request)) {
    if (lines >= (request.limit ?? Infinity)) break;
    signal.throwIfAborted();
    const pseudonym = key === null ? student.pseudonym : rekeyed(student.pseudonym, key);
    const { text } = await readHistory(db.sql, {
      source: student.source,
      student: student.student_id,
      called: identified ? student.student_key : pseudonym,
      since: null,
      detected: filter,
      before: null,
      now,
      timezone,
      format: "prompt",
      maxTokens,
    });
    const line = JSON.stringify(requestOf(request, pseudonym, text));
    await orAborted(sink.write(encoder.encode(`${line}\n`)), signal);
    lines++;
  }
  return { lines, first: null, last: null };
}

async function* studentsOf(db: StateDb, { filter, timezone }: BatchRequest) {
  const pageOf = (studentIds: readonly string[]) =>
    aggregatePage(db.sql, { filter, studentIds, per: "student", timezone, upTo: null });
  if (filter.students !== null) {
    return yield* await pageOf([...new Set(filter.students.map(({ id }) => id))]);
  }
  for (let after: string | null = null;;) {
    const ids: string[] = (await studentIdsAfter(db.sql, after, STUDENTS)).map((row) => row.student_id);
    if (ids.length === 0) return;
    yield* await pageOf(ids);
    after = ids.at(-1) ?? null;
  }
}

/** One line, as the API's batches take it (docs/export.md). The history is what the user says; the instruction stands apart. */
function requestOf(
  { api, answerTokens, instruction, model }: BatchRequest,
  customId: string,
  history: string,
): unknown {
  const user = { role: "user", content: history };
  if (api === "anthropic") {
    return {
      custom_id: customId,
      params: { model, max_tokens: answerTokens, system: instruction, messages: [user] },
    };
  }
  return {
    custom_id: customId,
    method: "POST",
    url: "/v1/chat/completions",
    body: {
      model,
      max_completion_tokens: answerTokens,
      messages: [{ role: "system", content: instruction }, user],
    },
  };
}
