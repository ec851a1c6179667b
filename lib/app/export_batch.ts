import { UsageError } from "../base/errors.ts";
import type { ByteSink, Exported } from "../export/byte_sink.ts";
import { readKeyFile } from "../export/read_key_file.ts";
import { type BatchRequest, checkBudget, exportRequests } from "../history/batch_requests.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { ExportAiOptions } from "./command_options.ts";

/** What `--batch` asks for, read and checked before any work. */
export type BatchAsked = Pick<BatchRequest, "api" | "instruction" | "maxTokens" | "answerTokens" | "model" | "key">;

const MAX_TOKENS = 4000;
const ANSWER_TOKENS = 1024;

/** `null` without `--batch`. Throws UsageError for a prompt that cannot be used. */
export async function batchAsked(given: ExportAiOptions): Promise<BatchAsked | null> {
  if (given.batch === null || given.prompt === null || given.model === null) return null;
  const instruction = await readPrompt(given.prompt);
  const maxTokens = given.maxTokens ?? MAX_TOKENS;
  checkBudget(instruction, maxTokens);
  return {
    api: given.batch,
    instruction,
    maxTokens,
    answerTokens: given.answerTokens ?? ANSWER_TOKENS,
    model: given.model,
    key: given.pseudonyms === null ? null : await readKeyFile(given.pseudonyms),
  };
}

async function readPrompt(path: string): Promise<string> {
  const cannot = (why: string, cause?: unknown) =>
    new UsageError(`Cannot use the prompt ${path}: ${why}`, {
      hint: "name a text file that says what the model is to do with each history",
      cause,
    });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path)).trim();
  } catch (error) {
    if (error instanceof TypeError) throw cannot("it is no UTF-8 text", error);
    throw cannot(error instanceof Deno.errors.NotFound ? "it does not exist" : "it cannot be read", error);
  }
  if (text === "") throw cannot("it is empty");
  return text;
}

export function exportBatch(
  { config, clock }: CommandContext,
  db: StateDb,
  request: Omit<BatchRequest, "now" | "timezone">,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<Exported> {
  return exportRequests(db, { ...request, now: clock.now(), timezone: config.notify.timezone }, sink, signal);
}
